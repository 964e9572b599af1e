"""One file on the scratch database, statement by statement, with the effect of each; its changes stay there."""

from collections.abc import Iterator

import psycopg

from tenantry import sqltext
from tenantry.lint.measure.probe import probe, read_state
from tenantry.lint.measure.rows import empty, fill
from tenantry.lint.measure.standalone import run_alone
from tenantry.model import Migration
from tenantry.model.effects import Measured
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import clean, in_transaction
from tenantry.scratch.places import Scratch
from tenantry.scratch.roles import create_role, find_missing_role
from tenantry.sqltext import Statement
from tenantry.sqltext.library import read_tree
from tenantry.sqltext.trees import name_barred

# Arbitrary, but not UTC, in which a change from timestamp to timestamptz rewrites nothing.
_ZONE = "SET TimeZone = '<+01>-01'"
_OUTSIDE = "has effects outside the database, so it does not run where files are measured"
_READ_IT = "read it, and allow this in the header"


def measure_file(scratch: Scratch, migration: Migration, ledger_schema: str) -> tuple[Measured, ...]:
    """Run a file and return the effects of its statements on the tables before it, filled with a few rows.

    Raises psycopg.Error if it does not run statement by statement; the state of the database is then unknown.
    """
    connection = scratch.connection
    # Before every file, since the last one may have created tables or emptied them.
    fill(connection, ledger_schema)
    existing = frozenset(read_state(connection))
    statements = sqltext.split(migration.sql)
    try:
        connection.execute(_ZONE)
        if migration.transactional:
            return tuple(_in_one(scratch, statements, existing, ledger_schema))
        return tuple(_one_by_one(scratch, statements, existing, ledger_schema))
    finally:
        if not connection.closed:
            clean(connection)


def _in_one(
    scratch: Scratch, statements: tuple[Statement, ...], existing: frozenset[int], ledger_schema: str
) -> Iterator[Measured]:
    """Yield the effects of statements that are one transaction."""
    with in_transaction(scratch.connection):
        scratch.connection.execute("BEGIN")
        for statement in statements:
            yield _measure(scratch, statement, existing, ledger_schema)
        scratch.connection.execute("COMMIT")


def _one_by_one(
    scratch: Scratch, statements: tuple[Statement, ...], existing: frozenset[int], ledger_schema: str
) -> Iterator[Measured]:
    """Yield the effects of statements that each commit on their own, in a transaction if the server allows one."""
    for statement in statements:
        if name_barred(*read_tree(statement.text)):
            scratch.check()
            yield run_alone(scratch.connection, statement, existing)
        else:
            yield from _in_one(scratch, (statement,), existing, ledger_schema)


def _measure(scratch: Scratch, statement: Statement, existing: frozenset[int], ledger_schema: str) -> Measured:
    """Measure one statement; if it fails, again with the role that is missing, or without the rows that we made.

    Made-up rows may violate a constraint that the statement adds, which is no fault of the file.
    """
    scratch.check()
    if outside := sqltext.name_outside(statement.text):
        return Measured(statement.start, statement.text, unmeasured=f"{outside} {_OUTSIDE}", hint=_READ_IT)
    connection = scratch.connection
    try:
        return _try(connection, statement, existing)
    except psycopg.Error as error:
        scratch.check()
        if connection.closed:
            raise
        if role := find_missing_role(scratch, error.sqlstate, error.diag.message_primary):
            create_role(scratch, role)
        else:
            empty(connection, ledger_schema)
    return _try(connection, statement, existing)


def _try(connection: Connection, statement: Statement, existing: frozenset[int]) -> Measured:
    """Measure one statement in a savepoint, so that the transaction survives a failure."""
    with connection.transaction():
        return probe(connection, statement, existing)
