"""The rows of another tool's table: found by schema and name, and read only if the columns are that tool's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from tenantry.model.errors import Refused
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# The kinds of columns to expect, by pg_type.typcategory: the exact type may differ between versions of a tool.
_CATEGORIES = {"text": "S", "number": "N", "time": "D", "flag": "B", "bytes": "U"}


# Far more than any tool records.
_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a tool's table: its type as people write it, the category of that type, and its number."""

    name: str
    type: str
    category: str
    oid: int


def read_columns(connection: Connection, schema: str, table: str) -> tuple[Column, ...]:
    """Return the columns of a table; none if there is no such table. The session is not changed."""
    with _apart(connection):
        found = connection.execute(read_sql("takeover/records", "columns"), [schema, table]).fetchall()
    return tuple(Column(*row) for row in found)


def read_rows(
    connection: Connection, title: str, table: str, columns: Mapping[str, str]
) -> list[tuple[Any, ...]] | None:
    """Return these columns of `schema.table`, sorted by the first of them; None if there is no such table.

    `columns` maps names to text, number, time, flag or bytes. Raises Refused if the table has different columns, so
    that no value has to be guessed, or if it cannot be read. The session is not changed.
    """
    schema, _, name = table.partition(".")
    found = read_columns(connection, schema, name)
    if not found:
        return None
    known = {column.name: column for column in found}
    if any(column not in known or known[column].category != _CATEGORIES[kind] for column, kind in columns.items()):
        there = ", ".join(f"{column.name} {column.type}" for column in found)
        expected = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        raise Refused(
            f"{table}: has the columns {there}, expected {expected}",
            hint=f"if the table does not belong to {title}, this database has no records of {title} to import",
        )
    try:
        rows = _copy(connection, sql.Identifier(schema, name), [known[column] for column in columns])
    except pg.WrongObjectType:
        raise Refused(
            f"{table}: not a plain table, as which {title} creates it: it is not read",
            hint="find out who replaced it: a view would run its owner's code",
        ) from None
    except pg.InsufficientPrivilege as error:
        raise Refused(
            f"{table}: {error.diag.message_primary}",
            hint="grant the role SELECT on it; if it has row security, connect as a role with BYPASSRLS",
        ) from None
    except (psycopg.DataError, UnicodeError):
        raise Refused(
            f"{table}: unreadable value, expected one that {title} writes",
            hint="find out who changed it: no time is infinite or before Christ, and every text is UTF-8",
        ) from None
    if len(rows) > _MOST_ROWS:
        raise Refused(
            f"{table}: more than {_MOST_ROWS:,} rows, expected one for each migration", hint="find out who filled it"
        )
    return sorted(rows, key=lambda row: (row[0] is None, row[0]))


def _copy(connection: Connection, table: sql.Identifier, columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    """Return columns of a plain table. COPY plans nothing, so that nothing runs of what somebody has put on it."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    copy = sql.SQL("COPY {} ({}) TO STDOUT").format(table, names)
    with _apart(connection), connection.cursor().copy(copy) as stream:
        stream.set_types([column.oid for column in columns])
        return list(islice(stream.rows(), _MOST_ROWS + 1))


@contextmanager
def _apart(connection: Connection) -> Iterator[None]:
    """Read in a transaction in which the tenant's own settings decide nothing."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL DateStyle = ISO")
        yield


def in_utc(time: datetime | None) -> datetime | None:
    """Return a time in UTC; a time without a zone is assumed to be in UTC."""
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
