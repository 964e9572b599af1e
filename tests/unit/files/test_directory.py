"""The folder of migrations: what is read of it, in which order, and the number of the next file."""

from pathlib import Path

import pytest

from tenantry.files.directory import next_version, read_migrations
from tenantry.model.checksum import checksum
from tests.builders import migration, write_files
from tests.places import ROOT, TESTS
from tests.unit.files.fix_folder import OK, SHOWN, read, read_one, refuse

DATA = TESTS / "data" / "files"
NEWER = 'write "-- parse: server" in the header if the server is newer than the parser and accepts this'


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


def test_all_faults_at_once() -> None:
    """Every fault of every file of a folder is named in one go."""
    expected = (DATA / "faulty.txt").read_text("utf-8")
    assert "".join(f"{said}\n" for said in refuse(DATA / "faulty", "\nhint: ")) == expected


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
