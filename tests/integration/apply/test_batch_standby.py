"""A real standby: a change in batches waits for one that is behind, and nothing is applied to one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tenantry.model.events import BatchProgressed, WarningRaised
from tenantry.model.results import Result
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.fix_postgres import binaries_of
from tests.integration.fix_site import make_site, wait_until

FILES = {
    "0001_t.sql": "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, bulk text);\n"
    "INSERT INTO t SELECT i, 0, repeat('x', 1000) FROM generate_series(1, 2000) AS i;\n"
}
FILL = {"0002_fill.sql": "-- transactional: false\n-- batch: 1000\nUPDATE t SET n = n + 1;\n"}


@pytest.fixture
def standby(own_server: EmbeddedServer, own_folder: Path) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Return a connection to a standby of the test's own server."""
    programs = binaries_of("17")
    # The standby logs in as the user that its server runs as, whom no server of ours lets in by itself.
    with psycopg.connect(own_server.dsn(), dbname="postgres", autocommit=True) as connection:
        ((rules,),) = connection.execute("SHOW hba_file").fetchall()
        Path(str(rules)).write_text("local all all trust\nlocal replication all trust\n", "utf-8")
        connection.execute("SELECT pg_reload_conf()")
    server = EmbeddedServer(own_folder / "standby", programs, {"dynamic_shared_memory_type": "mmap"}, durable=False)
    # Started once for its folders, and for whom they belong to.
    server.start()
    server.stop()
    data = server.state / "postgres" / "data"
    owner = data.stat()
    shutil.rmtree(data)
    options = ["--pgdata", str(data), "--write-recovery-conf", "--checkpoint", "fast", "--dbname", own_server.dsn()]
    subprocess.run([programs / "pg_basebackup", *options], check=True, capture_output=True)
    for path in (data, *data.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    server.start()
    with psycopg.connect(make_conninfo(server.dsn(), dbname="postgres"), autocommit=True) as connection:
        yield connection
    server.destroy()


def test_behind(
    own_server: EmbeddedServer,
    standby: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a standby is behind, nothing more is changed; when it has come up, the change goes on."""
    monkeypatch.setattr("tenantry.apply.batch.pressure._MOST_LAG_BYTES", 100_000)
    monkeypatch.setattr("tenantry.apply.batch.pace._TELL_EVERY_S", 0.0)
    monkeypatch.setattr("tenantry.apply.batch.loop._LOOK_EVERY_S", 0.02)

    def make_database() -> str:
        with psycopg.connect(own_server.dsn(), dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE standby_test")
        return make_conninfo(own_server.dsn(), dbname="standby_test")

    here = make_site(make_database, tmp_path, FILES)
    assert here.migrate().exit_code == 0
    streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"
    wait_until(lambda: here.query(streams) == [(1,)])
    here.write(FILL)
    standby.execute("SELECT pg_wal_replay_pause()")
    with closing(here.steps()) as steps:
        held = next(event for event in steps if isinstance(event, BatchProgressed) and event.held)
        assert (held.rows, held.held.startswith("a standby is ")) == (1000, True)
        standby.execute("SELECT pg_wal_replay_resume()")
        told = [event for event in steps if isinstance(event, BatchProgressed) and not event.held]
    assert [event.rows for event in told] == [2000]
    assert here.query("SELECT count(*) FROM t WHERE n = 1") == [(2000,)]


def test_writes_nowhere(
    own_server: EmbeddedServer, standby: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    """On a standby nothing fails: the tenant is blocked until its server leads, before and within a file."""

    def make_database() -> str:
        with psycopg.connect(own_server.dsn(), dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE standby_writes")
        return make_conninfo(own_server.dsn(), dbname="standby_writes")

    here = make_site(make_database, tmp_path, {"0001_t.sql": "CREATE TABLE t ();\n"})
    found = "SELECT count(*) FROM pg_database WHERE datname = 'standby_writes'"
    wait_until(lambda: standby.execute(found).fetchone() == (1,))
    there = replace(here, server=make_conninfo(standby.info.dsn, dbname=""))
    assert (there.migrate().results, there.migrate().exit_code) == ({"1": Result.BLOCKED}, 5)
    assert here.migrate().exit_code == 0
    here.write({"0002_u.sql": "CREATE TABLE u ();\n", "0003_v.sql": "-- transactional: false\nCREATE TABLE v ();\n"})
    wait_until(lambda: there.states() == {1: "applied"})
    ran = there.migrate()
    assert (ran.results, ran.exit_code, ran.of(WarningRaised)) == ({"1": Result.BLOCKED}, 5, [])
