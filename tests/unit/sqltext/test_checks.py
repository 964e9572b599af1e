"""What is wrong with a text: every finding, its place and its words."""

import pytest
from hypothesis import given

from tenantry import sqltext
from tenantry.sqltext import FaultKind, Finding, Position
from tests.unit.sqltext.samples import find, locate, texts


@given(texts)
def test_findings_are_in_the_text_and_in_order(text: str) -> None:
    """Any text at all is judged, and every place is one of the text, in order."""
    places = [finding[1:] for finding in find(text)]
    assert places == sorted(places)
    assert set(places) <= {locate(text, offset) for offset in range(len(text) + 1)}


WHOLE = {
    "transaction control": (
        "SELECT 1; COMMIT",
        Finding(
            FaultKind.TRANSACTION_CONTROL,
            Position(1, 11),
            "COMMIT is transaction control, which only tenantry may use",
            "remove it: the whole file runs in one transaction",
        ),
    ),
    "not in a transaction": (
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        Finding(
            FaultKind.NOT_IN_TRANSACTION,
            Position(1, 1),
            "CREATE INDEX CONCURRENTLY cannot run inside a transaction",
            'add the line "-- transactional: false" at the top, to run the file statement by statement',
        ),
    ),
    "copy from stdin": (
        "COPY t FROM stdin",
        Finding(
            FaultKind.COPY_STDIN,
            Position(1, 1),
            "COPY ... FROM stdin reads rows from the client, which sends only SQL",
            "write INSERT statements, or COPY from a file on the server",
        ),
    ),
    "copy to stdout": (
        "COPY t TO stdout",
        Finding(
            FaultKind.COPY_STDIN,
            Position(1, 1),
            "COPY ... TO stdout sends rows to the client, which discards them",
            "remove it, or COPY to a file on the server",
        ),
    ),
    "psql command": (
        "\\i a.sql",
        Finding(
            FaultKind.PSQL_COMMAND,
            Position(1, 1),
            "\\i is a psql command, not SQL",
            "write the same in SQL: only psql has commands that start with a backslash",
        ),
    ),
    "psql variable": (
        "SELECT :'name'",
        Finding(
            FaultKind.PSQL_COMMAND,
            Position(1, 8),
            ":'name' is a psql variable, not SQL",
            "write its value: only psql replaces variables",
        ),
    ),
    "syntax": (
        "SELCT 1",
        Finding(
            FaultKind.SYNTAX,
            Position(1, 1),
            'syntax error at or near "SELCT"',
            "correct it: only a server newer than PostgreSQL 18 might know it",
        ),
    ),
    "unclosed quote": (
        "SELECT 'a",
        Finding(
            FaultKind.UNTERMINATED,
            Position(1, 8),
            "unclosed quote, expected a closing '",
            "close it; if it looks closed, look for an earlier one that is not",
        ),
    ),
}


@pytest.mark.parametrize(("sql", "expected"), WHOLE.values(), ids=WHOLE)
def test_messages(sql: str, expected: Finding) -> None:
    """Each message says what is wrong, and each hint what to do."""
    assert sqltext.check(sql, transactional=True) == (expected,)


def test_the_hint_for_transaction_control_fits_the_file() -> None:
    """In a file that is not transactional, the reason is another."""
    (finding,) = sqltext.check("COMMIT", transactional=False)
    assert finding.hint == "remove it: each statement commits by itself"


UNCLOSED = {
    "escape string": ("SELECT E'a\\'", 8, "unclosed quote, expected a closing '"),
    "continued string": ("SELECT E'a'\n'b\\'", 8, "unclosed quote, expected a closing '"),
    "doubled quote": ("SELECT 'a''", 8, "unclosed quote, expected a closing '"),
    "name": ('SELECT "é', 8, 'unclosed quoted name, expected a closing "'),
    "multi-byte": ("SELECT 'é' AS é, 'é", 18, "unclosed quote, expected a closing '"),
    "dollars": ("SELECT $$a$", 8, "unclosed dollar quote, expected a closing $$"),
    "dollar tag": ("SELECT $é_1$ $é_2$", 8, "unclosed dollar quote, expected a closing $é_1$"),
    "comment": ("SELECT /* /* */", 8, "unclosed comment, expected a closing */"),
    "operator before a comment": ("SELECT 1 */* 2", 11, "unclosed comment, expected a closing */"),
}


@pytest.mark.parametrize(("sql", "column", "message"), UNCLOSED.values(), ids=UNCLOSED)
def test_unclosed(sql: str, column: int, message: str) -> None:
    """What never ends is told where it begins, and with what it is to end."""
    found = sqltext.check(sql, transactional=True)
    assert found[-1].message == message
    assert found[-1].position == (Position(2, 1) if sql.startswith("SELECT E'a'\n") else Position(1, column))


def test_behind_an_unclosed_quote_all_is_noise() -> None:
    """Where strings are read as code, only the first syntax error and the quote left over are told."""
    sql = "INSERT INTO t VALUES ('a);\nINSERT INTO t VALUES (' b; COMMIT; ROLLBACK');\nSELECT 1;\nSELCT 'x';"
    assert find(sql) == [(FaultKind.SYNTAX, 2, 25), (FaultKind.UNTERMINATED, 4, 9)]


def test_a_syntax_error_before_an_unclosed_quote() -> None:
    """In one statement too, both places are told."""
    assert find("SELECT a b c 'é") == [(FaultKind.SYNTAX, 1, 12), (FaultKind.UNTERMINATED, 1, 14)]


