"""Where statements begin and end, whether the parser knows them or not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry import sqltext
from tenantry.sqltext import FaultKind, SqlError
from tests.builders import unhurried
from tests.unit.sqltext import grammar
from tests.unit.sqltext.samples import NEWER, STATEMENTS, find, texts

KNOWN = [*STATEMENTS.values(), "", " ", "-- c; '", "/* ; /* ' */ */", "/* é */ COMMIT", "END -- é"]

BLANK = {"nothing": "", "spaces": " \n\t\r\f\v", "comment": "-- no-op", "semicolon": ";", "no-break space": "\u00a0"}


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
def test_is_blank(text: str) -> None:
    """Only what PostgreSQL takes for white space is blank; a comment is a deliberate no-op."""
    assert sqltext.is_blank(text) == (text in ("", " \n\t\r\f\v"))


def between(text: str, statements: tuple[sqltext.Statement, ...]) -> list[str]:
    """Return what lies before, between and after the statements."""
    edges = [0, *(edge for statement in statements for edge in (statement.start, statement.end)), len(text)]
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def assert_nothing_lost(text: str, statements: tuple[sqltext.Statement, ...]) -> None:
    """Check that statements and what lies between them are the text, and that no code lies between them."""
    gaps = between(text, statements)
    joined = gaps[0] + "".join(s.text + gap for s, gap in zip(statements, gaps[1:], strict=True))
    assert joined == text
    assert all(re.fullmatch(r"(?s)(?:[ \t\n\r\f\v;]|--[^\n\r]*|/\*.*?\*/)*", gap) for gap in gaps), gaps
    assert all(re.match(r"(?![ \t\n\r\f\v;]|--|/\*)", s.text) and s.text.rstrip(" \n") == s.text for s in statements)


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_split_finds_the_end_of_a_statement(statement: str) -> None:
    """A semicolon inside quotes, comments, bodies and rules ends nothing, and leading comments are outside."""
    text = f"-- é;\n{statement};;\n/* ; */ {statement} ;\n{statement}\n"
    statements = sqltext.split(text)
    assert [found.text for found in statements] == [statement] * 3
    assert_nothing_lost(text, statements)


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_split_without_the_parser(statement: str, newer: str) -> None:
    """A statement that the parser does not know changes nothing about where the others begin and end."""
    text = f"-- é;\n{newer};;\n/* ; */ {statement} ;\n{newer} /* ; */; {statement}\n"
    statements = sqltext.split(text)
    assert [found.text for found in statements] == [newer, statement, f"{newer} /* ; */", statement]
    assert_nothing_lost(text, statements)


@given(texts)
def test_split_loses_nothing(text: str) -> None:
    """The statements and what lies between them are the text, or a quote or comment in it never ends."""
    try:
        statements = sqltext.split(text)
    except SqlError:
        assert find(text)[-1][0] is FaultKind.UNTERMINATED
    else:
        assert_nothing_lost(text, statements)


@given(st.lists(st.sampled_from(KNOWN)).map(";\n".join))
def test_the_lexer_agrees_with_the_parser(text: str) -> None:
    """Where the parser knows all of a text, an unknown statement behind it changes no statement of it."""
    assert sqltext.split(f"{text}\n;REPACK t")[:-1] == sqltext.split(text)


@unhurried
@given(grammar.files)
def test_split_of_what_is_made_up(text: str) -> None:
    """Quotes in quotes, dollars in dollars, comments in comments and bodies are split alike with and without parser."""
    statements = sqltext.split(text)
    assert_nothing_lost(text, statements)
    assert find(text) == []
    assert [s.text for s in sqltext.split(f"REPACK t;{text}")[1:]] == [s.text for s in statements]


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("-- a", 0), (";;", 0), ("SELECT 1", 1), ("SELECT 1;", 1), ("REPACK t; SELECT 1", 2)],
)
def test_what_is_no_statement(text: str, count: int) -> None:
    """Comments and lone semicolons are no statements."""
    assert len(sqltext.split(text)) == count


def test_split_keeps_the_rows_of_copy_with_it() -> None:
    """Rows behind COPY ... FROM stdin belong to it, so that nobody takes them for statements."""
    text = "SELECT 1;\nCOPY t FROM stdin;\n1\tO'Brien; x\n\\.\nSELECT 2;\n"
    assert [found.text for found in sqltext.split(text)] == [
        "SELECT 1",
        "COPY t FROM stdin;\n1\tO'Brien; x\n\\.",
        "SELECT 2",
    ]


def test_split_of_an_unclosed_quote() -> None:
    """A text that never ends cannot be split; the error says where it begins."""
    with pytest.raises(SqlError) as caught:
        sqltext.split("SELECT 'é';\n  SELECT 'a;\n")
    assert str(caught.value) == "2:10: unclosed quote, expected a closing '"


def test_a_large_file() -> None:
    """A file of a megabyte is read whole; one that the parser does not know may be large too."""
    text = "INSERT INTO t VALUES ('é', $$;$$);\n" * 30_000
    assert len(sqltext.split(text)) == 30_000
    assert sqltext.check(text, transactional=True) == ()
    some = text[: len(text) // 10]
    assert find(f"{some}REPACK t;\nCOMMIT") == [(FaultKind.SYNTAX, 3_001, 1), (FaultKind.TRANSACTION_CONTROL, 3_002, 1)]
