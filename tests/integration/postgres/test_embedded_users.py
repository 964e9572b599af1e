"""The embedded server's users: private to one, and never run by root."""

import os
import pwd
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.fix_postgres import binaries_of
from tests.integration.postgres.fix_embedded import (
    MakeServer,
    as_root,
    copy_programs,
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


class TestPrivate:
    @on_linux
    def test_no_port(self, any_server: EmbeddedServer) -> None:
        """The server listens on its socket and on no TCP port."""
        skip_unless_visible(any_server)
        links = [str(link.readlink()) for link in Path(f"/proc/{any_server.pid()}/fd").iterdir()]
        inodes = {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}
        tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6", "unix")]
        tcp = {line.split()[9] for table in tables[:2] for line in table}
        assert not inodes & tcp
        assert any(inodes & set(line.split()) for line in tables[2])

    def test_socket(self, own_server: EmbeddedServer) -> None:
        """Folder and socket are closed to others, and the path is short enough for the system."""
        folder = socket_folder(own_server)
        socket = folder / ".s.PGSQL.5432"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert socket.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(socket)) < 100

    def test_symlink(self, make_server: MakeServer, open_binaries: Path, own_folder: Path) -> None:
        """A socket folder that is a link to somewhere else is refused."""
        server = make_server(binaries=open_binaries)
        socket_folder(server).symlink_to(own_folder)
        try:
            with pytest.raises(ServerError) as caught:
                server.start()
        finally:
            socket_folder(server).unlink()
        owner = "nobody" if os.geteuid() == 0 else _my_name()
        assert str(caught.value) == (
            f"{socket_folder(server)}: found an entry of user {_my_name()}, expected a folder of user {owner}"
        )
        assert caught.value.hint == "delete it after checking its contents"

    @as_root
    def test_stranger(self, make_server: MakeServer, open_binaries: Path) -> None:
        """A socket folder that another user made first is refused."""
        server = make_server(binaries=open_binaries)
        socket_folder(server).mkdir()
        daemon = pwd.getpwnam("daemon")
        os.chown(socket_folder(server), daemon.pw_uid, daemon.pw_gid)
        with pytest.raises(ServerError) as caught:
            server.start()
        socket_folder(server).rmdir()
        assert str(caught.value) == (
            f"{socket_folder(server)}: found an entry of user daemon, expected a folder of user nobody"
        )

    def test_environment(self, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """PG* variables lead neither the server nor a connection to it elsewhere."""
        for name, value in _MISLEADING.items():
            monkeypatch.setenv(name, value)
        server = make_server()
        assert server.start()
        assert query(server, "SHOW data_directory") == str(server.state.resolve() / "postgres/data")
        assert server.stop()

    @on_linux
    def test_secrets(self, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The server, which others of its user can look into, knows nothing of the runner's environment."""
        monkeypatch.setenv("TENANTRY_SERVER_MAIN", "postgresql://me:secret@host")
        server = make_server()
        server.start()
        skip_unless_visible(server)
        environment = Path(f"/proc/{server.pid()}/environ").read_bytes().split(b"\0")
        names = {variable.split(b"=")[0].decode() for variable in environment if variable}
        assert names <= {"PATH", "PWD", "LD_LIBRARY_PATH", "LC_ALL", "TZ"}

    def test_service(self, own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that keeps libpq from trying at all is an error, not a server that is down."""
        monkeypatch.setenv("PGSERVICE", "no-such-service")
        with pytest.raises(ServerError) as caught:
            own_server.alive()
        assert str(caught.value) == f'{socket_folder(own_server)}: definition of service "no-such-service" not found'
        assert caught.value.hint == "unset the PG* variable that causes this"

    def test_psql(self, own_server: EmbeddedServer) -> None:
        """The command opens the database, whatever its name."""
        query(own_server, """CREATE DATABASE "a b/é?&'" """)
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
        programs = copy_programs(binaries_of("17"), own_folder / "closed/programs")
        server = make_server(state="closed/project/.tenantry", binaries=programs)
        (own_folder / "closed").chmod(0o700)
        assert server.start()
        query(server, "CREATE TABLE kept AS SELECT 42 AS n")
        kill_postmaster(server)
        assert server.start()
        assert query(server, "SELECT n FROM kept") == "42"
        assert _effective_user(server) == (pwd.getpwnam("nobody").pw_uid if forbidden else 0)
        found = (own_folder / "closed").stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o700, 0)

    @as_root
    def test_open_folder(self, make_server: MakeServer, open_binaries: Path) -> None:
        """Root's server belongs to nobody, and so do its own folders alone."""
        server = make_server(binaries=open_binaries)
        server.start()
        nobody = pwd.getpwnam("nobody").pw_uid
        paths = [server.state.parent, server.state, server.state / "postgres", socket_folder(server)]
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
        assert output_of(start_python(code, server, "nobody")) == "refused True"
        # The folder of the socket keeps the others out already.
        assert output_of(start_python(code, server, "daemon")) == "refused False"
        assert query(server, "CREATE ROLE app LOGIN") == ""
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
        again = start_python("print(server.start(), server.stop(), server.start(), server.destroy())", server, "daemon")
        assert output_of(again) == "False True True None"
        assert names_in(server.state) == [".gitignore"]

    @as_root
    def test_ordinary_user(self, make_server: MakeServer, open_binaries: Path) -> None:
        """An ordinary user starts, uses and stops a server; root may join in."""
        server = make_server(binaries=open_binaries)
        daemon = pwd.getpwnam("daemon")
        os.chown(server.state.parent, daemon.pw_uid, daemon.pw_gid)
        assert output_of(start_python("print(server.start(), server.stop(), server.start())", server, "daemon")) == (
            "True True True"
        )
        assert not server.start()
        assert _effective_user(server) == daemon.pw_uid
        server.stop()
        assert server.start()
        assert output_of(start_python("print(server.alive(), server.stop())", server, "daemon")) == "True True"

    @as_root
    def test_made_by_root(self, make_server: MakeServer, open_binaries: Path) -> None:
        """An ordinary user is told that the server is root's."""
        server = make_server(binaries=open_binaries)
        server.start()
        code = "try:\n    server.start()\nexcept ServerError as error:\n    print(error, error.hint, sep='\\n')"
        home = server.state.resolve() / "postgres"
        assert output_of(start_python(code, server, "daemon")).splitlines() == [
            f"{home}: belongs to user nobody, expected daemon",
            f"run this as root, or delete the data with `sudo rm -r {home}`",
        ]

    @as_root
    def test_cannot_write(self, make_server: MakeServer, open_binaries: Path) -> None:
        """A project that the user may not write to is an error that names the folder."""
        server = make_server(binaries=open_binaries)
        code = "try:\n    server.start()\nexcept ServerError as error:\n    print(error)"
        assert output_of(start_python(code, server, "daemon")) == f"{server.state}: Permission denied"

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
            assert names_in(server.state / "postgres") == []
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
