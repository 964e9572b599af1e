"""Checks on a real server: what holds, what is said of what does not, and that nothing stays behind."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus

import tenantry.postgres.answers
from tenantry.files.checks import read_checks
from tenantry.model import Migration
from tenantry.model.errors import MigrationFileError
from tenantry.postgres.sessions import Connection
from tenantry.proof.checks import Complaint, run_checks
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import make_migration
from tests.places import ROOT

# Files of checks, run against a database that has these versions; each complaint without its excerpt.
RunChecks = Callable[..., list[str]]

TWO = (make_migration(1, "rooms", "SELECT 1"), make_migration(2, "desks", "SELECT 1"))
HOLDS = {
    "no row": "SELECT FROM rooms WHERE fee < 0",
    "one that is true": "SELECT count(*) = 2 FROM rooms",
    "a domain that is true": "SELECT CAST(true AS yes)",
    "limit": "SELECT name, fee FROM rooms LIMIT 0",
    "a percent sign": "SELECT 7 % 4 = 3 AND 'as' LIKE '%s'",
    "values": "VALUES (true)",
    "a table": "TABLE nothing",
    "several": "SELECT true; SELECT FROM rooms WHERE false;",
}
ONE = "expected no row, or one that is true"
FAILS = {
    "false": ("SELECT false", f"returned (false), {ONE}"),
    "null": ("SELECT CAST(NULL AS boolean)", f"returned (null), {ONE}"),
    "text": ("SELECT 't'", f"returned ('t'), {ONE}"),
    "the number one": ("SELECT count(*) - 1 FROM rooms", f"returned (1), {ONE}"),
    "one and no more, as a fraction": ("SELECT 1.0", f"returned (1.0), {ONE}"),
    "true and more": ("SELECT true, 2", f"returned (true, 2), {ONE}"),
    "no column": ("SELECT", f"returned (), {ONE}"),
    "what Python has no value for": ("SELECT CAST('infinity' AS date)", f"returned ('infinity'), {ONE}"),
    "much": ("SELECT repeat('x', 1000)", f"returned ('{'x' * 99}...), {ONE}"),
    "two rows": ("SELECT name FROM rooms", "returned 2 rows, expected none, or one that is true"),
    "two that are true": ("VALUES (true), (true)", "returned 2 rows, expected none, or one that is true"),
    "no query": ("SET LOCAL work_mem = '1MB'", "not a query, expected a SELECT"),
    "inserts": (
        "INSERT INTO rooms VALUES ('x', 1)",
        "cannot execute INSERT in a read-only transaction (SQLSTATE 25006)",
    ),
    "writes in a query": (
        "WITH gone AS (DELETE FROM rooms RETURNING 1) SELECT FROM gone",
        "cannot execute SELECT in a read-only transaction (SQLSTATE 25006)",
    ),
    "writes in a function": (
        "SELECT nextval('numbers') > 0",
        "cannot execute nextval() in a read-only transaction (SQLSTATE 25006)",
    ),
    "creates": (
        "CREATE TABLE here (id int)",
        "cannot execute CREATE TABLE in a read-only transaction (SQLSTATE 25006)",
    ),
    "makes itself writable": (
        "SELECT set_config('transaction_read_only', 'off', true) = 'off'",
        "transaction read-write mode must be set before any query (SQLSTATE 25001)",
    ),
    "commits in a block": ("DO $$ BEGIN COMMIT; END $$", "invalid transaction termination (SQLSTATE 2D000)"),
}
REFUSED = {
    "syntax error": ("SELECT true;\nSELCT 1", 'checks/a.sql:2:1: syntax error at or near "SELCT"'),
    "COMMIT": ("SELECT true;\n  COMMIT;\nDROP TABLE rooms", "checks/a.sql:2:3: COMMIT"),
    "COPY from the client": ("COPY rooms FROM STDIN", "checks/a.sql:1:1: COPY"),
    "COPY to the client": ("SELECT true; COPY rooms TO STDOUT", "checks/a.sql:1:14: COPY"),
}
HEADER = "not a valid header, expected -- from: and a version"
NEARLY = {
    "capital": "-- From: 10",
    "no colon": "-- from 10",
    "equals": "-- from = 10",
    "three dashes": "--- from: 10",
    "in words": "-- FROM version 10",
    "more behind it": "-- from: 10 on",
    "block comment": "/* from: 10 */",
}
SKIPPED = "no SQL file in it is skipped silently"
MISPLACED = f"move it into checks itself, or out of it: {SKIPPED}"
UNKNOWN = {
    "not there": "0003",
    "no number": "soon",
    "nothing": "",
    "another's digits": "²",
    "too long": "9" * 5000,
    "below zero": "-1",
}


@pytest.fixture
def connection(database: MakeDatabase) -> Iterator[Connection]:
    """Return a connection to a database of two rooms."""
    with psycopg.connect(database(), autocommit=True, prepare_threshold=None) as found:
        found.execute("CREATE TABLE rooms (name text, fee int)")
        found.execute("INSERT INTO rooms VALUES ('Großer Saal', 10), ('B', 20)")
        found.execute("CREATE TABLE nothing (id int); CREATE DOMAIN yes AS boolean; CREATE SEQUENCE numbers")
        yield found


@pytest.fixture
def run(connection: Connection, tmp_path: Path) -> RunChecks:
    """Return a callable that runs files of checks: `run({"a.sql": ...}, applied={1, 2}) -> complaints`."""

    def call(files: Mapping[str, str] | str, applied: frozenset[int] = frozenset({1, 2})) -> list[str]:
        return [one.message for one in complain(connection, tmp_path, files, applied)]

    return call


def complain(
    connection: Connection, folder: Path, files: Mapping[str, str] | str, applied: frozenset[int] = frozenset({1, 2})
) -> list[Complaint]:
    """Write files of checks, or the one that is given, and return all that does not hold."""
    checks = read_checks(write(folder, files), "m", TWO)
    return list(run_checks(connection, checks, set(applied)))


def write(folder: Path, files: Mapping[str, str] | str) -> Path:
    """Write files of checks beside migrations, whose folder is returned."""
    (folder / "checks").mkdir(exist_ok=True)
    for name, text in ({"a.sql": files} if isinstance(files, str) else files).items():
        (folder / "checks" / name).parent.mkdir(exist_ok=True)
        (folder / "checks" / name).write_text(text, "utf-8")
    return folder


def refuse(folder: Path, files: Mapping[str, str] | str, migrations: tuple[Migration, ...] = TWO) -> list[str]:
    """Read files of checks that are wrong, and return what is said."""
    with pytest.raises(MigrationFileError) as caught:
        read_checks(write(folder, files), "m", migrations)
    return [f"{problem.message} | {problem.hint}" for problem in caught.value.problems]


class TestAnswer:
    @pytest.mark.parametrize("text", HOLDS.values(), ids=HOLDS)
    def test_holds(self, run: RunChecks, text: str) -> None:
        """A check holds where each of its statements returns no row, or one that is true."""
        assert run(text) == []

    @pytest.mark.parametrize(("text", "said"), FAILS.values(), ids=FAILS)
    def test_fails(self, run: RunChecks, connection: Connection, text: str, said: str) -> None:
        """Whatever else a statement does is named, nothing of it stays, and the next ones are run as ever."""
        assert run({"a.sql": f"SELECT true;\n{text};\nSELECT 0", "b.sql": "SELECT false"}) == [
            f"m/checks/a.sql:2:1: {said}",
            f"m/checks/a.sql:3:1: returned (0), {ONE}",
            f"m/checks/b.sql:1:1: returned (false), {ONE}",
        ]
        assert connection.info.transaction_status is TransactionStatus.IDLE
        assert connection.execute("SELECT sum(fee), to_regclass('here') FROM rooms").fetchone() == (30, None)

    def test_each_server(self, any_database: MakeDatabase, tmp_path: Path) -> None:
        """Each server's answers and errors are judged alike."""
        with psycopg.connect(any_database(), autocommit=True, prepare_threshold=None) as connection:
            found = complain(connection, tmp_path, "SELECT true; SELECT false; CREATE TABLE x (); SELECT x.y FROM x")
        assert [one.message for one in found] == [
            f"m/checks/a.sql:1:14: returned (false), {ONE}",
            "m/checks/a.sql:1:28: cannot execute CREATE TABLE in a read-only transaction (SQLSTATE 25006)",
            'm/checks/a.sql:1:63: relation "x" does not exist (SQLSTATE 42P01)',
        ]


