"""A folder of migrations: what is read of it, and that nothing in it is skipped silently."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.files.directory import Directory, next_version, read_migrations
from tenantry.files.repeatables import read_directory
from tenantry.model import Migration
from tenantry.model.checksum import checksum
from tenantry.model.errors import MigrationFileError
from tests.builders import migration, unhurried, write_files
from tests.places import ROOT, TESTS

DATA = TESTS / "data" / "files"
SHOWN = "migrations/tenant"
OK = "SELECT 1;\n"

RENAME = "rename it, or move it out of the folder: no SQL file in it is skipped silently"
NAME = f"not a migration file name, expected NNNN_name.sql with only digits, a-z and _ | {RENAME}"
NEWER = 'write "-- parse: server" in the header if the server is newer than the parser and accepts this'
CLOSE = "close it; if it looks closed, look for an earlier one that is not"
CONTROL = "is transaction control, which only tenantry may use"
REMOVE = "remove it: the whole file runs in one transaction"
PSQL = "write the same in SQL: only psql has commands that start with a backslash"
INSERT = "write INSERT statements, or COPY from a file on the server"
HEADER_LINE = 'add the line "-- transactional: false" at the top, to run the file statement by statement'
NEXT_NUMBER = "give the next free number to the file that no database has yet"
NO_OP = "write only comments to record a deliberate no-op"


def read(folder: Path, files: Mapping[str, str | bytes]) -> Directory:
    """Write files into a folder and read it."""
    return read_migrations(write_files(folder, files), SHOWN)


def read_one(folder: Path, content: str | bytes) -> Migration:
    """Read a folder that holds one file with this content."""
    (only,) = read(folder, {"0001_a.sql": content}).migrations
    return only


def refuse(folder: Path, bar: str = " | ") -> list[str]:
    """Read a folder that is expected to be wrong, and return what is said, each hint behind a bar."""
    with pytest.raises(MigrationFileError) as caught:
        read_migrations(folder, SHOWN)
    return [f"{p.message}{bar}{p.hint}" if p.hint else p.message for p in caught.value.problems]


# What is right


def test_repository() -> None:
    """The application's own files are read, each set in the order of its versions."""
    root = ROOT / "migrations"
    for name, versions in (("master", 1), ("tenant", 12)):
        found = read_migrations(root / name, name)
        assert [file.version for file in found.migrations][:versions] == list(range(versions))
        assert found.warnings == ()


def test_value(tmp_path: Path) -> None:
    """A file becomes its version, name, path as shown, checksum and text; its header what it says."""
    text = "-- depends: 0001_rooms\n-- transactional: false\nVACUUM;\n"
    files = {"0001_rooms.sql": OK, "0002_rates.sql": text, "0002_rates.rollback.sql": "SELECT 2;\n"}
    first, second = read(tmp_path, files).migrations
    assert first == migration("0001_rooms", OK)
    assert second == migration("0002_rates", text, transactional=False, depends=(1,))
    assert (second.path, second.text, second.sql) == (f"{SHOWN}/0002_rates.sql", text, text)
    assert (first.rollback, second.rollback) == (None, "SELECT 2;\n")


def test_numeric_order(tmp_path: Path) -> None:
    """Versions order as numbers, however many zeros they have, and may have gaps."""
    files = dict.fromkeys(("10_b.sql", "0009_a.sql", "2_c.sql", "000100_d.sql"), OK)
    assert [file.version for file in read(tmp_path, files).migrations] == [2, 9, 10, 100]


def test_not_sql(tmp_path: Path) -> None:
    """Sub-folders and files that are not named like SQL are free."""
    write_files(tmp_path / "old", {"whatever.sql": "SELCT"})
    files = {"0001_a.sql": OK, "README.md": "", "0002_b.sql.bak": "SELCT", "0003_c.txt": "", "notes.sqlx": ""}
    assert [file.version for file in read(tmp_path, files).migrations] == [1]


