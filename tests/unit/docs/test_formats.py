"""Formats: every name, number and order in docs/reference/formats.md, and in the pages next to it, is the program's."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from tenantry.apply import run as apply
from tenantry.files.directory import read_migrations
from tenantry.files.header import _KEYS, parse_header
from tenantry.ledger.definitions import LAYOUT
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Origin, Plan, Progress, RowState, State, errors
from tenantry.model.checksum import checksum, normalise
from tenantry.model.codec import encode
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.model.errors import MigrationFileError, Problem, RunError
from tenantry.model.events import Event, RunFinished, RunStarted, Verdict
from tenantry.model.hazards import Hazard, Level
from tenantry.model.migrations import FileMark
from tenantry.model.outcome import exit_code
from tenantry.model.results import Blocker, Failure, LockWait, MeasuredStatement, Result, TableSize
from tenantry.model.tenants import DatabaseFacts
from tenantry.postgres.runner_lock import LOCK_KEY
from tenantry.reports.output import LOST, Output
from tests.places import ROOT
from tests.unit.docs.markdown import CODE, FORMATS, REFERENCE, name, read_fences, read_section, read_table

FILE = Migration(12, "rates", "t/0012_rates.sql", "sha256:00", "SELECT 1;\n", "SELECT 1;\n")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ROW = AppliedMigration(
    12, "rates", "sha256:00", Origin.APPLIED, RowState.APPLIED, "tenant", "1", NOW, 1, 1, 1, "app (ann@host)"
)
STATUS = MigrationStatus(12, State.APPLIED, FILE, ROW)
FAILURE = Failure("syntax error", "42601")

# A value for every field that an event has.
SAMPLES: Mapping[str, Any] = {
    "verb": "migrate",
    "commands": ("tenantry status",),
    "run_id": "r",
    "tenants": ("1",),
    "tenant": "1",
    "selection": "@tier",
    "stage": "canary",
    "rule": "verified",
    "size": 1,
    "number": 1,
    "first": ("1",),
    "problem": Problem("t: wrong"),
    "server": "main",
    "database": "tenant_1",
    "server_version": 170010,
    "look": "psql",
    "statuses": (STATUS,),
    "plan": Plan((FILE,), (STATUS,)),
    "waited_ms": 1,
    "rolled_back": True,
    "holder": "pid 1",
    "migration": FILE,
    "failure": FAILURE,
    "attempt": 1,
    "attempts": 8,
    "wait": LockWait("ACCESS EXCLUSIVE", "rooms", (Blocker(1),)),
    "elapsed_ms": 1,
    "rows": 20,
    "total": 50,
    "rate": 10,
    "held": "",
    "reason": "held by pid 7",
    "severity": "NOTICE",
    "message": "skipping",
    "cells": {"version": "0012"},
    "detail": "",
    "hazard": Hazard("rule", Level.DANGER, 12, "t/0012_rates.sql", 1, 1, "waits", "do not"),
    "excerpt": "1 | SELECT 1",
    "fingerprint": "00",
    "expected": "00",
    "token": "17",
    "proven_at": datetime(2026, 11, 28, tzinfo=UTC),
    "started_at": datetime(2026, 11, 28, tzinfo=UTC),
    "at_ms": 1,
    "databases": (DatabaseFacts("1", "tenant"),),
    "files": (FileMark("tenant", 12, "rates", "sha256:00"),),
    "sizes": (TableSize("public.rooms", "1", 8192, -1),),
    "statements": (MeasuredStatement(1, 1, Measured(0, "SELECT 1", (Lock("public.rooms", LockMode.SHARE),))),),
    "sql": "SELECT 1;",
    "changes": ("name becomes rates",),
    "version": 12,
    "text": "line",
    "verdict": Verdict(Result.APPLIED),
    "stopped_by": "",
}


def test_checksum_example_is_right(tmp_path: Path) -> None:
    """The commands of the worked example print the checksums that stand there, and tenantry has the same."""
    if not (shutil.which("perl") and shutil.which("sha256sum")):
        pytest.skip("no perl or no sha256sum")
    lines = next(body for body in read_fences(FORMATS, "console") if "sha256sum" in body).splitlines()
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [line for line in lines if not line.startswith("$ ")]
    digest = checksum(normalise((tmp_path / "0012_rates.sql").read_bytes())).removeprefix("sha256:")
    assert done.stdout.splitlines() == [f"{digest}  -"] * 2


@pytest.mark.parametrize("cells", read_table(FORMATS.read_text("utf-8"), "## File names", "name"), ids=lambda c: c[0])
def test_file_names_are_read_as_written_down(cells: list[str], tmp_path: Path) -> None:
    """A name of the table is what the table says: a version and a name, refused, or not looked at."""
    (tmp_path / "0000_first.sql").write_text("SELECT 1;\n")
    (tmp_path / name(cells[0])).write_text("SELECT 1;\n")
    try:
        read = [f"version {m.version}, `{m.name}`" for m in read_migrations(tmp_path, "t").migrations[1:]]
    except MigrationFileError:
        read = ["refused"]
    assert cells[1:] == (read or ["not looked at"])


def test_header_keys_are_those_written_down() -> None:
    """Every key that there is stands in the table, and is read with its values."""
    text = FORMATS.read_text("utf-8")
    examples = {
        "transactional": ("true", "false"),
        "depends": ("0001_a",),
        "parse": ("server",),
        "lock-timeout": ("2s",),
        "statement-timeout": ("10min", "0s"),
        "lint": ("allow table-rewrite because it is small",),
        "replaces": (f"sha256:{'0' * 64}",),
        "require": ("SELECT true", "\n-- ```\n-- SELECT true\n-- ```", "\n-- ```sql\n-- SELECT true\n-- ```"),
        "ensure": ("SELECT true",),
        "batch": ("5000\n-- transactional: false", "5000 pause 100ms\n-- transactional: false"),
    }
    assert examples.keys() == _KEYS
    assert [name(key) for key, *_ in read_table(text, "## The header", "key")] == list(examples)
    page = (REFERENCE / "file-header.md").read_text("utf-8")
    assert {key for cell, _ in read_table(page, "## The header", "key") for key in CODE.findall(cell)} == _KEYS
    for key, values in examples.items():
        assert [parse_header(f"-- {key}: {value}\nSELECT 1;\n")[1] for value in values] == [()] * len(values)


def read_created() -> dict[str, dict[str, str]]:
    """Return column to type of each table of the ledger, from the SQL that makes it; checks are left out."""
    folder = ROOT / "runner" / "ledger" / "sql"
    sql = "".join((folder / name).read_text("utf-8") + "\n" for name in ("create.sql", "create_repeatable.sql"))
    tables: dict[str, dict[str, str]] = {}
    for table, body in re.findall(r"^CREATE TABLE \{schema\}\.(\w+) \(\n(.*?)^\);$", sql, re.MULTILINE | re.DOTALL):
        columns = [line.strip().rstrip(",").split(" ", 1) for line in body.splitlines()]
        tables[table] = {column: re.sub(r" CHECK \(.*", "", kind) for column, kind in columns}
    return tables


@pytest.mark.parametrize("table", ["_migrations", "_migrations_log", "_migrations_repeatable"])
def test_ledger_columns_are_those_written_down(table: str) -> None:
    """The columns of a table of the ledger stand there, in order, with their types."""
    rows = read_table(FORMATS.read_text("utf-8"), f"### {table}", "column")
    assert {name(column): name(kind) for column, kind, _ in rows} == read_created()[table]
    assert [name(column) for column, *_ in rows] == list(read_created()[table])


def find_log_events() -> set[str]:
    """Return the words that the code writes into the log's column `event`."""
    calls = {"write_line", "compose_line"}
    words = {event for event, _ in apply._ENDS.values()}
    writers = [ROOT / "runner" / "ledger" / name for name in ("log.py", "writing.py", "repeatables.py")]
    for node in (node for path in writers for node in ast.walk(ast.parse(path.read_text("utf-8")))):
        if isinstance(node, ast.Call) and _called(node.func) in calls:
            words |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return words