class TestPlace:
    def test_unknown_column(self, connection: Connection, tmp_path: Path) -> None:
        """What the server does not know is shown at its place in the file, which is counted in characters."""
        text = "-- Säle 🎸\nSELECT true;\n\nSELECT 'ü🎸', name\nFROM rooms /* é */ WHERE price > 0;\n"
        (found,) = complain(connection, tmp_path, text)
        assert found.message == 'm/checks/a.sql:5:26: column "price" does not exist (SQLSTATE 42703)'
        assert [line.rstrip() for line in found.excerpt.splitlines()][-2:] == [
            "5 | FROM rooms /* é */ WHERE price > 0;",
            "  |                          ^",
        ]

    def test_run_time_error(self, run: RunChecks) -> None:
        """What the server gives no place for is shown where its statement begins."""
        assert run("SELECT true;\n\n  SELECT 1 / (fee - fee) = 0 FROM rooms") == [
            "m/checks/a.sql:3:3: division by zero (SQLSTATE 22012)"
        ]

    @pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
    def test_refused_up_front(self, tmp_path: Path, text: str, said: str) -> None:
        """What no check can say is refused before any connection is made, at its place."""
        (found,) = refuse(tmp_path, text)
        assert found.startswith(f"m/{said}")

    def test_all_files_at_once(self, tmp_path: Path) -> None:
        """All that is wrong in all files is named at once."""
        found = refuse(tmp_path, {"a.sql": "SELCT 1", "b.sql": "SELECT true", "c.sql": "-- from: 7\nSELECT true"})
        assert found == [
            'm/checks/a.sql:1:1: syntax error at or near "SELCT"'
            " | correct it: only a server newer than PostgreSQL 18 might know it",
            "m/checks/c.sql:1: from: no migration '7', expected a version | write it as in \"-- from: 0010\"",
        ]


