"""Tables on a terminal or in a file: on a terminal, and only there, rich is imported and draws them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tenantry.model.results import Cell
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


def write_grid(stream: Output, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table. Columns that are empty in every row are left out; numbers are aligned to the right."""
    kept = [index for index in range(len(columns)) if any(row[index] not in ("", None) for row in rows)]
    titles = [escape_line(columns[index]) for index in kept]
    cells = [[_text(row[index]) for index in kept] for row in rows]
    right = [any(isinstance(row[index], int) for row in rows) for index in kept]
    # A file or a pipe gets plain columns, which grep and awk can read.
    if stream.isatty():
        _draw(stream, titles, cells, right)
    else:
        stream.write_lines(_align(titles, cells, right))


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return escape_line(str(cell))


def _align(titles: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    table = [list(titles), *map(list, cells)]
    widths = [max(len(row[index]) for row in table) for index in range(len(titles))]

    def line(row: Sequence[str]) -> str:
        # By len() and not by width on screen: wide characters are rare, and the width would need a table of Unicode.
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    return [line(titles), line(["-" * width for width in widths]), *map(line, cells)]


def _draw(stream: Output, titles: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream.raw, highlight=False)
    widths = [max(len(row[index]) for row in (titles, *cells)) for index in range(len(titles))]
    # Rich leaves a gap of three columns between two, and folds even a title where it lacks room.
    folds = console.width < sum(widths) + 3 * (len(widths) - 1)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title, to_right in zip(titles, right, strict=True):
        least = len(title) if folds else None
        table.add_column(title, justify="right" if to_right else "left", overflow="fold", min_width=least)
    for row in cells:
        # As Text, since a str is markup to rich: brackets in a name would be taken for a style.
        table.add_row(*(Text(text, style=STYLES.get(text, "")) for text in row))
    if console.width < sum(len(title) + 3 for title in titles) - 3:
        # Folded like that, nobody could read it: the terminal breaks plain lines as it likes.
        stream.write_lines(_align(titles, cells, right))
        return
    with console.capture() as drawn:
        console.print(table)
    # A long text is folded, and may be so right before a command.
    stream.write_verbatim(break_commands(drawn.get()))