def _called(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def test_log_events_are_those_written_down() -> None:
    """The words in the log are the words in formats.md."""
    rows = read_table(FORMATS.read_text("utf-8"), "### _migrations_log", "event")
    assert {name(word) for word, _ in rows} == find_log_events()


def test_log_events_are_those_of_the_comment() -> None:
    """The comment on the log's column `event`, which a DBA reads, names every word that can stand there."""
    sql = (ROOT / "runner" / "ledger" / "sql" / "create.sql").read_text("utf-8")
    found = re.search(r"_migrations_log\.event IS '([^']*)'", sql)
    assert found is not None
    assert set(found[1].split(", ")) == find_log_events()


def test_layout_and_lock_are_those_written_down() -> None:
    """The number of the layout and the key of the lock stand there as they are in the code."""
    text = FORMATS.read_text("utf-8")
    assert f"begins with `tenantry ledger, layout {LAYOUT}`" in read_section(text, "## The ledger")
    assert f"the key `{LOCK_KEY}`" in read_section(text, "## The lock")


def find_codes() -> set[int]:
    """Return every exit code that a run can have."""
    verdicts = [Verdict(result) for result in Result] + [Verdict(Result.FAILED, trace="Traceback")]
    codes = {exit_code([verdict], signal) for verdict in verdicts for signal in ("", "SIGINT", "SIGTERM")}
    raised = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RunError)]
    # The last one is that of the streams, and not of the tenants.
    return codes | {kind.exit_code for kind in raised} | {LOST}


