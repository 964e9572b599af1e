"""Rows and columns, on a terminal and elsewhere."""

import io
import time
from datetime import datetime, timedelta, timezone

import pytest

from tenantry.model.results import Cell
from tenantry.reports.grid import write_grid
from tenantry.reports.output import Output
from tests.unit.reports.story import Terminal, strip_colours

COLUMNS = ["tenant", "name", "pending", "at"]
EAST = timezone(timedelta(hours=9))
ROWS: list[list[Cell]] = [
    ["1", None, 3, None],
    ["16", "", 112, datetime(2026, 3, 3, 21, 5, 59, tzinfo=EAST)],
]


def draw(columns: list[str], rows: list[list[Cell]], stream: io.StringIO | None = None) -> list[str]:
    """Return the lines of a table, without blanks at their ends."""
    stream = stream or io.StringIO()
    write_grid(Output(stream), columns, rows)
    return [line.rstrip() for line in strip_colours(stream.getvalue()).splitlines()]


def test_plain() -> None:
    """Columns are aligned, numbers at the right; times are in UTC; a column that is empty in every row is left out."""
    assert draw(COLUMNS, ROWS) == [
        "tenant  pending  at",
        "------  -------  -----------------------",
        "1             3",
        "16          112  2026-03-03 12:05:59 UTC",
    ]


def test_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets the same words, and short local times."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        words = [word for line in draw(COLUMNS, ROWS, Terminal()) for word in line.split() if word.strip("─")]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert words == ["tenant", "pending", "at", "1", "3", "16", "112", "2026-03-03", "21:05"]


def test_today() -> None:
    """A time of today is shown without its day."""
    assert draw(["at"], [[datetime.now().astimezone()]], Terminal())[-2].count("-") == 0


STATUS = ["tenant", "name", "version", "pending", "state", "last applied", "by"]
ALL_OF_STATUS: list[Cell] = ["1", "Test Studio UI", "0011", 0, "up to date", datetime(2026, 3, 3, tzinfo=EAST), "a@b"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_word_is_cut(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """In a narrow terminal the columns that matter least are left out, and named; no word of the others is cut."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = draw(STATUS, [ALL_OF_STATUS], Terminal())
    left = lines.pop() if lines[-1] else ""
    text = "\n".join(lines)
    assert all(len(line) <= width for line in lines)
    assert all(word in text for word in ("tenant", "0011", "up to date"))
    missing = [title for title in STATUS if title not in text]
    assert sorted(filter(None, left.removeprefix("not shown at this width: ").split(", "))) == sorted(missing)


def test_long_texts_are_wrapped_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason is wrapped where it has blanks, and takes no room from the other columns."""
    monkeypatch.setenv("COLUMNS", "60")
    reason = "the first eight tenants failed in the same way, so no other one was started"
    lines = draw(["tenant", "version", "reason"], [["16", "0011_validate_project", reason]], Terminal())
    assert max(map(len, lines)) <= 60
    assert set(reason.split()) <= set(" ".join(lines).split())


def test_run_ids_are_short() -> None:
    """A run is named by the first eight characters of its id, as options take it."""
    assert draw(["run"], [["5e1f0c3a-8d5b-4c2e-9f6a-0123456789ab"]])[-1] == "5e1f0c3a"


RUNS = ["run", "started", "verb", "tenants", "state", "exit code", "result", "by", "resumes"]
A_RUN: list[Cell] = [
    "5e1f0c3a-8d5b-4c2e-9f6a-0123456789ab",
    "03:39:19",
    "migrate",
    301,
    "finished",
    6,
    "4 applied, 1 up to date, 1 failed, 295 not started",
    "ann@laptop",
    "87cad77d",
]


def test_runs_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of runs fits 80 columns with the id of each run and its result, however many words that has."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = draw(RUNS, [A_RUN], Terminal())
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "5e1f0c3a" in text
    assert all(word in text for word in ("applied,", "failed,", "295"))


def test_wide_characters() -> None:
    """A character that takes two columns is counted as two, so that the next column is aligned."""
    first, _, *rows = draw(["name", "state"], [["音楽室", "ok"], ["Studio", "ok"]])
    assert [first.index("state"), rows[1].index("ok")] == [8, 8]
    assert rows[0] == "音楽室  ok"


COLOURS = {
    "no terminal": ({}, io.StringIO, False),
    "terminal": ({}, Terminal, True),
    "NO_COLOR": ({"NO_COLOR": "1"}, Terminal, False),
    "empty NO_COLOR": ({"NO_COLOR": ""}, Terminal, True),
    "FORCE_COLOR": ({"FORCE_COLOR": "1"}, io.StringIO, True),
    "FORCE_COLOR=0": ({"FORCE_COLOR": "0"}, io.StringIO, False),
    "both": ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, io.StringIO, False),
    "CLICOLOR_FORCE": ({"CLICOLOR_FORCE": "1"}, io.StringIO, True),
    "CLICOLOR=0": ({"CLICOLOR": "0"}, Terminal, False),
    "dumb": ({"TERM": "dumb"}, Terminal, False),
}


@pytest.mark.parametrize(("variables", "stream", "expected"), COLOURS.values(), ids=COLOURS)
def test_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], stream: type[io.StringIO], expected: bool
) -> None:
    """Colours follow the variables that people set for all programs, and else the terminal."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    out = stream()
    write_grid(Output(out), ["result"], [["failed"]])
    assert ("\x1b[" in out.getvalue()) is expected


def test_zero_is_something() -> None:
    """A column of zeros is shown: it is not empty."""
    assert draw(["tenant", "pending"], [["1", 0]]) == ["tenant  pending", "------  -------", "1             0"]


def test_no_rows() -> None:
    """A table without rows has nothing to show, and does not break."""
    assert "".join(draw(COLUMNS, [])) == ""


def test_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a result has its colour, and text that looks like markup is text."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    write_grid(Output(stream), ["tenant", "result"], [["[bold]1[/bold]", "failed"], ["2", "applied"]])
    assert "[bold]1[/bold]" in stream.getvalue()
    assert "\x1b[1;31mfailed" in stream.getvalue()
    assert "\x1b[32mapplied" in stream.getvalue()


def test_long_text_on_a_narrow_terminal() -> None:
    """Nothing is cut off on a narrow terminal: long text goes on in the next line."""
    reason = "x" * 150
    text = "".join(draw(["tenant", "reason"], [["1", reason]], Terminal())).replace(" ", "")
    assert reason in text
