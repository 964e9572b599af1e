"""Texts that no migration may have: each named with its place, what is wrong, and what to do."""

from pathlib import Path

import pytest

from tests.builders import write_files
from tests.unit.files.fix_folder import OK, SHOWN, refuse

NEWER = 'write "-- parse: server" in the header if the server is newer than the parser and accepts this'
CLOSE = "close it; if it looks closed, look for an earlier one that is not"
CONTROL = "is transaction control, which only tenantry may use"
REMOVE = "remove it: the whole file runs in one transaction"
PSQL = "write the same in SQL: only psql has commands that start with a backslash"
INSERT = "write INSERT statements, or COPY from a file on the server"
HEADER_LINE = 'add the line "-- transactional: false" at the top, to run the file statement by statement'
NO_OP = "write only comments to record a deliberate no-op"
TEXTS: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", [f": empty, expected SQL | {NO_OP}"]),
    "white space alone": ("\ufeff \r\n\t", [f": empty, expected SQL | {NO_OP}"]),
    "not UTF-8": (b"-- a\nSELECT '\xe9';\n", [":2: not UTF-8 (byte 0xe9) | save it as UTF-8"]),
    "UTF-16 little-endian": (
        b"\xff\xfe" + OK.encode("utf-16-le"),
        [": UTF-16, expected UTF-8 | save it as UTF-8"],
    ),
    "UTF-16 big-endian": (b"\xfe\xff" + OK.encode("utf-16-be"), [": UTF-16, expected UTF-8 | save it as UTF-8"]),
    "NUL": ("SELECT 1;\nSELECT 'é\0';", [":2:10: a NUL character, expected text"]),
    "unclosed quote": (
        "INSERT INTO t\n  VALUES ('é);\n",
        [
            ":2:11: unclosed quote, expected a closing '\n"
            f"1 | INSERT INTO t\n2 |   VALUES ('é);\n  |           ^ | {CLOSE}"
        ],
    ),
    "unclosed dollar quote": (
        "DO $x$ BEGIN\nEND;\n",
        [f":1:4: unclosed dollar quote, expected a closing $x$\n1 | DO $x$ BEGIN\n  |    ^\n2 | END; | {CLOSE}"],
    ),
    "unclosed comment": (
        "SELECT 1; /* é\n",
        [f":1:11: unclosed comment, expected a closing */\n1 | SELECT 1; /* é\n  |           ^ | {CLOSE}"],
    ),
    "BEGIN alone": ("BEGIN;\nSELECT 1;\n", [f":1:1: BEGIN {CONTROL}\n1 | BEGIN;\n  | ^\n2 | SELECT 1; | {REMOVE}"]),
    "COMMIT alone": (
        "SELECT 1; COMMIT;",
        [f":1:11: COMMIT {CONTROL}\n1 | SELECT 1; COMMIT;\n  |           ^ | {REMOVE}"],
    ),
    "two transactions": (
        "BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;",
        [
            f":1:{column}: {word} {CONTROL}\n1 | BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;\n"
            f"  | {' ' * (column - 1)}^ | {REMOVE}"
            for word, column in (("BEGIN", 1), ("COMMIT", 18), ("BEGIN", 26), ("COMMIT", 43))
        ],
    ),
    "savepoint": ("SAVEPOINT a;", [f":1:1: SAVEPOINT {CONTROL}\n1 | SAVEPOINT a;\n  | ^ | {REMOVE}"]),
    "rollback": ("ROLLBACK;", [f":1:1: ROLLBACK {CONTROL}\n1 | ROLLBACK;\n  | ^ | {REMOVE}"]),
    "BEGIN in a non-transactional file": (
        "-- transactional: false\nBEGIN;",
        [
            f":2:1: BEGIN {CONTROL}\n1 | -- transactional: false\n2 | BEGIN;\n  | ^ | "
            "remove it: each statement commits by itself"
        ],
    ),
    "psql": (
        "\\i rooms.sql\nSELECT 1;\n\\set a 1\n",
        [
            f":1:1: \\i is a psql command, not SQL\n1 | \\i rooms.sql\n  | ^\n2 | SELECT 1; | {PSQL}",
            f":3:1: \\set is a psql command, not SQL\n2 | SELECT 1;\n3 | \\set a 1\n  | ^ | {PSQL}",
        ],
    ),
    "COPY FROM stdin": (
        "COPY t FROM stdin;\n1\tCOMMIT;\n\\.\nSELECT 1;\n",
        [
            ":1:1: COPY ... FROM stdin reads rows from the client, which sends only SQL\n"
            f"1 | COPY t FROM stdin;\n  | ^\n2 | 1    COMMIT; | {INSERT}"
        ],
    ),
    "CREATE INDEX CONCURRENTLY": (
        "CREATE INDEX CONCURRENTLY i ON t (a);\n",
        [
            ":1:1: CREATE INDEX CONCURRENTLY cannot run inside a transaction\n"
            f"1 | CREATE INDEX CONCURRENTLY i ON t (a);\n  | ^ | {HEADER_LINE}"
        ],
    ),
    "syntax error": (
        "SELECT 'é漢👩'; SELCT 1;\n",
        [f":1:15: syntax error at or near \"SELCT\"\n1 | SELECT 'é漢👩'; SELCT 1;\n  |                 ^ | {NEWER}"],
    ),
    "syntax error behind a byte-order mark and CRLF": (
        "\ufeffSELECT 'é';\r\n  SELCT 1;\r\n",
        [f":2:3: syntax error at or near \"SELCT\"\n1 | SELECT 'é';\n2 |   SELCT 1;\n  |   ^ | {NEWER}"],
    ),
    "parse: server does not excuse the rest": (
        "-- parse: server\nREPACK t;\nCOMMIT;\n",
        [f":3:1: COMMIT {CONTROL}\n2 | REPACK t;\n3 | COMMIT;\n  | ^ | {REMOVE}"],
    ),
    "unknown header key": (
        "-- transactionl: false\nSELECT 1;\n",
        [
            ":1: header key 'transactionl': not a key, expected transactional | "
            'write "-- transactional: false", or reword the comment if it is not meant as a key'
        ],
    ),
}


@pytest.mark.parametrize(("content", "expected"), TEXTS.values(), ids=TEXTS)
def test_refused_text(tmp_path: Path, content: str | bytes, expected: list[str]) -> None:
    """A file that cannot be sent is named with its place, what is wrong, and what to do."""
    write_files(tmp_path, {"0001_a.sql": content})
    assert refuse(tmp_path) == [f"{SHOWN}/0001_a.sql{said}" for said in expected]
