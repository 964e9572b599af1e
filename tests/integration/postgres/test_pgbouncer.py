"""Behind PgBouncer in transaction mode: files apply, the lock holds, and no other client notices."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tenantry.files.repeatables import FOLDER
from tenantry.model.errors import Unreachable
from tenantry.model.events import LockAwaited, MigrationRetried, Verdict
from tenantry.model.results import Result
from tenantry.postgres.transaction import try_transaction_lock
from tests.fix_pgbouncer import StartPooler, through
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import (
    LONG_MS,
    WAIT_AT_GATE,
    MakeSite,
    Site,
    at_once,
    finish,
    lend_role,
    make_sessions,
    make_site,
    make_tenant,
)

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY);\n"}
# Whatever a file can leave behind in a session.
LEFT = {
    "search_path": "SET search_path = ''",
    "settings": "SET statement_timeout = '1h'; SET lock_timeout = 0; SET datestyle = 'German'",
    "role": "SET ROLE {role}",
    "session authorization": "SET SESSION AUTHORIZATION {role}",
    "a prepared statement": "PREPARE studio AS SELECT 1",
    "listening": "LISTEN studio",
    "a temporary table": "CREATE TEMP TABLE studio (a int)",
    "an advisory lock": "SELECT pg_catalog.pg_advisory_lock(77)",
    "a cursor": "DECLARE studio CURSOR WITH HOLD FOR SELECT 1",
}
# What a client finds in the session that it is given.
SESSION = """
SELECT 'setting', name, setting FROM pg_settings
    WHERE name IN ('search_path', 'role', 'session_authorization', 'statement_timeout', 'lock_timeout', 'DateStyle')
UNION ALL SELECT 'statement', name, statement FROM pg_prepared_statements
UNION ALL SELECT 'channel', channel, '' FROM pg_listening_channels() AS channel
UNION ALL SELECT 'table', relname, '' FROM pg_class WHERE relpersistence = 't'
UNION ALL SELECT 'lock', locktype, CAST(objid AS text) FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL SELECT 'cursor', name, statement FROM pg_cursors WHERE name <> ''
ORDER BY 1, 2
"""


@pytest.fixture
def site(pooled_database: MakeDatabase, tmp_path: Path) -> MakeSite:
    """Return a callable that makes a site whose server is a pooler."""
    return partial(make_site, pooled_database, tmp_path)


def look(here: Site, tenant: str = "1") -> set[tuple[tuple[object, ...], ...]]:
    """Return what clients of the pool find, each in a session of its own, until every session was seen."""
    clients = [here.connect(tenant) for _ in range(4)]
    try:
        for client in clients:
            client.execute("BEGIN")
        return {tuple(client.execute(SESSION).fetchall()) for client in clients}
    finally:
        for client in clients:
            client.close()


def test_applied(site: MakeSite) -> None:
    """Files are applied with their rows, one tenant after the other and all at once."""
    names = ("1", "2", "3")
    here = site(ROOMS | {"0002_beds.sql": "ALTER TABLE rooms ADD beds integer;\n"}, tenants=names)
    assert here.migrate().results == dict.fromkeys(names, Result.APPLIED)
    assert [here.states(name) for name in names] == [{1: "applied", 2: "applied"}] * 3
    assert here.migrate().results == dict.fromkeys(names, Result.UP_TO_DATE)


@pytest.mark.parametrize("ending", ["SELECT 1", "SELECT 1 / 0"], ids=["applied", "failed"])
@pytest.mark.parametrize("case", LEFT)
def test_nothing_left(site: MakeSite, case: str, ending: str) -> None:
    """Another client finds nothing in any session of the pool of what a file did to its own, applied or failed."""
    here = site(ROOMS)
    here.migrate()
    before = look(here)
    with lend_role(here) as role:
        here.write({"0002_session.sql": f"{LEFT[case].format(role=role)};\n{ending};\n"})
        ran = here.migrate()
        after = look(here)
    assert ran.results == {"1": Result.FAILED if "/" in ending else Result.APPLIED}
    assert (len(before), after) == (1, before)


def test_lock_through_the_pool(site: MakeSite, server_dsn: str) -> None:
    """Two runners through one pool do not get in each other's way: the second one waits, and has nothing to do."""
    here = site(ROOMS | {"0002_slow.sql": f"{WAIT_AT_GATE};\nCREATE TABLE beds ();\n"})
    beside = replace(here, server=server_dsn)
    with beside.gate() as opened, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
        beside.await_waiting()
        second = here.steps()
        awaited = next(event for event in second if isinstance(event, LockAwaited))
        opened()
        verdict = finish(second)
    assert ", tenantry/" in awaited.holder
    assert (first.result().applied, verdict) == (["0001_rooms", "0002_slow"], Verdict(Result.UP_TO_DATE))