class TestSince:
    @pytest.mark.parametrize("version", UNKNOWN.values(), ids=UNKNOWN)
    def test_unknown(self, tmp_path: Path, version: str) -> None:
        """A version that no migration has is refused, with how it is to be written."""
        said = f"m/checks/a.sql:2: from: no migration {version!r}, expected a version"
        assert refuse(tmp_path, f"-- Pages.\n-- from: {version}\nSELECT true") == [
            f'{said} | write it as in "-- from: 0010"'
        ]

    @pytest.mark.parametrize("version", ["2", "0002", "0002_desks"])
    def test_newer_than_the_tenant(self, run: RunChecks, version: str) -> None:
        """A check is run from its version on, and not on a tenant that is not there yet."""
        text = f"-- The pages.\n-- from: {version}\nSELECT false"
        assert run(text, frozenset({1})) == []
        assert run(text, frozenset({1, 2})) == [f"m/checks/a.sql:3:1: returned (false), {ONE}"]

    def test_no_version(self, run: RunChecks) -> None:
        """A check that names no version is run on every tenant."""
        assert run("SELECT false", frozenset()) == [f"m/checks/a.sql:1:1: returned (false), {ONE}"]

    @pytest.mark.parametrize("line", NEARLY.values(), ids=NEARLY)
    def test_nearly_right(self, tmp_path: Path, line: str) -> None:
        """A line that is nearly a header is refused, with how it is to be written."""
        assert refuse(tmp_path, f"-- Pages.\n\n{line}\nSELECT true") == [
            f"m/checks/a.sql:3: {line!r}: {HEADER}"
            ' | write it as in "-- from: 0010", or reword the comment if it is not meant as a header'
        ]

    def test_given_twice(self, tmp_path: Path) -> None:
        """Of two versions, neither is taken."""
        found = refuse(tmp_path, "-- from: 1\n-- from: 2\nSELECT true")
        assert found == ["m/checks/a.sql:2: from: given twice, expected once | delete one of the two"]

    @pytest.mark.parametrize("start", ["\n", "-- Pages.\n\n", "/* Pages. */\n", "  "])
    def test_what_stands_before(self, run: RunChecks, start: str) -> None:
        """Neither an empty line nor another comment before it switches a header off."""
        assert run(f"{start}-- from: 2\nSELECT false", frozenset({1})) == []

    def test_prose(self, tmp_path: Path) -> None:
        """A comment that only has the word in it is no header."""
        (check,) = read_checks(write(tmp_path, "-- From the page: rooms\n-- from rooms\nSELECT true"), "m", TWO)
        assert check.since is None

    def test_below_the_header(self, run: RunChecks) -> None:
        """A comment between statements is no header."""
        assert run("SELECT true;\n-- from: 0009\nSELECT true") == []


