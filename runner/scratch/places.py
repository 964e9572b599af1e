"""Scratch databases: empty, of the major of the tenant's server, used by one process and dropped at its end.

The next process drops those of a killed one, known by their name, their owner, and a lock that nobody holds any more.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
from psycopg import sql

from tenantry.fleet.stop import Stop
from tenantry.model import Migration, Server, SetName, Tenant
from tenantry.model.errors import Cancelled, Refused, ServerError, TenantError, Unreachable
from tenantry.model.reading import Reading
from tenantry.model.words import describe_os_error
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.embedded.programs import find_binaries, read_major
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection, Sessions, Settings, find_major
from tenantry.postgres.waiting import NO_PATIENCE, Patience
from tenantry.scratch.kept import NOTHING, Start, can_keep, clone, drop, keep, list_kept
from tenantry.scratch.preparation import NOTHING_MORE, Preparation
from tenantry.state import make_state_folder

_PREFIX = "tenantry_scratch_"
_SERVER = "scratch"
# One name for all, which the ledger in a kept database holds as well.
_NAME = "scratch"
_PAUSE_S = 0.05
_USE_GIVEN = "correct TENANTRY_SCRATCH, or unset it so that the files are replayed elsewhere"


@dataclass(frozen=True, slots=True)
class Scratch:
    """One scratch database. `own_server`: nobody else's roles or databases are on its server.

    `beside_tenants`: the server is one that tenants are on, where nothing may be touched but the database itself.
    `done` is how many files of the chain it was opened for have run in it already.
    """

    tenant: Tenant
    sessions: Sessions
    connection: Connection
    own_server: bool
    beside_tenants: bool = False
    done: int = 0
    to_keep: list[str] = field(default_factory=list)

    def keep(self, key: str) -> None:
        """Have the database kept under a key when its user is done with it without an error."""
        self.to_keep[:] = [key]

    def list_settings(self) -> Reading:
        """Return the settings that files rely on."""
        return self.sessions.list_settings(self.tenant)

    def check(self) -> None:
        """Raise Cancelled if the work here was cancelled, which may have been between two statements."""
        if self.sessions.cancelled:
            raise Cancelled("cancelled")


@dataclass(frozen=True, slots=True)
class ScratchPlace:
    """Where scratch databases are created: on a server of our own, since files may touch more than their database.

    `state` is the folder with the data of such servers, one for each major. Without programs of that major, the
    tenant's own server is used. `given` is the connection string of a server that replaces all these: one with the
    extensions that the files need. `preparation` is made in each database before the first file. As soon as `stop` is
    requested, the work there is cancelled: it is of no use then. The given server may be starting, and is waited for.
    """

    state: Path
    settings: Settings
    given: str = ""
    stop: Stop = field(default_factory=Stop)
    preparation: Preparation = NOTHING_MORE
    patience: Patience = NO_PATIENCE

    def describe_values(self, migrations: Sequence[Migration]) -> tuple[str, ...]:
        """Return the part of a key for the stand-ins that these files read instead of a tenant's values.

        So is what a database was prepared with, since all that is computed there depends on it.
        """
        stand_ins = self.settings.stand_ins.describe(migrations) if self.settings.stand_ins else ()
        return (*stand_ins, *self.preparation.describe())

    @contextmanager
    def open(self, sessions: Sessions, tenant: Tenant, major: int) -> Iterator[Scratch]:
        """Create an empty scratch database, alone: see `create`."""
        with self.alone(sessions), self.create(sessions, tenant, major) as scratch:
            yield scratch

    @contextmanager
    def create(self, sessions: Sessions, tenant: Tenant, major: int, start: Start = NOTHING) -> Iterator[Scratch]:
        """Create a scratch database for the files of a tenant. Raises Refused if there is no place for one.

        Only while `alone` is held. The database is empty, or a copy of a kept state that would do to `start` with.
        """
        with ExitStack() as stack:
            try:
                # Files may create roles and change settings: the tenants' own server is the last resort.
                programs = None if self.given else _find_programs(major)
                if self.given or programs:
                    scratch = stack.enter_context(self._open_elsewhere(programs, sessions, start))
                else:
                    near = stack.enter_context(self._ending(sessions.copy(self.settings)))
                    making = _make(_follow(near, sessions), tenant.server.name, _choose_name(), self.preparation)
                    beside = stack.enter_context(making)
                    scratch = replace(beside, beside_tenants=True)
            except (Refused, Cancelled):
                raise
            except (ServerError, TenantError) as error:
                # The tenant is not at fault, and must not be reported as unreachable.
                hint = _USE_GIVEN if self.given else _hint(major)
                raise Refused(f"no scratch database to replay the files on: {error}", hint=hint) from None
            yield scratch

    @contextmanager
    def open_embedded(self, start: Start = NOTHING) -> Iterator[Scratch]:
        """Create a scratch database for files without a tenant, alone. Raises ServerError and Refused."""
        programs = None if self.given else find_binaries()
        with self.alone(None), ExitStack() as stack:
            try:
                scratch = stack.enter_context(self._open_elsewhere(programs, None, start))
            except Unreachable as error:
                raise Refused(f"no scratch database to run the files on: {error}", hint=_USE_GIVEN) from None
            yield scratch

    @contextmanager
    def _open_elsewhere(self, programs: Path | None, waiting: Sessions | None, start: Start) -> Iterator[Scratch]:
        """Create a scratch database on a server of our own, or on the one that is given.

        `waiting` are the sessions of the tenant that waits for it: cancelling them cancels the work here as well.
        """
        if programs is None:
            with (
                self._ending(self._await_given()) as given,
                _make(_follow(given, waiting), _SERVER, _choose_name(), self.preparation) as scratch,
            ):
                yield scratch
            return
        name = _choose_name()
        with (
            self._own_server(programs, start, name) as (own, done),
            self._ending(own),
            _make(_follow(own, waiting), _SERVER, name, self.preparation, own_server=True, done=done) as scratch,
        ):
            yield scratch

    @contextmanager
    def _ending(self, sessions: Sessions) -> Iterator[Sessions]:
        """Have the work of scratch sessions end with the run. Raises Cancelled."""
        with self.stop.covering_scratch(sessions):
            yield sessions

    def _await_given(self) -> Sessions:
        sessions = self._open_given()
        self.patience.await_servers(sessions, [_SERVER], lambda: self.stop.reason)
        return sessions

    def _open_given(self) -> Sessions:
        try:
            return Sessions({_SERVER: self.given}, self.settings)
        except psycopg.Error as error:
            said = str(error).strip().splitlines()[0]
            raise Refused(f"TENANTRY_SCRATCH: not a connection string: {said}", hint=_USE_GIVEN) from None

    @contextmanager
    def alone(self, waiting: Sessions | None) -> Iterator[None]:
        """Keep other threads and processes out of this project's scratch databases.

        The second one waits, and then finds the results that the first one kept. Raises Cancelled if the sessions
        `waiting` are cancelled meanwhile, and Refused where there is no place for a scratch database.
        """
        lock = self._open_lock()
        try:
            while lock is not None and not _try_flock(lock):
                self.stop.check()
                if waiting and waiting.cancelled:
                    raise Cancelled("cancelled")
                time.sleep(_PAUSE_S)  # a blocking wait in the kernel would not notice that the run was cancelled
            yield
        finally:
            if lock is not None:
                os.close(lock)

    def _open_lock(self) -> int | None:
        """Open the folder that is the lock; None where there can be none, and a given server needs no place here."""
        try:
            make_state_folder(self.state)
            # A lock on an open folder ends with its process, however that ends: nothing is left to clean up.
            return os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if self.given:
                return None
            reason = describe_os_error(error)
            hint = "set TENANTRY_STATE to a folder that can be written to, or TENANTRY_SCRATCH to another server"
            raise Refused(f"{self.state}: {reason}, expected a writable folder", hint=hint) from None

    @contextmanager
    def _own_server(self, programs: Path, start: Start, name: str) -> Iterator[tuple[Sessions, int]]:
        """Start a server of our own; yield it with the number of files that have run in the database `name`.

        That database exists only if the number is not 0.
        """
        # Not durable: its data can be computed again, and files run faster if nothing waits for the disk.
        server = EmbeddedServer(self.state / str(read_major(programs)), programs, durable=False)
        server.start()
        sessions = Sessions({_SERVER: server.dsn()}, self.settings)
        done = _begin(sessions, start, name)
        if done is None:
            server.destroy()
            server.start()
        try:
            yield sessions, done or 0
        finally:
            # Even if a killed process started it: nobody else uses it.
            if _may_stay(sessions):
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


def _begin(sessions: Sessions, start: Start, name: str) -> int | None:
    """Create a database as a copy of the best kept state, and return how many files have run in it; 0 if there is none.

    None if files would find on the server what others left there, or they themselves the last time.
    """
    try:
        with sessions.connect_to(_SERVER, sessions.maintenance(_SERVER)) as connection:
            found = start.find(list_kept(connection))
            if found and clone(connection, found[0], name):
                return found[1]
            return 0 if _is_clean(connection) else None
    except TenantError:
        return None


def _may_stay(sessions: Sessions) -> bool:
    """Return whether files left nothing outside of their databases, or only what belongs to a kept one."""
    try:
        with sessions.connect_to(_SERVER, sessions.maintenance(_SERVER)) as connection:
            return _is_clean(connection) or bool(list_kept(connection))
    except TenantError:
        return False


def _is_clean(connection: Connection) -> bool:
    """Return whether files left nothing on a server that later files would find: roles, settings, databases."""
    return connection.execute(read_sql("scratch", "clean")).fetchone() == (True,)


def _find_programs(major: int) -> Path | None:
    """Return the programs of a server of this major; None if there are none."""
    try:
        programs = find_binaries(major)
        return programs if read_major(programs) == major else None
    except ServerError:
        return None


def _choose_name() -> str:
    return f"{_PREFIX}{secrets.token_hex(8)}"


@contextmanager
def _make(
    sessions: Sessions, server: str, name: str, preparation: Preparation, *, own_server: bool = False, done: int = 0
) -> Iterator[Scratch]:
    """Create a scratch database, unless files are `done` in it already, and drop or keep it at the end."""
    # A session of its own, since no database can be dropped from within; its end releases the lock as well.
    with sessions.connect_to(server, sessions.maintenance(server)) as keeper:
        # Before the database exists: without the lock, another process would drop it as one left behind.
        _lock(keeper, name)
        _drop_left_over(keeper)
        if not done:
            _create(keeper, server, name)
        try:
            # `sessions` know the server by this name; its connection string is not needed here.
            tenant = Tenant(_NAME, SetName.TENANT, Server(server, ""), name)
            if not done:
                preparation.set_up(keeper, name)
            with sessions.connect(tenant) as connection:
                if not done:
                    preparation.run(connection)
                scratch = Scratch(tenant, sessions, connection, own_server, done=done)
                yield scratch
                kept = scratch.to_keep if own_server and can_keep(connection) else ()
            for key in kept:
                keep(keeper, name, key)
        finally:
            # A cancelled statement may still be running there, and would be in the way of a plain DROP.
            drop(keeper, name)


def _create(keeper: Connection, server: str, name: str) -> None:
    try:
        keeper.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege as error:
        major = find_major(keeper)
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
            drop(keeper, name)
