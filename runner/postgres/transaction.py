"""What happens within a connection: the lock that keeps two runners apart, the transaction of a file, and its end.

Nothing that a file leaves behind in its session outlives `compose_end` or `clean`.
"""

import random
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import psycopg
from psycopg import generators, sql
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus

from tenantry.model.errors import Blocked
from tenantry.model.events import LockAwaited
from tenantry.postgres.sessions import Connection, read_sql

# Arbitrary, but never to change: two versions of the runner must take the same lock. Advisory keys are counted per
# database, so that one key serves all tenants.
LOCK_KEY = 7_369_501_148_246_035_201
# Held by the session that runs a non-transactional file, which may go on working when its runner is dead.
WORK_KEY = LOCK_KEY + 1
_KEYS = {"key": sql.Literal(LOCK_KEY), "work_key": sql.Literal(WORK_KEY)}
# No file can know it, and so none can set it again in a transaction of its own.
_SAVEPOINT = sql.Identifier(f"tenantry_{secrets.token_hex(8)}")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0

# Arbitrary: psycopg wakes up as often by itself, to see signals.
_WAKE_S = 0.1

_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})
_COPY = frozenset({ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH})

Cursor = psycopg.Cursor[tuple[Any, ...]]
Taken = TypeVar("Taken")
_Answer = TypeVar("_Answer")


def poll(
    attempt: Callable[[], Taken | None], connection: Connection, tenant: str, wait_ms: int
) -> Generator[LockAwaited, None, Taken]:
    """Call `attempt` until it returns something true, which says that the lock is ours; pause longer each time.

    Polled, since a session blocked in a lock deadlocks with CREATE INDEX CONCURRENTLY. Raises Blocked after `wait_ms`.
    """
    started = time.monotonic()
    pause, waited_ms = _FIRST_PAUSE_S, 0
    while not (taken := attempt()):
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
    return taken


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


def describe_holder(connection: Connection) -> str:
    """Return who holds the migration lock of the connection's database, in words; empty where nobody is seen."""
    query = sql.SQL(read_sql("postgres", "lock_holder")).format(**_KEYS)
    row = connection.execute(query).fetchone()
    if row is None:
        return ""
    pid, application, user, seconds = row
    # Of a session of another role, the server tells no more than who it is.
    since = f", for {seconds} s" if seconds is not None else ""
    return f"pid {pid}, {application or 'no application name'}, user {user}{since}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a statement may wait for a lock, and how long it may take. In milliseconds; None: as the session is."""

    lock_ms: int | None = None
    statement_ms: int | None = None


AS_IT_IS = Timeouts()


@dataclass(frozen=True, slots=True)
class Begun:
    """A transaction that holds the lock: the server's process that it is in, and the answer to what was asked."""

    pid: int
    answer: Cursor


def try_transaction_lock(
    connection: Connection,
    query: sql.Composable | None = None,
    timeouts: Timeouts = AS_IT_IS,
    application_name: str | None = None,
) -> Begun | None:
    """Begin a transaction and take the lock for its length; None, and no transaction, where it is held elsewhere.

    The answer is a cursor that stands on what `query` gave, asked under the lock and in the same round trip. So are
    the timeouts set, and the name that others see, for this transaction: behind a pooler, which gives each one another
    session, they would reach nobody else's and not be ours for long.
    READ COMMITTED whatever the database's default: what is read under the lock must be newer than the lock. The
    savepoint set here proves later that the transaction is still the same one.
    """
    begin = _compose_begin(timeouts, application_name)
    cursor = connection.execute(begin if query is None else begin + sql.SQL(";") + query)
    cursor.nextset()  # from BEGIN to the lock
    taken, pid, *_ = cursor.fetchone() or (False, 0)
    if not taken:
        connection.execute("ROLLBACK")
        return None
    while cursor.nextset():
        pass
    return Begun(pid, cursor)


@cache
def _compose_begin(timeouts: Timeouts, application_name: str | None) -> sql.SQL:
    texts = {
        "lock_timeout": timeouts.lock_ms,
        "statement_timeout": timeouts.statement_ms,
        "application_name": application_name,
    }
    literals = {name: sql.Literal(None if value is None else str(value)) for name, value in texts.items()}
    return _flatten(sql.SQL(read_sql("postgres", "begin")).format(**_KEYS, savepoint=_SAVEPOINT, **literals))


@cache
def compose_end() -> sql.SQL:
    """Return what ends a file's transaction but for the COMMIT, and puts its session back.

    It fails where the file ended our transaction, even if it began another; and what is deferred fails here, under the
    file's name, and not in our COMMIT.
    """
    settle = sql.SQL(read_sql("postgres", "settle")).format(savepoint=_SAVEPOINT)
    return _flatten(settle + sql.SQL(";") + sql.SQL(read_sql("postgres", "clean")))


def _flatten(query: sql.Composed) -> sql.SQL:
    """Return a query in one piece: put together once, and not again for each file of each tenant."""
    return sql.SQL(query.as_string())


def clean(connection: Connection) -> None:
    """Put the session back to what it was when it was opened: nothing may reach the ledger or the next file."""
    connection.execute(read_sql("postgres", "clean"))


@contextmanager
def in_transaction(connection: Connection) -> Iterator[None]:
    """Roll back what is not committed at the end, also where the run is stopped in between."""
    try:
        yield
    finally:
        if not connection.closed and connection.info.transaction_status is not TransactionStatus.IDLE:
            try:
                connection.rollback()
            except psycopg.OperationalError:
                # The connection is gone, and with it the transaction.
                connection.close()


def keeps_transaction(connection: Connection) -> bool:
    """Return whether the transaction is still the one that the file was sent in: only that one has our savepoint.

    Goes back to it, so that a transaction that failed can be asked. What of a file outlives a rollback is taken back
    in the same message: behind a pooler, the next one may reach another session.
    """
    if connection.closed:
        return True  # it went with the connection, and was rolled back there
    if connection.info.transaction_status is TransactionStatus.IDLE:
        return False
    try:
        connection.execute(sql.SQL(read_sql("postgres", "go_back")).format(savepoint=_SAVEPOINT))
    except psycopg.Error:
        return False
    return True


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
    """What became of a text: how many of its statements ran, and the error that ended it, if any.

    `rows` is how many the last statement wrote.
    """

    statements: int
    error: psycopg.Error | None = None
    rows: int = 0


def send(
    connection: Connection, text: str, look: Callable[[], None] | None = None, *, every_s: float = _WAKE_S
) -> Sent:
    """Send a text, whole, as one simple query: the server itself tells its statements apart.

    Below `Connection.execute`, since that drops the results before an error, which tell what statement it was.
    `look` is called about `every_s` seconds while there is no answer.
    """
    pgconn = connection.pgconn
    try:
        pgconn.send_query(text.encode(connection.info.encoding))
        running = generators.execute(pgconn)
        results = connection.wait(_attend(running, look) if look else running, min(every_s, _WAKE_S))
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
    return Sent(done, rows=last.command_tuples or 0)


def _attend(running: PQGen[_Answer], look: Callable[[], None]) -> PQGen[_Answer]:
    """Pass on what psycopg waits for, and call `look` at each time that the waiting is interrupted."""
    try:
        wanted = next(running)
        while True:
            ready = yield wanted
            look()
            wanted = running.send(ready)
    except StopIteration as end:
        answer: _Answer = end.value
        return answer