def test_values(site: MakeSite) -> None:
    """A file reads the values of its own tenant, whichever session of the pool it gets."""
    names = ("1", "2", "3")
    read = "CREATE TABLE seen AS SELECT current_setting('tenantry.tenant') AS name;\n"
    here = site({"0001_seen.sql": read}, tenants=names)
    assert here.migrate().exit_code == 0
    assert [here.query("SELECT name FROM seen", name) for name in names] == [[(name,)] for name in names]


def test_name(site: MakeSite) -> None:
    """Every file of a run shows the run's name to others, a repeatable like a migration."""
    insert = "INSERT INTO seen SELECT current_setting('application_name');\n"
    here = site({"0001_seen.sql": f"CREATE TABLE seen (name text);\n{insert}", "0002_again.sql": insert})
    folder = here.folder / "migrations" / FOLDER
    folder.mkdir()
    (folder / "shown.sql").write_text(insert, "utf-8")
    assert here.migrate().exit_code == 0
    (name,) = {name for (name,) in here.query("SELECT name FROM seen")}
    assert (name.startswith("tenantry/"), here.query("SELECT count(*) FROM seen")) == (True, [(3,)])


def test_reading(site: MakeSite, server_dsn: str) -> None:
    """SQL is read as everywhere though the pooler drops our options."""
    insert = "INSERT INTO seen VALUES (current_setting('TimeZone'), 'a\\');\n"
    here = site({"0001_seen.sql": f"CREATE TABLE seen (zone text, a text);\n{insert}"})
    beside = replace(here, server=server_dsn)
    for setting in ("TimeZone = 'Asia/Tokyo'", "standard_conforming_strings = off"):
        beside.query(f"ALTER DATABASE {here.databases['1']} SET {setting}")
    assert here.migrate().exit_code == 0
    assert beside.query("SELECT * FROM seen") == [("UTC", "a\\")]


def test_lock_past_the_pool(site: MakeSite, server_dsn: str) -> None:
    """A runner that goes past the pool and one that goes through it keep each other out."""
    here = site(ROOMS)
    direct = make_tenant(psycopg.conninfo.make_conninfo(server_dsn, dbname=here.databases["1"]))
    with make_sessions(server_dsn).connect(direct) as holder:
        assert try_transaction_lock(holder)
        assert here.migrate(lock_wait_s=0).results == {"1": Result.BLOCKED}
    assert here.migrate().results == {"1": Result.APPLIED}


def test_blocker(site: MakeSite) -> None:
    """Who holds a table is named, though the pooler tells no client which process of the server it has."""
    here = site(ROOMS)
    here.migrate()
    here.write({"0002_a.sql": "-- lock-timeout: 2s\nALTER TABLE rooms ADD name text;\n"})
    with here.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
        (pid,) = holder.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        ran = here.migrate(lock_wait_s=2.5)
    waits = [event.wait for event in ran.of(MigrationRetried)]
    assert waits
    assert all(wait and [blocker.pid for blocker in wait.blockers] == [pid] for wait in waits)
    assert ran.results == {"1": Result.BLOCKED}


def test_start_up_refused(start_pooler: StartPooler, database: MakeDatabase) -> None:
    """A pooler that does not take our start-up packet is told apart from a server that is down, with what to set."""
    dsn = through(start_pooler(ignored="extra_float_digits"), database())
    with pytest.raises(Unreachable) as caught, make_sessions(dsn).connect(make_tenant(dsn)):
        pass
    assert str(caught.value).endswith("unsupported startup parameter: options")
    assert caught.value.hint == (
        "write ignore_startup_parameters = extra_float_digits, options in pgbouncer.ini and reload it: tenantry sets"
        " its options in each transaction as well"
    )
