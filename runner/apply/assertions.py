"""Assertions in a file: queries that are true before it runs, or after it. They only read, whatever they call.

An assertion holds where each of its statements returns one row whose first column is true; a second column says in
words what was found.
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

# What a query meets where a file that was not applied yet makes what it asks about.
_ABSENT = frozenset({"3F000", "42703", "42704", "42883", "42P01"})
# A cursor takes no statement that writes. And of many rows it fetches two, which are already too many.
_ASK = "DECLARE tenantry_assertion NO SCROLL CURSOR FOR "
_FETCH = "\n; FETCH 2 FROM tenantry_assertion"
# How to begin and to end. Within a transaction, this part of it cannot be set back to writing from within.
_INSIDE = (
    "SAVEPOINT tenantry_assertion; SET LOCAL transaction_read_only = on",
    "ROLLBACK TO tenantry_assertion; RELEASE tenantry_assertion",
)
_OUTSIDE = ("BEGIN READ ONLY", "ROLLBACK")


@dataclass(frozen=True, slots=True)
class Unmet:
    """An assertion that does not hold: what was found, and where in the file it is asked for.

    `absent`: what it asks about is not there, so that it cannot be said whether it holds.
    """

    key: str
    said: str
    at: sqltext.Position
    absent: bool = False


def find_unmet(connection: Connection, migration: Migration, key: str) -> tuple[Unmet, ...]:
    """Return the assertions of a file, those under `require` or under `ensure`, that do not hold.

    Asked in the connection's transaction where it is in one, which is then as it was; else each in one of its own.
    Raises psycopg.Error where something else than the query is to blame: a lock, a cancel, the connection.
    """
    asked = migration.directives.require if key == "require" else migration.directives.ensure
    return tuple(
        Unmet(key, said, locate(migration.text, assertion, sqltext.position(assertion.query, offset)), absent)
        for assertion in asked
        for statement in sqltext.split(assertion.query)
        for said, offset, absent in _ask(connection, statement)
    )


def without_assertions(migration: Migration) -> Migration:
    """Return the file as it is where there is no data to ask about."""
    return replace(migration, directives=replace(migration.directives, require=(), ensure=()))


def check_required(connection: Connection, migration: Migration) -> None:
    """Raise Refused where a file may not begin; costs nothing where it requires nothing. Raises psycopg.Error."""
    unmet = find_unmet(connection, migration, "require")
    if unmet:
        raise Refused(
            "; ".join(_describe(migration, each) for each in unmet),
            hint="make it true in this database, then run the same command again: "
            f"no statement of {migration.path} has run",
        )


def check_ensured(connection: Connection, migration: Migration) -> Broken | None:
    """Return what becomes of a file that has run and whose end is not what it ensures. Raises psycopg.Error."""
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
    """Yield why a statement does not hold, where in its query, and whether what it asks about is absent; or nothing."""
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
    """Return what the server says of a query; raise the error where it is none of the query's making."""
    if classify(error, connection) in (FailureKind.LOCKED, FailureKind.COLLISION):
        raise error
    return explain_error(error, connection, elapsed_s)


def _judge(cursor: psycopg.Cursor[tuple[object, ...]]) -> str:
    """Return what is wrong with an answer; empty where it is one row that begins with true."""
    # The server's own words: not everything that it can return is a value of Python's, and 1 would equal True there.
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
