"""Real PostgreSQL servers for the tests: one of each major for a whole run, and databases that live as long as a test.

Its rule: only what was made here is touched. The servers live in a folder made for the run, and are asked for it.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.embedded.programs import find_binaries

# A new empty database for the test that calls it; returns its connection string.
MakeDatabase = Callable[..., str]

# What runs on a server of another major than 17 is left out of `make quick`.
other_major = pytest.mark.other_major


def each_major(first: str, *others: str) -> list[Any]:
    """Return parameters, of which the first one is for PostgreSQL 17 and the others are for other majors."""
    return [first, *(pytest.param(one, marks=other_major) for one in others)]


_ROOT_KEY = pytest.StashKey[Path]()
_LOCK_KEY = pytest.StashKey[int]()
_PREFIX = "tenantry-test-"
_ROOMY_BYTES = 2 * 1024**3


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of this run's servers; workers of pytest-xdist are told of their controller's."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has its background jobs ignore Ctrl-C, and with them the programs that tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    given: dict[str, Any] = getattr(config, "workerinput", {})
    if "postgres_root" in given:
        config.stash[_ROOT_KEY] = Path(given["postgres_root"])
        return
    _sweep()
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_roomy_folder()))
    root.chmod(0o711)  # PostgreSQL does not run as root: user nobody must be able to enter
    config.stash[_ROOT_KEY] = root
    config.stash[_LOCK_KEY] = _hold(root)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` means: more than there are cores, since tests wait for servers and locks."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the servers are."""
    node.workerinput["postgres_root"] = str(node.config.stash[_ROOT_KEY])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop and remove the servers, in the process that made their folder."""
    lock = config.stash.get(_LOCK_KEY, None)
    if lock is not None:
        _remove_root(config.stash[_ROOT_KEY])
        os.close(lock)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's own PG* and TENANTRY_* variables away from the tests, and the tests from their home."""
    kept = "TENANTRY_TEST_"
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("PG", "TENANTRY_")) and not name.startswith(kept):
                patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def server17(pytestconfig: pytest.Config, clean_environment: None) -> EmbeddedServer:
    """Return the run's PostgreSQL 17; do not stop it."""
    return _start(pytestconfig, "17")


@pytest.fixture(scope="session")
def server18(pytestconfig: pytest.Config, clean_environment: None) -> EmbeddedServer:
    """Return the run's PostgreSQL 18; do not stop it."""
    return _start(pytestconfig, "18")


@pytest.fixture(scope="session")
def server_system(pytestconfig: pytest.Config, clean_environment: None) -> EmbeddedServer:
    """Return a server of the run with the newest PostgreSQL that this machine has installed; do not stop it."""
    return _start(pytestconfig, "system")


@pytest.fixture(scope="session")
def server_dsn(server17: EmbeddedServer) -> str:
    """Return the connection string of PostgreSQL 17, without a database."""
    return server17.dsn()


@pytest.fixture(scope="session")
def server18_dsn(server18: EmbeddedServer) -> str:
    """Return the connection string of PostgreSQL 18, without a database."""
    return server18.dsn()


@pytest.fixture(scope="session")
def system_dsn(server_system: EmbeddedServer) -> str:
    """Return the connection string of the installed PostgreSQL, without a database."""
    return server_system.dsn()


@pytest.fixture
def database(server_dsn: str) -> Iterator[MakeDatabase]:
    """Return a callable that makes a database on PostgreSQL 17: `database(prefix="rt") -> conninfo`."""
    yield from _databases(server_dsn)


@pytest.fixture
def database18(server18_dsn: str) -> Iterator[MakeDatabase]:
    """Return a callable that makes a database on PostgreSQL 18: `database18(prefix="rt") -> conninfo`."""
    yield from _databases(server18_dsn)


@pytest.fixture(params=each_major("pg17", "pg18", "system"))
def any_server(request: pytest.FixtureRequest) -> EmbeddedServer:
    """Return each server of the run in turn."""
    names = {"pg17": "server17", "pg18": "server18", "system": "server_system"}
    server: EmbeddedServer = request.getfixturevalue(names[request.param])
    return server


