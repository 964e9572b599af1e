"""Whether a file has changed the ledger itself, asked in the file's own transaction before its record is written.

Such a file would commit, and the next run would take what it did for the work of another runner, or run a file twice.
"""

import re
from collections.abc import Iterable
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
# A superuser can have the server stop counting, and start again before anybody asks.
_STOPS_COUNTING = re.compile("track_counts|set_config|pg_settings", re.IGNORECASE)

HINT = "leave the tables of tenantry to its verbs: forget, mark, accept and rollback change the record"


def compose_untouched(ledger: Ledger) -> sql.Composed:
    """Return the statements that raise an error if the open transaction has changed rows of the ledger or its log."""
    return compose_guarded(ledger.guard, ledger.schema, LEDGER_AND_LOG, compose_check(ledger), writes=True)


def compose_check(ledger: Ledger) -> sql.SQL:
    """Return the check of `compose_untouched` alone, for a message in which the tables are guarded already."""
    rows = ledger.guard.rows
    if rows is None:
        return _compose_check(ledger.schema)
    fewer = map(
        sql.SQL("({}) OPERATOR(pg_catalog.<) {}").format, _compose_counts(ledger.schema), map(sql.Literal, rows)
    )
    return _compose_any((*_list_touched(ledger.schema), *fewer))


def count_before(ledger: Ledger, text: str, *, counted: bool = True) -> None:
    """Count the rows of both tables before a file of this text runs, if the server's counts cannot be relied on.

    Without them, a changed row still shows that it was changed, but a deleted row leaves no trace. `counted`: False if
    the server counts nothing, or may not.
    """
    guard = ledger.guard
    guard.rows = None
    if counted and not _STOPS_COUNTING.search(text):
        return
    guard.mark = None
    counts = sql.SQL(", ").join(sql.SQL("({})").format(count) for count in _compose_counts(ledger.schema))
    guard.rows = ledger.run(sql.SQL("SELECT {}").format(counts), tables=LEDGER_AND_LOG, writes=True).fetchone()


def _compose_counts(schema: str) -> list[sql.Composed]:
    """Return a query for each table that counts its rows."""
    count = sql.SQL("SELECT pg_catalog.count(*) FROM ONLY {}")
    return [count.format(sql.Identifier(schema, table)) for table in LEDGER_AND_LOG]


# Composed once, and not again for each file of each tenant.
@cache
def _compose_check(schema: str) -> sql.SQL:
    return _compose_any(_list_touched(schema))


def _compose_any(touched: Iterable[sql.Composable]) -> sql.SQL:
    text = sql.SQL(read_sql("ledger", "untouched")).format(touched=sql.SQL(" OR ").join(touched))
    return sql.SQL(text.as_string())


def _list_touched(schema: str) -> list[sql.Composed]:
    kinds = ("touched", "truncated")
    return [_compose_touched(schema, table, kind) for table in LEDGER_AND_LOG for kind in kinds]


def _compose_touched(schema: str, table: str, kind: str) -> sql.Composed:
    name = sql.Identifier(schema, table)
    relation = sql.SQL("CAST({} AS pg_catalog.regclass)").format(sql.Literal(name.as_string()))
    return sql.SQL(read_sql("ledger", kind)).format(table=name, relation=relation)


def is_touched(error: psycopg.Error) -> bool:
    """Return whether an error is that of the check."""
    return isinstance(error, pg.InvalidTextRepresentation) and _REASON in (error.diag.message_primary or "")
