"""Connections: how they are opened and cancelled, and how long they wait."""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Cancelled, TenantError, Unreachable
from tenantry.postgres.failures import FailureKind, classify

_SECRET = frozenset({"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})

Connection = psycopg.Connection[tuple[Any, ...]]

# What no statement of a file waits for, and statements of files that hold up nobody.
LOCK_TIMEOUT_MS = 5_000
# What PgBouncer says of a start-up packet that it does not take, and what makes it take ours.
_OPTIONS_REFUSED = "unsupported startup parameter"
_ALLOW_OPTIONS = (
    "write ignore_startup_parameters = extra_float_digits, options into pgbouncer.ini, and have it read that again: "
    "what tenantry sets there it sets in each transaction, too"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What every connection of a run is opened with; the lock timeout is PostgreSQL's, for locks on tables.

    `lock_timeout_ms` None: as the statements are, and for what is no file's the longest of these.
    """

    application_name: str
    lock_timeout_ms: int | None = None
    lock_wait_ms: int = 30_000
    connect_timeout_s: int = 10


class Sessions:
    """Opens the connections of one run and knows those that are open, so that they can be cancelled."""

    def __init__(self, dsns: Mapping[str, str], settings: Settings, directs: Mapping[str, str] | None = None) -> None:
        """Take the connection string of each server by its name, without a database.

        `directs` are those of servers that are reached through a pooler, past it.
        """
        self.settings = settings
        ways = {**dsns, **{_past_pooler(name): dsn for name, dsn in (directs or {}).items()}}
        self._parameters = {name: self._startup(dsn) for name, dsn in ways.items()}
        self._told = frozenset(name for name, dsn in dsns.items() if "lock_timeout" in _given_options(_parse(dsn)))
        self._shown = {name: _without_secrets(dsn) for name, dsn in dsns.items()}
        # Sets are added to and taken from by several threads: each is one step under the interpreter's lock.
        self._open: set[Connection] = set()
        self.cancelled = False
        self._followers: list[Sessions] = []

    def _startup(self, dsn: str) -> dict[str, Any]:
        """Return connection parameters with our settings in the start-up packet, where they cost no round trip.

        RESET ALL returns to what the start-up packet says, so that no migration can switch them off for the next.
        """
        parameters = _parse(dsn)
        encoding = {"application_name": self.settings.application_name, "client_encoding": "UTF8"}
        if parameters.get("service") or "PGSERVICE" in os.environ:
            # The service file may have options of its own, which ours would hide.
            return {**parameters, **encoding}
        given = _given_options(parameters)
        lock_timeout_ms = self.settings.lock_timeout_ms or LOCK_TIMEOUT_MS
        ours = "" if "lock_timeout" in given else f" -c lock_timeout={lock_timeout_ms}"
        if "PGCONNECT_TIMEOUT" not in os.environ:
            parameters.setdefault("connect_timeout", self.settings.connect_timeout_s)
        # UTF-8 whatever the database's own encoding: the server converts, and says so where it cannot.
        return {**parameters, **encoding, "options": f"{given}{ours}".strip()}

    def is_told_timeout(self, server: str) -> bool:
        """Return whether the connection string of a server, or the environment, says how long locks are waited for."""
        return server in self._told

    @contextmanager
    def connect(self, tenant: Tenant, **changes: Any) -> Iterator[Connection]:
        """Open a connection to the tenant's database, and close it when done. Raises Unreachable.

        `changes` are parameters of libpq that are others than usual.
        """
        with self.connect_to(tenant.server.name, tenant.database, **changes) as connection:
            yield connection

    def has_pooler(self, tenant: Tenant) -> bool:
        """Return whether there is a way to the tenant's server past a pooler, beside the usual one."""
        return _past_pooler(tenant.server.name) in self._parameters

    @contextmanager
    def connect_past_pooler(self, tenant: Tenant) -> Iterator[Connection]:
        """Open a connection to the tenant's database, past the pooler where there is one. Raises Unreachable."""
        name = tenant.server.name
        with self.connect_to(_past_pooler(name) if self.has_pooler(tenant) else name, tenant.database) as connection:
            yield connection

    @contextmanager
    def connect_to(self, server: str, database: str, **changes: Any) -> Iterator[Connection]:
        """Open a connection to any database of a server, and close it when done. Raises Unreachable."""
        connection = self._connect(server, {"dbname": database, **changes})
        self._open.add(connection)
        try:
            yield connection
        except psycopg.Error as error:
            raise self._translate(error, connection) from error
        finally:
            self._open.discard(connection)
            connection.close()

    def _translate(self, error: psycopg.Error, connection: Connection) -> TenantError:
        """Return what an error outside of any migration means for the tenant."""
        reason = (error.diag.message_primary or str(error)).strip()
        match classify(error, connection):
            case FailureKind.LOST:
                return Unreachable(f"connection lost: {reason}", hint="run the same command again")
            case FailureKind.LOCKED:
                return Blocked(reason, hint="another session holds the ledger: run the same command again")
            case FailureKind.CANCELLED if self.cancelled:
                return Cancelled("cancelled")
            case _:
                return TenantError(f"{reason} ({error.sqlstate or 'no SQLSTATE'})")

    def _connect(self, server: str, changes: Mapping[str, Any]) -> Connection:
        try:
            # prepare_threshold None: prepared statements break behind a transaction pooler.
            return psycopg.connect(**{**self._parameters[server], **changes}, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            reason = _reason(error)
            hint = f"start the server, or correct {server!r} under servers in tenants.yaml; then run the same command"
            raise Unreachable(
                f"server {server!r}: {reason}", hint=_ALLOW_OPTIONS if _OPTIONS_REFUSED in reason else hint
            ) from None

    def exists(self, tenant: Tenant) -> bool | None:
        """Return whether the tenant's database exists; None where its server does not say."""
        try:
            with self.connect_to(tenant.server.name, self.maintenance(tenant.server.name)) as connection:
                return _has_database(connection, tenant.database)
        except TenantError:
            return None

    def create_database(self, tenant: Tenant) -> bool:
        """Create the tenant's database; return False where it was there before, and so is not what is missing.

        Raises TenantError where the server does not let us. Another runner that creates it meanwhile is no error.
        """
        with self.connect_to(tenant.server.name, self.maintenance(tenant.server.name)) as connection:
            if _has_database(connection, tenant.database):
                return False
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(tenant.database)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return True
        return True

    def maintenance(self, server: str) -> str:
        """Return the database of a server to be in while the one that is meant does not exist."""
        return str(self._parameters[server].get("dbname") or "postgres")

    def look(self, tenant: Tenant) -> str:
        """Return the command with which a person looks at the database. It holds no password."""
        if tenant.server.embedded:
            return f"tenantry db psql {shlex.quote(tenant.database)}"
        parts = (self._shown[tenant.server.name], psycopg.conninfo.make_conninfo("", dbname=tenant.database))
        return f"psql {shlex.quote(' '.join(filter(None, parts)))}"

    def cancels(self, other: "Sessions") -> None:
        """Have other sessions cancelled with these, from now on."""
        self._followers.append(other)

    def cancel(self) -> None:
        """Ask the server to cancel what each open connection is running."""
        self.cancelled = True
        for follower in tuple(self._followers):
            follower.cancel()
        for connection in tuple(self._open):
            try:
                connection.cancel_safe(timeout=5)
            except psycopg.Error:
                # It has just ended by itself, or the server is gone: there is nothing left to cancel.
                continue


def _parse(dsn: str) -> dict[str, Any]:
    return dict(psycopg.conninfo.conninfo_to_dict(dsn))


def _given_options(parameters: Mapping[str, Any]) -> str:
    """Return the server's command-line options that the user gives; those of a service file are not known."""
    return str(parameters.get("options") or os.environ.get("PGOPTIONS", ""))


def _past_pooler(server: str) -> str:
    """Return the name that messages give to the way past a server's pooler, as where it stands in tenants.yaml."""
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
    """Return what libpq says about a connection that failed, as one line."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return text.removeprefix("connection failed: ").removeprefix("connection is bad: ").replace("FATAL:  ", "")
