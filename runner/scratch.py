"""Scratch databases: empty, of the server's major, used by one process and gone at its end.

Those of a process that was killed are dropped by the next one: known by their name, their owner, and a lock that
nobody holds any more.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from runner.errors import Cancelled, Refused, ServerError, TenantError
from runner.model import Server, SetName, Tenant
from runner.server import EmbeddedServer, find_binaries, read_major
from runner.session import Connection, Sessions, Settings, read_sql

_PREFIX = "tenantry_scratch_"
_SERVER = "scratch"
_USE_GIVEN = "correct TENANTRY_SCRATCH, or unset it to have the files replayed elsewhere"


@dataclass(frozen=True, slots=True)
class Scratch:
    """One scratch database. `own_server`: nobody else's roles or databases are on its server."""

    tenant: Tenant
    sessions: Sessions
    connection: Connection
    own_server: bool


@dataclass(frozen=True, slots=True)
class ScratchPlace:
    """Where scratch databases are made: beside a tenant on the embedded server, else on a server of our own.

    `state` is the folder that such servers have their data in, one for each major. Without programs of the major, the
    tenant's own server is asked. `given` is the connection string of a server that is used instead of all these: one
    that has what the files need.
    """

    state: Path
    settings: Settings
    given: str = ""

    @contextmanager
    def open(self, sessions: Sessions, tenant: Tenant, major: int) -> Iterator[Scratch]:
        """Make a scratch database that a tenant's files can be run on. Raises Refused where there is no place for one.

        One at a time in a project: whoever comes second waits, and then finds what the first one kept.
        """
        with self._alone(), ExitStack() as stack:
            try:
                programs = None if self.given or tenant.server.embedded else _find_programs(major)
                if self.given or programs:
                    scratch = stack.enter_context(self._open_elsewhere(programs))
                else:
                    scratch = stack.enter_context(_make(sessions, tenant.server.name, own_server=False))
            except (Refused, Cancelled):
                raise
            except (ServerError, TenantError) as error:
                # It is no fault of the tenant's that its proof has no place.
                hint = _USE_GIVEN if self.given else _hint(major)
                raise Refused(f"no scratch database to replay the files on: {error}", hint=hint) from None
            yield scratch

    @contextmanager
    def open_embedded(self) -> Iterator[Scratch]:
        """Make a scratch database for files that no tenant is asked about. Raises ServerError."""
        with self._alone(), self._open_elsewhere(None if self.given else find_binaries()) as scratch:
            yield scratch

    @contextmanager
    def _open_elsewhere(self, programs: Path | None) -> Iterator[Scratch]:
        """Make a scratch database on a server of our own, or on the one that is given."""
        if programs is None:
            with _make(Sessions({_SERVER: self.given}, self.settings), _SERVER, own_server=False) as scratch:
                yield scratch
            return
        with self._own_server(programs) as own, _make(own, _SERVER, own_server=True) as scratch:
            yield scratch

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self._open_lock()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _open_lock(self) -> int:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            return os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Refused(f"{self.state}: {reason}, expected a folder that can be written to") from None

    @contextmanager
    def _own_server(self, programs: Path) -> Iterator[Sessions]:
        server = EmbeddedServer(self.state / str(read_major(programs)), programs, durable=False)
        started = server.start()
        try:
            yield Sessions({_SERVER: server.dsn()}, self.settings)
        finally:
            if started:
                server.stop()


def _find_programs(major: int) -> Path | None:
    """Return the programs of a server of this major; None where there are none."""
    try:
        programs = find_binaries(major)
        return programs if read_major(programs) == major else None
    except ServerError:
        return None


@contextmanager
def _make(sessions: Sessions, server: str, *, own_server: bool) -> Iterator[Scratch]:
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    with sessions.connect_to(server, sessions.maintenance(server)) as keeper:
        _drop_left_over(keeper)
        _lock(keeper, name)
        _create(keeper, server, name)
        try:
            # The name of the server is one of `sessions`; where it is does not matter to whoever uses the database.
            tenant = Tenant(name, SetName.TENANT, Server(server, ""), name)
            with sessions.connect(tenant) as connection:
                yield Scratch(tenant, sessions, connection, own_server)
        finally:
            keeper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            if own_server:
                _drop_roles(keeper)


def _drop_roles(keeper: Connection) -> None:
    """Drop what roles the files made, on a server of our own: the next replay makes them again."""
    for (role,) in keeper.execute(read_sql("scratch/roles")).fetchall():
        keeper.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


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
        f"set TENANTRY_SCRATCH to the connection string of a server that lets us, TENANTRY_PG_BIN to the programs of a "
        f"PostgreSQL {major}, or give the role CREATEDB"
    )


def _lock(keeper: Connection, name: str) -> bool:
    """Take the lock that says that a scratch database is in use; False where it is."""
    query = sql.SQL("SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended({}, 0))")
    return keeper.execute(query.format(sql.Literal(name))).fetchone() == (True,)


def _drop_left_over(keeper: Connection) -> None:
    for (name,) in keeper.execute(read_sql("scratch/left_over")).fetchall():
        if _lock(keeper, name):
            keeper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
