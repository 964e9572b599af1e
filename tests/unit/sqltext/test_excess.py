"""Texts that would take a scanner of PostgreSQL hours: refused with their place, in no time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tenantry.files.directory import read_migrations
from tenantry.model.errors import MigrationFileError
from tenantry.sqltext import MOST_FINDINGS, FaultKind, Position, SqlError, check, check_queries, same_tokens, split
from tenantry.sqltext.lexer import DEEPEST
from tenantry.sqltext.library import read_tree

MANY = 1_000_000
DEEP = "comments nested more than 1,000 levels deep"
ROW = "more than 1,000 operator characters in a row"
HINT = "remove them: the time that the server needs to read them grows with the square of their number"

TOO_MUCH = {
    "nested comments": (f"SELECT 1;\n{'/*' * MANY}{'*/' * MANY}", Position(2, 1), DEEP),
    "nested comments apart": (f"SELECT 1; {'/* ' * MANY}{'*/ ' * MANY}", Position(1, 11), DEEP),
    "comments that never end": (f"{'/*' * MANY} SELECT 1;", Position(1, 1), DEEP),
    "one more than the limit": (f"{'/*' * (DEEPEST + 1)}{'*/' * (DEEPEST + 1)} SELECT 1;", Position(1, 1), DEEP),
    "signs": (f"SELECT\n 1 {'+' * MANY}1;", Position(2, 4), ROW),
    "operators": (f"SELECT 1 {'+-' * MANY}1;", Position(1, 10), ROW),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_refused(name: str) -> None:
    """The place of the excess is said, be the file transactional or not; nobody judges it but the server's scanner."""
    text, at, message = TOO_MUCH[name]
    for transactional in (True, False):
        (found,) = check(text, transactional=transactional)
        assert (found.kind, found.position, found.message, found.hint) == (FaultKind.EXCESS, at, message, HINT)
    assert not same_tokens(text, text)


ALLOWED = {
    "as deep as the limit": f"{'/*' * DEEPEST}{'*/' * DEEPEST} SELECT 1;",
    "many comments": "/* a */ SELECT 1;\n" * (DEEPEST + 1),
    "a banner": f"/{'*' * MANY}/\n--{'=' * MANY}\n-- {'/*' * MANY}\nSELECT 1;",
    "a string": f"SELECT '{'/*' * MANY}', '{'+' * MANY}', $a${'/*' * MANY}$a$, \"{'+' * MANY}\";",
    "as many signs as the limit": f"SELECT 1 {'+ ' * DEEPEST}1;",
    "stars in a comment": f"/*{'*' * MANY} SELECT */ SELECT 1;",
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str) -> None:
    """Banners, strings and comments one after the other are no excess, however long they are."""
    text = ALLOWED[name].replace("SELECT '", "SELECT /* */ '")
    assert [found for found in check(text, transactional=True) if found.kind is FaultKind.EXCESS] == []
    assert len(split(text)) == text.count(";")


def test_a_file(tmp_path: Path) -> None:
    """A migration with too deep comments is refused with file, line and column, even where the server is to judge."""
    for header in ("", "-- parse: server\n"):
        (tmp_path / "0001_a.sql").write_text(f"{header}SELECT 1;\n{'/*' * MANY}", encoding="utf-8")
        with pytest.raises(MigrationFileError) as caught:
            read_migrations(tmp_path, "m")
        (problem,) = caught.value.problems
        line = 3 if header else 2
        assert problem.message.startswith(f"m/0001_a.sql:{line}:1: {DEEP}\n")
        assert problem.hint == HINT


def test_elsewhere() -> None:
    """Other readers of SQL do not fall for it either: an assertion is refused, a tree is unknown."""
    text = TOO_MUCH["signs"][0]
    assert [found.message for found in check_queries(text)] == [ROW]
    assert read_tree(text) == ("", {})
    assert len(split(text)) == 1


FAULTY: dict[str, Callable[[int], str]] = {
    "syntax errors": lambda count: "SELCT 1;\n" * count,
    "psql commands": lambda count: "\\d\n" * count,
    "COPY from stdin": lambda count: "COPY a FROM stdin;\n\\.\n" * count,
    "not in a transaction": lambda count: "VACUUM a;\n" * count,
    "transaction control": lambda count: "COMMIT;\n" * count,
}


@pytest.mark.parametrize("name", FAULTY)
def test_many_faults(name: str, tmp_path: Path) -> None:
    """Of a file full of faults the first ones are reported, and that there may be more."""
    (tmp_path / "0001_a.sql").write_text(FAULTY[name](50_000), encoding="utf-8")
    with pytest.raises(MigrationFileError) as caught:
        read_migrations(tmp_path, "m")
    *shown, last = caught.value.problems
    assert len(shown) == MOST_FINDINGS
    assert last.message == "m/0001_a.sql: no more than 100 faults of a file are looked for"


def test_unclosed_dollar_quote() -> None:
    """Quotes after one that never ends are part of it, and are not looked at one by one."""
    text = "SELECT $a$" + "".join(f" $b{number}$" for number in range(100_000))
    with pytest.raises(SqlError, match=r"unclosed dollar quote, expected a closing \$a\$"):
        split(text)
