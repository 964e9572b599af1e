"""Connections: how they are opened and cancelled, how long they wait, and the lock that keeps two runners apart."""

import os
import random
import shlex
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import generators, sql
from psycopg.pq import ExecStatus

from runner.errors import Blocked, Cancelled, TenantError, Unreachable
from runner.events import LockAwaited
from runner.failure import Kind, classify
from runner.model import Tenant

# Arbitrary, but never to change: two versions of the runner must take the same lock. Advisory keys are counted per
# database, so that one key serves all tenants.
LOCK_KEY = 7_369_501_148_246_035_201
# Held by the session that runs a non-transactional file, which may go on working when its runner is dead.
WORK_KEY = LOCK_KEY + 1
_SQL = Path(__file__).parent / "sql"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0

_SECRET = frozenset({"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})
_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})
_COPY = frozenset({ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH})

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What every connection of a run is opened with; the lock timeout is PostgreSQL's, for locks on tables."""

    application_name: str
    lock_timeout_ms: int = 5_000
    lock_wait_ms: int = 30_000
    connect_timeout_s: int = 10


class Sessions:
    """Opens the connections of one run and knows those that are open, so that they can be cancelled."""

    def __init__(self, dsns: Mapping[str, str], settings: Settings) -> None:
        """Take the connection string of each server by its name, without a database."""
        self._dsns = dsns
        self.settings = settings
        self._parameters = {name: self._startup(dsn) for name, dsn in dsns.items()}
        # Sets are added to and taken from by several threads: each is one step under the interpreter's lock.
        self._open: set[Connection] = set()
        self.cancelled = False

    def _startup(self, dsn: str) -> dict[str, Any]:
        """Return connection parameters with our settings in the start-up packet, where they cost no round trip.

        RESET ALL returns to what the start-up packet says, so that no migration can switch them off for the next.
        """
        parameters = dict(psycopg.conninfo.conninfo_to_dict(dsn))
        encoding = {"application_name": self.settings.application_name, "client_encoding": "UTF8"}
        if parameters.get("service") or "PGSERVICE" in os.environ:
            # The service file may have options of its own, which ours would hide.
            return {**parameters, **encoding}
        given = str(parameters.get("options") or os.environ.get("PGOPTIONS", ""))
        ours = "" if "lock_timeout" in given else f" -c lock_timeout={self.settings.lock_timeout_ms}"
        if "PGCONNECT_TIMEOUT" not in os.environ:
            parameters.setdefault("connect_timeout", self.settings.connect_timeout_s)
        # UTF-8 whatever the database's own encoding: the server converts, and says so where it cannot.
        return {**parameters, **encoding, "options": f"{given}{ours}".strip()}

    @contextmanager
    def connect(self, tenant: Tenant) -> Iterator[Connection]:
        """Open a connection to the tenant's database, and close it when done. Raises Unreachable."""
        with self.connect_to(tenant.server.name, tenant.database) as connection:
            yield connection

    @contextmanager
    def connect_to(self, server: str, database: str) -> Iterator[Connection]:
        """Open a connection to any database of a server, and close it when done. Raises Unreachable."""
        connection = self._connect(server, database)
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
            case Kind.LOST:
                return Unreachable(f"connection lost: {reason}", hint="run the same command again")
            case Kind.LOCKED:
                return Blocked(reason, hint="another session holds the ledger: run the same command again")
            case Kind.CANCELLED if self.cancelled:
                return Cancelled("cancelled")
            case _:
                return TenantError(f"{reason} ({error.sqlstate or 'no SQLSTATE'})")

    def _connect(self, server: str, database: str) -> Connection:
        try:
            # prepare_threshold None: prepared statements break behind a transaction pooler.
            return psycopg.connect(
                **{**self._parameters[server], "dbname": database}, autocommit=True, prepare_threshold=None
            )
        except psycopg.Error as error:
            hint = f"start the server, or correct {server!r} under servers in tenants.yaml; then run the same command"
            raise Unreachable(f"server {server!r}: {_reason(error)}", hint=hint) from None

    def exists(self, tenant: Tenant) -> bool | None:
        """Return whether the tenant's database exists; None where its server does not say."""
        try:
            with self.connect_to(tenant.server.name, self._maintenance(tenant)) as connection:
                return _has_database(connection, tenant.database)
        except TenantError:
            return None

    def create_database(self, tenant: Tenant) -> bool:
        """Create the tenant's database; return False where it was there before, and so is not what is missing.

        Raises TenantError where the server does not let us. Another runner that creates it meanwhile is no error.
        """
        with self.connect_to(tenant.server.name, self._maintenance(tenant)) as connection:
            if _has_database(connection, tenant.database):
                return False
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(tenant.database)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return True
        return True

    def _maintenance(self, tenant: Tenant) -> str:
        """Return the database to be in while the tenant's own does not exist."""
        return str(self._parameters[tenant.server.name].get("dbname") or "postgres")

    def look(self, tenant: Tenant) -> str:
        """Return the command with which a person looks at the database. It holds no password."""
        if tenant.server.embedded:
            return f"tenantry db psql {shlex.quote(tenant.database)}"
        given = psycopg.conninfo.conninfo_to_dict(self._dsns[tenant.server.name])
        shown = {key: value for key, value in given.items() if value and key not in _SECRET}
        return f"psql {shlex.quote(psycopg.conninfo.make_conninfo('', **{**shown, 'dbname': tenant.database}))}"

    def cancel(self) -> None:
        """Ask the server to cancel what each open connection is running."""
        self.cancelled = True
        for connection in tuple(self._open):
            try:
                connection.cancel_safe(timeout=5)
            except psycopg.Error:
                # It has just ended by itself, or the server is gone: there is nothing left to cancel.
                continue


