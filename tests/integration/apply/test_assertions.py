"""Assertions on a real server: what holds, what is said of what does not, and that nothing stays behind."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus

import tenantry.postgres.answers
from tenantry.apply.assertions import find_unmet
from tenantry.files.directory import read_migrations
from tenantry.model.errors import MigrationFileError
from tenantry.model.events import MigrationFailed, MigrationStarted
from tenantry.model.results import Result
from tenantry.postgres.sessions import Connection
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import MakeSite

ROOMS = """
CREATE TABLE rooms (name text, fee integer);
INSERT INTO rooms VALUES ('A', 1), ('A', 2), ('B', 3);
CREATE DOMAIN yes AS boolean;
CREATE SEQUENCE numbers;
CREATE FUNCTION empty() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN DELETE FROM rooms; RETURN true; END $$;
CREATE FUNCTION escape() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM rooms; RETURN true; END $$;
"""
TRUE = "expected true"


@pytest.fixture(params=["alone", "in a transaction"])
def connection(database: MakeDatabase, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """Return a connection to a database with rooms: idle, then within a transaction that may write."""
    with psycopg.connect(database(), autocommit=True) as connection:
        connection.execute(ROOMS)
        if request.param != "alone":
            connection.execute("BEGIN")
        yield connection


def ask(connection: Connection, folder: Path, *lines: str, key: str = "require") -> list[str]:
    """Put the assertions of a file with this header to a database; return what is said: `line:column: words`."""
    text = "".join(f"-- {line}\n" for line in lines) + "SELECT 1;\n"
    (folder / "0001_rooms.sql").write_text(text, "utf-8")
    (migration,) = read_migrations(folder, "t").migrations
    status = connection.info.transaction_status
    unmet = find_unmet(connection, migration, key)
    assert connection.info.transaction_status is status
    return [f"{each.at.line}:{each.at.column}: {each.said}{' (absent)' if each.absent else ''}" for each in unmet]


HOLDS = {
    "true": "SELECT true",
    "a domain": "SELECT CAST(true AS yes)",
    "true and words": "SELECT true, 'all is well'",
    "values": "VALUES (true)",
    "a percent sign": "SELECT 7 % 4 = 3 AND 'as' LIKE '%s'",
    "in parentheses": "(SELECT count(*) = 3 FROM rooms)",
    "a comment at its end": "SELECT true -- that is all",
    "a colon": "SELECT ':' = ':'",
    "several": "SELECT true; SELECT count(*) = 3 FROM rooms;",
}


@pytest.mark.parametrize("query", HOLDS.values(), ids=HOLDS)
def test_holds(connection: Connection, tmp_path: Path, query: str) -> None:
    """A query whose one row begins with true holds."""
    assert ask(connection, tmp_path, f"require: {query}") == []


FAILS = {
    "false": ("SELECT false", f"returned false, {TRUE}"),
    "null": ("SELECT CAST(NULL AS boolean)", f"returned null, {TRUE}"),
    "words": ("SELECT count(*) = 0, count(*) || ' rooms' FROM rooms", "3 rooms"),
    "no words": ("SELECT false, CAST(NULL AS text)", f"returned false, {TRUE}"),
    "words and null": ("SELECT CAST(NULL AS boolean), 'nobody knows'", "nobody knows"),
    "a number": ("SELECT 1, 'one'", f"returned 1, {TRUE}"),
    "text": ("SELECT 'true'", f"returned 'true', {TRUE}"),
    "no row": ("SELECT true WHERE false", "returned no row, expected one row that begins with true"),
    "rows": (
        "SELECT true FROM pg_class AS a, pg_class AS b, pg_class AS c, pg_class AS d",
        "returned more than one row, expected one row that begins with true",
    ),
    "no column": ("SELECT", "returned 0 columns, expected true and, optionally, a text"),
    "three columns": ("SELECT true, '', 1", "returned 3 columns, expected true and, optionally, a text"),
    "an error": ("SELECT 1 / count(*) = 1 FROM rooms WHERE false", "division by zero (SQLSTATE 22012)"),
}


@pytest.mark.parametrize(("query", "expected"), FAILS.values(), ids=FAILS)
def test_fails(connection: Connection, tmp_path: Path, query: str, expected: str) -> None:
    """What does not hold is said in words of the query's own where it has some, at the query's place."""
    assert ask(connection, tmp_path, f"require: {query}") == [f"1:13: {expected}"]


def test_places(connection: Connection, tmp_path: Path) -> None:
    """Each statement that does not hold is told, where it begins, or where the server says."""
    lines = ("require:", "```", "  SELECT true;", "  SELECT false; SELECT", "  fees = 1 FROM rooms", "```")
    assert ask(connection, tmp_path, "Rates.", *lines, "require: SELECT false") == [
        f"5:6: returned false, {TRUE}",
        '6:6: column "fees" does not exist (SQLSTATE 42703) (absent)',
        f"8:13: returned false, {TRUE}",
    ]


ABSENT = {
    "table": ("SELECT true FROM desks", 'relation "desks" does not exist (SQLSTATE 42P01)', 30),
    "column": ("SELECT fees = 1 FROM rooms", 'column "fees" does not exist (SQLSTATE 42703)', 20),
    "function": ("SELECT fee_of(1) = 1", "function fee_of(integer) does not exist (SQLSTATE 42883)", 20),
    "schema": ("SELECT a.b()", 'schema "a" does not exist (SQLSTATE 3F000)', 20),
    "type": ("SELECT CAST(1 AS fee) = 1", 'type "fee" does not exist (SQLSTATE 42704)', 30),
}


@pytest.mark.parametrize(("query", "expected", "column"), ABSENT.values(), ids=ABSENT)
def test_absent(connection: Connection, tmp_path: Path, query: str, expected: str, column: int) -> None:
    """A query about what is not there is told apart: a file that comes before may make it."""
    assert ask(connection, tmp_path, f"require: {query}") == [f"1:{column}: {expected} (absent)"]


WRITES = {
    "in a function": ("SELECT empty()", "cannot execute DELETE in a read-only transaction (SQLSTATE 25006)"),
    "a sequence": (
        "SELECT nextval('numbers') > 0",
        "cannot execute nextval() in a read-only transaction (SQLSTATE 25006)",
    ),
}


@pytest.mark.parametrize(("query", "expected"), WRITES.values(), ids=WRITES)
def test_writes(connection: Connection, tmp_path: Path, query: str, expected: str) -> None:
    """A query that would write fails, whatever it calls, and has changed nothing."""
    assert ask(connection, tmp_path, f"require: {query}") == [f"1:13: {expected}"]
    assert connection.execute("SELECT count(*) FROM rooms").fetchone() == (3,)


def test_cannot_begin_to_write(connection: Connection, tmp_path: Path) -> None:
    """A query cannot set its transaction back to writing."""
    (said,) = ask(connection, tmp_path, "require: SELECT escape()")
    assert said in {
        "1:13: transaction read-write mode must be set before any query (SQLSTATE 25001)",
        "1:13: cannot set transaction read-write mode inside a read-only transaction (SQLSTATE 25001)",
    }
    assert connection.execute("SELECT count(*) FROM rooms").fetchone() == (3,)


def test_leaves_nothing(connection: Connection, tmp_path: Path) -> None:
    """Whatever is found, the connection writes as before, with the settings that it had."""
    connection.execute("SET statement_timeout = '7s'; SET search_path = public, pg_temp")
    ask(connection, tmp_path, "require: SELECT false", "require: SELECT set_config('search_path', 'x', false) = ''")
    shown = connection.execute(
        "SELECT current_setting('statement_timeout'), current_setting('search_path'),"
        " current_setting('transaction_read_only'), (SELECT count(*) FROM pg_cursors)"
    ).fetchone()
    assert shown == ("7s", "public, pg_temp", "off", 0)
    connection.execute("INSERT INTO rooms VALUES ('C', 4)")
    assert connection.info.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS)


def test_sees_the_transaction(database: MakeDatabase, tmp_path: Path) -> None:
    """Within a transaction, what it has done so far is what is asked about."""
    with psycopg.connect(database(), autocommit=True) as connection:
        connection.execute("BEGIN; CREATE TABLE desks AS SELECT 1 AS id")
        assert ask(connection, tmp_path, "ensure: SELECT count(*) = 1 FROM desks", key="ensure") == []


def test_one_key_is_asked(connection: Connection, tmp_path: Path) -> None:
    """What is ensured is not asked before, and what is required is not asked after."""
    lines = ("require: SELECT false, 'before'", "ensure: SELECT false, 'after'")
    assert ask(connection, tmp_path, *lines) == ["1:13: before"]
    assert ask(connection, tmp_path, *lines, key="ensure") == ["2:12: after"]


def test_too_long(connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that does not come to an end is cut off, and does not hold."""
    monkeypatch.setattr(tenantry.postgres.answers, "TIMEOUT_S", 0.02)
    assert ask(connection, tmp_path, "require: SELECT pg_sleep(20) IS NULL") == [
        "1:13: ran for more than 0.02 s, expected an answer"
    ]


