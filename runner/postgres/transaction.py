"""The transaction of a file within a connection: its beginning with the lock, its end, and the session after it.

No trace of a file in its session outlives `compose_end` or `clean`.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.model.reading import READING, Reading
from tenantry.postgres.copying import Copied, copy_rows, read_row
from tenantry.postgres.queries import read_sql
from tenantry.postgres.runner_lock import KEYS
from tenantry.postgres.sessions import Connection

# Random, so that no file can know it and set it again in a transaction of its own.
_SAVEPOINT = sql.Identifier(f"tenantry_{secrets.token_hex(8)}")
_DEALLOCATE: LiteralString = "DEALLOCATE ALL"


Cursor = psycopg.Cursor[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The timeouts for locks and for statements, in milliseconds; None: the setting of the session."""

    lock_ms: int | None = None
    statement_ms: int | None = None


AS_IT_IS = Timeouts()


@dataclass(frozen=True, slots=True)
class Begun:
    """A transaction that holds the lock: the process id of its session, and what else its message has answered."""

    pid: int
    copied: Copied


def try_transaction_lock(
    connection: Connection,
    query: str = "",
    timeouts: Timeouts = AS_IT_IS,
    application_name: str | None = None,
    reading: Reading = READING,
) -> Begun | None:
    """Begin a transaction and take the lock for its length; None, and no transaction, if another session holds it.

    The answer holds that of `query`, see `copy_rows`, which runs under the lock and in the same round trip. So do the
    settings of the timeouts, of the application name and of how SQL is read, only for this transaction: a pooler,
    which gives each transaction another session, would keep them for another client.
    READ COMMITTED whatever the database's default: reads under the lock must be newer than the lock. The savepoint
    set here proves later that the transaction is still the same one. Its commit is durable: see `begin_durably`.
    """
    begun = read_begun(copy_rows(connection, compose_begin(query, timeouts, application_name, reading)))
    if begun is None:
        connection.execute("ROLLBACK")
    return begun


def compose_begin(query: str, timeouts: Timeouts, application_name: str | None, reading: Reading) -> str:
    """Return the message of `try_transaction_lock`, which may also follow a COMMIT."""
    begin, savepoint = _compose_begin(timeouts, application_name)
    return ";\n".join(filter(None, (f"{begin}{_compose_settings(reading, local=True)}{savepoint}", query)))


def read_begun(copied: Copied) -> Begun | None:
    """Return the transaction of the message's answer; None if another session holds the lock."""
    taken, pid, *_ = read_row(copied.results[0])
    return Begun(int(pid or 0), copied) if taken == b"t" else None


# Bounded: the timeouts are those of files.
@lru_cache(maxsize=64)
def _compose_begin(timeouts: Timeouts, application_name: str | None) -> tuple[str, str]:
    """Return the text before and after the settings of how SQL is read, among which are each tenant's own."""
    texts = {
        "lock_timeout": timeouts.lock_ms,
        "statement_timeout": timeouts.statement_ms,
        "application_name": application_name,
    }
    literals = {name: sql.Literal(None if value is None else str(value)) for name, value in texts.items()}
    place = secrets.token_hex()
    text = sql.SQL(read_sql("postgres", "begin"))
    begin = text.format(
        **KEYS, savepoint=_SAVEPOINT, reading=sql.SQL(place), enforced=_compose_enforced(local=True), **literals
    ).as_string()
    before, after = begin.split(place)
    return before, after


def _compose_settings(reading: Reading, *, local: bool) -> str:
    """Return the expressions that set how SQL is read, for the transaction if `local`, or else for the session."""
    return ", ".join(_compose_setting(name, value, local=local) for name, value in reading)


# Most of them are the same for each tenant.
@lru_cache(maxsize=256)
def _compose_setting(name: str, value: str, *, local: bool) -> str:
    setting = sql.SQL("pg_catalog.set_config({}, {}, {})")
    return setting.format(sql.Literal(name), sql.Literal(value), sql.Literal(local)).as_string()


@cache
def _compose_enforced(*, local: bool) -> sql.Composed:
    """Return the expression that has keys and triggers fire whatever the role is set to, unless a file says otherwise.

    Only a superuser may change that, so that it is changed only where it is needed.
    """
    return sql.SQL(read_sql("postgres", "enforced").rstrip()).format(local=sql.Literal(local))