SAME_TEXT = {
    "as it is": "-- é\nSELECT 1;\n",
    "CRLF": "-- é\r\nSELECT 1;\r\n",
    "CR": "-- é\rSELECT 1;\r",
    "byte-order mark": "\ufeff-- é\nSELECT 1;\n",
    "byte-order mark and CRLF": "\ufeff-- é\r\nSELECT 1;\r\n",
}


@pytest.mark.parametrize("content", SAME_TEXT.values(), ids=SAME_TEXT)
def test_one_text(tmp_path: Path, content: str) -> None:
    """A byte-order mark and other line ends change neither checksum nor what is sent."""
    read_file = read_one(tmp_path, content)
    assert (read_file.checksum, read_file.sql) == (checksum("-- é\nSELECT 1;\n"), "-- é\nSELECT 1;\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_header_behind_a_mark(tmp_path: Path, end: str) -> None:
    """The header is read behind a byte-order mark and with every line end."""
    assert not read_one(tmp_path, end.join(("\ufeff-- transactional: false", "VACUUM;"))).transactional


SENT = {
    "comments alone": "-- nothing to do\n/* on purpose */\n",
    "no final semicolon": "SELECT 1",
    "semicolon alone": ";\n",
    "sql body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n",
    "plpgsql": "DO $$ BEGIN COMMIT; END $$;\n",
    "words in strings and comments": "-- COMMIT;\nSELECT 'COMMIT;', $a$ROLLBACK;$a$ /* BEGIN; */;\n",
    "case": "SELECT CASE WHEN true THEN 1 END;\n",
    "copy from a file": "COPY t FROM '/srv/rooms.csv';\n",
    "backslash in a string": "SELECT '\\i rooms';\n",
    "non-transactional": "-- transactional: false\nCREATE INDEX CONCURRENTLY i ON t (a);\n",
}


@pytest.mark.parametrize("text", SENT.values(), ids=SENT)
def test_sent_as_it_is(tmp_path: Path, text: str) -> None:
    """What holds no transaction control of its own is sent as it is written."""
    assert read_one(tmp_path, text).sql == text


WRAPPED = {
    "BEGIN ... COMMIT": ("BEGIN;\nSELECT 'é';\nCOMMIT;\n", "      \nSELECT 'é';\n       \n"),
    "other words": ("START TRANSACTION;\nSELECT 1;\nEND WORK", f"{' ' * 18}\nSELECT 1;\n{' ' * 8}"),
    "behind a header": ("-- é\nbegin;SELECT 1;commit;-- é\n", "-- é\n      SELECT 1;       -- é\n"),
    "over two lines": ("BEGIN\nWORK;\nSELECT 1;\nCOMMIT;", "     \n     \nSELECT 1;\n       "),
}


@pytest.mark.parametrize(("text", "sent"), WRAPPED.values(), ids=WRAPPED)
def test_wrapped_whole(tmp_path: Path, text: str, sent: str) -> None:
    """One plain BEGIN ... COMMIT around the file is blanked; positions, checksum and text stay."""
    wrapped = read_one(tmp_path, text)
    assert (wrapped.sql, wrapped.text, wrapped.checksum) == (sent, text, checksum(text))
    assert len(sent) == len(text)


def test_position_in_a_wrapped_file(tmp_path: Path) -> None:
    """A fault in a wrapped file is shown where it stands, in the file as it is written."""
    write_files(tmp_path, {"0001_a.sql": "BEGIN; SELECT 'é漢'; SELCT 1;\nCOMMIT;\n"})
    assert refuse(tmp_path) == [
        f'{SHOWN}/0001_a.sql:1:21: syntax error at or near "SELCT"\n'
        "1 | BEGIN; SELECT 'é漢'; SELCT 1;\n  |                      ^\n"
        f"2 | COMMIT; | {NEWER}"
    ]


def test_judged_by_the_server(tmp_path: Path) -> None:
    """With `parse: server` a syntax error is a warning, as only the server can know."""
    directory = read(tmp_path, {"0001_a.sql": "-- parse: server\nREPACK t;\n"})
    (warning,) = directory.warnings
    message = f'{SHOWN}/0001_a.sql:2:1: syntax error at or near "REPACK"\n1 | -- parse: server\n2 | REPACK t;\n  | ^'
    assert (warning.message, warning.hint) == (message, "")
    assert [file.version for file in directory.migrations] == [1]


# What is wrong with one file

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


NAMES = (
    "0007-Rates.sql",
    "rates.sql",
    "0001.sql",
    "0001_.sql",
    "_rates.sql",
    "0001_rates.SQL",
    "0001_Rates.sql",
    "0001_room rates.sql",
    "0001_é.sql",
    ".0001_rates.sql",
    "-1_rates.sql",
    "V1__rates.sql",
    "\u0661_rates.sql",
    "0001_rates.up.sql",
    "0001_rates.ROLLBACK.sql",
)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_name(tmp_path: Path, name: str) -> None:
    """A file that is named like SQL but not like a migration is an error, not skipped."""
    write_files(tmp_path, {"0001_a.sql": OK, name: OK})
    assert refuse(tmp_path) == [f"{SHOWN}/{name}: {NAME}"]


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), max_size=20)
numbers = st.text("0123456789", min_size=1, max_size=3) | st.text("0+ \u0661", max_size=2)
nearly = st.builds(
    "{}{}{}".format, numbers, st.sampled_from("__- "), st.text("a_0", max_size=4) | st.text("aZ_0é.-", max_size=4)
)