class TestLimits:
    def test_hangs(self, run: RunChecks, monkeypatch: pytest.MonkeyPatch) -> None:
        """A check that gives no answer is ended by the server, named, and the next one is run."""
        monkeypatch.setattr(tenantry.postgres.answers, "TIMEOUT_S", 0.1)
        assert run("SELECT pg_sleep(60); SELECT false") == [
            "m/checks/a.sql:1:1: ran for more than 0.1 s, expected an answer",
            f"m/checks/a.sql:1:22: returned (false), {ONE}",
        ]

    def test_cancelled(self, run: RunChecks, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        """A check that is cancelled before its time is no complaint: the error goes to whoever runs it."""
        text = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)"
        with pytest.raises(psycopg.errors.QueryCanceled):
            run(text)
        assert connection.info.transaction_status is TransactionStatus.IDLE

    def test_connection_lost(self, run: RunChecks) -> None:
        """A connection that breaks is no complaint."""
        with pytest.raises(psycopg.OperationalError):
            run("SELECT pg_terminate_backend(pg_backend_pid())")

    def test_settings_come_back(self, run: RunChecks, connection: Connection) -> None:
        """A check leaves the session as it was."""
        connection.execute("SET statement_timeout = '77s'")
        assert (
            run("SELECT set_config('search_path', 'nowhere', false) = 'nowhere'; SELECT count(*) = 2 FROM rooms") == []
        )
        shown = connection.execute("SELECT current_setting('statement_timeout'), current_setting('search_path')")
        assert shown.fetchone() == ("77s", '"$user", public')


class TestFolder:
    def test_none(self, tmp_path: Path) -> None:
        """A set without the folder has no checks."""
        assert read_checks(tmp_path, "m", TWO) == ()

    def test_by_name(self, tmp_path: Path) -> None:
        """Files are run by name; only those of SQL are checks."""
        write(tmp_path, {"b.sql": "SELECT 1", "a.sql": "-- from: 1\nSELECT 2; SELECT 3", "README.md": "none"})
        checks = read_checks(tmp_path, "m", TWO)
        assert [(check.path, len(check.statements), check.since) for check in checks] == [
            ("m/checks/a.sql", 2, 1),
            ("m/checks/b.sql", 1, None),
        ]

    def test_nothing_is_skipped(self, tmp_path: Path) -> None:
        """What is named like SQL and would not be run is refused, and so is a file that says nothing."""
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "x.sql").write_text("SELECT true")
        (tmp_path / "checks").mkdir()
        (tmp_path / "checks" / "linked").symlink_to(tmp_path / "elsewhere")
        files = {"a.SQL": "SELECT true", "b.sql": "-- nothing to hold yet", "c.sql": "/* no */;", "old/d.sql": "SELECT"}
        empty = "no statement, expected a query | write a query, or delete the file: an empty check always holds"
        assert refuse(tmp_path, files) == [
            "m/checks/a.SQL: not a check file name, expected one that ends in .sql"
            f" | rename it, or move it out of the folder: {SKIPPED}",
            f"m/checks/b.sql: {empty}",
            f"m/checks/c.sql: {empty}",
            f"m/checks/linked/x.sql: in a subfolder, expected SQL files only in the folder itself | {MISPLACED}",
            f"m/checks/old/d.sql: in a subfolder, expected SQL files only in the folder itself | {MISPLACED}",
        ]

    def test_no_folder(self, tmp_path: Path) -> None:
        """A file in the place of the folder is refused."""
        (tmp_path / "checks").write_text("SELECT true")
        with pytest.raises(MigrationFileError) as caught:
            read_checks(tmp_path, "m", TWO)
        assert str(caught.value) == "m/checks: not a directory, expected a directory of checks"

    def test_line_ends(self, run: RunChecks) -> None:
        """CRLF and a byte-order mark change neither the header nor the places."""
        text = "\ufeff-- from: 0002\r\nSELECT true;\r\nSELECT nothing"
        assert run(text, frozenset({1})) == []
        assert run(text) == ['m/checks/a.sql:3:8: column "nothing" does not exist (SQLSTATE 42703)']

    def test_shipped(self, any_database: MakeDatabase) -> None:
        """The application's own checks hold on a database of all its migrations, and fail before the tenth."""
        from tenantry.files.directory import read_migrations

        folder = ROOT / "migrations" / "tenant"
        migrations = read_migrations(folder, "m").migrations
        checks = read_checks(folder, "m", migrations)
        assert {check.path for check in checks} == {
            f"m/checks/{page}.sql" for page in ("invoices", "reports", "sessions", "time_tracking")
        }
        with psycopg.connect(any_database(), autocommit=True, prepare_threshold=None) as connection:
            for migration in migrations:
                if migration.version == 10:
                    assert {one.message.split(":")[0] for one in run_checks(connection, checks, {10})} == {
                        check.path for check in checks
                    }
                connection.execute(migration.sql.encode())
            assert list(run_checks(connection, checks, {m.version for m in migrations})) == []
