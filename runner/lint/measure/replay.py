"""One file on the scratch database, statement by statement, each with its effect; the file's work stays there."""

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

# Arbitrary but for not being UTC: there, a change from timestamp to timestamptz writes nothing anew.
_ZONE = "SET TimeZone = '<+01>-01'"


def measure_file(scratch: Scratch, migration: Migration, ledger_schema: str) -> tuple[Measured, ...]:
    """Run a file and return the effects of its statements on what was there before it, filled with a few rows.

    Raises psycopg.Error where it does not run statement by statement; what then is left of it is unknown.
    """
    connection = scratch.connection
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
    """Yield the effects of statements that each commit by themselves, in a transaction where the server lets them."""
    for statement in statements:
        if name_barred(*read_tree(statement.text)):
            yield run_alone(scratch.connection, statement, existing)
        else:
            yield from _in_one(scratch, (statement,), existing, ledger_schema)


def _measure(scratch: Scratch, statement: Statement, existing: frozenset[int], ledger_schema: str) -> Measured:
    """Measure one statement; where it fails, again with the role that it misses, and then without the rows we made.

    Rows that nobody would write may violate what a statement demands, which is no fault of the file's.
    """
    connection = scratch.connection
    try:
        return _try(connection, statement, existing)
    except psycopg.Error as error:
        if connection.closed:
            raise
        if role := find_missing_role(scratch, error.sqlstate, error.diag.message_primary):
            create_role(scratch, role)
        else:
            empty(connection, ledger_schema)
    return _try(connection, statement, existing)


def _try(connection: Connection, statement: Statement, existing: frozenset[int]) -> Measured:
    """Measure one statement so that the transaction is as it was where that fails."""
    with connection.transaction():
        return probe(connection, statement, existing)