@unhurried
@given((names | nearly).map(lambda name: name[:30]), st.sampled_from([".sql", ".SQL", ".Sql"]))
def test_any_name(stem: str, suffix: str) -> None:
    """Whatever the name, a file of SQL is either read or named in an error."""
    name = stem + suffix
    good = bool(re.fullmatch(r"[0-9]+_[a-z0-9_]+\.sql", name))
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), {name: OK})
        if good:
            (found,) = read_migrations(Path(folder), SHOWN).migrations
            assert (found.path, str(found.version)) == (f"{SHOWN}/{name}", stem.partition("_")[0].lstrip("0") or "0")
        elif name.endswith(".rollback.sql"):
            assert "next to it" in refuse(Path(folder))[0]
        else:
            assert refuse(Path(folder)) == [f"{SHOWN}/{name}: {NAME}"]


@unhurried
@given(st.sets(st.integers(0, 2**63 - 1), min_size=1, max_size=6), st.data())
def test_any_versions(versions: set[int], data: st.DataObject) -> None:
    """Every version that fits the ledger is read, in ascending order, with any number of zeros before it."""
    zeros = data.draw(st.lists(st.integers(0, 5), min_size=len(versions), max_size=len(versions)))
    files = {f"{'0' * more}{version}_a.sql": OK for version, more in zip(versions, zeros, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        assert [file.version for file in read(Path(folder), files).migrations] == sorted(versions)


def test_too_large(tmp_path: Path) -> None:
    """A version that the ledger cannot hold is an error."""
    write_files(tmp_path, {f"{2**63}_a.sql": OK})
    assert refuse(tmp_path) == [
        f"{SHOWN}/9223372036854775808_a.sql: version 9223372036854775808 is too large, expected at most "
        "9223372036854775807"
    ]


# What is wrong with several files


def test_one_version_twice(tmp_path: Path) -> None:
    """Two files of one version are an error, however the version is written."""
    write_files(tmp_path, dict.fromkeys(("1_a.sql", "0001_b.sql", "0002_c.sql"), OK))
    assert refuse(tmp_path) == [f"{SHOWN}: version 1 is used twice: 0001_b.sql, 1_a.sql | {NEXT_NUMBER}"]


def test_one_version_three_times(tmp_path: Path) -> None:
    """All files that share a version are named."""
    write_files(tmp_path, dict.fromkeys(("0012_rates.sql", "0012_rooms.sql", "012_a.sql"), OK))
    assert refuse(tmp_path) == [
        f"{SHOWN}: version 12 is used 3 times: 0012_rates.sql, 0012_rooms.sql, 012_a.sql | {NEXT_NUMBER}"
    ]


def test_all_faults_at_once() -> None:
    """Every fault of every file of a folder is named in one go."""
    expected = (DATA / "faulty.txt").read_text("utf-8")
    assert "".join(f"{said}\n" for said in refuse(DATA / "faulty", "\nhint: ")) == expected


DEPENDS = {
    "unknown": (
        {"0001_rooms.sql": OK, "0002_b.sql": "-- depends: 0001_room\nSELECT 1;"},
        [
            f"{SHOWN}/0002_b.sql: depends on '0001_room', which is not a file in this folder"
            f' | did you mean "0001_rooms"?'
        ],
    ),
    "unlike any other": (
        {"0001_rooms.sql": OK, "0002_b.sql": "-- depends: zzz\nSELECT 1;"},
        [
            f"{SHOWN}/0002_b.sql: depends on 'zzz', which is not a file in this folder"
            " | name an earlier file, without .sql"
        ],
    ),
    "later": (
        {"0001_a.sql": "-- depends: 0002_b\nSELECT 1;", "0002_b.sql": OK},
        [
            f"{SHOWN}/0001_a.sql: depends on 0002_b, which runs later | "
            "renumber one of the two: depends must name an earlier file"
        ],
    ),
    "circle": (
        {"0001_a.sql": "-- depends: 0002_b\nSELECT 1;", "0002_b.sql": "-- depends: 0001_a\nSELECT 1;"},
        [f"{SHOWN}: files depend on each other in a circle: 0001_a, 0002_b"],
    ),
    "faulty": (
        {"0001_a.sql": "", "0002_b.sql": "-- depends: 0001_a\nSELECT 1;"},
        [f"{SHOWN}/0001_a.sql: empty, expected SQL | {NO_OP}"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), DEPENDS.values(), ids=DEPENDS)
def test_wrong_depends(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    """A file can depend on earlier files of its folder alone, and only what is wrong is said."""
    assert refuse(write_files(tmp_path, files)) == expected


def test_depends(tmp_path: Path) -> None:
    """Dependencies become versions, in the order in which they are written."""
    text = "-- depends: 2_b 0001_a\nSELECT 1;"
    *_, last = read(tmp_path, {"0001_a.sql": OK, "2_b.sql": OK, "0003_c.sql": text}).migrations
    assert last.depends == (2, 1)


ROLLBACKS = {
    "orphaned": (
        {"0001_a.sql": OK, "0002_b.rollback.sql": OK},
        ["0002_b.rollback.sql: no migration 0002_b.sql next to it | rename it to match, or delete it"],
    ),
    "empty": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": " "},
        [f"0001_a.rollback.sql: empty, expected SQL | {NO_OP}"],
    ),
    "not UTF-8": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": b"\xff"},
        ["0001_a.rollback.sql:1: not UTF-8 (byte 0xff) | save it as UTF-8"],
    ),
    "transaction control": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": "ROLLBACK;"},
        [f"0001_a.rollback.sql:1:1: ROLLBACK {CONTROL}\n1 | ROLLBACK;\n  | ^ | {REMOVE}"],
    ),
    "psql": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": "\\i a.sql"},
        [f"0001_a.rollback.sql:1:1: \\i is a psql command, not SQL\n1 | \\i a.sql\n  | ^ | {PSQL}"],
    ),
    "header": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": f"-- lock-timeout: soon\n{OK}"},
        [
            "0001_a.rollback.sql:1: header key 'lock-timeout': 'soon' is not a valid value, expected a time such as"
            " 500ms, 5s or 10min"
        ],
    ),
}


