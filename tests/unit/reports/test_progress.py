"""The progress block: there when it is worth it, and gone before the report; and the lines that stand for it."""

import re
from typing import Any

import pytest

from tenantry.model.events import (
    Event,
    LockAwaited,
    MigrationRetried,
    MigrationStarted,
    RunFinished,
    RunStarted,
    TenantStarted,
    TimePassed,
)
from tenantry.model.results import Failure, Result
from tenantry.reports.output import Output
from tenantry.reports.progress import make_pace_sink, make_progress_sink
from tests.builders import Clock
from tests.unit.reports.story import ROOMS, Terminal, begin, end, fail, run_on, strip_colours, tell

HIDDEN_CURSOR, SHOWN_CURSOR, ERASED_LINE = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have the bar look at a clock of ours."""
    clock = Clock()
    monkeypatch.setattr("tenantry.reports.progress.time", clock)
    return clock


def show(events: list[Event]) -> str:
    """Return what a terminal gets of these events."""
    stream = Terminal()
    sink = make_progress_sink(Output(stream))
    for event in events:
        sink(event)
    return stream.getvalue()


def last_frame(text: str) -> str:
    """Return the bar as it was last drawn."""
    before_the_end = text.partition(SHOWN_CURSOR)[0]
    return strip_colours(before_the_end).replace(ERASED_LINE, "").rpartition("\r")[2].strip()


def test_gone_at_the_end(clock: Clock) -> None:
    """The bar counts every tenant, and when the run is over it is erased and the cursor is back."""
    text = show(tell())
    assert text.startswith(HIDDEN_CURSOR)
    assert "8/8" in last_frame(text)
    after_the_end = text.rpartition(SHOWN_CURSOR)[2]
    assert set(re.findall(r"\x1b\[\w+|\r|[^\x1b\r]", after_the_end)) == {"\r", "\x1b[1A", ERASED_LINE}


def test_nothing_to_do(clock: Clock) -> None:
    """A run that applies nothing and is over in a moment shows no bar."""
    assert show(run_on(("1",), *begin("1"), end("1", Result.UP_TO_DATE))) == ""


def test_long(clock: Clock) -> None:
    """A run that applies nothing but takes longer shows its bar."""
    stream = Terminal()
    sink = make_progress_sink(Output(stream))
    for event in run_on(("1", "2"), end("1", Result.UP_TO_DATE), end("2", Result.UP_TO_DATE)):
        sink(event)
        clock.now += 0.5
    assert "2/2" in last_frame(stream.getvalue())


DOING: dict[str, tuple[Event, str]] = {
    "file": (MigrationStarted("16", ROOMS), "16: 0001_rooms"),
    "lock": (LockAwaited("16", 1600), "16: waiting for another runner, 2 s"),
    "retry": (MigrationRetried("16", ROOMS, Failure("in the way"), 1, 0), "16: retrying 0001_rooms"),
}


@pytest.mark.parametrize(("event", "expected"), DOING.values(), ids=DOING)
def test_what_is_at_work(clock: Clock, event: Event, expected: str) -> None:
    """The bar says what is at work: a file, or the wait for another runner."""
    frame = last_frame(show(run_on(("1", "16"), event)))
    assert frame.endswith(expected)
    assert "0/2" in frame


def test_failures_at_once(clock: Clock) -> None:
    """A failure is told in red above the block when it happens, with its tenant and cause; the block counts it."""
    stream = Terminal()
    sink = make_progress_sink(Output(stream))
    for event in run_on(("1", "2"), MigrationStarted("1", ROOMS), *fail("1"), MigrationStarted("2", ROOMS)):
        sink(event)
        if isinstance(event, MigrationStarted) and event.tenant == "2":
            said = strip_colours(stream.getvalue())
            cause = 'column "hourly_rate" of relation "rooms" contains null values'
            assert f"tenant 1: failed: migrations/tenant/0002_rates.sql:2:1: {cause}"[:79] in said.replace("\n", "")
            assert "\x1b[31m" in stream.getvalue()
            assert "1 failed" not in said


def test_many_failures(clock: Clock) -> None:
    """Of many failures, the first are told, and that the report has the others."""
    names = [str(number) for number in range(30)]
    text = strip_colours(
        show(run_on(names, MigrationStarted("0", ROOMS), *(end(n, Result.FAILED, "x") for n in names)))
    )
    assert text.count(": failed: x") == 20
    assert text.count("more failures are in the report") == 1
    assert "30 failed" in last_frame(text)


def test_pace(clock: Clock) -> None:
    """The block has the rate, the time that is left, and those that have been at work the longest."""
    stream = Terminal()
    sink = make_progress_sink(Output(stream))
    names = [str(number) for number in range(1, 101)]
    sink(RunStarted("migrate", "5e1f0c3a-8d5b", tuple(names)))
    for name in ("97", "98", "99", "100"):
        sink(TenantStarted(name))
        clock.now += 1
    for name in names[:20]:
        sink(TenantStarted(name))
        sink(end(name, Result.APPLIED))
    sink(RunFinished(1))
    frame = last_frame(stream.getvalue())
    assert "20/100, 5.0 per second, 0:16 left, run 5e1f0c3a" in frame
    assert "20 applied" in frame
    assert [line.split() for line in frame.splitlines()[-3:]] == [["4", "s", "97"], ["3", "s", "98"], ["2", "s", "99"]]


def test_lines(clock: Clock) -> None:
    """Without a terminal, a line says every ten seconds how far the run has come."""
    lines: list[tuple[str, dict[str, Any]]] = []
    sink = make_pace_sink(lambda message, values: lines.append((message, values)))
    names = [str(number) for number in range(1, 9)]
    sink(RunStarted("migrate", "5e1f0c3a-8d5b", tuple(names)))
    for name in names[:2]:
        sink(TenantStarted(name))
        clock.now += 6
        sink(end(name, Result.APPLIED if name != "2" else Result.FAILED))
    assert lines == []
    sink(TimePassed(12_000))
    sink(TenantStarted("3"))
    clock.now += 10
    sink(TimePassed(22_000))
    assert len(lines) == 2
    assert lines[1][1]["slowest"] == ["3, 10 s"]
    assert lines[0] == (
        "progress: 2/8, 0.2 per second, 0:36 left, run 5e1f0c3a; 1 applied, 1 failed",
        {
            "run": "5e1f0c3a",
            "done": 2,
            "tenants": 8,
            "applied": 1,
            "failed": 1,
            "per_second": 0.2,
            "left_s": 36,
            "slowest": [],
        },
    )


def test_without_colours(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR, nothing is coloured."""
    monkeypatch.setenv("NO_COLOR", "1")
    names = ("1", "2")
    text = show(run_on(names, MigrationStarted("1", ROOMS), end("1", Result.FAILED, "x"), end("2", Result.APPLIED)))
    assert "tenant 1: failed: x" in text
    assert [code for code in re.findall(r"\x1b\[([0-9;]*)m", text) if re.search(r"3\d|38|9\d", code)] == []
