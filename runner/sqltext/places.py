"""Positions in a text, shown to a reader as the line, its neighbours and a caret under the column."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_ROW_CELLS = 100  # Arbitrary, for the eye.
_TAB = "    "
_CONTROL_SHOWN = "\ufffd"
# They turn the direction of the text after them, so that a reviewer sees another text than the server.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a text. Both count from 1, the column in characters."""

    line: int
    column: int


def position(text: str, offset: int) -> Position:
    """Return the position of a character; an offset past the end means the end."""
    offset = min(offset, len(text))
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def excerpt(text: str, at: Position, *, context: int = 1) -> str:
    """Return a line with its number and a caret under the column, and `context` lines before and after it.

    A tab is shown as four spaces, a control character as a replacement character, the cut of a long line as `…`.
    """
    lines = text.removesuffix("\n").split("\n") if at.line <= text.count("\n") else text.split("\n")
    first, last = max(at.line - context, 1), min(at.line + context, len(lines))
    gutter, rows = len(str(last)), list[str]()
    for number in range(first, last + 1):
        row, caret = _cut(lines[number - 1], at.column if number == at.line else 1)
        rows.append(f"{number:>{gutter}} | {row}".rstrip())
        if number == at.line:
            rows.append(f"{'':>{gutter}} | {'':>{caret}}^")
    return "\n".join(rows)


def _cut(line: str, column: int) -> tuple[str, int]:
    """Return the shown part of a line around a column, and its width in cells before the column."""
    before, after = line[: column - 1], line[column - 1 :]
    tail = _show(after, _ROW_CELLS)
    head = _show(reversed(before), _ROW_CELLS - min(_count_cells(tail), _ROW_CELLS // 3))[::-1]
    tail = _show(after, _ROW_CELLS - _count_cells(head))
    left = "…" if len(head) < len(before) else ""
    right = "…" if len(tail) < len(after) else ""
    return f"{left}{''.join(head)}{''.join(tail)}{right}", len(left) + _count_cells(head)


def _show(characters: Iterable[str], cells: int) -> list[str]:
    """Return as many shown characters as fit."""
    shown: list[str] = []
    for character in characters:
        shown.append(_show_character(character))
        cells -= _count_cells(shown[-1])
        if cells < 0:
            shown.pop()
            break
    return shown


def _show_character(character: str) -> str:
    if character == "\t":
        return _TAB
    return _CONTROL_SHOWN if unicodedata.category(character) == "Cc" or character in _DIRECTIONS else character


def _count_cells(shown: Iterable[str]) -> int:
    """Return the width of characters in a terminal, in cells: none for a combining one, two for a wide one."""
    return sum(_width(character) for part in shown for character in part)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
