"""The meaning of a server error: its place in the file, whether to try again, and advice for a person."""

import re
from enum import Enum
from typing import Any

import psycopg

from tenantry import sqltext
from tenantry.model import NO_VERSION, Migration
from tenantry.model.records import LEDGER_TABLE, LOG_TABLE
from tenantry.model.results import Blocker, Failure, LockWait

# Sessions that the server or its administrator ended, and servers that are starting or stopping.
_LOST = frozenset({"57P01", "57P02", "57P03", "57P05", "08000", "08001", "08003", "08004", "08006"})
# The server ends the session, but for a limit that the next run would meet again.
_TIMED_OUT = frozenset({"25P03", "25P04"})
_COLLISIONS = frozenset({"40001", "40P01"})

# What libpq adds where a connection ends without a word.
_GUESS = re.compile(
    r"\s*This probably means the server terminated abnormally\s+before or while processing the request\."
)

_NOT_IN_TRANSACTION = (
    'add the header line "-- transactional: false", and move statements that must commit together into another file'
)
_ENDED = (
    "inspect the database before the next run: the file ended tenantry's transaction, so that statements before its "
    f"COMMIT may persist without a row in {LEDGER_TABLE}"
)
# The server's answers for a savepoint that is gone, or for one outside a transaction.
_NO_SAVEPOINT = frozenset({"3B001", "25P01"})
_BLOCKED = "wait for that session to finish, or end it; then run the same command again"
# Arbitrary: the first has been there longest, and the others show once it is gone.
_MOST_BLOCKERS = 3
_LOOKS_WRONG = "have the block check pg_roles for the role before it creates it, or create it once on the master"
_HINTS = {
    "2D000": "remove COMMIT and ROLLBACK from the DO block or procedure, or from the block with EXCEPTION in it",
    "55006": "write SET CONSTRAINTS ALL IMMEDIATE before the statement if deferred checks are pending, or put it "
    "into a file of its own",
    "55P04": "use the new value in a later file: no statement may use it before the commit of the file that adds it",
    "25006": "connect to the primary if the server is a standby, or allow writes for the database and the role",
    "42710": "create roles and tablespaces in a DO block that checks for them first, or once on the master: all "
    "databases of a server share them",
    "25P03": "raise idle_in_transaction_session_timeout for the role that migrates",
    "25P04": "raise transaction_timeout for the role that migrates, or split the file",
    "57014": "raise statement_timeout for the role that migrates, or for the file with a header line such as "
    '"-- statement-timeout: 10min"; or speed up the statement',
    "55P03": "find the session that holds the table in pg_stat_activity, and run the same command again",
}


_COMMITS = (
    'add the header line "-- transactional: false" if the block or procedure is to commit by itself; otherwise remove '
    "its COMMIT and ROLLBACK: tenantry commits the file together with its row"
)
_TOO_LATE = (
    "remove the statement, which has to be the first of a transaction, and the transaction has begun before the file; "
    "set default_transaction_isolation for the role that migrates if the file needs it"
)
# Objects of a database that are there already: tables, columns, functions, schemas, and all other kinds.
_THERE_ALREADY = frozenset({"42P07", "42701", "42723", "42P06", "42710"})
# Whatever the language of the message, the name of the table is in it.
_LEDGER = re.compile(rf"\b({LEDGER_TABLE}|{LOG_TABLE})\b")
_LEDGER_GONE = (
    "restore the tables of the ledger, or choose a schema under ledger in tenants.yaml that no file drops: a file must "
    "not drop these tables"
)


class FailureKind(Enum):
    """The class of an error, by the right reaction to it."""

    FAILED = "the file is wrong for this database"
    COLLISION = "another session was in the way for a moment: try again at once"
    LOCKED = "another session holds a lock: try again later"
    LOST = "the connection broke: uncommitted work is rolled back"
    CANCELLED = "somebody cancelled the statement"
    ENDED = "the file ended the transaction that it ran in"
    STANDBY = "the server is a standby, which takes no writes: try again once it leads, or elsewhere"


def describe_error(error: psycopg.Error) -> str:
    """Return the server's message; libpq's own, where the server has sent none, as one line without its guesses."""
    if error.diag.message_primary:
        return error.diag.message_primary.strip()
    lines = _GUESS.sub("", str(error)).splitlines()
    return "; ".join(line.strip() for line in lines if line.strip())


