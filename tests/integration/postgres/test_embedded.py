"""The embedded server: one for each folder, whoever asks, and none of its data lost."""

import re

import pytest

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.integration.postgres.fix_embedded import (
    MakeServer,
    every_major,
    kill_postmaster,
    names_in,
    output_of,
    query,
    socket_folder,
    start_python,
)

# Starting and stopping clusters is most of what these tests do.
pytestmark = pytest.mark.slow


class TestStart:
    @every_major
    def test_one_server(self, make_server: MakeServer, major: str) -> None:
        """The first start makes a cluster and starts it; the second finds it running."""
        server = make_server(major)
        assert not server.exists()
        assert server.start()
        pid = server.pid()
        assert not server.start()
        assert server.pid() == pid
        assert server.exists()
        assert server.alive()
        assert query(server, "SHOW data_directory") == str(server.state.resolve() / "postgres/data")

    def test_same_everywhere(self, any_server: EmbeddedServer) -> None:
        """Encoding and time zone are not this machine's."""
        assert query(any_server, "SHOW server_encoding") == "UTF8"
        assert query(any_server, "SHOW timezone") == "UTC"

    def test_at_once(self, make_server: MakeServer) -> None:
        """Of several processes that start a server at the same time, one does and the others find it."""
        server = make_server()
        starters = [start_python("print(server.start(), server.pid())", server) for _ in range(4)]
        outputs = [output_of(starter).split() for starter in starters]
        assert sorted(started for started, _ in outputs) == ["False", "False", "False", "True"]
        assert {pid for _, pid in outputs} == {str(server.pid())}

    @pytest.mark.parametrize("folder", ["a b", "l'été", 'say "so"', "$HOME `id` \\ %s;", "comma, colon: end"])
    def test_any_path(self, make_server: MakeServer, folder: str) -> None:
        """The name of a folder may hold whatever a file system allows."""
        server = make_server(state=f"{folder}/.tenantry")
        assert server.start()
        assert query(server, "SELECT 1") == "1"

    def test_settings(self, make_server: MakeServer) -> None:
        """Settings reach the server letter by letter and win over the runner's own."""
        odd = 'it\'s a "$HOME" \\ é, --x=1'
        server = make_server(settings={"tenantry.odd": odd, "max_connections": "7"}, durable=False)
        server.start()
        assert query(server, "SHOW tenantry.odd") == odd
        assert query(server, "SHOW max_connections") == "7"
        assert query(server, "SHOW fsync") == "off"

    def test_wrong_setting(self, make_server: MakeServer) -> None:
        """A start that fails shows the end of the server's log and leaves nothing running."""
        server = make_server(settings={"no_such_setting": "1"})
        with pytest.raises(ServerError) as caught:
            server.start()
        assert re.sub(r"\d{4}-\S+ \S+ \w+ \[\d+\] ", "", str(caught.value)) == (
            f'{server.log}: the server did not start:\nFATAL:  unrecognized configuration parameter "no_such_setting"'
        )
        assert server.pid() is None

    def test_durable(self, own_server: EmbeddedServer) -> None:
        """Unless a test asks otherwise, what is committed is on disk."""
        names = ("fsync", "synchronous_commit", "full_page_writes")
        assert [query(own_server, f"SHOW {name}") for name in names] == ["on", "on", "on"]

    def test_big_log(self, make_server: MakeServer) -> None:
        """A log that has grown big is put aside at the next start."""
        server = make_server()
        server.start()
        server.stop()
        with server.log.open("a") as log:
            log.write("x" * 1_000_001)
        server.start()
        assert server.log.stat().st_size < 10_000
        assert server.log.with_name("server.log.1").stat().st_size > 1_000_000


class TestStop:
    @every_major
    def test_twice(self, make_server: MakeServer, major: str) -> None:
        """Stopping says whether there was anything to stop."""
        server = make_server(major)
        server.start()
        assert server.stop()
        assert not server.alive()
        assert server.pid() is None
        assert not server.stop()
        assert server.start()

    @pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
    def test_modes(self, own_server: EmbeddedServer, mode: str) -> None:
        """Whatever the mode, what was committed is there after the next start."""
        query(own_server, "CREATE TABLE kept AS SELECT 42 AS n")
        assert own_server.stop(mode)  # type: ignore[arg-type]  # pytest's parameters are strings
        assert f"received {mode} shutdown request" in own_server.log.read_text()
        assert own_server.start()
        assert query(own_server, "SELECT n FROM kept") == "42"

    def test_no_trace(self, make_server: MakeServer) -> None:
        """Asking for, stopping or destroying a server that never was leaves no file behind."""
        server = make_server()
        answers = [server.exists(), server.alive(), server.pid(), server.stop()]
        server.destroy()
        assert answers == [False, False, None, False]
        assert not server.state.exists()
        assert not socket_folder(server).exists()

    @pytest.mark.parametrize("end", ["running", "stopped", "killed"])
    def test_destroy(self, own_server: EmbeddedServer, end: str) -> None:
        """Destroying a server in any state leaves nothing of it, and other things in the state folder alone."""
        (own_server.state / "cache").mkdir()
        if end == "stopped":
            own_server.stop()
        if end == "killed":
            kill_postmaster(own_server)
        own_server.destroy()
        assert names_in(own_server.state) == ["cache"]
        assert not socket_folder(own_server).exists()
        assert not own_server.exists()
