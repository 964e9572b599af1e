"""What of a change in batches needs no server: its conditions, its record, when it waits, why a file is refused."""

import io
import json
import sys
from pathlib import Path

import pytest

from tenantry.apply.batch.cut import Reached, parse_reached
from tenantry.apply.batch.keys import Range, compose_range
from tenantry.apply.batch.pressure import Pressure, judge
from tenantry.files.directory import read_migrations
from tenantry.model import Batch
from tenantry.model.errors import MigrationFileError, Problem
from tenantry.model.events import BatchProgressed
from tenantry.reports.log import Talk, make_log_sink
from tenantry.reports.output import Output
from tenantry.reports.progress import make_progress_sink
from tests.builders import write_files
from tests.unit.reports.story import CALL, ROOMS, Terminal, run_on, strip_colours

RANGES = {
    "first": (("id",), Range(None, ("9",)), """("t"."id") <= ('9')"""),
    "next": (("id",), Range(("-1",), ("9",)), """("t"."id") > ('-1') AND ("t"."id") <= ('9')"""),
    "several": (
        ("b", 'a "x'),
        Range(("1", "it's"), ("2", "")),
        """("t"."b", "t"."a ""x") > ('1', 'it''s') AND ("t"."b", "t"."a ""x") <= ('2', '')""",
    ),
}


@pytest.mark.parametrize(("key", "wanted", "expected"), RANGES.values(), ids=RANGES)
def test_range(key: tuple[str, ...], wanted: Range, expected: str) -> None:
    """A range of keys is one comparison of rows for each end that it has."""
    assert compose_range("t", key, wanted).as_string() == expected


def test_record() -> None:
    """What the ledger takes of how far a change came is what it gives again."""
    reached = Reached("sha256:0", ("9", "z")).add(("1", "a"), 5, 3).add(("4", "ü"), 5, 0)
    assert (reached.rows, reached.changed, reached.left) == (10, 3, Range(("4", "ü"), ("9", "z")))
    assert parse_reached(reached.as_json()) == reached
    assert parse_reached(None) is None


PRESSURES = {
    "none": (Pressure(), ""),
    "at its limits": (Pressure(10, 256 * 1024**2, 5), ""),
    "late standby": (Pressure(lag_s=10.6), "a standby is 11 s behind"),
    "standby far behind": (Pressure(lag_bytes=300 * 1024**2), "a standby is 300 MB behind"),
    "waiting": (Pressure(waiting=6), "6 sessions are waiting for locks"),
}


@pytest.mark.parametrize(("pressure", "expected"), PRESSURES.values(), ids=PRESSURES)
def test_pressure(pressure: Pressure, expected: str) -> None:
    """A change waits while a standby is far behind, or many sessions wait for locks; and says for what."""
    assert judge(pressure) == expected


PROGRESS = {
    "on its way": ((20_000, 1_000_000, 1_500, ""), "16: 0001_rooms: 20,000 of about 1,000,000 rows, 1,500 per second"),
    "of unknown size": ((20, 0, 10, ""), "16: 0001_rooms: 20 rows, 10 per second"),
    "held": (
        (20, 50, 10, "a standby is 11 s behind"),
        "16: 0001_rooms: 20 of about 50 rows, waiting: a standby is 11 s behind",
    ),
}


@pytest.mark.parametrize(("numbers", "expected"), PROGRESS.values(), ids=PROGRESS)
def test_shown(numbers: tuple[int, int, int, str], expected: str) -> None:
    """The bar says how far a change is, of how much, how fast, and why it waits."""
    rows, total, rate, held = numbers
    stream = Terminal()
    sink = make_progress_sink(Output(stream))
    for event in run_on(("16",), BatchProgressed("16", ROOMS, rows, total, rate, 13, held)):
        sink(event)
    assert expected in strip_colours(stream.getvalue())


@pytest.mark.parametrize(("verbose", "lines"), [(True, 1), (False, 0)], ids=["verbose", "usual"])
def test_logged(monkeypatch: pytest.MonkeyPatch, verbose: bool, lines: int) -> None:
    """How far a change is stands in the log where that tells everything."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sink = make_log_sink(Output(stream), CALL, Talk(verbose=verbose, json=True))
    sink(BatchProgressed("16", ROOMS, 20, 50, 10, 13, "5 wait"))
    logged = [json.loads(line) for line in stream.getvalue().splitlines()]
    expected = {"event": "in batches", "tenant": "16", "migration": "0001_rooms", "rows": 20, "total": 50, "rate": 10}
    assert len(logged) == lines
    assert all(line.items() >= {**expected, "held": "5 wait", "level": "debug"}.items() for line in logged)


def test_file(tmp_path: Path) -> None:
    """A file that can run in batches is read with how it is cut."""
    text = "-- transactional: false\n-- batch: 5000 pause 100ms\nDELETE FROM rooms;\n"
    (read,) = read_migrations(write_files(tmp_path / "m", {"0001_fill.sql": text}), "m").migrations
    assert read.directives.batch == Batch(5000, 100)


def test_refused_file(tmp_path: Path) -> None:
    """A file that cannot be cut is refused by its text, before any database is touched, and shown where."""
    text = "-- transactional: false\n-- batch: 5000\nINSERT INTO totals\nSELECT max(rate) FROM rooms;\n"
    with pytest.raises(MigrationFileError) as caught:
        read_migrations(write_files(tmp_path / "m", {"0001_fill.sql": text}), "m")
    message = (
        "m/0001_fill.sql:4:8: cannot run in batches: max() needs rows that may lie in several batches\n"
        "3 | INSERT INTO totals\n"
        "4 | SELECT max(rate) FROM rooms;\n"
        "  |        ^"
    )
    assert caught.value.problems == (Problem(message, "remove it, or run the file without batches"),)
