"""The mark of the ledger's tables: equal at two moments of a transaction if no row was written there between them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from psycopg import sql

from tenantry.model.records import LEDGER_TABLE, LOG_TABLE
from tenantry.postgres.queries import read_sql

# The name of the mark's column, and the error where it, or anything else that was seen before, is another one.
MARK, CHANGED = "mark", "tenantry: changed"
# Two files, and three counts for each table.
_NUMBERS = 8


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """How many rows of one table a session has written since it last told the server's statistics."""

    inserted: int
    updated: int
    deleted: int

    def __str__(self) -> str:
        return f"{self.inserted} {self.updated} {self.deleted}"


@dataclass(frozen=True, slots=True)
class TableMark:
    """What `mark.sql` gives: the numbers of the files that hold the rows of both tables, and the rows written there."""

    ledger_file: int
    log_file: int
    ledger: WrittenRows
    log: WrittenRows

    def __str__(self) -> str:
        return f"{self.ledger_file} {self.log_file} {self.ledger} {self.log}"

    def plus_one(self) -> "TableMark":
        """Return the mark once one row more was inserted into each table."""
        ledger, log = (replace(table, inserted=table.inserted + 1) for table in (self.ledger, self.log))
        return replace(self, ledger=ledger, log=log)


def parse_mark(text: str) -> TableMark | None:
    """Return the mark that the server gave; None if one of the two has no file, as a view in its place has not."""
    numbers = [int(number) for number in text.split()]
    if len(numbers) != _NUMBERS:
        return None
    ledger_file, log_file, *rows = numbers
    return TableMark(ledger_file, log_file, WrittenRows(*rows[:3]), WrittenRows(*rows[3:]))


@cache
def compose_mark(schema: str) -> str:
    """Return the statement that gives the mark of both tables; NULL where none can be had."""
    counted = sql.SQL("pg_catalog.current_setting('track_counts') OPERATOR(pg_catalog.=) 'on'")
    marked = sql.SQL("SELECT CASE WHEN {} THEN {} END AS {}")
    return marked.format(counted, _compose_value(schema), sql.Identifier(MARK)).as_string()


def compose_unmarked(mark: TableMark, schema: str) -> str:
    """Return the statement that raises the error CHANGED unless the mark is still the same."""
    return _compose_unless(schema, CHANGED)(str(mark))


def compose_stored(mark: TableMark, schema: str, lost: str) -> str:
    """Return the statement that raises the error `lost` unless one row more than at the mark is in each table."""
    return _compose_unless(schema, lost)(str(mark.plus_one()))


@cache
def _compose_unless(schema: str, reason: str) -> Callable[[str], str]:
    return compose_unless(_compose_value(schema), reason)


def compose_unless(value: sql.Composable, reason: str, before: str = "") -> Callable[[str], str]:
    """Return what composes the statement that raises an error with this reason unless a value is what was seen before.

    What was seen is each tenant's own, and so is filled into a text that is composed once. `before` precedes it.
    """
    place = secrets.token_hex()
    text = sql.SQL(read_sql("ledger", "unchanged")).format(
        versions=value, seen=sql.SQL(place), changed=sql.Literal(reason)
    )
    start, end = text.as_string().split(place)
    return lambda seen: f"{before}{start}{sql.Literal(seen).as_string()}{end}"


def _compose_value(schema: str) -> sql.Composed:
    return sql.SQL(read_sql("ledger", "mark")).format(
        ledger=as_oid(schema, LEDGER_TABLE), log=as_oid(schema, LOG_TABLE)
    )


def as_oid(schema: str, table: str) -> sql.Composed:
    """Return the number of a table, as an expression."""
    return sql.SQL("CAST({} AS pg_catalog.oid)").format(as_relation(schema, table))


def as_relation(schema: str, table: str) -> sql.Composed:
    """Return a table's name as one of the catalog's, as an expression."""
    name = sql.Literal(sql.Identifier(schema, table).as_string())
    return sql.SQL("CAST({} AS pg_catalog.regclass)").format(name)
