"""Whether a file has changed the ledger itself, asked in the file's own transaction before its record is written.

Such a file would commit, and the next run would take what it did for the work of another runner, or run a file twice.
"""

from functools import cache

import psycopg
from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.guard import compose_guarded
from tenantry.ledger.ledger import Ledger
from tenantry.model.records import LEDGER_AND_LOG
from tenantry.postgres.queries import read_sql

# Without the colon of a reason of the guard, which would be one to distrust the table.
_REASON = "tenantry touched"

HINT = "leave the tables of tenantry to its verbs: forget, mark, accept and rollback change the record"


def compose_untouched(ledger: Ledger) -> sql.Composed:
    """Return the statements that raise an error if the open transaction has changed rows of the ledger or its log."""
    return compose_guarded(ledger.guard, ledger.schema, LEDGER_AND_LOG, compose_check(ledger), writes=True)


def compose_check(ledger: Ledger) -> sql.SQL:
    """Return the check of `compose_untouched` alone, for a message in which the tables are guarded already."""
    return _compose_check(ledger.schema)


# Composed once, and not again for each file of each tenant.
@cache
def _compose_check(schema: str) -> sql.SQL:
    kinds = ("touched", "truncated")
    touched = sql.SQL(" OR ").join(_compose_touched(schema, table, kind) for table in LEDGER_AND_LOG for kind in kinds)
    return sql.SQL(sql.SQL(read_sql("ledger", "untouched")).format(touched=touched).as_string())


def _compose_touched(schema: str, table: str, kind: str) -> sql.Composed:
    name = sql.Identifier(schema, table)
    relation = sql.SQL("CAST({} AS pg_catalog.regclass)").format(sql.Literal(name.as_string()))
    return sql.SQL(read_sql("ledger", kind)).format(table=name, relation=relation)


def is_touched(error: psycopg.Error) -> bool:
    """Return whether an error is that of the check."""
    return isinstance(error, pg.InvalidTextRepresentation) and _REASON in (error.diag.message_primary or "")
