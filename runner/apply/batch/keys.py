"""Ranges of a table's primary key: the end of the next one, and the condition for a row to be in it.

A key is the output of its columns as text, in a form that every session reads alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from tenantry.apply.batch.table import Table
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

RowKey = tuple[str, ...]

# For the transaction that reads keys: as text, no date, interval or number may depend on a session's settings.
_FORMATS = sql.SQL(
    "SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL extra_float_digits = 3"
)


@dataclass(frozen=True, slots=True)
class Range:
    """The keys after `after`, or from the first one if it is None, up to and including `up_to`."""

    after: RowKey | None
    up_to: RowKey


def find_last(connection: Connection, table: Table, begin: sql.Composable) -> RowKey | None:
    """Return the highest key of a table; None if it is empty. `begin` begins the transaction."""
    query = sql.SQL("SELECT {shown} FROM {table} AS source ORDER BY {falling} LIMIT 1").format(
        shown=_show("source", table.key),
        table=table.relation,
        falling=sql.SQL(", ").join(sql.SQL("{} DESC").format(sql.Identifier("source", name)) for name in table.key),
    )
    row = _ask(connection, begin, query)
    return tuple(row) if row else None


def find_next(
    connection: Connection, table: Table, left: Range, rows: int, begin: sql.Composable
) -> tuple[RowKey, int] | None:
    """Return the last of the first `rows` keys of a range, and how many there are; None if there are none."""
    # By names that cannot clash with a column.
    names = tuple(f"key{place}" for place, _ in enumerate(table.key))
    query = sql.SQL(read_sql("apply/batch", "next")).format(
        shown=_show("batch", names),
        names=_list(sql.Identifier(name) for name in names),
        columns=_list(sql.Identifier("source", name) for name in table.key),
        table=table.relation,
        range=compose_range("source", table.key, left),
        rows=sql.Literal(rows),
    )
    row = _ask(connection, begin, query)
    return (tuple(row[:-1]), int(row[-1])) if row else None


def compose_range(alias: str, key: RowKey, wanted: Range) -> sql.Composed:
    """Return the condition that a row's key is in a range, in the order of the key's index."""
    # As rows, and not column by column: the order is that of the index, and a range is one scan of it.
    columns = _list(sql.Identifier(alias, name) for name in key)
    bounds = [(">", wanted.after), ("<=", wanted.up_to)]
    parts = [
        sql.SQL("({}) {} ({})").format(columns, sql.SQL(sign), _list(sql.Literal(value) for value in bound))
        for sign, bound in bounds
        if bound is not None
    ]
    return sql.SQL(" AND ").join(parts)


def _ask(connection: Connection, begin: sql.Composable, query: sql.Composable) -> tuple[Any, ...] | None:
    """Return the one row of a query that shows keys, in a transaction of its own; None if there is none."""
    cursor = connection.execute(sql.SQL("; ").join((begin, _FORMATS, query)))
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    connection.execute("COMMIT")
    return row


def _show(alias: str, key: RowKey) -> sql.Composed:
    """Return the columns of a key as text, by their output functions: some casts to text differ from these."""
    return _list(sql.SQL("pg_catalog.format('%s', {})").format(sql.Identifier(alias, name)) for name in key)


def _list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