@pytest.mark.parametrize(
    ("path", "heading"),
    [(REFERENCE / "exit-codes.md", "## Codes"), (FORMATS, "## Exit codes")],
    ids=["exit-codes", "formats"],
)
def test_exit_codes_are_those_written_down(path: Path, heading: str) -> None:
    """Both tables have every exit code, in order, and say which one wins."""
    text = path.read_text("utf-8")
    assert [int(code) for code, *_ in read_table(text, heading, "code")] == sorted(find_codes())
    assert "in the order 70, 130, 3, 6, 4, 5, 1." in read_section(text, heading)


def test_worst_exit_code_wins_as_written_down() -> None:
    """Of two codes, the one that stands first in the order is the one of the run."""
    verdicts = {exit_code([Verdict(result)]): Verdict(result) for result in Result}
    verdicts[70] = Verdict(Result.FAILED, trace="Traceback")
    verdicts[6] = Verdict(Result.STOPPED)  # a tenant that was not started leaves it to who kept it from that
    assert exit_code([verdicts[70]], "SIGINT") == 70
    assert exit_code([verdicts[3]], "SIGINT") == 130
    assert [exit_code([verdicts[b], verdicts[a]]) for a, b in pairwise((3, 6, 4, 5, 1, 0))] == [3, 6, 4, 5, 1]


def test_results_are_those_written_down() -> None:
    """Every way in which a tenant can end stands there, with its exit code."""
    rows = read_table(FORMATS.read_text("utf-8"), "## Exit codes", "result")
    assert {name(result): int(code) for result, code, _ in rows} == {r.value: exit_code([Verdict(r)]) for r in Result}


def write_events() -> Iterator[dict[str, Any]]:
    """Yield the line that `jsonl` writes for one event of each kind."""
    from tenantry.reports.formats import Call
    from tenantry.reports.jsonl import make_sink

    kinds = sorted(get_args(Event), key=lambda kind: (kind is not RunStarted, kind is RunFinished))
    stream = StringIO()
    write = make_sink(Output(stream), Call("tenantry", "tenantry migrate"))
    for kind in kinds:
        write(kind(**{field.name: SAMPLES[field.name] for field in fields(kind)}))
    yield from map(json.loads, stream.getvalue().splitlines())


def test_events_are_those_written_down() -> None:
    """Every event of the JSON lines stands there, with all of its fields in order."""
    rows = read_table(FORMATS.read_text("utf-8"), "## JSON lines", "event")
    lines = {line["event"]: [key for key in line if key != "event"] for line in write_events()}
    assert {name(event): CODE.findall(keys) for event, keys, _ in rows} == lines
    assert [name(rows[0][0]), name(rows[-1][0])] == ["run_started", "run_finished"]


def test_objects_are_those_written_down() -> None:
    """Every object within an event stands there, with all of its fields in order."""
    lines = {line["event"]: line for line in write_events()}
    status = lines["tenant_compared"]["statuses"][0]
    measured = lines["migration_measured"]["statements"][0]
    objects = {
        "database": lines["project_described"]["databases"][0],
        "migration": lines["migration_started"]["migration"],
        "row": status["row"],
        "status": status,
        "plan": lines["tenant_planned"]["plan"],
        "failure": lines["migration_failed"]["failure"],
        "wait": lines["migration_retried"]["wait"],
        "blocker": lines["migration_retried"]["wait"]["blockers"][0],
        "progress": encode(Progress("00")),
        "problem": lines["finding_reported"]["problem"],
        "verdict": lines["tenant_finished"]["verdict"],
        "hazard": lines["hazard_found"]["hazard"],
        "size": lines["hazard_found"]["sizes"][0],
        "measured statement": measured,
        "effect": measured["effect"],
        "lock": measured["effect"]["locks"][0],
    }
    rows = read_table(FORMATS.read_text("utf-8"), "### Objects", "object")
    assert {thing: CODE.findall(keys) for thing, keys in rows} == {k: list(v) for k, v in objects.items()}
