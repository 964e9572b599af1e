"""The embedded server when it is killed, or whoever started it: found, ended or started again."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.integration.postgres.fix_embedded import (
    MakeServer,
    every_major,
    kill_postmaster,
    names_in,
    on_linux,
    output_of,
    query,
    skip_unless_visible,
    socket_folder,
    start_python,
)

# Starting and stopping clusters is most of what these tests do.
pytestmark = pytest.mark.slow


class TestKilled:
    @every_major
    def test_recovers(self, make_server: MakeServer, major: str) -> None:
        """After kill -9 of the postmaster the next start brings back every row."""
        server = make_server(major)
        server.start()
        query(server, "CREATE TABLE kept AS SELECT generate_series(1, 10000) AS n")
        kill_postmaster(server)
        assert server.start()
        assert query(server, "SELECT count(*) FROM kept") == "10000"

    def test_stop(self, own_server: EmbeddedServer) -> None:
        """A killed server is not alive and need not be stopped."""
        kill_postmaster(own_server)
        while own_server.pid() is not None:
            pass
        assert not own_server.alive()
        assert not own_server.stop()

    def test_orphan(self, own_server: EmbeddedServer) -> None:
        """A start waits for what a killed server left running, so that no two servers write to one folder."""
        busy = """DO $$ DECLARE done timestamptz := clock_timestamp() + interval '2 s';
                  BEGIN WHILE clock_timestamp() < done LOOP END LOOP; END $$"""
        connection = psycopg.connect(own_server.dsn(), dbname="postgres")
        connection.pgconn.send_query(busy.encode())
        while query(own_server, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == "1":
            pass
        kill_postmaster(own_server)
        assert own_server.start()
        connection.close()
        assert "pre-existing shared memory block" in own_server.log.read_text()
        assert query(own_server, "SELECT 1") == "1"

    @on_linux
    @pytest.mark.parametrize("killed", ["runner", "initdb"])
    def test_initdb(self, make_server: MakeServer, killed: str) -> None:
        """A cluster whose making was killed is none; the next start makes a whole one."""
        server = make_server()
        home = server.state.resolve() / "postgres"
        starter = start_python("try:\n    server.start()\nexcept ServerError as error:\n    print(error)", server)
        while not list(home.glob("data.*/global")):
            assert starter.poll() is None
        fresh = str(next(home.glob("data.*")))
        if killed == "runner":
            starter.kill()
            assert output_of(starter) == ""
        # Until there is none: initdb starts further processes, which would go on writing there.
        while initdb := _processes_with(fresh):
            for pid in initdb:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if killed == "initdb":
            assert output_of(starter) == f"{server.binaries}/initdb: ended with status -9"
        assert not server.exists()
        assert server.start()
        assert names_in(home) == ["data", "server.log"]

    @on_linux
    def test_number_used_again(self, own_server: EmbeddedServer) -> None:
        """A process that got the number of a dead postmaster neither passes for it nor keeps it from starting."""
        owner = (own_server.state / "postgres/data").stat()
        with subprocess.Popen(["sleep", "600"], user=owner.st_uid, group=owner.st_gid) as other:
            lock = own_server.state / "postgres/data/postmaster.pid"
            lines = lock.read_text().splitlines()[1:]
            own_server.stop()
            lock.write_text("\n".join([str(other.pid), *lines, ""]))
            assert own_server.pid() is None
            assert not own_server.stop()
            assert own_server.start()
            assert other.poll() is None
            other.kill()

    @on_linux
    @pytest.mark.parametrize("verb", ["start", "stop", "destroy"])
    def test_data_deleted(self, own_server: EmbeddedServer, verb: str) -> None:
        """A server whose folder was deleted under it is ended, and not taken for the one of a new cluster."""
        pid, data = own_server.pid(), query(own_server, "SHOW data_directory")
        assert pid in _processes_with(data)
        shutil.rmtree(own_server.state)
        assert not own_server.alive()
        assert getattr(own_server, verb)() is (None if verb == "destroy" else True)
        assert pid not in _processes_with(data)
        assert own_server.alive() is (verb == "start")

    @on_linux
    def test_moved(self, own_server: EmbeddedServer, make_server: MakeServer) -> None:
        """A project that is moved while its server runs finds its data at the new place."""
        skip_unless_visible(own_server)  # otherwise the start waits until the old server notices, a minute
        query(own_server, "CREATE TABLE kept AS SELECT 42 AS n")
        moved = make_server(state="elsewhere/.tenantry")
        own_server.state.rename(moved.state)
        assert not moved.alive()
        assert moved.start()
        assert query(moved, "SELECT n FROM kept") == "42"
        socket_folder(own_server).rmdir()

    def test_socket_deleted(self, own_server: EmbeddedServer) -> None:
        """A server whose socket was cleared away with the rest of /tmp comes back with its data."""
        query(own_server, "CREATE TABLE kept AS SELECT 42 AS n")
        shutil.rmtree(socket_folder(own_server))
        assert not own_server.alive()
        assert own_server.start()
        assert query(own_server, "SELECT n FROM kept") == "42"

    @pytest.mark.parametrize("moment", ["while it is initialised", "while it starts", "once it runs"])
    def test_interrupted(self, make_server: MakeServer, moment: str) -> None:
        """Ctrl-C in the terminal where a server is started reaches the starter and not the server."""
        server = make_server()
        home = server.state.resolve() / "postgres"
        starter = start_python("server.start(); print('started', flush=True); sys.stdin.read()", server)
        assert starter.stdout is not None
        if moment == "once it runs":
            assert starter.stdout.readline() == "started\n"
        while not (list(home.glob("data.*")) if moment == "while it is initialised" else server.pid()):
            assert starter.poll() is None
        os.killpg(starter.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in output_of(starter)
        assert server.start() is (moment == "while it is initialised")
        assert query(server, "SELECT 1") == "1"


def _processes_with(argument: str) -> list[int]:
    """Return the processes that have this argument on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if argument.encode() in arguments:
            found.append(int(process.name))
    return found