def test_a_rollback_of_its_own(tmp_path: Path) -> None:
    """A rollback may run in another way than its file, and what is doubtful in it is a warning."""
    files = {
        "0001_a.sql": "-- transactional: false\nVACUUM;\n",
        "0001_a.rollback.sql": f"BEGIN;\n{OK}COMMIT;\n",
        "0002_b.sql": OK,
        "0002_b.rollback.sql": "-- transactional: false\nVACUUM;\n",
        "0003_c.sql": OK,
        "0003_c.rollback.sql": "-- parse: server\nREPACK t;\n",
    }
    directory = read(tmp_path, files)
    assert [one.rollback for one in directory.migrations] == [
        files[f"000{n}.rollback.sql"] for n in ("1_a", "2_b", "3_c")
    ]
    assert [warning.message.split(":")[:2] for warning in directory.warnings] == [[f"{SHOWN}/0003_c.rollback.sql", "2"]]


@pytest.mark.parametrize(("files", "expected"), ROLLBACKS.values(), ids=ROLLBACKS)
def test_wrong_rollback(tmp_path: Path, files: dict[str, str | bytes], expected: list[str]) -> None:
    """A rollback belongs to the migration of the same name, and has to be readable as that has."""
    assert refuse(write_files(tmp_path, files)) == [f"{SHOWN}/{said}" for said in expected]


