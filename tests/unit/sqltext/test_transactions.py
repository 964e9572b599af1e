"""A plain BEGIN ... COMMIT around a whole file, and what is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry import sqltext
from tests.unit.sqltext.samples import STATEMENTS, find

WRAPPED = {
    "plain": ("BEGIN;\nSELECT 1;\nCOMMIT;\n", "      \nSELECT 1;\n       \n"),
    "end": ("begin work; SELECT 1; end transaction", "            SELECT 1;                "),
    "start transaction": ("START TRANSACTION;SELECT 1;COMMIT WORK", "                  SELECT 1;           "),
    "comments around": ("-- é;\nBEGIN;SELECT 'é';COMMIT; -- é", "-- é;\n      SELECT 'é';        -- é"),
    "comments inside": ("BEGIN -- é\n;SELECT 1;COMMIT /* é\n */ ;", "          \n SELECT 1;           \n     "),
    "nothing inside": ("BEGIN;COMMIT;", "             "),
    "unknown inside": ("BEGIN;REPACK t;COMMIT;", "      REPACK t;       "),
    "bodies inside": (
        "BEGIN;CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;COMMIT",
        "      CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;      ",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRAPPED.values(), ids=WRAPPED)
def test_blank_wrapper(text: str, expected: str) -> None:
    """One plain BEGIN ... COMMIT around the whole file becomes spaces."""
    assert sqltext.blank_wrapper(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "-- BEGIN;\nSELECT 1; -- COMMIT",
        "BEGIN",
        "BEGIN; SELECT 1",
        "SELECT 1; COMMIT",
        "SELECT 1; BEGIN; SELECT 2; COMMIT",
        "BEGIN; SELECT 1; COMMIT; SELECT 2",
        "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT",
        "START TRANSACTION READ ONLY; SELECT 1; COMMIT",
        "BEGIN; SELECT 1; COMMIT AND CHAIN",
        "BEGIN; SELECT 1; ROLLBACK",
        "BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT",
        "BEGIN; SAVEPOINT a; SELECT 1; RELEASE a; COMMIT",
        "BEGIN; REPACK t; ROLLBACK; SELECT 1; COMMIT",
        "BEGIN; PREPARE TRANSACTION 'x'; COMMIT",
        "BEGIN; SELECT 'a; COMMIT",
    ],
)
def test_blank_wrapper_leaves_the_rest(text: str) -> None:
    """Any other transaction control is left for `check` to find, which finds it."""
    assert sqltext.blank_wrapper(text) == text
    expected = {"SELECT 1", "-- BEGIN;\nSELECT 1; -- COMMIT"}
    assert bool(find(text)) == (text not in expected)


@given(
    st.lists(st.sampled_from(["\n", " ", "-- é\n", "/* ; é\n */", "BEGIN", "COMMIT", ";", "END", *STATEMENTS.values()]))
)
def test_blank_wrapper_moves_nothing(parts: list[str]) -> None:
    """Length and line ends stay, and what is left of the text stands where it stood."""
    text = " ".join(parts)
    blanked = sqltext.blank_wrapper(text)
    assert len(blanked) == len(text)
    assert all(new in (old, " ") and (new == old or old != "\n") for new, old in zip(blanked, text, strict=True))