def test_a_lock_is_no_answer(connection: Connection, tmp_path: Path) -> None:
    """A table that another session has locked says nothing about the assertion: the error is the server's."""
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE rooms")
        connection.execute("SET lock_timeout = '1ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ask(connection, tmp_path, "require: SELECT count(*) = 0 FROM rooms")


def test_refused_before_any_database(tmp_path: Path) -> None:
    """A query that does not parse, or that writes by its own words, is refused at its place when files are read."""
    header = "-- require: SELECT true; UPDATE rooms SET fee = 0\n--   ensure:\n--```\n--\tSELECT\n-- 1 1\n-- ```\n"
    (tmp_path / "0001_rooms.sql").write_text(f"{header}SELECT 1;\n")
    with pytest.raises(MigrationFileError) as caught:
        read_migrations(tmp_path, "t")
    assert [problem.message for problem in caught.value.problems] == [
        "t/0001_rooms.sql:1:26: require: not a query, expected a query that only reads",
        't/0001_rooms.sql:5:6: ensure: syntax error at or near "1"',
    ]


UNFIT = "-- {key}: SELECT count(*) = 0, count(*) || ' rooms' FROM rooms\n"
FILES = {"0001_rooms.sql": "CREATE TABLE rooms AS SELECT 1 AS id;\n"}


@pytest.mark.parametrize("mode", ["true", "false"], ids=["transactional", "not"])
def test_require(site: MakeSite, mode: str) -> None:
    """A file that requires what is not so is not begun: no row, no event, and nothing of it in the database."""
    header = f"-- transactional: {mode}\n{UNFIT.format(key='require')}"
    here = site({**FILES, "0002_desks.sql": f"{header}CREATE TABLE desks ();\n"})
    ran = here.migrate()
    assert (ran.exit_code, ran.applied, ran.of(MigrationFailed)) == (4, ["0001_rooms"], [])
    assert [event.migration.version for event in ran.of(MigrationStarted)] == [1]
    assert ran.verdict().reason == f"{here.folder}/migrations/0002_desks.sql:2:13: require: 1 rooms"
    assert (here.states(), here.has("desks")) == ({1: "applied"}, False)
    here.query("DELETE FROM rooms")
    assert here.migrate().applied == ["0002_desks"]


@pytest.mark.parametrize("left", ["", "SET search_path = pg_temp;", "SET client_encoding = latin1;"])
def test_ensure(site: MakeSite, left: str) -> None:
    """A transactional file whose end is not what it ensures is rolled back, whatever it did to its session."""
    text = f"{UNFIT.format(key='ensure')}CREATE TABLE desks (); {left}\n"
    here = site({**FILES, "0002_desks.sql": text})
    ran = here.migrate()
    assert ran.exit_code == 3
    (failed,) = ran.of(MigrationFailed)
    assert (failed.failure.message, failed.failure.line, failed.failure.column) == ("ensure: 1 rooms", 1, 12)
    assert failed.rolled_back
    assert failed.failure.excerpt.splitlines()[1].endswith("^")
    assert ran.verdict().reason == "ensure: 1 rooms, 0002_desks was rolled back"
    assert (here.states(), here.has("desks"), here.logged()[-1]) == ({1: "applied"}, False, (2, "failed"))


def test_ensure_outside_a_transaction(site: MakeSite) -> None:
    """A non-transactional file that does not ensure its end is unfinished at its end, and then only asked again."""
    text = f"-- transactional: false\n{UNFIT.format(key='ensure')}CREATE TABLE desks ();\nCREATE TABLE lamps ();\n"
    here = site({**FILES, "0002_desks.sql": text})
    assert here.migrate().exit_code == 3
    row = here.rows()[-1]
    assert (row.state.value, row.statements, row.statements_done) == ("failed", 2, 2)
    assert here.migrate().exit_code == 3
    here.query("DELETE FROM rooms")
    assert here.migrate().exit_code == 0
    assert here.states() == {1: "applied", 2: "applied"}


def test_met(site: MakeSite) -> None:
    """A file that finds and leaves what it says is applied as any other, on a database that is read before."""
    text = (
        "-- require: SELECT count(*) = 1 FROM rooms\n-- ensure: SELECT count(*) = 2 FROM rooms\n"
        "INSERT INTO rooms VALUES (2);\n"
    )
    here = site({**FILES, "0002_more.sql": text})
    assert here.migrate().exit_code == 0
    assert here.rows()[-1].statements == 1


def test_costs_nothing(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without assertions is asked nothing: no statement is sent for what it does not require."""

    def ask(*_: object) -> Iterator[tuple[str, int, bool]]:
        raise AssertionError("asked")

    monkeypatch.setattr("tenantry.apply.assertions._ask", ask)
    assert site(FILES).migrate().exit_code == 0


def test_require_behind_a_lock(site: MakeSite) -> None:
    """A table that is locked while a file's requirement is asked blocks the tenant, and is no answer."""
    here = site({**FILES, "0002_desks.sql": f"{UNFIT.format(key='require')}SELECT 1;\n"})
    here.migrate()
    with psycopg.connect(here.dsn()) as other:
        other.execute("LOCK TABLE rooms")
        ran = here.migrate(here.project(lock_timeout_ms=1, lock_wait_s=0.1))
    assert ran.results == {"1": Result.BLOCKED}