# What is wrong with the folder


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is an error, never an empty list."""
    said = f"{SHOWN}: no such file or directory, expected a directory of migrations"
    assert refuse(tmp_path / "nowhere") == [said]


def test_folder_is_a_file(tmp_path: Path) -> None:
    """A file in place of the folder is an error."""
    write_files(tmp_path, {"tenant": ""})
    assert refuse(tmp_path / "tenant") == [f"{SHOWN}: not a directory, expected a directory of migrations"]


@pytest.mark.parametrize("files", [{}, {"README.md": "nothing yet"}], ids=["empty", "no SQL"])
def test_no_migration(tmp_path: Path, files: dict[str, str]) -> None:
    """A folder without a migration is an error: nothing to apply must never look like success."""
    said = f'{SHOWN}: no migrations, expected files NNNN_name.sql | create the first one with "tenantry new NAME"'
    assert refuse(write_files(tmp_path, files)) == [said]


def test_directory_named_like_a_file(tmp_path: Path) -> None:
    """A directory that is named like a migration is an error."""
    (tmp_path / "0001_a.sql").mkdir()
    (tmp_path / "x.sql").mkdir()
    assert refuse(tmp_path) == [f"{SHOWN}/0001_a.sql: a directory, expected a file", f"{SHOWN}/x.sql: {NAME}"]


def test_link_out_of_the_folder(tmp_path: Path) -> None:
    """A symbolic link to a file elsewhere is an error: the folder is what was reviewed."""
    write_files(tmp_path, {"elsewhere.sql": OK})
    (tmp_path / "tenant").mkdir()
    (tmp_path / "tenant" / "0001_a.sql").symlink_to(tmp_path / "elsewhere.sql")
    assert refuse(tmp_path / "tenant") == [
        f"{SHOWN}/0001_a.sql: a symbolic link that leaves the folder, expected a file in it"
    ]


def test_link_within_the_folder(tmp_path: Path) -> None:
    """A symbolic link within the folder is a file like any other."""
    write_files(tmp_path / "old", {"a.sql": OK})
    (tmp_path / "0001_a.sql").symlink_to("old/a.sql")
    assert [file.sql for file in read_migrations(tmp_path, SHOWN).migrations] == [OK]


def test_linked_folder(tmp_path: Path) -> None:
    """The folder itself may be reached through a symbolic link."""
    write_files(tmp_path / "real", {"0001_a.sql": OK})
    (tmp_path / "tenant").symlink_to("real")
    (tmp_path / "real" / "0002_b.sql").symlink_to("0001_a.sql")
    assert [file.version for file in read_migrations(tmp_path / "tenant", SHOWN).migrations] == [1, 2]


@pytest.mark.parametrize("target", ["nowhere.sql", "0001_a.sql"], ids=["to nothing", "to itself"])
def test_broken_link(tmp_path: Path, target: str) -> None:
    """A symbolic link that leads to no file is an error that names it."""
    (tmp_path / "0001_a.sql").symlink_to(target)
    assert [said.split(":")[0] for said in refuse(tmp_path)] == [f"{SHOWN}/0001_a.sql"]


def test_broken_link_to_a_rollback(tmp_path: Path) -> None:
    """A rollback that leads to no file is an error too: nothing is skipped silently."""
    write_files(tmp_path, {"0001_a.sql": OK})
    (tmp_path / "0001_a.rollback.sql").symlink_to("nowhere.sql")
    assert refuse(tmp_path) == [f"{SHOWN}/0001_a.rollback.sql: no such file or directory"]


@contextmanager
def without_privileges() -> Iterator[None]:
    """Give up what root may read, for a moment: otherwise it could read every file."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("unreadable", ["0001_a.sql", "."], ids=["file", "folder"])