def _has_database(connection: Connection, name: str) -> bool:
    query = "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = %s"
    return connection.execute(query, [name]).fetchone() == (1,)


def _reason(error: psycopg.Error) -> str:
    """Return what libpq says about a connection that failed, as one line."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return text.removeprefix("connection failed: ").removeprefix("connection is bad: ").replace("FATAL:  ", "")


@cache
def read_sql(name: str) -> LiteralString:
    """Return the text of one of the package's own SQL files, by its path below `sql` without suffix."""
    # A file of the package is as constant as a literal: nothing of the user's gets into it.
    text: LiteralString = (_SQL / f"{name}.sql").read_text("utf-8")
    return text


def poll(
    attempt: Callable[[], bool], connection: Connection, tenant: str, wait_ms: int
) -> Generator[LockAwaited, None, None]:
    """Call `attempt` until it says that the lock is ours, pausing longer each time.

    Polled, since a session blocked in a lock deadlocks with CREATE INDEX CONCURRENTLY. Raises Blocked after `wait_ms`.
    """
    started = time.monotonic()
    pause, waited_ms = _FIRST_PAUSE_S, 0
    while not attempt():
        holder = describe_holder(connection)
        if waited_ms >= wait_ms:
            raise Blocked(
                f"another session holds the migration lock for more than {_seconds(waited_ms)}: {holder or 'unknown'}",
                hint="wait for it to end and run the same command again, or wait longer with --lock-wait",
            )
        yield LockAwaited(tenant, waited_ms, holder)
        # Jitter, so that runners which wait for one another do not try in step.
        time.sleep(min(pause * random.uniform(0.5, 1.5), max(0.0, wait_ms - waited_ms) / 1000))
        pause = min(pause * 2, _LONGEST_PAUSE_S)
        waited_ms = max(1, int((time.monotonic() - started) * 1000))


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


def describe_holder(connection: Connection) -> str:
    """Return who holds the migration lock of the connection's database, in words; empty where nobody is seen."""
    query = sql.SQL(read_sql("session/lock_holder")).format(key=sql.Literal(LOCK_KEY), work_key=sql.Literal(WORK_KEY))
    row = connection.execute(query).fetchone()
    if row is None:
        return ""
    pid, application, user, seconds = row
    # Of a session of another role, the server tells no more than who it is.
    since = f", for {seconds} s" if seconds is not None else ""
    return f"pid {pid}, {application or 'no application name'}, user {user}{since}"


def try_transaction_lock(connection: Connection) -> bool:
    """Begin a transaction and take the lock for its length; False, and no transaction, where it is held elsewhere.

    READ COMMITTED whatever the database's default: what is read under the lock must be newer than the lock. The
    savepoint set here proves later that the transaction is still the same one.
    """
    keys = {"key": sql.Literal(LOCK_KEY), "work_key": sql.Literal(WORK_KEY)}
    cursor = connection.execute(sql.SQL(read_sql("session/begin")).format(**keys))
    cursor.nextset()  # from BEGIN to the lock
    if cursor.fetchone() == (True,):
        return True
    connection.execute("ROLLBACK")
    return False


def try_session_lock(connection: Connection) -> bool:
    """Take the lock until the connection ends; False where it is held elsewhere."""
    query = sql.SQL("SELECT pg_catalog.pg_try_advisory_lock({key})").format(key=sql.Literal(LOCK_KEY))
    return connection.execute(query).fetchone() == (True,)


def try_work_lock(connection: Connection) -> bool:
    """Mark the session that runs a non-transactional file; False while one whose runner died still works on it."""
    query = sql.SQL("SELECT pg_catalog.pg_try_advisory_lock({key})").format(key=sql.Literal(WORK_KEY))
    return connection.execute(query).fetchone() == (True,)


def stay_idle(connection: Connection) -> None:
    """Keep a session from being ended for idling, which it does while another one works."""
    if connection.info.server_version >= 140_000:
        connection.execute("SET idle_session_timeout = 0")


def release_session_lock(connection: Connection) -> None:
    """Give the lock back that `try_session_lock` took."""
    connection.execute(sql.SQL("SELECT pg_catalog.pg_advisory_unlock({})").format(sql.Literal(LOCK_KEY)))


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a text: how many of its statements ran, and the error that ended it, if any."""

    statements: int
    error: psycopg.Error | None = None


def send(connection: Connection, text: str) -> Sent:
    """Send a text, whole, as one simple query: the server itself tells its statements apart.

    Below `Connection.execute`, since that drops the results before an error, which tell what statement it was.
    """
    pgconn = connection.pgconn
    try:
        pgconn.send_query(text.encode(connection.info.encoding))
        results = connection.wait(generators.execute(pgconn))
    except psycopg.Error as error:
        return Sent(0, error)
    except UnicodeError as error:
        return Sent(0, psycopg.DataError(f"the file set a client_encoding that its own text does not fit: {error}"))
    done = sum(result.status in _DONE for result in results)
    last = results[-1]
    if last.status == ExecStatus.FATAL_ERROR:
        return Sent(done, psycopg.errors.error_from_result(last, connection.info.encoding))
    if last.status in _COPY:
        # The server waits for data that a file cannot send: the connection is of no more use.
        connection.close()
        return Sent(done, psycopg.errors.FeatureNotSupported("COPY from or to the client is not possible in a file"))
    return Sent(done)