@pytest.fixture
def any_database(any_server: EmbeddedServer) -> Iterator[MakeDatabase]:
    """Return a callable that makes a database, on each server of the run in turn."""
    yield from _databases(any_server.dsn())


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """Return an empty folder, on memory where there is enough, that user nobody can enter; gone after the test."""
    with lend_folder() as folder:
        yield folder


@contextlib.contextmanager
def lend_folder() -> Iterator[Path]:
    """Lend a folder as `own_folder` does, for as long as wanted."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_roomy_folder()))
    folder.chmod(0o711)
    lock = _hold(folder)
    try:
        yield folder
    finally:
        _remove_root(folder)
        os.close(lock)


@pytest.fixture
def own_server(own_folder: Path, clean_environment: None) -> Iterator[EmbeddedServer]:
    """Return a running PostgreSQL 17 of the test's own, durable, which it may stop, kill and start again."""
    # In the data folder, or each killed server would leave a megabyte in /dev/shm.
    settings = {"dynamic_shared_memory_type": "mmap"}
    server = EmbeddedServer(own_folder / "state", binaries_of("17"), settings)
    server.start()
    yield server
    server.destroy()


def _roomy_folder() -> str:
    """Return where servers are fast: memory, unless it is as small as a container's."""
    shm = Path("/dev/shm")  # noqa: S108  # the folders in it are private
    roomy = shm.is_dir() and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > _ROOMY_BYTES
    return str(shm) if roomy else tempfile.gettempdir()


def _hold(root: Path) -> int:
    """Lock a folder for as long as this process lives, so that others see that it is in use."""
    lock = os.open(root / "in-use", os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _sweep() -> None:
    """Remove the servers of runs that were killed: nobody holds the lock of their folder."""
    for root in Path(_roomy_folder()).glob(f"{_PREFIX}*"):
        # Another user's, one just being made, one in use, one that cannot be removed: no concern of this run.
        with contextlib.suppress(OSError, ServerError):
            lock = os.open(root / "in-use", os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_root(root)
            finally:
                os.close(lock)


def _remove_root(root: Path) -> None:
    for state in root.iterdir():
        if (state / "postgres").is_dir():
            EmbeddedServer(state).destroy()
    shutil.rmtree(root)


def binaries_of(major: str) -> Path:
    """Return the programs of "17", "18" or "system"; skip the test where there are none, or fail where they are due."""
    try:
        return _system_binaries() if major == "system" else find_binaries(int(major))
    except ServerError as error:
        if os.environ.get("TENANTRY_TEST_REQUIRE_POSTGRES") == "1":
            raise
        pytest.skip(f"no PostgreSQL {major}: {error}")


def _system_binaries() -> Path:
    # Those of a major that no package of the system brings, for a run by hand.
    if given := os.environ.get("TENANTRY_TEST_PG_BIN"):
        return Path(given)
    found = [postgres.parent for postgres in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        raise ServerError("/usr/lib/postgresql: no PostgreSQL is installed", hint="`apt-get install postgresql`")
    return max(found, key=lambda folder: int(folder.parent.name))


def _start(config: pytest.Config, major: str) -> EmbeddedServer:
    """Start a server of the run unless another worker did; raise AssertionError where it is not ours."""
    left_out = "not other_major" in config.getoption("markexpr")
    assert major == "17" or not left_out, "a test without the mark other_major asks for another major"
    root = config.stash[_ROOT_KEY]
    # For roles that tests create, and tests that become another user.
    everybody = root / f"{major}.pg_hba.conf"
    everybody.write_text("local all all trust\nlocal replication all trust\n")
    server = EmbeddedServer(root / major, binaries_of(major), {"hba_file": str(everybody)}, durable=False)
    server.start()
    with psycopg.connect(server.dsn(), dbname="postgres", autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    assert Path(row[0]).is_relative_to(config.stash[_ROOT_KEY].resolve())
    return server


def _databases(dsn: str) -> Iterator[MakeDatabase]:
    """Yield a callable that makes databases with random names, and drop these afterwards, whoever uses them."""
    made: list[str] = []

    def make(prefix: str = "rt") -> str:
        name = f"{prefix}_{secrets.token_hex(5)}"
        _execute(dsn, "CREATE DATABASE {}", name)
        made.append(name)
        return make_conninfo(dsn, dbname=name)

    yield make
    for name in made:
        _execute(dsn, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _execute(dsn: str, statement: str, name: str) -> None:
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