def test_a_long_token_is_cut() -> None:
    """A message stays one line, though the token that it quotes is a string of many."""
    (finding,) = sqltext.check("SELECT 1 a 'b\nc'", transactional=True)
    assert finding.message == 'syntax error at or near "\'b…"'
    (finding,) = sqltext.check(f"SELECT 1 a '{'b' * 200}'", transactional=True)
    assert finding.message == f'syntax error at or near "\'{"b" * 74}…"'


SYNTAX = {
    "multi-byte": ("SELECT 'é漢👩' a b", (1, 16), 'syntax error at or near "b"'),
    "after a comment": ("SELECT 1 -- é\n  a b", (2, 5), 'syntax error at or near "b"'),
    "second statement": ("SELECT 'é';\n  SELECT 1 a b", (2, 14), 'syntax error at or near "b"'),
    "end of a statement": ("SELECT (1;\nSELECT 2", (1, 10), 'syntax error at or near ";"'),
    "end of the text": ("SELECT 1 +\n-- é\n", (1, 11), "syntax error at end of input"),
    "one parenthesis too many": ("SELECT 1)", (1, 9), 'syntax error at or near ")"'),
}


@pytest.mark.parametrize(("sql", "place", "message"), SYNTAX.values(), ids=SYNTAX)
def test_syntax_errors(sql: str, place: tuple[int, int], message: str) -> None:
    """A syntax error stands where the parser stopped, counted in characters."""
    (finding,) = sqltext.check(sql, transactional=True)
    assert (finding.kind, finding.position, finding.message) == (FaultKind.SYNTAX, Position(*place), message)


BROKEN = {
    "one opened": "SELECT (1",
    "two opened": "SELECT ((",
    "one closed": "SELECT 1)",
    "one closed in a rule": "CREATE RULE r AS ON INSERT TO t DO NOTHING)",
    "body without atomic": "CREATE FUNCTION f() RETURNS int BEGIN SELECT 1",
    "number as a dollar tag": "SELECT $1$",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_statement_hides_nothing(broken: str) -> None:
    """A statement that is wrong in whatever way does not hide the COMMIT behind it."""
    assert [kind for kind, _, _ in find(f"{broken}; COMMIT; SELECT 1")] == [
        FaultKind.SYNTAX,
        FaultKind.TRANSACTION_CONTROL,
    ]


def test_transaction_control_in_words_of_its_own() -> None:
    """What begins like transaction control is found as such, though the parser does not know the rest."""
    assert find("SELECT 1;\nCOMMIT GENTLY") == [(FaultKind.TRANSACTION_CONTROL, 2, 1), (FaultKind.SYNTAX, 2, 8)]


PSQL = {
    "include": ("\\i a.sql\nSELECT 1;", ["1:1 \\i"]),
    "after a statement": ("SELECT 1 \\gexec\nSELECT 2", ["1:10 \\gexec"]),
    "after a semicolon": ("SELECT 1; \\echo it's\n", ["1:11 \\echo"]),
    "copy": ("\\copy t from 'a'\n", ["1:1 \\copy"]),
    "connect, then more": ("\\c tenant\\_1;\nSELECT 'é', :name;\n\\.\n", ["1:1 \\c", "2:13 :name", "3:1 \\."]),
    "variables": (
        "SELECT :a;\nSELECT :'b';\nSELECT :\"c\";\nSELECT :{?d}",
        ["1:8 :a", "2:8 :'b'", '3:8 :"c"', "4:8 :{?d}"],
    ),
    "semicolon": ("SELECT 1 \\g; x", ["1:10 \\g"]),
    "not in strings": ("SELECT '\\i', $$:a$$, E'\\\\', \"\\x\" -- \\i\n/* \\i */", []),
}


@pytest.mark.parametrize(("sql", "expected"), PSQL.values(), ids=PSQL)
def test_psql(sql: str, expected: list[str]) -> None:
    """Every command and variable of psql is found at its place, and named."""
    found = sqltext.check(sql, transactional=True)
    assert {finding.kind for finding in found} <= {FaultKind.PSQL_COMMAND}
    assert [f"{f.position.line}:{f.position.column} {f.message.split(' is a ')[0]}" for f in found] == expected


COPIES = {
    "rows": ("COPY t FROM stdin;\n1\tO'Brien\n2\t\\N; COMMIT\n\\.\nSELECT 1;\n", [1]),
    "twice": ("COPY t (a) FROM STDIN WITH (FORMAT csv);\n'\n\\.\n-- é\nCOPY t FROM\nstdin\n;\n\"\n\\.\n", [1, 5]),
    "never ended": ("SELECT 1;\nCOPY t FROM stdin;\n$$ /* '\n", [2]),
    "no rows": ("COPY t FROM stdin;\nSELECT 1", [1]),
    "query": ("COPY (SELECT 1) TO STDOUT", [1]),
}


@pytest.mark.parametrize(("sql", "lines"), COPIES.values(), ids=COPIES)
def test_copy(sql: str, lines: list[int]) -> None:
    """COPY between server and client is found, and nothing of its rows."""
    assert find(sql) == [(FaultKind.COPY_STDIN, line, 1) for line in lines]


def test_behind_the_rows_of_copy() -> None:
    """What stands behind the rows is read again."""
    sql = "COPY t FROM stdin;\n1\t'\n\\.\nSELCT 1;\nCOMMIT"
    assert [kind for kind, _, _ in find(sql)] == [FaultKind.COPY_STDIN, FaultKind.SYNTAX, FaultKind.TRANSACTION_CONTROL]
