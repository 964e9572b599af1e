"""A file that changes the ledger itself, on each server: noticed inside its transaction, and undone with it."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import psycopg
import pytest

from tenantry.model.events import MigrationFailed
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Ran, Row, Site, at_once, make_migration, wait_until

ROOMS = make_migration(1, "rooms", "CREATE TABLE rooms (id int PRIMARY KEY);\n")
TOUCHES = {
    "deletes a row": "DELETE FROM _migrations WHERE version = 1;",
    "changes a row": "UPDATE _migrations SET checksum = 'other' WHERE version = 1;",
    "adds a row": (
        "INSERT INTO _migrations SELECT 9, name, checksum, origin, state, set_name, tenant, started_at, finished_at,"
        " elapsed_ms, statements, statements_done, applied_by, run_id, tool_version, git_commit, sql_text, layout"
        " FROM _migrations WHERE version = 1;"
    ),
    "truncates it": "TRUNCATE _migrations;",
    "in a part of the transaction": (
        "DO $$ BEGIN UPDATE _migrations SET name = 'other'; EXCEPTION WHEN division_by_zero THEN NULL; END $$;"
    ),
    "deletes from the log": "DELETE FROM _migrations_log;",
    "changes the log": "UPDATE _migrations_log SET reason = 'other';",
    "truncates the log": "TRUNCATE _migrations_log;",
}


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_touches_the_ledger(any_site: MakeSite, touch: str, *, transactional: bool) -> None:
    """A file that changes a row of the ledger or its log fails, its statement is undone, and the reason says so."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    rows, logged = here.rows(), here.logged()
    text = f"SELECT 1;\n{touch}\n"
    ran = here.migrate(migrations=[ROOMS, make_migration(2, "touch", text, transactional=transactional)])
    assert ran.verdict().result is Result.FAILED
    (failed,) = ran.of(MigrationFailed)
    assert failed.failure.message == (
        "it changes rows of public._migrations or its log, which are the record of what was applied"
    )
    assert here.rows()[:1] == rows
    assert here.logged()[: len(logged)] == logged


def test_reads_the_ledger(any_site: MakeSite) -> None:
    """A file may read the ledger, and one that follows it in the same session is no worse for the records before it."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    more = [make_migration(version, f"m{version}", "SELECT count(*) FROM _migrations;") for version in (2, 3, 4)]
    ran = here.migrate(migrations=[ROOMS, *more])
    assert ran.verdict().result is Result.APPLIED
    assert here.states() == dict.fromkeys((1, 2, 3, 4), "applied")


def test_takes_back_what_it_touched(any_site: MakeSite) -> None:
    """A file that undoes its own change of the ledger has changed nothing, though the session has counted the rows."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    text = (
        "DO $$ BEGIN UPDATE _migrations SET name = 'other'; RAISE division_by_zero;"
        " EXCEPTION WHEN division_by_zero THEN NULL; END $$;"
    )
    ran = here.migrate(migrations=[ROOMS, make_migration(2, "undone", text), make_migration(3, "next", "SELECT 1;")])
    assert ran.verdict().result is Result.APPLIED
    assert [(row.version, row.name) for row in here.rows()] == [(1, "rooms"), (2, "undone"), (3, "next")]


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_touches_where_nothing_is_counted(any_site: MakeSite, touch: str, *, transactional: bool) -> None:
    """A server that keeps no statistics does not keep a change of the ledger from being noticed."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    ((name,),) = here.query("SELECT current_database()")
    here.query(f'ALTER DATABASE "{name}" SET track_counts = off')
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    rows, logged = here.rows(), here.logged()
    step = make_migration(2, "touch", f"SELECT 1;\n{touch}\n", transactional=transactional)
    assert here.migrate(migrations=[ROOMS, step]).verdict().result is Result.FAILED
    assert here.rows()[:1] == rows
    assert here.logged()[: len(logged)] == logged


STOPS = {
    "SET": "SET Track_Counts = off;",
    "set_config": "SELECT set_config('track' || '_counts', 'off', false);",
    "pg_settings": "UPDATE pg_settings SET setting = 'off' WHERE name LIKE 'track_count_';",
}
DELETES = "deletes from the log"
STOPPED = [("SET", touch) for touch in TOUCHES] + [("set_config", DELETES), ("pg_settings", DELETES)]


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize(("stop", "touch"), STOPPED)
def test_touches_while_nothing_is_counted(any_site: MakeSite, stop: str, touch: str, *, transactional: bool) -> None:
    """Nor does a file that has the server stop counting, changes the ledger, and has the server count again."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    rows, logged = here.rows(), here.logged()
    step = make_migration(2, "touch", f"{STOPS[stop]}\n{TOUCHES[touch]}\nRESET ALL;\n", transactional=transactional)
    assert here.migrate(migrations=[ROOMS, step]).verdict().result is Result.FAILED
    assert here.rows()[:1] == rows
    assert here.logged()[: len(logged)] == logged


