"""SQL as text, without a server: places, statements, and what a migration must not hold."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner import sqltext
from runner.sqltext import Finding, Kind, Position, SqlError

# PostgreSQL 19 knows these; the library's grammar does not.
NEWER = ("REPACK t", "WAIT FOR LSN '0/306EE20'", "ALTER SUBSCRIPTION s REFRESH SEQUENCES")

STATEMENTS = {
    "select": "SELECT 1",
    "number": "SELECT 1.5e3, 0x1F, 1_000, $1",
    "parenthesis": "(SELECT 1)",
    "multi-byte": "SELECT 'é 漢字 👩‍👩‍👧'",
    "multi-byte name": "SELECT é, 漢字 FROM ünï",
    "doubled quote": "SELECT 'a;''b;'",
    "backslash at the end": "SELECT 'a\\', ';'",
    "escaped quote": r"SELECT E'a\';b', e'\\'",
    "escape word": "SELECT ae'a\\'",
    "continued string": "SELECT 'a'\n  ';b'",
    "continued escape string": "SELECT E'a' -- c\n  -- d\n  'b\\';c'",
    "unicode string": r"SELECT U&'d\0061t;a', U&'d!0061;' UESCAPE '!'",
    "bits": "SELECT B'01', X'1F', N'a;'",
    "quoted name": 'SELECT 1 AS "a;b""c;"',
    "unicode name": r'SELECT 1 AS U&"d\0061t;a"',
    "dollars": "SELECT $$a;b$$",
    "dollars in dollars": "DO $a$ BEGIN EXECUTE $b$ SELECT ';' ; $$x;$$ $b$; END $a$",
    "dollar tag as the end of another": "SELECT $b$ ; $a$b$",
    "dollar in a name": "SELECT a$b$ FROM t WHERE c = '$b$;'",
    "multi-byte dollar tag": "SELECT $é$a;b$é$",
    "block comment": "SELECT /* ; */ 1",
    "nested comment": "SELECT /* ; /* ; */ ' ; */ 1",
    "comment of stars": "SELECT /***;**/ 1",
    "line comment": "SELECT -- ; '\n1",
    "dashes and slashes": "SELECT 3 - -1, 4 / 2, 5 */* ; */ 2, 6 +-- ;\n1",
    "operators": "SELECT a @-@ b, c ->> 'd', e <@ f, g #>> '{a;b}', h ?| i",
    "slice": "SELECT a[1:b], c::text, d[e:]",
    "case": "SELECT CASE WHEN a THEN 1 END",
    "rule": "CREATE OR REPLACE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)",
    "sql body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
    "sql body in small letters": "create or replace procedure p() begin atomic insert into t values (1); end",
    "plpgsql": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END; $$",
    "old body": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1; COMMIT'",
    "words as names": 'SELECT start, "commit", t.end FROM release, savepoint',
    "copy": "COPY t (a, b) FROM '/tmp/a;b' WITH (FORMAT csv)",
}

CONTROL = {
    "BEGIN": ("BEGIN", "begin work", "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY"),
    "START TRANSACTION": ("START TRANSACTION", "Start Transaction Read Only"),
    "COMMIT": ("COMMIT", "commit work", "COMMIT AND CHAIN", "COMMIT PREPARED 'x'"),
    "END": ("END", "END TRANSACTION"),
    "ROLLBACK": (
        "ROLLBACK",
        "ROLLBACK TO a",
        "ROLLBACK TO SAVEPOINT a",
        "ROLLBACK AND NO CHAIN",
        "ROLLBACK PREPARED 'x'",
    ),
    "ABORT": ("ABORT", "abort work"),
    "SAVEPOINT": ("SAVEPOINT a",),
    "RELEASE": ("RELEASE a", "RELEASE SAVEPOINT a"),
    "PREPARE TRANSACTION": ("PREPARE TRANSACTION 'x'", "prepare transaction E'x'"),
}

NOT_IN_TRANSACTION = {
    "CREATE INDEX CONCURRENTLY": (
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "create unique index concurrently if not exists i on t (a) where a > 0",
        "CREATE INDEX CONCURRENTLY ON t (a)",
    ),
    "DROP INDEX CONCURRENTLY": ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY IF EXISTS i"),
    "REINDEX TABLE CONCURRENTLY": ("REINDEX TABLE CONCURRENTLY t", "REINDEX (VERBOSE, CONCURRENTLY) TABLE t"),
    "REINDEX INDEX CONCURRENTLY": ("REINDEX INDEX CONCURRENTLY i", "REINDEX (CONCURRENTLY 1) INDEX i"),
    "REINDEX SCHEMA": ("REINDEX SCHEMA s", "REINDEX SCHEMA CONCURRENTLY s"),
    "REINDEX DATABASE": ("REINDEX DATABASE d",),
    "REINDEX SYSTEM": ("REINDEX SYSTEM d",),
    "VACUUM": ("VACUUM", "VACUUM FULL t", "VACUUM(ANALYZE)t"),
    "CREATE DATABASE": ("CREATE DATABASE d",),
    "DROP DATABASE": ("DROP DATABASE d", "DROP DATABASE IF EXISTS d WITH (FORCE)"),
    "CREATE TABLESPACE": ("CREATE TABLESPACE s LOCATION '/s'",),
    "DROP TABLESPACE": ("DROP TABLESPACE s",),
    "ALTER DATABASE ... SET TABLESPACE": ("ALTER DATABASE d SET TABLESPACE s",),
    "ALTER SYSTEM": ("ALTER SYSTEM SET work_mem = '1MB'", "ALTER SYSTEM RESET ALL"),
    "DETACH PARTITION CONCURRENTLY": ("ALTER TABLE p DETACH PARTITION q CONCURRENTLY",),
    "CLUSTER of all tables": ("CLUSTER", "CLUSTER VERBOSE", "CLUSTER (VERBOSE)"),
    "DISCARD ALL": ("DISCARD ALL",),
    "CREATE SUBSCRIPTION with a slot": (
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = on, enabled = false)",
    ),
    "ALTER SUBSCRIPTION with a refresh": (
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
        "ALTER SUBSCRIPTION s SET PUBLICATION p",
        "ALTER SUBSCRIPTION s DROP PUBLICATION p WITH (refresh = 1)",
    ),
}

HARMLESS = (
    *STATEMENTS.values(),
    "PREPARE transaction AS SELECT 1",
    "PREPARE transaction (int) AS SELECT $1",
    "EXECUTE commit",
    "CREATE INDEX i ON concurrent_things (a)",
    'CREATE INDEX "concurrently" ON t (a)',
    "CREATE TABLE database (subscription int, system int, tablespace int)",
    "CREATE VIEW v AS SELECT 'concurrently'",
    "DROP INDEX i",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
    "REINDEX TABLE t",
    "REINDEX (CONCURRENTLY false) TABLE t",
    "REINDEX (CONCURRENTLY off, VERBOSE) TABLE t",
    "REINDEX (CONCURRENTLY 0) TABLE t",
    "ANALYZE t",
    "CLUSTER t",
    "CLUSTER t USING i",
    "DISCARD TEMP",
    "ALTER DATABASE d SET work_mem = '1MB'",
    "ALTER DATABASE d IS_TEMPLATE true",
    "ALTER TABLE p DETACH PARTITION q",
    "ALTER TABLE p DETACH PARTITION q FINALIZE",
    "ALTER TABLE t ADD tablespace int, DROP system",
    "ALTER TABLE t SET TABLESPACE s",
    "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = off)",
    "ALTER SUBSCRIPTION s DISABLE",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = 'off')",
    "DROP SUBSCRIPTION s",
    "COPY t FROM '/a'",
    "COPY t FROM PROGRAM 'true'",
    "COPY t TO '/a'",
    "CALL p()",
    "LOCK TABLE t IN SHARE MODE",
)

FORMS = [(Kind.TRANSACTION_CONTROL, name, form) for name, forms in CONTROL.items() for form in forms]
FORMS += [(Kind.NOT_IN_TRANSACTION, name, form) for name, forms in NOT_IN_TRANSACTION.items() for form in forms]
FORM_IDS = [form for _, _, form in FORMS]

WRITTEN = {
    "plain": "{}",
    "closed": "{};",
    "lower case": str.lower,
    "upper case": str.upper,
    "comments between the words": lambda form: form.replace(" ", "/* ; ' */\n-- é;\n"),
    "after a comment": "-- é COMMIT;\n/* /* ; */ */ {}",
}

FRAGMENTS = [*STATEMENTS.values(), *NEWER, "COMMIT", "BEGIN", "COPY t FROM stdin;\n1\n\\.\n", "COPY t FROM stdin"]
FRAGMENTS += [
    ";",
    "\n",
    " ",
    "-- c;\n",
    "--",
    "/* ; */",
    "/*",
    "*/",
    "'",
    "E'",
    '"',
    "$$",
    "$a$",
    "\\",
    "(",
    ")",
    "é",
    "x",
    ":a",
]
fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
texts = fragments | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


def find(sql: str, *, transactional: bool = True) -> list[tuple[Kind, int, int]]:
    """Return kind, line and column of every finding."""
    found = sqltext.check(sql, transactional=transactional)
    return [(finding.kind, finding.position.line, finding.position.column) for finding in found]


def locate(text: str, offset: int) -> tuple[int, int]:
    """Count lines and columns one character after the other."""
    line = column = 1
    for character in text[:offset]:
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return line, column


# Places


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
    before, _, after = row.partition("X")
    assert sum(widths.get(character, 1) for character in before) == caret.index("^")
    assert sum(widths.get(character, 1) for character in row) <= len("1 | …") + 100 + len("…")
    assert before.endswith("…") or after.startswith("…") or len(before + after) > 3 or not line.strip()


BLANK = {"nothing": "", "spaces": " \n\t\r\f\v", "comment": "-- no-op", "semicolon": ";", "no-break space": "\u00a0"}


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
def test_is_blank(text: str) -> None:
    """Only what PostgreSQL takes for white space is blank; a comment is a deliberate no-op."""
    assert sqltext.is_blank(text) == (text in ("", " \n\t\r\f\v"))


# Splitting


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
        assert find(text)[-1][0] is Kind.UNTERMINATED
    else:
        assert_nothing_lost(text, statements)
        assert sqltext.count_statements(text) == len(statements)


@given(texts)
def test_the_lexer_agrees_with_the_parser(text: str) -> None:
    """Where the parser knows all of a text, an unknown statement behind it changes no statement of it."""
    assume(not {kind for kind, _, _ in find(text)} - {Kind.TRANSACTION_CONTROL, Kind.NOT_IN_TRANSACTION})
    assert sqltext.split(f"{text}\n;REPACK t")[:-1] == sqltext.split(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("-- a", 0), (";;", 0), ("SELECT 1", 1), ("SELECT 1;", 1), ("REPACK t; SELECT 1", 2)],
)
def test_count_statements(text: str, count: int) -> None:
    """Comments and lone semicolons are no statements."""
    assert sqltext.count_statements(text) == count


def test_split_keeps_the_rows_of_copy_with_it() -> None:
    """Rows behind COPY ... FROM stdin belong to it, so that nobody takes them for statements."""
    text = "SELECT 1;\nCOPY t FROM stdin;\n1\tO'Brien; x\n\\.\nSELECT 2;\n"
    assert [found.text for found in sqltext.split(text)] == [
        "SELECT 1",
        "COPY t FROM stdin;\n1\tO'Brien; x\n\\.",
        "SELECT 2",
    ]


def test_split_in_threads() -> None:
    """Several threads may split at the same time."""
    text = "SELECT 'é';\nSELECT 2;" * 200
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(sqltext.split, [text, f"{text} x", f"{text}'"[:-1]] * 20))
    assert {len(statements) for statements in found} == {400, 401}


def test_split_of_an_unclosed_quote() -> None:
    """A text that never ends cannot be split; the error says where it begins."""
    with pytest.raises(SqlError) as caught:
        sqltext.split("SELECT 'é';\n  SELECT 'a;\n")
    assert str(caught.value) == "2:10: unclosed quote, expected a closing '"


@pytest.mark.parametrize("read", [sqltext.split, lambda text: sqltext.check(text, transactional=True)])
def test_nul(read: object) -> None:
    """NUL is refused: the library would stop reading there and call the rest fine."""
    assert callable(read)
    with pytest.raises(ValueError, match=r"^SQL: holds a NUL character, expected text that PostgreSQL can take$"):
        read("SELECT 1;\0COMMIT")


def test_a_large_file() -> None:
    """A file of a megabyte is read whole, known to the parser or not."""
    text = "INSERT INTO t VALUES ('é', $$;$$);\n" * 30_000
    assert sqltext.count_statements(text) == 30_000
    assert sqltext.check(text, transactional=True) == ()
    assert find(f"{text}REPACK t;\nCOMMIT") == [
        (Kind.SYNTAX, 30_001, 1),
        (Kind.TRANSACTION_CONTROL, 30_002, 1),
    ]


# Findings


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize(("kind", "name", "form"), FORMS, ids=FORM_IDS)
def test_every_form_is_found(kind: Kind, name: str, form: str, written: object) -> None:
    """What a transactional file must not hold is found at its first word, however it is written."""
    text = written.format(form) if isinstance(written, str) else written(form) if callable(written) else ""
    (finding,) = sqltext.check(text, transactional=True)
    offset = text.lower().rindex(form.lower()) if form.lower() in text.lower() else 0
    assert (finding.kind, finding.position) == (kind, sqltext.position(text, offset))
    assert finding.message.startswith(f"{name} ")


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, _, form in FORMS], ids=FORM_IDS)
def test_only_transaction_control_is_found_in_a_file_that_is_not_transactional(kind: Kind, form: str) -> None:
    """Statement by statement, what cannot run in a transaction can run; transaction control stays refused."""
    expected = [(kind, 1, 1)] if kind is Kind.TRANSACTION_CONTROL else []
    assert find(form, transactional=False) == expected


@pytest.mark.parametrize("form", HARMLESS)
def test_harmless_forms(form: str) -> None:
    """Nothing is found in what looks like it and is not, nor in names, strings, comments and bodies."""
    assert find(form) == []


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, _, form in FORMS], ids=FORM_IDS)
def test_an_unknown_statement_hides_nothing(kind: Kind, form: str, newer: str) -> None:
    """What the parser does not know is found, and what stands before and behind it too."""
    (syntax,) = [finding[0] for finding in find(newer)]
    found = find(f"SELECT 'é';\n{form};\n{newer};\n/* é; */ {form}")
    assert [(found_kind, line) for found_kind, line, _ in found] == [(kind, 2), (syntax, 3), (kind, 4)]
    assert found[2][2] == 10


@given(st.lists(st.sampled_from([*STATEMENTS.values(), *NEWER])), st.lists(st.sampled_from([*STATEMENTS.values()])))
def test_commit_is_found_anywhere(before: list[str], after: list[str]) -> None:
    """A COMMIT between any statements is found, once, at its place."""
    head = "".join(f"{statement};\n" for statement in before)
    text = f"{head}COMMIT;\n{';'.join(after)}"
    found = [finding[1:] for finding in find(text) if finding[0] is Kind.TRANSACTION_CONTROL]
    assert found == [locate(text, len(head))]


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
            Kind.TRANSACTION_CONTROL,
            Position(1, 11),
            "COMMIT is transaction control, which is the runner's alone",
            "remove it: the whole file runs in one transaction",
        ),
    ),
    "not in a transaction": (
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        Finding(
            Kind.NOT_IN_TRANSACTION,
            Position(1, 1),
            "CREATE INDEX CONCURRENTLY cannot run inside a transaction",
            'put the line "-- transactional: false" at the top of the file, which then runs statement by statement',
        ),
    ),
    "copy from stdin": (
        "COPY t FROM stdin",
        Finding(
            Kind.COPY_STDIN,
            Position(1, 1),
            "COPY ... FROM stdin takes rows from the client, which sends SQL alone",
            "write INSERT statements, or COPY from a file of the server",
        ),
    ),
    "copy to stdout": (
        "COPY t TO stdout",
        Finding(
            Kind.COPY_STDIN,
            Position(1, 1),
            "COPY ... TO stdout sends rows to the client, which has no use for them",
            "remove it, or COPY to a file of the server",
        ),
    ),
    "psql command": (
        "\\i a.sql",
        Finding(
            Kind.PSQL_COMMAND,
            Position(1, 1),
            "\\i is a command of psql, not SQL",
            "write what it does as SQL: only psql knows commands that start with a backslash",
        ),
    ),
    "psql variable": (
        "SELECT :'name'",
        Finding(
            Kind.PSQL_COMMAND,
            Position(1, 8),
            ":'name' is a variable of psql, not SQL",
            "write its value: only psql puts values in",
        ),
    ),
    "syntax": (
        "SELCT 1",
        Finding(
            Kind.SYNTAX,
            Position(1, 1),
            'syntax error at or near "SELCT"',
            "correct it: only a server newer than PostgreSQL 18 might know it",
        ),
    ),
    "unclosed quote": (
        "SELECT 'a",
        Finding(
            Kind.UNTERMINATED,
            Position(1, 8),
            "unclosed quote, expected a closing '",
            "close it; where it looks closed, an earlier one is not",
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
    assert find(sql) == [(Kind.SYNTAX, 2, 25), (Kind.UNTERMINATED, 4, 9)]


def test_a_long_token_is_cut() -> None:
    """A message stays one line, though the token that it quotes is a string of many."""
    (finding,) = sqltext.check("SELECT 1 a 'b\nc'", transactional=True)
    assert finding.message == 'syntax error at or near "\'b…"'
    (finding,) = sqltext.check(f"SELECT 1 a '{'b' * 200}'", transactional=True)
    assert finding.message == f'syntax error at or near "\'{"b" * 74}…"'


SYNTAX = {
    "multi-byte": ("SELECT 'é漢👩' a b", (1, 16), 'syntax error at or near "b"'),
    "second statement": ("SELECT 'é';\n  SELECT 1 a b", (2, 14), 'syntax error at or near "b"'),
    "end of a statement": ("SELECT (1;\nSELECT 2", (1, 10), 'syntax error at or near ";"'),
    "end of the text": ("SELECT 1 +\n-- é\n", (1, 11), "syntax error at end of input"),
    "one parenthesis too many": ("SELECT 1)", (1, 9), 'syntax error at or near ")"'),
}


@pytest.mark.parametrize(("sql", "place", "message"), SYNTAX.values(), ids=SYNTAX)
def test_syntax_errors(sql: str, place: tuple[int, int], message: str) -> None:
    """A syntax error stands where the parser stopped, counted in characters."""
    (finding,) = sqltext.check(sql, transactional=True)
    assert (finding.kind, finding.position, finding.message) == (Kind.SYNTAX, Position(*place), message)


@pytest.mark.parametrize("broken", ["SELECT (1", "SELECT 1)", "SELECT ((", "CREATE FUNCTION f() BEGIN SELECT 1"])
def test_a_parenthesis_hides_nothing(broken: str) -> None:
    """A statement with a parenthesis too many or too few does not hide the COMMIT behind it."""
    assert [kind for kind, _, _ in find(f"{broken}; COMMIT; SELECT 1")] == [Kind.SYNTAX, Kind.TRANSACTION_CONTROL]


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
    "not in strings": ("SELECT '\\i', $$:a$$, E'\\\\', \"\\x\" -- \\i\n/* \\i */", []),
}


@pytest.mark.parametrize(("sql", "expected"), PSQL.values(), ids=PSQL)
def test_psql(sql: str, expected: list[str]) -> None:
    """Every command and variable of psql is found at its place, and named."""
    found = sqltext.check(sql, transactional=True)
    assert {finding.kind for finding in found} <= {Kind.PSQL_COMMAND}
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
    assert find(sql) == [(Kind.COPY_STDIN, line, 1) for line in lines]


def test_behind_the_rows_of_copy() -> None:
    """What stands behind the rows is read again."""
    sql = "COPY t FROM stdin;\n1\t'\n\\.\nSELCT 1;\nCOMMIT"
    assert [kind for kind, _, _ in find(sql)] == [Kind.COPY_STDIN, Kind.SYNTAX, Kind.TRANSACTION_CONTROL]


@pytest.mark.parametrize("terms", [3_000, 14_000, 300_000])
def test_a_deep_statement_is_for_the_server_to_judge(terms: int) -> None:
    """An expression of any depth neither ends the process nor the check."""
    deep = "+".join("1" * terms)
    assert find(f"CREATE INDEX CONCURRENTLY i ON t ((a + {deep})); COMMIT") == [
        (Kind.TRANSACTION_CONTROL, 1, 2 * terms + 43)
    ]


def test_the_grammar_is_that_of_its_major() -> None:
    """The parser knows what came with the major it is said to have, and nothing newer."""
    assert sqltext.GRAMMAR_MAJOR == 18
    assert find("CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL)") == []
    assert all(find(newer)[0][0] is Kind.SYNTAX for newer in NEWER)


# The wrapper

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
    assert sqltext.blank_wrapper(blanked) == blanked or blanked != text


# The library


def test_the_python_code_of_the_wheel_is_never_imported() -> None:
    """Only the library file is used: the wheel's own code takes half a second to import."""
    script = (
        "import sys; from runner import sqltext; sqltext.check('VACUUM', transactional=True);"
        "print([name for name in sys.modules if name.startswith(('postgast', 'google'))])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")
