"""The rows of another tool's table: found by schema and name, and read only if the columns are that tool's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg import errors as pg
from psycopg import sql

from tenantry.model.errors import Refused
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# The kinds of columns to expect, by pg_type.typcategory: the exact type may differ between versions of a tool.
_CATEGORIES = {"text": "S", "number": "N", "time": "D", "flag": "B", "bytes": "U"}


def read_rows(
    connection: Connection, title: str, table: str, columns: Mapping[str, str]
) -> list[tuple[Any, ...]] | None:
    """Return these columns of `schema.table`, sorted by the first of them; None if there is no such table.

    `columns` maps names to text, number, time, flag or bytes. Raises Refused if the table has different columns, so
    that no value has to be guessed, or if it cannot be read. The session is not changed.
    """
    schema, _, name = table.partition(".")
    found = connection.execute(read_sql("takeover/records", "columns"), [schema, name]).fetchall()
    if not found:
        return None
    categories = {column: category for column, _type, category in found}
    if any(categories.get(column) != _CATEGORIES[kind] for column, kind in columns.items()):
        there = ", ".join(f"{column} {type_}" for column, type_, _category in found)
        expected = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        raise Refused(
            f"{table}: has the columns {there}, expected {expected}",
            hint=f"if the table does not belong to {title}, this database has no records of {title} to import",
        )
    query = sql.SQL("SELECT {} FROM {} ORDER BY 1").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, name)
    )
    try:
        return connection.execute(query).fetchall()
    except pg.InsufficientPrivilege as error:
        raise Refused(f"{table}: {error.diag.message_primary}", hint="grant the role SELECT on it") from None


def in_utc(time: datetime | None) -> datetime | None:
    """Return a time in UTC; a time without a zone is assumed to be in UTC."""
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