ALTERS = ("ALTER TABLE _migrations ALTER git_commit SET DEFAULT 'x'", "CREATE INDEX i ON _migrations_log (version)")
ADDS = """
CREATE FUNCTION add() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF to_regclass('public._migrations') IS NOT NULL THEN
        ALTER TABLE public._migrations ADD IF NOT EXISTS more int;
    END IF;
END $$;
CREATE EVENT TRIGGER added ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION add()
"""
SLOW = "CREATE TABLE desks (id int);\nSELECT pg_sleep(2);\n"
ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
FOREIGN = "public._migrations: not as tenantry created it, expected the table as tenantry creates it"


@pytest.mark.parametrize("change", ALTERS)
def test_a_first_file_changes_the_tables(any_site: MakeSite, change: str) -> None:
    """A file that changes the definition of the tables is refused also in the transaction that has created them."""
    here = any_site({"0001_rooms.sql": f"{ROOMS.text}{change};\n"})
    verdict = here.migrate().verdict()
    assert (verdict.result, verdict.reason.partition(": it is")[0]) == (Result.REFUSED, FOREIGN)
    assert not here.has("rooms")


def test_an_event_trigger_changes_new_tables(any_site: MakeSite) -> None:
    """Where an event trigger adds to each table that is created, the ledger is refused before anything is written."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    here.query(ADDS)
    verdict = here.migrate().verdict()
    assert (verdict.result, verdict.reason.partition(": it is")[0]) == (Result.REFUSED, FOREIGN)
    assert not here.has("rooms")


@contextmanager
def barred(here: Site, lock_timeout_ms: int) -> Iterator[tuple[psycopg.Connection[Row], Future[Ran]]]:
    """Hold the ledger's table from the moment at which a slow file is committed: the next one cannot begin."""
    assert here.migrate().verdict().result is Result.APPLIED
    here.write({"0002_slow.sql": SLOW, "0003_beds.sql": "CREATE TABLE beds ();\n"})
    with here.connect() as holder:
        holder.autocommit = False
        with at_once(lambda: here.migrate(lock_timeout_ms=lock_timeout_ms)) as running:
            wait_until(lambda: here.query(ASLEEP) == [(1,)])
            # Waits for the transaction of that file.
            holder.execute("LOCK TABLE _migrations IN ACCESS EXCLUSIVE MODE")
            yield holder, running


def test_the_next_file_cannot_begin(any_site: MakeSite) -> None:
    """A file is applied although the transaction of the next one, in the message of its COMMIT, cannot begin."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    with barred(here, lock_timeout_ms=100) as (holder, running):
        ended = running.result()
        assert (ended.verdict().result, ended.applied) == (Result.BLOCKED, ["0002_slow"])
        holder.rollback()
    assert here.migrate().applied == ["0003_beds"]


def test_the_connection_ends_before_the_next_file(any_site: MakeSite) -> None:
    """A file is applied although the server ends the session while the next one begins, and its reason is told."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    with barred(here, lock_timeout_ms=60_000) as (holder, running):
        here.await_waiting()
        assert here.end_sessions() == 1
        holder.rollback()
        ended = running.result()
    assert (ended.verdict().result, ended.applied) == (Result.UNREACHABLE, ["0002_slow"])
    assert "terminating connection due to administrator command" in ended.verdict().reason
    assert here.migrate().applied == ["0003_beds"]


def test_a_unique_violation_of_a_table_of_the_same_name(any_site: MakeSite) -> None:
    """A deferred check of the application's own _migrations fails as the file's, not as a lost row of the ledger."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    text = (
        "CREATE SCHEMA other;\nCREATE TABLE other._migrations (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\n"
        "INSERT INTO other._migrations VALUES (1), (1);\n"
    )
    ran = here.migrate(migrations=[ROOMS, make_migration(2, "twice", text)])
    assert ran.verdict().result is Result.FAILED
    (failed,) = ran.of(MigrationFailed)
    assert failed.failure.sqlstate == "23505"


def test_another_writes_the_row_meanwhile(any_site: MakeSite) -> None:
    """A row that somebody writes by hand while the file runs is neither overwritten nor taken for its own."""
    here = any_site({"0001_rooms.sql": ROOMS.text})
    assert here.migrate(migrations=[ROOMS]).verdict().result is Result.APPLIED
    slow = make_migration(9, "slow", SLOW)
    with at_once(lambda: here.migrate(migrations=[ROOMS, slow])) as ran:
        wait_until(lambda: here.query(ASLEEP) == [(1,)])
        here.query(TOUCHES["adds a row"])
    verdict = ran.result().verdict()
    assert verdict.result is Result.REFUSED
    assert verdict.reason == "public._migrations: the row was not stored, expected a plain table"
    assert not here.has("desks")
