"""Checks run on a tenant: queries that an application relies on."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.pq import ExecStatus

from tenantry import sqltext
from tenantry.files.checks import Check
from tenantry.postgres import answers as answer
from tenantry.postgres.answers import explain_error, show_value
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import in_transaction

_LONG = 100


@dataclass(frozen=True, slots=True)
class Complaint:
    """One statement of a check that does not hold, at its place in the file."""

    message: str
    excerpt: str


def run_checks(connection: Connection, checks: Sequence[Check], applied: set[int]) -> Iterator[Complaint]:
    """Run the checks for a database with these versions, each statement in a read-only transaction."""
    for check in checks:
        if check.since is None or check.since in applied:
            for statement in check.statements:
                complaint = _run(connection, check, statement)
                if complaint:
                    yield complaint


def _run(connection: Connection, check: Check, statement: sqltext.Statement) -> Complaint | None:
    # In one message with the statement: the limits then hold behind a pooler as well, and cost no round trip.
    limits = f"BEGIN READ ONLY; SET LOCAL statement_timeout = '{answer.TIMEOUT_S}s'; "
    offset = statement.start
    started = time.monotonic()
    with in_transaction(connection):
        try:
            cursor = connection.execute((limits + statement.text).encode())
            while cursor.nextset():
                pass
            wrong = _judge(cursor)
        except psycopg.Error as error:
            wrong = explain_error(error, connection, time.monotonic() - started)
            offset += max(int(error.diag.statement_position or 0) - 1 - len(limits), 0)
    if not wrong:
        return None
    place = sqltext.position(check.text, offset)
    return Complaint(f"{check.path}:{place.line}:{place.column}: {wrong}", sqltext.excerpt(check.text, place))


def _judge(cursor: psycopg.Cursor[tuple[object, ...]]) -> str:
    """Return the fault of an answer; empty if it is no row, or one that is true."""
    # The server's own text: Python has no value for some answers, such as infinite dates, and there 1 equals True.
    result = cursor.pgresult
    if result is None or result.status != ExecStatus.TUPLES_OK:
        return "not a query, expected a SELECT"
    if result.ntuples > 1:
        return f"returned {result.ntuples} rows, expected none, or one that is true"
    shown = ", ".join(show_value(result.get_value(0, column), result.ftype(column)) for column in range(result.nfields))
    if result.ntuples == 0 or shown == "true":
        return ""
    if len(shown) > _LONG:
        shown = f"{shown[:_LONG]}..."
    return f"returned ({shown}), expected no row, or one that is true"