def classify(error: psycopg.Error, connection: psycopg.Connection[Any]) -> FailureKind:
    """Return the kind of an error."""
    state = error.sqlstate
    # Before LOST, since these break the connection too: a run that tries again would meet the same limit again.
    if state in _TIMED_OUT:
        return FailureKind.FAILED
    if state in _LOST or connection.broken:
        return FailureKind.LOST
    if state in _NO_SAVEPOINT:
        return FailureKind.ENDED
    if state == "55P03":
        return FailureKind.LOCKED
    if state == "57014":
        return FailureKind.CANCELLED
    # Also a role's or a file's own setting: only a server that reports itself as a standby is one (from 14 on).
    if state == "25006" and connection.info.parameter_status("in_hot_standby") == "on":
        return FailureKind.STANDBY
    if state in _COLLISIONS or _on_shared_catalog(error) or _created_meanwhile(error):
        return FailureKind.COLLISION
    return FailureKind.FAILED


def _on_shared_catalog(error: psycopg.Error) -> bool:
    """Return whether two sessions changed one row of a system catalog at once, as GRANT in many databases does."""
    if error.sqlstate == "XX000":
        # The server translates no internal error, so that its words can be compared.
        return "tuple concurrently" in (error.diag.message_primary or "")
    # A file's own unique violation is in a schema of the user's; on a system catalog it is a race between sessions.
    return error.sqlstate == "23505" and error.diag.schema_name == "pg_catalog"


def _created_meanwhile(error: psycopg.Error) -> bool:
    """Return whether a block of code created a role that is there: it looks first, and another session was between.

    One that does not look fails again. The context tells it from a statement of the file itself.
    """
    return error.sqlstate == "42710" and error.diag.source_function == "CreateRole" and bool(error.diag.context)


def describe(
    error: psycopg.Error,
    migration: Migration,
    kind: FailureKind,
    offset: int | None,
    wait: LockWait | None = None,
    *,
    tenant: str = "",
) -> Failure:
    """Return the server's error with its place in the file: `offset` counts characters from 0, None: unknown.

    `wait` is the lock wait that was observed: the server's error does not mention it. `tenant` is for commands in the
    hint.
    """
    diag = error.diag
    place = sqltext.position(migration.sql, offset) if offset is not None else None
    return Failure(
        message=describe_error(error),
        sqlstate=error.sqlstate or "",
        line=place.line if place else 0,
        column=place.column if place else 0,
        excerpt=sqltext.excerpt(migration.text, place) if place else "",
        detail=describe_wait(wait) if wait else diag.message_detail or "",
        hint="\n".join(
            filter(None, (diag.message_hint, _BLOCKED if wait else _advise(error, kind, migration, tenant)))
        ),
        context=diag.context or "",
    )


def describe_wait(wait: LockWait) -> str:
    """Return the awaited lock and its holders, on one line."""
    shown = "; ".join(_describe_blocker(blocker) for blocker in wait.blockers[:_MOST_BLOCKERS])
    more = len(wait.blockers) - _MOST_BLOCKERS
    return f"waited for {wait.mode} on {wait.target}, held by {shown}" + (f" and {more} more" if more > 0 else "")


def _describe_blocker(blocker: Blocker) -> str:
    if not blocker.pid:
        return "a prepared transaction"
    age = f", in a transaction for {blocker.transaction_s} s" if blocker.transaction_s is not None else ""
    who = f"pid {blocker.pid} ({blocker.application or 'no application name'}, user {blocker.user or 'unknown'}{age})"
    return f"{who}: {blocker.query}" if blocker.query else who


def _advise(error: psycopg.Error, kind: FailureKind, migration: Migration, tenant: str) -> str:
    if kind is FailureKind.ENDED:
        return _ENDED
    if error.sqlstate == "2D000" and migration.transactional and migration.version != NO_VERSION:
        return _COMMITS
    # 25001 is also what SET TRANSACTION gets for coming late: only the function that raised it tells them apart.
    if error.sqlstate == "25001" and error.diag.source_function == "PreventInTransactionBlock":
        return _NOT_IN_TRANSACTION
    if error.sqlstate == "25001":
        return _TOO_LATE
    if error.sqlstate == "42P01" and _LEDGER.search(error.diag.message_primary or ""):
        return _LEDGER_GONE
    # 42710 is also "already exists" of objects within a database, where this advice would be wrong.
    of_all = error.sqlstate == "42710" and error.diag.source_function in {"CreateRole", "CreateTableSpace"}
    if error.sqlstate in _THERE_ALREADY and not of_all:
        return _advise_adoption(migration, tenant)
    if _created_meanwhile(error):
        return _LOOKS_WRONG
    return _HINTS.get(error.sqlstate or "", "")


def _advise_adoption(migration: Migration, tenant: str) -> str:
    """Return how an object that already exists gets into the record, if it came from outside."""
    if not tenant or migration.version == NO_VERSION:
        return ""
    return (
        f'if the database had it before tenantry, run "tenantry adopt --tenants {tenant}"; if somebody ran this file '
        f'there by hand, run "tenantry mark {migration.version} --tenants {tenant} --reason ..."'
    )
