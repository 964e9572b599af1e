"""Killing at every statement of a non-transactional file: each run goes on where the last one died, and nothing twice.

Every statement is held up by the test at the moment at which it can be half done, so that the moment is exact.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tenantry.model.results import Result
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import LONG_MS, Row, Site, at_once, child, make_site


@dataclass(frozen=True, slots=True)
class Stop:
    """A statement, and what another session does to hold it up half way."""

    text: str
    hold: str


def holding(table: str, mode: str = "ROW EXCLUSIVE") -> str:
    """Return what holds up a statement on a table that waits for all who are at it."""
    return f"BEGIN; LOCK TABLE {table} IN {mode} MODE"


def at_gate(step: int, text: str) -> Stop:
    """Return a statement that waits at a gate of its own, where `text` says `GATE`."""
    return Stop(text.replace("GATE", f"pg_advisory_xact_lock({step})"), f"SELECT pg_advisory_lock({step})")


def inserting(step: int) -> Stop:
    """Return a statement of which every run leaves a row."""
    return at_gate(step, f"INSERT INTO ran SELECT {step} FROM GATE")


BEFORE = {
    "0001_rooms.sql": "".join(f"CREATE TABLE rooms{number} (id int PRIMARY KEY);\n" for number in range(5))
    + "CREATE INDEX old ON rooms1 (id);\nCREATE TABLE bills (id int) PARTITION BY RANGE (id);\n"
    "CREATE TABLE bills_1 PARTITION OF bills FOR VALUES FROM (0) TO (9);\nINSERT INTO rooms0 VALUES (1);\n"
}
# Two that may be part of a transaction in a row, and each that may not before and behind such a one.
STOPS = (
    at_gate(0, "CREATE TABLE ran AS SELECT 0 AS step FROM GATE"),
    inserting(1),
    Stop("CREATE INDEX CONCURRENTLY new ON rooms0 (id)", holding("rooms0")),
    Stop("DROP INDEX CONCURRENTLY old", holding("rooms1")),
    Stop("SET search_path = pg_catalog, public", ""),
    inserting(5),
    Stop("REINDEX TABLE CONCURRENTLY rooms2", holding("rooms2")),
    Stop("ALTER TABLE bills DETACH PARTITION bills_1 CONCURRENTLY", holding("bills")),
    Stop("VACUUM rooms3", holding("rooms3", "SHARE UPDATE EXCLUSIVE")),
    Stop("CREATE UNIQUE INDEX CONCURRENTLY ON rooms4 (id)", holding("rooms4")),
    at_gate(10, "DO $$ BEGIN PERFORM GATE; INSERT INTO ran VALUES (10); END $$"),
)
FILE = {"0002_many.sql": "-- transactional: false\n" + "".join(f"{stop.text};\n" for stop in STOPS)}
# A SET waits for nobody.
HELD = [index for index, stop in enumerate(STOPS) if stop.hold]
# What kills at a moment when the runner waits for the session with this pid.
Kill = Callable[[Site, int], None]


@contextmanager
def hold(here: Site, stop: Stop) -> Iterator[int]:
    """Hold up a statement for the length of the block, or until the server is gone; yield the pid that does."""
    with closing(here.connect()) as holder:
        holder.execute(stop.hold.encode())
        yield holder.info.backend_pid


def kill_runner(here: Site, holder: int) -> None:
    """Kill the runner; the server goes on with its statement."""
    with child(here):
        here.await_waiting(behind=holder)


def end_session(here: Site, holder: int) -> None:
    """Have the server end the sessions of the runner, and with them the statement."""
    with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
        here.await_waiting(behind=holder)
        here.end_sessions()
        assert run.result().results == {"1": Result.UNREACHABLE}


def kill_server(server: EmbeddedServer, here: Site, holder: int) -> None:
    """Kill the server as a power failure would, and start it again."""
    with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
        here.await_waiting(behind=holder)
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert run.result().verdict().result is Result.UNREACHABLE, run.result().verdict()
    server.start()


def go_through(here: Site, kill: Kill) -> None:
    """Die at every statement in turn, each time in a run that goes on behind the last one, and come to the end."""
    assert here.migrate().exit_code == 0
    here.write(FILE)
    for index in HELD:
        with hold(here, STOPS[index]) as holder:
            kill(here, holder)
        here.await_gone()
        (row,) = [row for row in here.rows() if row.version == 2]
        # When its runner was dead the server may have gone on, and have recorded a statement that may be recorded with.
        assert row.statements_done in (index, index + 1)
    assert here.migrate().exit_code == 0


def check_once(here: Site) -> None:
    """Assert that every statement took effect, none twice, and that nothing half done is left."""
    assert here.query("SELECT step FROM ran ORDER BY step") == [(0,), (1,), (5,), (10,)]
    assert read_indexes(here) == [
        ("rooms0", "new"),
        ("rooms0", "rooms0_pkey"),
        ("rooms1", "rooms1_pkey"),
        ("rooms2", "rooms2_pkey"),
        ("rooms3", "rooms3_pkey"),
        ("rooms4", "rooms4_id_idx"),
        ("rooms4", "rooms4_pkey"),
    ]
    assert here.query("SELECT FROM pg_index WHERE NOT (indisvalid AND indisready)") == []
    assert here.query("SELECT FROM pg_inherits") == []
    assert here.states() == {1: "applied", 2: "applied"}
    (row,) = [row for row in here.rows() if row.version == 2]
    assert (row.statements_done, row.statements, row.progress) == (len(STOPS), len(STOPS), None)
    assert here.migrate().results == {"1": Result.UP_TO_DATE}


def read_indexes(here: Site) -> list[Row]:
    """Return table and name of each index that the files made."""
    return here.query("SELECT tablename, indexname FROM pg_indexes WHERE tablename LIKE 'rooms%' ORDER BY 1, 2")


@pytest.mark.parametrize("kill", [kill_runner, end_session], ids=["runner", "session"])
def test_clients(database: MakeDatabase, tmp_path: Path, kill: Kill) -> None:
    """The runner is killed, or its sessions are ended, at every statement: each takes effect once, all in the end."""
    here = make_site(database, tmp_path, BEFORE)
    go_through(here, kill)
    check_once(here)


def test_server(own_server: EmbeddedServer, tmp_path: Path) -> None:
    """The server is killed at every statement: what had no end is found out or cleared away, and run once."""
    name = "steps"
    with psycopg.connect(own_server.dsn(), dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    here = make_site(lambda: make_conninfo(own_server.dsn(), dbname=name), tmp_path, BEFORE)
    go_through(here, partial(kill_server, own_server))
    check_once(here)
