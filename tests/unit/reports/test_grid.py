"""Rows and columns, on a terminal and elsewhere."""

import io
from datetime import datetime, timedelta, timezone

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


def test_terminal() -> None:
    """A terminal gets the same words."""
    words = [word for line in draw(COLUMNS, ROWS, Terminal()) for word in line.split() if word.strip("─")]
    assert words == ["tenant", "pending", "at", "1", "3", "16", "112", "2026-03-03", "12:05:59", "UTC"]


def test_zero_is_something() -> None:
    """A column of zeros is shown: it is not empty."""
    assert draw(["tenant", "pending"], [["1", 0]]) == ["tenant  pending", "------  -------", "1             0"]


def test_no_rows() -> None:
    """A table without rows has nothing to show, and does not break."""
    assert "".join(draw(COLUMNS, [])) == ""


def test_styles() -> None:
    """On a terminal a result has its colour, and text that looks like markup is text."""
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
