"""Embedded servers of a test's own, and the ways in which a test looks at them."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tenantry.postgres.embedded.account import can_enter, drop_to
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.fix_postgres import binaries_of, each_major
from tests.places import ROOT

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
    return copy_programs(binaries, own_folder / "programs")


def copy_programs(binaries: Path, target: Path) -> Path:
    shutil.copytree(binaries.parent, target, symlinks=True)
    return target / "bin"


def query(server: EmbeddedServer, statement: str) -> str:
    with psycopg.connect(server.dsn(), dbname="postgres", autocommit=True) as connection:
        answer = connection.execute(statement.encode())
        row = answer.fetchone() if answer.description else None
    return str(row[0]) if row else ""


def socket_folder(server: EmbeddedServer) -> Path:
    return Path(str(conninfo_to_dict(server.dsn())["host"]))


def start_python(
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


def output_of(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=120)[0].strip()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill_postmaster(server: EmbeddedServer) -> None:
    """Kill the postmaster, which cannot tell its processes."""
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def skip_unless_visible(server: EmbeddedServer) -> None:
    try:
        Path(f"/proc/{server.pid()}/cwd").stat()
    except PermissionError:
        pytest.skip("this machine hides the processes of other users, even from root")
