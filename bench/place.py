"""Where the benchmark runs: a server, databases and projects of its own, all gone at its end.

Databases are tenant_1 to tenant_N; tenant_0 is what the others are cloned from.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.sample import REPOSITORY
from tenantry.postgres.embedded.cluster import EmbeddedServer

_PREFIX = "tenantry-bench-"
_SHM = Path("/dev/shm")  # noqa: S108 # the folder that is made in it has a random name and is ours alone
_ON_DISK = REPOSITORY / ".tenantry" / "bench"
# A database with every table is 11 MB; and the server's log of changes may take 1 GB and more.
_DATABASE_BYTES, _SERVER_BYTES = 12_000_000, 7_000_000_000
# Autovacuum would come and go at times of its own.
_SETTINGS = {"autovacuum": "off"}
# The catalogs of 1,000 databases take more than the 128 MB that PostgreSQL has for them unless it is told otherwise,
# as any server with so many is.
_BUFFERS_MB, _LEAST_BUFFERS_MB = 4096, 128
_AT_ONCE = 4
# The number of a database that no case uses, and how many tables a tenant has.
WIDE, _TABLES = 1_000_000, 30
# Roles that the server lets in without and with a password; nothing in its databases matters.
TRUSTED, GUARDED = "trusted", "guarded"
_PASSWORD = "open sesame"  # noqa: S105 # of a server that is gone with the benchmark

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with migrations, and a file like tenants.yaml for each number of tenants that is measured."""

    folder: Path
    dsn: str

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the migrations, in order."""
        return tuple(sorted((self.folder / "migrations").iterdir()))

    def config(self, databases: int) -> Path:
        """Return the file that names tenants 1 to `databases`."""
        return self._write(f"tenants-{databases}.yaml", [str(number) for number in range(1, databases + 1)])

    def config_of(self, numbers: Sequence[int]) -> Path:
        """Return the file that names these tenants."""
        return self._write("tenants.yaml", [str(number) for number in numbers])

    def template_config(self) -> Path:
        """Return the file that names tenant 0 alone."""
        return self._write("template.yaml", ["0"])

    def _write(self, name: str, ids: Sequence[str]) -> Path:
        path = self.folder / name
        if not path.exists():
            lines = (
                *("servers:", f'  main: "{self.dsn}"'),
                *("tenants:", "  migrations: migrations", "  server: main", "  database: tenant_{id}", "  list:"),
                *(f"    - {number}" for number in ids),
            )
            path.write_text("".join(f"{line}\n" for line in lines))
        return path


@dataclass(frozen=True, slots=True)
class Place:
    """The benchmark's folder and its running server."""

    folder: Path
    server: EmbeddedServer

    @property
    def dsn(self) -> str:
        """Return the connection string of the server, without a database."""
        return self.server.dsn()

    @property
    def postmaster(self) -> int:
        """Return the process id of the server."""
        pid = self.server.pid()
        assert pid is not None, "nobody else stops this server"
        return pid

    def dsn_of(self, role: str) -> str:
        """Return the connection string of one of the roles that `add_roles` makes."""
        given = conninfo_to_dict(self.dsn)
        return make_conninfo("", host=given["host"], port=given["port"], user=role, password=_PASSWORD)

    def add_roles(self) -> None:
        """Make two roles that differ only in how they log in: one with a password, as in production."""
        with self._connect("postgres") as connection:
            for role in (TRUSTED, GUARDED):
                connection.execute(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{_PASSWORD}' IN ROLE postgres")
            rules = Path(str(connection.execute("SHOW hba_file").fetchone()[0]))  # type: ignore[index] # always a row
            rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
            connection.execute("SELECT pg_reload_conf()")

    def describe(self) -> str:
        """Return where the data is and whether it outlives a power failure, as far as the folder itself does."""
        where = "in memory" if self.folder.is_relative_to(_SHM) else "on disk"
        return f"{where} ({self.folder}), {'durable' if self.server.durable else 'without fsync'}"

    def server_version(self) -> str:
        """Return the version of PostgreSQL, as in 17.10."""
        with self._connect("postgres") as connection:
            return str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index] # always a row

    def make_project(self, name: str, newest: int) -> Project:
        """Make a project with copies of this repository's tenant migrations up to version `newest`."""
        project = Project(self.folder / name, self.dsn)
        (project.folder / "migrations").mkdir(parents=True)
        for file in (REPOSITORY / "migrations" / "tenant").glob("*.sql"):
            if int(file.name.split("_")[0]) <= newest:
                shutil.copy(file, project.folder / "migrations")
        return project

    def make_wide(self, project: Project, tables: int) -> str:
        """Make a database with the project's tables in as many schemas as give so many tables; return its dsn."""
        self._create([WIDE], "template1")
        name = f"tenant_{WIDE}"
        with self._connect(name) as connection:
            for number in range(tables // _TABLES):
                connection.execute(f"CREATE SCHEMA wide_{number}; SET search_path = wide_{number}".encode())
                for file in project.files:
                    connection.execute(file.read_bytes())
        return f"{self.dsn} dbname={name}"

    def clone(self, numbers: Sequence[int], template: int = 0) -> None:
        """Make databases that have what tenant_0, or another one, has, each with its own tenant in the ledger."""
        self._create(numbers, f"tenant_{template}")
        rename = "UPDATE public._migrations SET tenant = {}"
        self._each(numbers, lambda connection, n: connection.execute(sql.SQL(rename).format(sql.Literal(str(n)))))

    def empty(self, numbers: Sequence[int]) -> None:
        """Drop the databases and make them anew, with nothing in them."""
        self._create(numbers, "template1")

    def undo(self, file: Path, numbers: Sequence[int]) -> None:
        """Drop the columns that a file added, and forget that it was applied.

        Quicker than making the databases anew. What is left of a dropped column in the catalog slows all commands
        of a round alike.
        """
        statements = "; ".join((*_drop_columns(file.read_text()), "DELETE FROM public._migrations WHERE version >= 10"))
        self._each(numbers, lambda connection, _: connection.execute(statements.encode()))

    def execute(self, text: str, numbers: Sequence[int]) -> None:
        """Send some SQL to each database; none where it is empty."""
        if text:
            self._each(numbers, lambda connection, _: connection.execute(text.encode()))

    def _create(self, numbers: Sequence[int], template: str) -> None:
        def create(number: int) -> None:
            with self._connect("postgres") as connection:
                connection.execute(f"DROP DATABASE IF EXISTS tenant_{number} WITH (FORCE)".encode())
                connection.execute(f"CREATE DATABASE tenant_{number} TEMPLATE {template}".encode())

        _at_once(create, numbers)

    def _each(self, numbers: Sequence[int], act: Callable[[Connection, int], object]) -> None:
        def visit(number: int) -> None:
            with self._connect(f"tenant_{number}") as connection:
                act(connection, number)

        _at_once(visit, numbers)

    def _connect(self, database: str) -> Connection:
        return psycopg.connect(self.dsn, dbname=database, autocommit=True)


@contextlib.contextmanager
def open_place(databases: int, *, durable: bool, folder: Path | None = None) -> Iterator[Place]:
    """Start a server in a folder of its own, and remove both at the end, whatever ends it."""
    around = folder or _choose_folder(databases)
    around.mkdir(parents=True, exist_ok=True)
    _sweep(around)
    own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=around))
    own.chmod(0o711)  # PostgreSQL does not run as root: user nobody must be able to enter
    lock = os.open(own, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    server = EmbeddedServer(own / "server", settings={**_SETTINGS, "shared_buffers": _size_buffers()}, durable=durable)
    try:
        server.start()
        yield Place(own, server)
    finally:
        # Another Ctrl-C must not leave gigabytes behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _remove(own)
        os.close(lock)


def _choose_folder(databases: int) -> Path:
    """Return memory where it has room, since a shared disk makes every figure a matter of luck."""
    needed = _SERVER_BYTES + databases * _DATABASE_BYTES
    roomy = _SHM.is_dir() and os.access(_SHM, os.W_OK) and min(shutil.disk_usage(_SHM).free, _free_memory()) > needed
    return _SHM if roomy else _ON_DISK


def _size_buffers() -> str:
    """Return the size of the server's buffers, at most a quarter of what is free."""
    return f"{max(min(_BUFFERS_MB, _free_memory() // 4 // 2**20), _LEAST_BUFFERS_MB)}MB"


def _free_memory() -> int:
    """Return the bytes of memory that are free: a file system in memory may claim more room than there is."""
    told = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(told[1]) * 1024 if told else 0


def _sweep(around: Path) -> None:
    """Remove what a benchmark that was killed left behind: nobody holds the lock of its folder."""
    for left_over in around.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(left_over, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left_over)
            finally:
                os.close(lock)


def _remove(folder: Path) -> None:
    EmbeddedServer(folder / "server").destroy()
    shutil.rmtree(folder, ignore_errors=True)


def _drop_columns(text: str) -> Iterator[str]:
    """Yield a statement for each column that the text of a migration adds."""
    for table, actions in re.findall(r"^ALTER TABLE (\w+)\s(.*?);", text, re.DOTALL | re.MULTILINE):
        for column in re.findall(r"ADD COLUMN (\w+)", actions):
            yield f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}"


def _at_once(act: Callable[[int], None], numbers: Sequence[int]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(act, numbers))
