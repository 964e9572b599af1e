"""Places in a text, and how they are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry import sqltext
from tenantry.sqltext import Position
from tests.unit.sqltext.samples import locate


@given(st.text("ab\n\té漢👩\u0301"), st.data())
def test_position_counts_lines_and_characters(text: str, data: st.DataObject) -> None:
    """A position is what counting one character after the other gives."""
    offset = data.draw(st.integers(0, len(text)))
    assert sqltext.position(text, offset) == Position(*locate(text, offset))


def test_position_past_the_end() -> None:
    """An offset past the end stands for the end."""
    assert sqltext.position("a\nbc", 99) == Position(2, 3)


EXCERPTS = {
    "first line": ("SELCT 1;\nb\nc", (1, 1), "1 | SELCT 1;\n  | ^\n2 | b"),
    "last line": ("a\nb\nSELCT\n", (3, 3), "2 | b\n3 | SELCT\n  |   ^"),
    "end of the text": ("SELECT\n", (2, 1), "1 | SELECT\n2 |\n  | ^"),
    "past the end of a line": ("SELECT\nb", (1, 7), "1 | SELECT\n  |       ^\n2 | b"),
    "empty line before": ("\nSELCT", (2, 2), "1 |\n2 | SELCT\n  |  ^"),
    "gutter of two digits": ("\n" * 8 + "x\ny", (9, 1), " 8 |\n 9 | x\n   | ^\n10 | y"),
    "tabs": ("\tSEL\tCT", (1, 6), "1 |     SEL    CT\n  |            ^"),
    "wide": ("漢字 SELCT", (1, 4), "1 | 漢字 SELCT\n  |      ^"),
    "emoji": ("'👩' SELCT", (1, 5), "1 | '👩' SELCT\n  |      ^"),
    "combining": ("e\u0301e\u0301 SELCT", (1, 6), "1 | e\u0301e\u0301 SELCT\n  |    ^"),
    "decomposed hangul": ("\u1112\u1161\u11ab SELCT", (1, 5), "1 | \u1112\u1161\u11ab SELCT\n  |    ^"),
    "control characters": ("a\x1b[31m\u202eb x", (1, 10), "1 | a\ufffd[31m\ufffdb x\n  |          ^"),
}


@pytest.mark.parametrize(("text", "place", "expected"), EXCERPTS.values(), ids=EXCERPTS)
def test_excerpt(text: str, place: tuple[int, int], expected: str) -> None:
    """The excerpt shows the line, its neighbours and a caret under the column, whatever the width of characters."""
    assert sqltext.excerpt(text, Position(*place)) == expected


def test_excerpt_context() -> None:
    """As many lines as asked for stand around the line."""
    text = "a\nb\nc\nd\ne"
    assert sqltext.excerpt(text, Position(3, 1), context=0) == "3 | c\n  | ^"
    assert sqltext.excerpt(text, Position(3, 1), context=9) == "1 | a\n2 | b\n3 | c\n  | ^\n4 | d\n5 | e"


CUTS = {
    "at the start": (1, f"1 | X{'a' * 99}…\n  | ^"),
    "in the middle": (301, f"1 | …{'a' * 67}X{'b' * 32}…\n  | {' ' * 68}^"),
    "at the end": (601, f"1 | …{'b' * 99}X\n  | {' ' * 100}^"),
    "past the end": (602, f"1 | …{'b' * 99}X\n  | {' ' * 101}^"),
}


@pytest.mark.parametrize(("column", "expected"), CUTS.values(), ids=CUTS)
def test_excerpt_of_a_long_line(column: int, expected: str) -> None:
    """A long line is cut around the column, and each cut is marked."""
    line = "X" + "a" * 299 + "X" + "b" * 299 + "X"
    assert sqltext.excerpt(line, Position(1, column)) == expected


@given(st.text("ab \té漢👩\u0301", max_size=300), st.data())
def test_excerpt_caret(line: str, data: st.DataObject) -> None:
    """The caret stands under the character at the column, and no row is wider than the limit and its marks."""
    column = data.draw(st.integers(1, len(line) + 1))
    marked = line[: column - 1] + "X" + line[column:]
    row, caret = sqltext.excerpt(marked, Position(1, column)).split("\n")
    widths = {"漢": 2, "👩": 2, "\u0301": 0}
    before = row.partition("X")[0]
    assert sum(widths.get(character, 1) for character in before) == caret.index("^")
    assert sum(widths.get(character, 1) for character in row) <= len("1 | …") + 100 + len("…")