def test_unreadable(unreadable: str) -> None:
    """What may not be read is an error that names it."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = write_files(Path(parent) / "tenant", {"0001_a.sql": OK})
        (folder / unreadable).chmod(0)
        with without_privileges():
            said = refuse(folder)
        folder.chmod(0o700)
    expected = {
        "0001_a.sql": f"{SHOWN}/0001_a.sql: permission denied",
        ".": f"{SHOWN}: permission denied, expected a directory of migrations",
    }
    assert said == [expected[unreadable]]


# Numbers for new files

NUMBERS = {
    "empty folder": ((), 0),
    "after the highest": (("0001_a.sql", "0010_b.sql", "2_c.sql"), 11),
    "a gap stays": (("0001_a.sql", "0003_b.sql"), 4),
    "rollbacks and faulty names count": (("0001_a.sql", "0007_Bad.sql", "0009_x.rollback.sql"), 10),
    "others do not": (("README.md", "notes.sql", "0001_a.sql"), 2),
}


@pytest.mark.parametrize(("existing", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_next_version(tmp_path: Path, existing: tuple[str, ...], expected: int) -> None:
    """A new file gets the number after the highest that is in use, faulty files included."""
    assert next_version(write_files(tmp_path, dict.fromkeys(existing, OK))) == expected


STRAYS = {
    "a subfolder": ("2026/0001_b.sql", ()),
    "upper case": ("2026/0001_B.SQL", ()),
    "of another set": ("old/0001_b.sql", ("migrations/other",)),
}


@pytest.mark.parametrize(("stray", "apart"), STRAYS.values(), ids=STRAYS)
def test_migration_in_a_subfolder(tmp_path: Path, stray: str, apart: tuple[str, ...]) -> None:
    """A migration that no run would ever read is refused: it would pass for one that was applied."""
    folder = tmp_path / "migrations"
    for path in (folder / "0000_a.sql", folder / stray):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("SELECT 1;")
    with pytest.raises(MigrationFileError) as caught:
        read_directory(folder, "migrations", apart=[tmp_path / one for one in apart])
    assert [problem.message for problem in caught.value.problems] == [
        f"migrations/{stray}: in a subfolder, expected migrations only in the folder itself"
    ]


@pytest.mark.parametrize(
    "below", ["master/0000_a.sql", "checks/0000_a.sql", "repeatable/views.sql", ".git/0000_a.sql", "seeds/rooms.sql"]
)
def test_what_may_be_in_a_subfolder(tmp_path: Path, below: str) -> None:
    """Another set, checks, repeatables and files without a number may lie below a folder of migrations."""
    for path in (tmp_path / "0000_a.sql", tmp_path / below):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("SELECT 1;")
    assert len(read_directory(tmp_path, "m", apart=[tmp_path, tmp_path / "master"]).migrations) == 1


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """What is wrong with a folder is said of that folder, and once."""
    (tmp_path / "file").write_text("")
    for name, reason in {"file": "not a directory", "none": "no such file or directory"}.items():
        with pytest.raises(MigrationFileError) as caught:
            read_directory(tmp_path / name, name)
        assert [one.message for one in caught.value.problems] == [
            f"{name}: {reason}, expected a directory of migrations"
        ]
