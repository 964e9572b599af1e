"""Assertions in a file: queries that must be true before or after it runs. They only read, whatever they call.

An assertion holds if each of its statements returns one row whose first column is true; a second column describes the
findings in words.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import psycopg
from psycopg.pq import TransactionStatus

from tenantry import sqltext
from tenantry.apply.attempt import Broken
from tenantry.files.directives import locate
from tenantry.model import Migration
from tenantry.model.errors import Refused
from tenantry.model.results import Failure
from tenantry.postgres import answers
from tenantry.postgres.answers import BOOLEAN, explain_error, show_value
from tenantry.postgres.failures import FailureKind, classify
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import in_transaction

# The errors of a query about objects that a pending file creates.
_ABSENT = frozenset({"3F000", "42703", "42704", "42883", "42P01"})
# A cursor takes no statement that writes. And of many rows it fetches two, which are already too many.
_ASK = "DECLARE tenantry_assertion NO SCROLL CURSOR FOR "
_FETCH = "\n; FETCH 2 FROM tenantry_assertion"
# How to begin and to end. A savepoint in which the file's transaction only reads; no query in it can undo that.
_INSIDE = (
    "SAVEPOINT tenantry_assertion; SET LOCAL transaction_read_only = on",
    "ROLLBACK TO tenantry_assertion; RELEASE tenantry_assertion",
)
_OUTSIDE = ("BEGIN READ ONLY", "ROLLBACK")


@dataclass(frozen=True, slots=True)
class Unmet:
    """An assertion that does not hold: the findings, and its place in the file.

    `absent`: an object that it asks about does not exist, so nobody can tell whether it holds.
    """

    key: str
    said: str
    at: sqltext.Position
    absent: bool = False


def find_unmet(connection: Connection, migration: Migration, key: str) -> tuple[Unmet, ...]:
    """Return the assertions of a file, those under `require` or under `ensure`, that do not hold.

    They run in the connection's open transaction, which they leave as it was, or else each in one of its own.
    Raises psycopg.Error if the query is not to blame: for a lock, a cancel, or the connection.
    """
    asked = migration.directives.require if key == "require" else migration.directives.ensure
    return tuple(
        Unmet(key, said, locate(migration.text, assertion, sqltext.position(assertion.query, offset)), absent)
        for assertion in asked
        for statement in sqltext.split(assertion.query)
        for said, offset, absent in _ask(connection, statement)
    )


def without_assertions(migration: Migration) -> Migration:
    """Return the file without its assertions, for a database without data to ask about."""
    return replace(migration, directives=replace(migration.directives, require=(), ensure=()))


def check_required(connection: Connection, migration: Migration) -> None:
    """Raise Refused if a file may not start; free for a file without requirements. Raises psycopg.Error."""
    unmet = find_unmet(connection, migration, "require")
    if unmet:
        raise Refused(
            "; ".join(_describe(migration, each) for each in unmet),
            hint="make it true in this database, then run the same command again: "
            f"no statement of {migration.path} has run",
        )


def check_ensured(connection: Connection, migration: Migration) -> Broken | None:
    """Return the failure of a file that has run but does not ensure what it says; else None. Raises psycopg.Error."""
    unmet = find_unmet(connection, migration, "ensure")
    if not unmet:
        return None
    first, rest = unmet[0], unmet[1:]
    excerpt = sqltext.excerpt(migration.text, first.at)
    detail = "\n".join(_describe(migration, each) for each in rest)
    failure = Failure(f"{first.key}: {first.said}", "", first.at.line, first.at.column, excerpt, detail)
    return Broken(FailureKind.FAILED, failure)


def _describe(migration: Migration, unmet: Unmet) -> str:
    return f"{migration.path}:{unmet.at.line}:{unmet.at.column}: {unmet.key}: {unmet.said}"


def _ask(connection: Connection, statement: sqltext.Statement) -> Iterator[tuple[str, int, bool]]:
    """Yield why a statement does not hold, where in its query, and whether an object is absent; else nothing."""
    inside = connection.info.transaction_status is not TransactionStatus.IDLE
    begin, end = _INSIDE if inside else _OUTSIDE
    lead = f"{begin}; SET LOCAL statement_timeout = '{answers.TIMEOUT_S}s'; {_ASK}"
    started = time.monotonic()
    with nullcontext() if inside else in_transaction(connection):
        try:
            # As bytes: no percent sign in it is a placeholder of psycopg's.
            cursor = connection.execute(f"{lead}{statement.text}{_FETCH}".encode())
            while cursor.nextset():
                pass
            said, offset, absent = _judge(cursor), statement.start, False
        except psycopg.Error as error:
            said = _explain(error, connection, time.monotonic() - started)
            at = int(error.diag.statement_position or 0) - 1 - len(lead)
            offset, absent = statement.start + max(at, 0), error.sqlstate in _ABSENT
        # After a failure too, which has aborted the transaction: the savepoint gives it back to the file.
        connection.execute(end)
    if said:
        yield said, offset, absent


def _explain(error: psycopg.Error, connection: Connection, elapsed_s: float) -> str:
    """Return the server's answer to a query that failed; raise the error if the query is not to blame."""
    if classify(error, connection) in (FailureKind.LOCKED, FailureKind.COLLISION):
        raise error
    return explain_error(error, connection, elapsed_s)


def _judge(cursor: psycopg.Cursor[tuple[object, ...]]) -> str:
    """Return the fault of an answer, in words; empty if it is one row that begins with true."""
    # The server's own text: some of its values have no equivalent in Python, where 1 would also equal True.
    result = cursor.pgresult
    if result is None or result.ntuples != 1:
        found = "no row" if result is None or result.ntuples == 0 else "more than one row"
        return f"returned {found}, expected one row that begins with true"
    if result.nfields not in (1, 2):
        return f"returned {result.nfields} columns, expected true and, optionally, a text"
    shown = show_value(result.get_value(0, 0), result.ftype(0))
    if shown == "true" and result.ftype(0) == BOOLEAN:
        return ""
    words = result.get_value(0, 1) if result.nfields == 2 else None
    if words is None or result.ftype(0) != BOOLEAN:
        return f"returned {shown}, expected true"
    return words.decode("utf-8", "replace")