def prepare_session(connection: Connection, reading: Reading) -> None:
    """Set how SQL is read for a whole session, which a file that runs outside a transaction has for itself.

    The start-up packet did so already, except where a pooler has dropped its options. Not in each transaction: the
    file's own SET holds from one statement to the next.
    """
    enforced = _compose_enforced(local=False).as_string()
    connection.execute(f"SELECT {enforced}, {_compose_settings(reading, local=False)}".encode())


@cache
def compose_end() -> sql.SQL:
    """Return the end of a file's transaction, except for the COMMIT, which also restores its session.

    It fails if the file ended our transaction, even if the file began another; and deferred constraints fail here,
    under the file's name, and not in our COMMIT.
    """
    settle = sql.SQL(read_sql("postgres", "settle")).format(savepoint=_SAVEPOINT)
    cleaned = map(sql.SQL, (_DEALLOCATE, read_sql("postgres", "clean")))
    # Last, since restoring the session brings back the role's own setting.
    return _flatten(sql.SQL(";").join((settle, *cleaned, compose_durable())))


def compose_savepoint(verb: str = "SAVEPOINT") -> sql.Composed:
    """Return the SQL that sets the savepoint again after `compose_end`, or with another verb goes back to it."""
    return sql.SQL(f"{verb} {{}}").format(_SAVEPOINT)


def compose_durable(*, local: bool = True) -> sql.Composed:
    """Return the SQL by which commits are confirmed only once they are durable, for the transaction or the session.

    A role or a database may have synchronous_commit off, and a crash of the server would take back an applied file
    that was reported. Other values wait for the disk too: they are left as they are.
    """
    return sql.SQL(read_sql("postgres", "durable")).format(local=sql.Literal(local))


def begin_durably(connection: Connection) -> None:
    """Begin a transaction of our own, whose commit is durable."""
    connection.execute(sql.SQL("BEGIN;") + compose_durable())


def _flatten(query: sql.Composed) -> sql.SQL:
    """Return a query in one piece: it is composed once, and not again for each file of each tenant."""
    return sql.SQL(query.as_string())


def clean(connection: Connection, *, prepared: bool = True) -> None:
    """Restore the session as it was when it was opened: nothing may reach the ledger or the next file.

    Without `prepared`, prepared statements stay.
    """
    text = read_sql("postgres", "clean")
    connection.execute(f"{_DEALLOCATE};\n{text}" if prepared else text)


@contextmanager
def in_transaction(connection: Connection, keeps: Callable[[], object] = lambda: False) -> Iterator[None]:
    """Roll back uncommitted work at the end, even if the run is stopped in between.

    Unless `keeps` says at the end that it is kept: it belongs to the transaction after this one.
    """
    try:
        yield
    finally:
        if not (connection.closed or keeps()) and connection.info.transaction_status is not TransactionStatus.IDLE:
            try:
                connection.rollback()
            except psycopg.OperationalError:
                # The connection is gone, and with it the transaction.
                connection.close()


def keeps_transaction(connection: Connection) -> bool:
    """Return whether the transaction is still the one that the file was sent in: only that one has our savepoint.

    Rolls back to it, so that a failed transaction accepts queries again. Traces of a file that survive a rollback are
    removed in the same message: with a pooler, the next one may reach another session.
    """
    if connection.closed:
        return True  # it ended with the connection, which rolled it back
    if connection.info.transaction_status is TransactionStatus.IDLE:
        return False
    query = sql.SQL(read_sql("postgres", "go_back")).format(savepoint=_SAVEPOINT)
    try:
        despite_cancel(lambda: connection.execute(query))
    except psycopg.Error:
        return False
    return True


def despite_cancel(call: Callable[[], object]) -> None:
    """Do what follows the end of a file; once more if a cancel ends that too. Raises psycopg.Error."""
    try:
        call()
    except psycopg.errors.QueryCanceled:
        # A server may signal a cancel twice, to the process and to its group, and under load the second one is late:
        # it hits whatever the session runs by then. A run also cancels all its sessions, one after the other.
        call()


def keep_session(connection: Connection) -> None:
    """Keep the server from ending a session for idling while another one works, and have its commits be durable."""
    text = compose_durable(local=False)
    # Older servers do not know the setting, and an unknown one is an error.
    if connection.info.server_version >= 140_000:
        text += sql.SQL(";SET idle_session_timeout = 0")
    connection.execute(text)
