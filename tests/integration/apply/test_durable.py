"""What is confirmed survives a crash of the server, also where a role or database has synchronous_commit off."""

import os
import signal
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.transaction import begin_durably, clean, compose_end, keep_session, try_transaction_lock
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import Site, make_sessions, make_site, make_tenant

# Nothing reaches the disk by itself for as long as a test takes.
_LAZY = ("wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "checkpoint_timeout = '1h'")
_WRITES = {
    "transactional": "INSERT INTO rooms VALUES (100);\n",
    "sets its own": "SET LOCAL synchronous_commit = off; INSERT INTO rooms VALUES (100);\n",
    "by statement": "-- transactional: false\nINSERT INTO rooms VALUES (100);\n",
    "by statement, sets its own": (
        "-- transactional: false\nSET synchronous_commit = off;\nINSERT INTO rooms VALUES (100);\n"
    ),
    "in batches": "-- transactional: false\n-- batch: 2\nUPDATE rooms SET b = 100;\n",
}


@pytest.fixture
def lazy(own_server: EmbeddedServer, tmp_path: Path) -> Site:
    """Return a site on a server of the test's own, which writes nothing to disk unless a commit waits for it."""

    def make(prefix: str = "rt") -> str:
        with psycopg.connect(own_server.dsn(), dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE lazy")
            for setting in _LAZY:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("ALTER DATABASE lazy SET synchronous_commit = off")
            connection.execute("SELECT pg_reload_conf()")
        return f"{own_server.dsn()} dbname=lazy"

    return make_site(make, tmp_path, {"0001_rooms.sql": "CREATE TABLE rooms (a int PRIMARY KEY, b int);\n"})


def crash(server: EmbeddedServer) -> None:
    """End a server at once, as a loss of power does, and start it again."""
    pid = server.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    server.start()


@pytest.mark.slow
@pytest.mark.parametrize("text", _WRITES.values(), ids=_WRITES)
def test_crash(lazy: Site, own_server: EmbeddedServer, text: str) -> None:
    """A file that was reported as applied is there after a crash, with its row."""
    lazy.migrate()
    lazy.query("INSERT INTO rooms VALUES (1), (2), (3), (10); CHECKPOINT")
    lazy.write({"0002_more.sql": text})
    assert lazy.migrate().exit_code == 0
    crash(own_server)
    assert lazy.states() == {1: "applied", 2: "applied"}
    assert lazy.query("SELECT max(greatest(a, b)) FROM rooms") == [(100,)]


@pytest.mark.slow
def test_crash_after_a_repair(lazy: Site, own_server: EmbeddedServer) -> None:
    """A row that was written by hand is there after a crash."""
    lazy.migrate()
    lazy.write({"0002_beds.sql": "CREATE TABLE beds ();\n"})
    lazy.query("CREATE TABLE beds (); CHECKPOINT")
    assert lazy.call("mark", version=2).exit_code == 0
    crash(own_server)
    assert lazy.states() == {1: "applied", 2: "applied"}


@pytest.mark.parametrize("value", ["off", "local", "remote_write", "on", "remote_apply"])
def test_left_as_it_is(database: MakeDatabase, value: str) -> None:
    """Only `off` is changed, at each of our commits; what else the database chooses is meant."""
    dsn = database()
    with psycopg.connect(dsn, autocommit=True) as beside:
        name = sql.Identifier(beside.info.dbname)
        beside.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(name, sql.Literal(value)))
    wanted = [("on" if value == "off" else value,)]
    show = "SHOW synchronous_commit"
    with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
        assert try_transaction_lock(connection)
        assert connection.execute(show).fetchall() == wanted
        connection.execute(compose_end())
        assert connection.execute(show).fetchall() == wanted
        connection.execute("COMMIT")
        assert connection.execute(show).fetchall() == [(value,)]
        begin_durably(connection)
        assert connection.execute(show).fetchall() == wanted
        connection.execute("COMMIT")
        keep_session(connection)
        assert connection.execute(show).fetchall() == wanted
        clean(connection)
        assert connection.execute(show).fetchall() == [(value,)]
