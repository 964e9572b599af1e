"""Scratch databases: empty, of the major of the tenant's server, used by one process and dropped at its end.

The next process drops those of a killed one, known by their name, their owner, and a lock that nobody holds any more.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import Cancelled, Refused, ServerError, TenantError, Unreachable
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.embedded.programs import find_binaries, read_major
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection, Sessions, Settings
from tenantry.state import make_state_folder

_PREFIX = "tenantry_scratch_"
_SERVER = "scratch"
_PAUSE_S = 0.05
_USE_GIVEN = "correct TENANTRY_SCRATCH, or unset it so that the files are replayed elsewhere"


@dataclass(frozen=True, slots=True)
class Scratch:
    """One scratch database. `own_server`: nobody else's roles or databases are on its server.

    `beside_tenants`: the server is one that tenants are on, where nothing may be touched but the database itself.
    """

    tenant: Tenant
    sessions: Sessions
    connection: Connection
    own_server: bool
    beside_tenants: bool = False


@dataclass(frozen=True, slots=True)
class ScratchPlace:
    """Where scratch databases are created: on a server of our own, since files may touch more than their database.

    `state` is the folder with the data of such servers, one for each major. Without programs of that major, the
    tenant's own server is used. `given` is the connection string of a server that replaces all these: one with the
    extensions that the files need.
    """

    state: Path
    settings: Settings
    given: str = ""

    @contextmanager
    def open(self, sessions: Sessions, tenant: Tenant, major: int) -> Iterator[Scratch]:
        """Create a scratch database for the files of a tenant. Raises Refused if there is no place for one.

        One at a time in a project: the second one waits, and then finds the results that the first one kept.
        """
        with self._alone(sessions), ExitStack() as stack:
            try:
                # Files may create roles and change settings: the tenants' own server is the last resort.
                programs = None if self.given else _find_programs(major)
                if self.given or programs:
                    scratch = stack.enter_context(self._open_elsewhere(programs, sessions))
                else:
                    beside = stack.enter_context(_make(sessions, tenant.server.name, own_server=False))
                    scratch = replace(beside, beside_tenants=True)
            except (Refused, Cancelled):
                raise
            except (ServerError, TenantError) as error:
                # The tenant is not at fault, and must not be reported as unreachable.
                hint = _USE_GIVEN if self.given else _hint(major)
                raise Refused(f"no scratch database to replay the files on: {error}", hint=hint) from None
            yield scratch

    @contextmanager
    def open_embedded(self) -> Iterator[Scratch]:
        """Create a scratch database for files without a tenant. Raises ServerError and Refused."""
        programs = None if self.given else find_binaries()
        with self._alone(None), ExitStack() as stack:
            try:
                scratch = stack.enter_context(self._open_elsewhere(programs, None))
            except Unreachable as error:
                raise Refused(f"no scratch database to run the files on: {error}", hint=_USE_GIVEN) from None
            yield scratch

    @contextmanager
    def _open_elsewhere(self, programs: Path | None, waiting: Sessions | None) -> Iterator[Scratch]:
        """Create a scratch database on a server of our own, or on the one that is given.

        `waiting` are the sessions of the tenant that waits for it: cancelling them cancels the work here as well.
        """
        if programs is None:
            with _make(_follow(self._open_given(), waiting), _SERVER, own_server=False) as scratch:
                yield scratch
            return
        with self._own_server(programs) as own, _make(_follow(own, waiting), _SERVER, own_server=True) as scratch:
            yield scratch

    def _open_given(self) -> Sessions:
        try:
            return Sessions({_SERVER: self.given}, self.settings)
        except psycopg.Error as error:
            said = str(error).strip().splitlines()[0]
            raise Refused(f"TENANTRY_SCRATCH: not a connection string: {said}", hint=_USE_GIVEN) from None

    @contextmanager
    def _alone(self, waiting: Sessions | None) -> Iterator[None]:
        """Keep other threads and processes out of this project's scratch databases. Raises Cancelled."""
        lock = self._open_lock()
        try:
            while not _try_flock(lock):
                if waiting and waiting.cancelled:
                    raise Cancelled("cancelled")
                time.sleep(_PAUSE_S)  # a blocking wait in the kernel would not notice that the run was cancelled
            yield
        finally:
            os.close(lock)

    def _open_lock(self) -> int:
        try:
            make_state_folder(self.state)
            # A lock on an open folder ends with its process, however that ends: nothing is left to clean up.
            return os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Refused(f"{self.state}: {reason}, expected a writable folder") from None

    @contextmanager
    def _own_server(self, programs: Path) -> Iterator[Sessions]:
        # Not durable: its data can be computed again, and files run faster if nothing waits for the disk.
        server = EmbeddedServer(self.state / str(read_major(programs)), programs, durable=False)
        server.start()
        sessions = Sessions({_SERVER: server.dsn()}, self.settings)
        try:
            yield sessions
        finally:
            # Even if a killed process started it: nobody else uses it.
            if _is_clean(sessions):
                server.stop()
            else:
                server.destroy()


def _try_flock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _follow(sessions: Sessions, waiting: Sessions | None) -> Sessions:
    if waiting:
        waiting.cancels(sessions)
    return sessions


def _is_clean(sessions: Sessions) -> bool:
    """Return whether files left nothing on a server that later files would find: roles, settings, databases."""
    try:
        with sessions.connect_to(_SERVER, sessions.maintenance(_SERVER)) as connection:
            return connection.execute(read_sql("scratch", "clean")).fetchone() == (True,)
    except TenantError:
        return False


def _find_programs(major: int) -> Path | None:
    """Return the programs of a server of this major; None if there are none."""
    try:
        programs = find_binaries(major)
        return programs if read_major(programs) == major else None
    except ServerError:
        return None


@contextmanager
def _make(sessions: Sessions, server: str, *, own_server: bool) -> Iterator[Scratch]:
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    # A session of its own, since no database can be dropped from within; its end releases the lock as well.
    with sessions.connect_to(server, sessions.maintenance(server)) as keeper:
        _drop_left_over(keeper)
        # Before the database exists: without the lock, another process would drop it as one left behind.
        _lock(keeper, name)
        _create(keeper, server, name)
        try:
            # `sessions` know the server by this name; its connection string is not needed here.
            tenant = Tenant(name, SetName.TENANT, Server(server, ""), name)
            with sessions.connect(tenant) as connection:
                yield Scratch(tenant, sessions, connection, own_server)
        finally:
            # A cancelled statement may still be running there, and would be in the way of a plain DROP.
            keeper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(keeper: Connection, server: str, name: str) -> None:
    try:
        keeper.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege as error:
        major = keeper.info.server_version // 10_000
        raise Refused(
            f"server {server!r}: no scratch database to replay the files on: {error.diag.message_primary}",
            hint=_hint(major),
        ) from None


def _hint(major: int) -> str:
    return (
        f"set TENANTRY_SCRATCH to the connection string of a server where the role may create databases, set "
        f"TENANTRY_PG_BIN to the programs of PostgreSQL {major}, or grant the role CREATEDB"
    )


def _lock(keeper: Connection, name: str) -> bool:
    """Take the lock that marks a scratch database as used; return False if somebody else holds it."""
    query = sql.SQL("SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended({}, 0))")
    return keeper.execute(query.format(sql.Literal(name))).fetchone() == (True,)


def _drop_left_over(keeper: Connection) -> None:
    for (name,) in keeper.execute(read_sql("scratch", "left_over")).fetchall():
        if _lock(keeper, name):
            keeper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
