"""SQL to read: statements of every corner of the grammar, and any text at all."""

from hypothesis import strategies as st

from tenantry import sqltext
from tenantry.sqltext import FaultKind

# Syntax that is younger than the grammar of the library.
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
    "unicode string with a backslash before its end": r"SELECT U&'a\\;' , ';'",
    "string and dollars side by side": "SELECT 'a$$;', $$'$$, $$;$$",
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
    "operator that ends in a sign": "SELECT @-1, a @-b, c <-@ d, e ~-f",
    "operator cut short by a line comment": "SELECT 1 <-- ;\n2, 3 @--- ;\n4, 5 |/-- ' ;\n6",
    "operator cut short by a block comment": "SELECT 1 @/* ; */ 2, 3 </*;*/ 4, 5 +*/* ; */ 6",
    "operators": "SELECT a @-@ b, c ->> 'd', e <@ f, g #>> '{a;b}', h ?| i",
    "slice": "SELECT a[1:b], c::text, d[e:]",
    "case": "SELECT CASE WHEN a THEN 1 END",
    "rule": "CREATE OR REPLACE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)",
    "sql body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
    "sql body with a case and a body in dollars": (
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN/**/ATOMIC; SELECT CASE 1 WHEN 2 THEN $$END;$$ ELSE "
        "CASE WHEN true THEN 'END;' END END; END"
    ),
    "rule with one action": "CREATE RULE r AS ON DELETE TO t WHERE (a = ';') DO INSTEAD NOTHING",
    "rule with comments": "CREATE /* ; */ RULE r AS ON UPDATE TO t DO --(\n (SELECT (1); SELECT ')'; /* ) */ NOTIFY c)",
    "sql body in small letters": "create or replace procedure p() begin atomic insert into t values (1); end",
    "plpgsql": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END; $$",
    "old body": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1; COMMIT'",
    "words as names": 'SELECT start, "commit", t.end FROM release, savepoint',
    "stdin as a name": "SELECT a IS DISTINCT FROM stdin",
    "copy of a query": "COPY (SELECT a FROM stdin) TO '/tmp/a;b'",
    "copy": "COPY t (a, b) FROM '/tmp/a;b' WITH (FORMAT csv)",
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


def find(sql: str, *, transactional: bool = True) -> list[tuple[FaultKind, int, int]]:
    """Return kind, line and column of every finding."""
    found = sqltext.check(sql, transactional=transactional)
    return [(finding.kind, finding.position.line, finding.position.column) for finding in found]


def locate(text: str, offset: int) -> tuple[int, int]:
    """Count lines and columns one character after the other."""
    line = column = 1
    for character in text[:offset]:
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return line, column
