"""Tables on a terminal or in a file: where there are colours or a width to keep to, rich is imported and draws them.

A terminal gets each table in its width: times are short and local, long texts are wrapped between words, and where that
is not enough, the columns that matter least are left out, and named below.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tenantry.model.results import Cell
from tenantry.reports.color import wants_color
from tenantry.reports.escaping import break_commands, escape_line
from tenantry.reports.output import Output

# By the words of results and states.
STYLES = {
    "applied": "green",
    "up to date": "green",
    "ok": "green",
    "pending": "yellow",
    "failed": "bold red",
    "refused": "red",
    "finding": "yellow",
    "blocked": "yellow",
    "unreachable": "magenta",
    "stopped": "yellow",
    "not started": "yellow",
}


# The columns that matter least, in the order in which a narrow terminal loses them.
_LEAST = (
    "resumes",
    "labels",
    "set",
    "run",
    "by",
    "exit code",
    "name",
    "last failure",
    "last applied",
    "server",
    "database",
)
# Blanks between two columns, and around all of them.
_GAP, _EDGES = 3, 2
# Arbitrary: up to that width, the words of a column stay on one line; and no column of text gets narrower.
_SHORT = _NARROW = 16
# Arbitrary: a longer word is cut rather than given all the room.
_LONGEST_WORD = 40
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class _GridColumn:
    """A column as text: its widths as they are, and at least."""

    title: str
    cells: tuple[str, ...]
    right: bool
    width: int
    least: int


def write_grid(stream: Output, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table. Columns that are empty in every row are left out; numbers are aligned to the right."""
    terminal = stream.isatty()
    kept = [index for index in range(len(columns)) if any(row[index] not in ("", None) for row in rows)]
    table = [_make_column(columns[index], [row[index] for row in rows], terminal=terminal) for index in kept]
    # A file or a pipe gets plain columns, which grep and awk can read.
    if terminal or wants_color(stream.raw):
        _draw(stream, table, terminal=terminal)
    else:
        stream.write_lines(_align(table))


def _make_column(title: str, cells: Sequence[Cell], *, terminal: bool) -> _GridColumn:
    texts = tuple(_text(cell, terminal=terminal) for cell in cells)
    title = escape_line(title)
    width = max(map(_measure, (title, *texts)))
    fixed = width <= _SHORT or any(isinstance(cell, int | datetime) for cell in cells)
    words = [_measure(word) for text in (title, *texts) for word in text.split(" ")]
    least = width if fixed else min(width, max(_NARROW, min(_LONGEST_WORD, max(words))))
    return _GridColumn(title, texts, any(isinstance(cell, int) for cell in cells), width, least)


def _measure(text: str) -> int:
    """Return the columns that a text takes on a terminal: a character of East Asia takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _text(cell: Cell, *, terminal: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return _shorten(cell.astimezone()) if terminal else cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(cell, str) and _UUID.fullmatch(cell):
        # As much as any option takes for a run.
        return cell[:_ID_LENGTH]
    return escape_line(str(cell))


def _shorten(at: datetime) -> str:
    """Return a local time without its day where that is today."""
    return at.strftime("%H:%M:%S" if at.date() == datetime.now(at.tzinfo).date() else "%Y-%m-%d %H:%M")


def _align(table: Sequence[_GridColumn]) -> list[str]:
    def line(texts: Sequence[str]) -> str:
        return "  ".join(_pad(text, column) for text, column in zip(texts, table, strict=True)).rstrip()

    ruled = ["-" * column.width for column in table]
    rows = zip(*(column.cells for column in table), strict=True)
    return [line([column.title for column in table]), line(ruled), *map(line, rows)]


def _pad(text: str, column: _GridColumn) -> str:
    blanks = " " * (column.width - _measure(text))
    return blanks + text if column.right else text + blanks


def _draw(stream: Output, table: Sequence[_GridColumn], *, terminal: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream.raw, highlight=False, color_system="standard" if wants_color(stream.raw) else None)
    fitted, left_out = _fit(table, console.width) if terminal else (list(table), [])
    if not fitted:
        # Folded like that, nobody could read it: the terminal breaks plain lines as it likes.
        stream.write_lines(_align(table))
        return
    if not terminal:
        console.width = sum(column.width + _GAP for column in table) + _EDGES
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in fitted:
        grid.add_column(column.title, justify="right" if column.right else "left", overflow="fold", width=column.width)
    for row in zip(*(column.cells for column in fitted), strict=True):
        # As Text, since a str is markup to rich: brackets in a name would be taken for a style.
        grid.add_row(*(Text(text, style=STYLES.get(text, "")) for text in row))
    with console.capture() as drawn:
        console.print(grid)
    # A long text is folded, and may be so right before a command.
    stream.write_verbatim(break_commands(drawn.get()))
    if left_out:
        stream.write_lines([f"not shown at this width: {', '.join(left_out)}"])


def _fit(table: Sequence[_GridColumn], width: int) -> tuple[list[_GridColumn], list[str]]:
    """Return the columns with the widths that they get on a terminal, and the titles of those that it has no room for.

    No column is returned where even the ones that matter do not fit.
    """
    kept, left_out = list(table), []
    for title in _LEAST:
        if _sum_up(kept) <= width:
            break
        # The first one says what a row is about.
        if any(column.title == title for column in kept[1:]):
            kept = [column for column in kept if column.title != title]
            left_out.append(title)
    free = width - _sum_up(kept)
    if free < 0:
        return [], []
    fitted = []
    for column in kept:
        more = min(free, column.width - column.least)
        free -= more
        fitted.append(replace(column, width=column.least + more))
    return fitted, left_out


def _sum_up(table: Sequence[_GridColumn]) -> int:
    return sum(column.least for column in table) + _GAP * (len(table) - 1) + _EDGES
