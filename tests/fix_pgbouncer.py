"""PgBouncer in transaction mode in front of the run's PostgreSQL 17: every transaction may get another session.

Its rule: it lives in a folder of the test's own, on a socket there, as a user that is not root, which it refuses.
"""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.postgres.embedded.account import can_enter, capable, namespace
from tests.fix_postgres import MakeDatabase

# Part of the socket's name alone.
_PORT = 6432
_READY_WITHIN_S = 20
_IGNORED = "extra_float_digits, options"
_SETTINGS = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = {auth}
auth_hba_file = {folder}/rules
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
server_reset_query =
stats_users = postgres
ignore_startup_parameters = {ignored}
"""

_RULES = "local all postgres trust\nlocal all all scram-sha-256\n"

# Starts a PgBouncer and returns its connection string.
StartPooler = Callable[..., str]


@pytest.fixture
def start_pooler(server_dsn: str, own_folder: Path) -> Iterator[StartPooler]:
    """Return a callable that starts a PgBouncer: `start_pooler(ignored=..., size=4, users=...)`.

    `ignored` are the start-up parameters that it takes and drops, `size` how many sessions it has for a database,
    `users` who logs in by SCRAM, with the password or what the server keeps of it.
    """
    program = _find_program()
    running: list[subprocess.Popen[bytes]] = []

    def start(*, ignored: str = _IGNORED, size: int = 4, users: Mapping[str, str] | None = None) -> str:
        folder = own_folder / f"pool{len(running)}"
        _write_files(folder, server_dsn, ignored, size, users or {})
        running.append(_launch(program, folder))
        dsn = make_conninfo("", host=str(folder), port=_PORT, user="postgres")
        _await_ready(dsn, running[-1], folder)
        return dsn

    yield start
    for process in running:
        process.terminate()
        process.wait(_READY_WITHIN_S)


@pytest.fixture
def pooler(start_pooler: StartPooler) -> str:
    """Return the connection string of a PgBouncer with four sessions for each database, without a database."""
    return start_pooler()


@pytest.fixture
def pooled_database(database: MakeDatabase, pooler: str) -> MakeDatabase:
    """Return a callable that makes a database on PostgreSQL 17; its connection string leads through the pooler."""

    def make(prefix: str = "rt") -> str:
        return through(pooler, database(prefix))

    return make


def through(pooler: str, dsn: str) -> str:
    """Return the connection string of a database, by way of a pooler."""
    return make_conninfo(pooler, dbname=conninfo_to_dict(dsn)["dbname"])


def _find_program() -> str:
    found = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if found:
        return found
    message = "no pgbouncer: apt-get install pgbouncer"
    if os.environ.get("TENANTRY_TEST_REQUIRE_POSTGRES") == "1":
        raise AssertionError(message)
    pytest.skip(message)


def _write_files(folder: Path, server_dsn: str, ignored: str, size: int, users: Mapping[str, str]) -> None:
    """Write a PgBouncer's files into a folder that belongs to whom the server's socket belongs to."""
    server = conninfo_to_dict(server_dsn)
    folder.mkdir(mode=0o700)
    given = {"host": server["host"], "port": server["port"], "auth": "hba" if users else "trust"}
    text = _SETTINGS.format(**given, folder=folder, size=size, ignored=ignored)
    (folder / "pgbouncer.ini").write_text(text, "utf-8")
    (folder / "rules").write_text(_RULES, "utf-8")
    lines = [f'"{name}" "{password}"\n' for name, password in {"postgres": "", **users}.items()]
    (folder / "users.txt").write_text("".join(lines), "utf-8")
    if os.geteuid() == 0:
        owner = Path(str(server["host"])).stat()
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)


def _launch(program: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start it as the folder's owner; what it says goes into the folder.

    Where that is root, as in folders that root alone can enter, it runs like the server there: root by another name.
    """
    owner, root = folder.stat(), os.geteuid() == 0
    prefix: tuple[str, ...] = ()
    if owner.st_uid == 0:
        nobody = pwd.getpwnam("nobody")
        ways = (namespace(nobody), capable(nobody))
        prefix = next(way.prefix for way in ways if can_enter(way, Path(program), folder))
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*prefix, program, str(folder / "pgbouncer.ini")],
            user=owner.st_uid if root else None,
            group=owner.st_gid if root else None,
            extra_groups=[] if root else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _await_ready(dsn: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not _answers(dsn):
        said = (folder / "log").read_text("utf-8")
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.02)  # nothing tells that the socket is there: it is tried


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, dbname="pgbouncer", autocommit=True).close()
    except psycopg.OperationalError:
        return False
    return True
