"""The progress bar: there when it is worth it, and gone before the report."""

from types import SimpleNamespace

import pytest

from tenantry.model.events import Event, LockAwaited, MigrationRetried, MigrationStarted
from tenantry.model.results import Failure, Result
from tenantry.reports.output import Output
from tenantry.reports.progress import make_progress_sink
from tests.unit.reports.story import ROOMS, Terminal, begin, end, run_on, strip_colours, tell

HIDDEN_CURSOR, SHOWN_CURSOR, ERASED_LINE = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"


class Clock(SimpleNamespace):
    """A clock that goes when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        """Return the time, in seconds."""
        return self.now


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
    assert text.endswith(f"{SHOWN_CURSOR}\r\x1b[1A{ERASED_LINE}")


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
