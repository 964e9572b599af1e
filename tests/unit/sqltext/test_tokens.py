"""When two texts are the same to PostgreSQL, and when they only look alike."""

import pytest
from hypothesis import given

from tenantry.sqltext import same_tokens
from tests.builders import unhurried
from tests.unit.sqltext import grammar

SAME = {
    "nothing": ("", " -- a\n"),
    "comments": ("SELECT 1;", "-- licence\nSELECT /* one /* two */ */ 1; -- end"),
    "white space": ("SELECT a,b\nFROM t ;", "SELECT  a ,\n\tb FROM t;\n"),
    "operators": ("SELECT 1<=2", "SELECT 1 <= 2"),
    "comment in an operator": ("SELECT 1 + 2", "SELECT 1 +-- one\n2"),
    "around dollars": ("DO $$BEGIN END$$", "DO -- once\n  $$BEGIN END$$ ;".removesuffix(" ;")),
    "multi-byte": ("SELECT 'é' AS é", "SELECT   'é'   AS é"),
}
OTHER = {
    "literal": ("SELECT 'a  b'", "SELECT 'a b'"),
    "comment in a literal": ("SELECT '-- a'", "SELECT '-- b'"),
    "multi-byte literal": ("SELECT 'é'", "SELECT 'è'"),
    "quoted name": ('SELECT 1 AS "a  b"', 'SELECT 1 AS "a b"'),
    "dollar body": ("DO $$ BEGIN -- a\n END $$", "DO $$ BEGIN -- b\n END $$"),
    "dollar tag": ("SELECT $a$x$a$", "SELECT $b$x$b$"),
    "case": ("SELECT a", "select a"),
    "two signs for one operator": ("SELECT 1 <= 2", "SELECT 1 < = 2"),
    "a dash more": ("SELECT 1 - 2", "SELECT 1 - - 2"),
    "two numbers for one": ("SELECT 1.5", "SELECT 1 .5"),
    "two words for one": ("SELECT ab", "SELECT a b"),
    "semicolon": ("SELECT 1", "SELECT 1;"),
    "two strings for one": ("SELECT 'a'\n'b'", "SELECT 'a' 'b'"),
    "two strings for one, with a comment": ("SELECT 'a' -- c\n'b'", "SELECT 'a' 'b'"),
    "white space behind an escape in a continued string": (
        "SELECT E'a' -- c\n 'b\\'  c', 'd'",
        "SELECT E'a' -- c\n 'b\\' c', 'd'",
    ),
    "commented out": ("SELECT 1; SELECT 2;", "SELECT 1; -- SELECT 2;"),
    "never ends": ("SELECT 'a", "SELECT  'a"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_same_tokens(one: str, other: str) -> None:
    """Comments and the white space between tokens make no difference."""
    assert same_tokens(one, other)
    assert same_tokens(other, one)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_other_tokens(one: str, other: str) -> None:
    """Whatever PostgreSQL reads makes a difference, and so does what its scanner does not know."""
    assert not same_tokens(one, other)
    assert not same_tokens(other, one)


@unhurried
@given(grammar.files, grammar.gaps)
def test_comments_between_statements(text: str, gap: str) -> None:
    """A comment before and behind a file changes no token of it, whatever is quoted in it; a statement does."""
    assert same_tokens(text, f"{gap}{text}{gap}")
    assert not same_tokens(text, f"{text}{gap}SELECT 1")
