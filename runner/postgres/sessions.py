"""Connections: opening and cancelling them, and their timeouts."""

import os
import shlex
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Cancelled, Refused, TenantError, Unreachable
from tenantry.model.reading import READING, Reading
from tenantry.model.values import StandIns, list_values
from tenantry.postgres.capacity import Capacity
from tenantry.postgres.failures import FailureKind, classify, describe_error
from tenantry.postgres.passwords import PasswordCommand
from tenantry.postgres.refusals import explain_refusal, explain_uncreated, may_be_login
from tenantry.postgres.scram import keyed
from tenantry.postgres.startup import compose_options, compose_parameters, parse, resolve
from tenantry.sqltext.names import quote

_SECRET = frozenset({"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})

Connection = psycopg.Connection[tuple[Any, ...]]

SILENT = "the server did not answer, and the run closed the connection"

# For statements of our own, and for statements of files that block nobody.
LOCK_TIMEOUT_MS = 5_000

# PostgreSQL 14 and newer have it, on platforms that tell of a closed socket.
_LOOK = "client_connection_check_interval"
_REPLICATION, _DENIED = "session_replication_role", "42501"


def find_major(connection: Connection) -> int:
    """Return the major version of the server, such as 17."""
    return connection.info.server_version // 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of every connection of a run; the lock timeout is PostgreSQL's, for locks on tables.

    `lock_timeout_ms` None: by the class of each statement, and the longest timeout for statements of our own.
    `reading` decides how the server reads SQL. `stand_ins` replace the values of tenants where files are replayed.
    `look_ms`: so often, a server that can looks whether its client is still there, and ends the statement of a dead
    one; 0 never.
    """

    application_name: str
    lock_timeout_ms: int | None = None
    lock_wait_ms: int = 30_000
    reading: Reading = READING
    stand_ins: StandIns | None = None
    look_ms: int = 0


class Sessions:
    """Opens the connections of one run, and keeps track of them so that they can be cancelled."""

    def __init__(
        self,
        dsns: Mapping[str, str],
        settings: Settings,
        directs: Mapping[str, str] | None = None,
        passwords_from: Mapping[str, str] | None = None,
        commands: Mapping[str, PasswordCommand] | None = None,
        *,
        caps: Mapping[str, int | None] | None = None,
        share: int = 1,
        written: Mapping[str, str] | None = None,
    ) -> None:
        """Take the connection string of each server by its name, without a database.

        `directs` are the connection strings that bypass the pooler of a server, `passwords_from` the variables that
        hold the passwords, `commands` those that print them. `caps` are the servers whose connections are counted, with
        the most that tenants.yaml allows, and `share` is how many processes divide these among them. `written` are the
        names in hints of the connection strings that are not below servers in tenants.yaml.
        """
        self._written = written or {}
        self._passwords_from = passwords_from or {}
        self.settings = settings
        ways = {**dsns, **{_past_pooler(name): dsn for name, dsn in (directs or {}).items()}}
        resolved = {name: resolve(dsn) for name, dsn in ways.items()}
        self._parameters = {name: self._startup(dsn, resolved[name]) for name, dsn in ways.items()}
        self._users = {name: given.get("user", "") for name, given in resolved.items()}
        # Whether it bypasses the pooler or not, a server has one password.
        self._commands = {name: each for way, each in (commands or {}).items() for name in (way, _past_pooler(way))}
        self._capacities = {
            name: Capacity(way, most, settings.lock_wait_ms / 1000, share)
            for way, most in (caps or {}).items()
            for name in (way, _past_pooler(way))
        }
        # How long servers were waited for in vain: see `waiting`.
        self.waited_s: dict[str, float] = {}
        # Why the run is to end, empty while it is not: whoever waits for a connection asks.
        self.ending: Callable[[], str] = str
        self._resolved = resolved
        self._keyed = {name: keyed(given) for name, given in resolved.items()}
        self._told = frozenset(name for name in dsns if "lock_timeout" in resolved[name].get("options", ""))
        self._shown = {name: _without_secrets(dsn) for name, dsn in dsns.items()}
        # Several threads add to and remove from the set: each is one step under the interpreter's lock.
        self._open: set[Connection] = set()
        self._severed: set[Connection] = set()
        self.cancelled = False
        self._followers: list[Sessions] = []
        # Of a version or a platform without that setting, or behind a pooler that takes none.
        self._sightless: set[str] = set()

    def _startup(self, dsn: str, resolved: Mapping[str, str]) -> dict[str, Any]:
        """Return connection parameters with our settings in the start-up packet, where they cost no round trip."""
        ours = {"lock_timeout": str(self.settings.lock_timeout_ms or LOCK_TIMEOUT_MS)}
        parameters = compose_parameters(parse(dsn), resolved, ours, self.settings.reading)
        # UTF-8 whatever the database's own encoding: the server converts, and reports an error if it cannot.
        return {**parameters, "application_name": self.settings.application_name, "client_encoding": "UTF8"}

    def is_told_timeout(self, server: str) -> bool:
        """Return whether the connection string of a server, or the environment, sets the lock timeout.

        The service of a connection string counts as a part of it.
        """
        return server in self._told

    @contextmanager
    def connect(self, tenant: Tenant, *, waits: bool = True, **changes: Any) -> Iterator[Connection]:
        """Open a connection to the tenant's database, and close it when done. Raises Unreachable.

        With `waits`, a server that is full is waited for. `changes` are libpq parameters that override the usual ones.
        """
        with self._connect_as(tenant.server.name, tenant, waits=waits, **changes) as connection:
            yield connection

    def has_pooler(self, tenant: Tenant) -> bool:
        """Return whether there is a connection to the tenant's server that bypasses its pooler."""
        return _past_pooler(tenant.server.name) in self._parameters

    @contextmanager
    def connect_past_pooler(self, tenant: Tenant) -> Iterator[Connection]:
        """Open a connection to the tenant's database, bypassing the pooler if there is one. Raises Unreachable."""
        name = tenant.server.name
        with self._connect_as(_past_pooler(name) if self.has_pooler(tenant) else name, tenant) as connection:
            yield connection

    @contextmanager
    def _connect_as(self, server: str, tenant: Tenant, *, waits: bool = True, **changes: Any) -> Iterator[Connection]:
        """Open a connection with the tenant's values, which cost no round trip in the start-up packet."""
        settings = (*self.list_values(tenant), *_list_role(tenant))
        options = f"{self._parameters[server]['options']} {compose_options(dict(settings))}"
        with self.connect_to(
            server, tenant.database, role=tenant.role, waits=waits, **{"options": options, **changes}
        ) as connection:
            yield connection

    def list_values(self, tenant: Tenant) -> Reading:
        """Return the values that the tenant's sessions have as settings."""
        return self.settings.stand_ins.values if self.settings.stand_ins else list_values(tenant)

    def list_settings(self, tenant: Tenant) -> Reading:
        """Return the settings that files rely on, which a pooler may have dropped from the start-up packet."""
        return (*self.settings.reading, *self.list_values(tenant), *_list_role(tenant))

    @contextmanager
    def connect_to(
        self, server: str, database: str, *, role: str = "", waits: bool = True, **changes: Any
    ) -> Iterator[Connection]:
        """Open a connection to any database of a server, and close it when done. Raises Unreachable.

        `role` is the one that its options switch to. With `waits`, a server that is full is waited for.
        """
        attempt = partial(self._connect, server, {"dbname": database, **changes}, role)
        capacity = self._capacities.get(server)
        with capacity.hold(self.ending, waits=waits) if capacity else nullcontext():
            connection = capacity.connect(attempt, self.ending, waits=waits) if capacity else attempt()
            self._open.add(connection)
            try:
                yield connection
            except psycopg.Error as error:
                raise self._translate(error, connection) from error
            finally:
                self._open.discard(connection)
                connection.close()

    def _translate(self, error: psycopg.Error, connection: Connection) -> TenantError:
        """Return an error outside of any migration as an error of the tenant."""
        reason = describe_error(error)
        if self.is_severed(connection):
            return Unreachable(SILENT, hint="run the same command again once the server answers")
        if error.sqlstate == _DENIED and _REPLICATION in reason:
            # Of the statement that has keys and triggers fire, which a role without that right is kept from.
            role, database = quote(connection.info.user), quote(connection.info.dbname)
            hint = (
                f"as a superuser, wherever it is set: ALTER ROLE {role} RESET {_REPLICATION}; "
                f"ALTER DATABASE {database} RESET {_REPLICATION};"
            )
            return Refused(f"{reason}, which is 'replica': keys and triggers would be skipped", hint=hint)
        match classify(error, connection):
            case FailureKind.LOST:
                return Unreachable(f"connection lost: {reason}", hint="run the same command again")
            case FailureKind.STANDBY:
                return Blocked(reason, hint="connect to the primary, or run the same command again once it leads")
            case FailureKind.LOCKED:
                return Blocked(reason, hint="run the same command again: another session holds the ledger")
            case FailureKind.CANCELLED if self.cancelled:
                return Cancelled("cancelled")
            case _:
                return TenantError(f"{reason} ({error.sqlstate or 'no SQLSTATE'})")

    def _connect(self, server: str, changes: Mapping[str, Any], role: str) -> Connection:
        # autocommit: each caller begins its own transactions, in the same round trip as their first statement.
        # prepare_threshold None: prepared statements break with a transaction pooler.
        given = {**self._parameters[server], **changes, "autocommit": True, "prepare_threshold": None}
        try:
            return self._open_looking(server, given)
        except psycopg.Error as error:
            user, waited_s = str(changes.get("user") or self._users[server]), self.waited_s.get(server, 0.0)
            password_from = self._passwords_from.get(server, "")
            entry = self._written.get(server, "")
            raise explain_refusal(
                _reason(error), server, user, password_from, role, waited_s=waited_s, entry=entry
            ) from None

    def _open_looking(self, server: str, given: Mapping[str, Any]) -> Connection:
        """Connect, with a look at the client where that is wanted and the server can."""
        if not self.settings.look_ms or server in self._sightless:
            return self._open_as_given(server, given)
        # First, so that what the user has chosen counts.
        options = f"{compose_options({_LOOK: str(self.settings.look_ms)})} {given['options']}"
        try:
            return self._open_as_given(server, {**given, "options": options})
        except psycopg.Error as error:
            if _LOOK not in str(error):
                raise
        self._sightless.add(server)
        return self._open_as_given(server, given)

    def _open_as_given(self, server: str, given: Mapping[str, Any]) -> Connection:
        if server in self._commands:
            return self._log_in(server, given)
        return (self._keyed[server] or psycopg.connect)(**given)

    def _log_in(self, server: str, given: Mapping[str, Any]) -> Connection:
        """Connect with the password that a command prints; one that the server refuses is asked for once more."""
        command, resolved = self._commands[server], self._resolved[server]
        login = command.take(resolved)
        try:
            return login.connect(**{**given, "password": login.password})
        except psycopg.Error as error:
            if not may_be_login(_reason(error)):
                raise
        # It may have expired, or the server may have got another one.
        login = command.take(resolved, refused=login)
        return login.connect(**{**given, "password": login.password})

    def exists(self, tenant: Tenant) -> bool | None:
        """Return whether the tenant's database exists; None if its server does not answer."""
        try:
            with self.connect_to(tenant.server.name, self.maintenance(tenant.server.name)) as connection:
                return _has_database(connection, tenant.database)
        except TenantError:
            return None

    def create_database(self, tenant: Tenant) -> bool:
        """Create the tenant's database; return False if it existed before, so that something else is missing.

        Raises TenantError if the server refuses. Another runner that creates it meanwhile is not an error.
        """
        with self.connect_to(tenant.server.name, self.maintenance(tenant.server.name)) as connection:
            # Asked first, since a role without CREATEDB may well use a database that exists.
            if _has_database(connection, tenant.database):
                return False
            try:
                connection.execute(_compose_create(tenant))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return True
            except psycopg.errors.InsufficientPrivilege as error:
                raise explain_uncreated(tenant, error.diag.message_primary or "", connection.info.user) from None
        return True

    def list_parameters(self, server: str, database: str) -> dict[str, Any]:
        """Return what libpq needs to connect to a database, for those that open their own: with the password."""
        given = {**self._parameters[server], "dbname": database}
        if server in self._commands:
            given["password"] = self._commands[server].take(self._resolved[server]).password
        return given

    def maintenance(self, server: str) -> str:
        """Return the database of a server to connect to while the tenant's own does not exist."""
        return str(self._parameters[server].get("dbname") or "postgres")

    def look(self, tenant: Tenant) -> str:
        """Return the command with which a person inspects the database. It holds no password."""
        if tenant.server.embedded:
            return f"tenantry db psql {shlex.quote(tenant.database)}"
        parts = (self._shown[tenant.server.name], psycopg.conninfo.make_conninfo("", dbname=tenant.database))
        return f"psql {shlex.quote(' '.join(filter(None, parts)))}"

    def copy(self, settings: Settings) -> "Sessions":
        """Return sessions with the same servers that are cancelled apart from these, and their own `settings`."""
        other = copy(self)
        other.settings = settings
        other._open, other._severed, other._followers, other.cancelled = set(), set(), [], False
        return other

    def cancels(self, other: "Sessions") -> None:
        """Cancel other sessions together with these, from now on."""
        self._followers.append(other)

    def cancel(self) -> None:
        """Ask the server to cancel the statement of each open connection, one after the other."""
        for call in self.list_cancels():
            call()

    def list_cancels(self) -> list[Callable[[], None]]:
        """Mark these sessions as cancelled, and return a call for each open connection that cancels its statement."""
        self.cancelled = True
        followed = [call for follower in tuple(self._followers) for call in follower.list_cancels()]
        return [*followed, *(partial(_cancel, connection) for connection in self.list_open())]

    def list_open(self) -> tuple[Connection, ...]:
        """Return the connections that are open now: a copy, since threads open and close them meanwhile."""
        return tuple(self._open)

    def sever(self, connections: Iterable[Connection]) -> None:
        """Close the sockets of these connections, as far as they are open here.

        A thread that waits for an answer gets an error instead.
        """
        for connection in connections:
            if connection in self._open:
                self._severed.add(connection)
                _shut_down(connection)

    def is_severed(self, connection: Connection) -> bool:
        """Return whether a connection was lost because its socket was closed here."""
        return connection in self._severed


def _list_role(tenant: Tenant) -> Reading:
    return (("role", tenant.role),) if tenant.role else ()


def _compose_create(tenant: Tenant) -> sql.Composed:
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(tenant.database))
    return create + sql.SQL(" OWNER {}").format(sql.Identifier(tenant.role)) if tenant.role else create


def _cancel(connection: Connection) -> None:
    # It may have just ended by itself, or its server may be gone: then there is nothing left to cancel.
    with suppress(psycopg.Error):
        # Arbitrary: a server that does not take the request in time would hold up the end of the run.
        connection.cancel_safe(timeout=5)


def _shut_down(connection: Connection) -> None:
    """End both directions of a connection's socket, which wakes the thread that waits for it."""
    with suppress(psycopg.Error, OSError):
        own = socket.socket(fileno=os.dup(connection.fileno()))
        with own:
            # Its thread may have closed it meanwhile: then the number may already be that of another file.
            if not connection.closed:
                own.shutdown(socket.SHUT_RDWR)


def _past_pooler(server: str) -> str:
    """Return the name of the connection that bypasses a server's pooler, as its place in tenants.yaml."""
    return f"{server}.direct"


def _without_secrets(dsn: str) -> str:
    """Return a connection string without database and passwords."""
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    shown = {key: value for key, value in given.items() if value and key not in _SECRET and key != "dbname"}
    return psycopg.conninfo.make_conninfo("", **shown)


def _has_database(connection: Connection, name: str) -> bool:
    query = "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = %s"
    return connection.execute(query, [name]).fetchone() == (1,)


def _reason(error: psycopg.Error) -> str:
    """Return libpq's message about a failed connection, as one line."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return text.removeprefix("connection failed: ").removeprefix("connection is bad: ").replace("FATAL:  ", "")
