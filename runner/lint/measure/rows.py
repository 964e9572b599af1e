"""A few rows for every empty table: without rows, the statements that take long on a live database do nothing."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import LiteralString

import psycopg
from psycopg import sql

from tenantry.lint.measure.books import decode
from tenantry.lint.measure.prepared import PreparedQueries
from tenantry.model.records import LEDGER_TABLES
from tenantry.postgres.queries import read_sql
from tenantry.postgres.send import ask, send
from tenantry.postgres.sessions import Connection

ROWS = 3

# By the name of the type, for row number n. Values of one type are the same in every table, so foreign keys hold.
# Numbers are high, so that they do not clash with rows that a file inserts later.
_TEXT = "n::text"
_VALUES = {
    "bit": "'0'::bit(1)",
    "bool": "n % 2 = 0",
    "bpchar": _TEXT,
    "bytea": "decode(lpad(n::text, 2, '0'), 'hex')",
    "cidr": "('10.0.' || n || '.0/24')::cidr",
    "citext": _TEXT,
    "date": "date '2000-01-01' + n",
    "float4": "n",
    "float8": "n",
    "inet": "('10.0.0.' || n)::inet",
    "int2": "30000 + n",
    "int4": "1000000 + n",
    "int8": "1000000 + n",
    "interval": "n * interval '1 day'",
    "json": "'{}'",
    "jsonb": "'{}'",
    "name": _TEXT,
    "numeric": "n",
    "oid": "1000000 + n",
    "text": _TEXT,
    "time": "time '00:00' + n * interval '1 hour'",
    "timestamp": "timestamp '2000-01-01' + n * interval '1 day'",
    "timestamptz": "timestamptz '2000-01-01 00:00Z' + n * interval '1 day'",
    "timetz": "(n || ':00+00')::timetz",
    "uuid": "lpad(n::text, 32, '0')::uuid",
    "varbit": "'0'::varbit",
    "varchar": _TEXT,
}
_RANGES = {
    "daterange": "daterange(date '2000-01-01' + n, date '2000-01-02' + n)",
    "int4range": "int4range(n, n + 1)",
    "int8range": "int8range(n, n + 1)",
    "numrange": "numrange(n, n + 1)",
    "tsrange": "tsrange(timestamp '2000-01-01' + n * interval '1 day', timestamp '2000-01-02' + n * interval '1 day')",
    "tstzrange": "tstzrange(timestamptz '2000-01-01 00:00Z' + n * interval '1 day', NULL)",
}
# A literal in the condition of a CHECK is most often a value that it allows.
_LITERAL = re.compile(r"'((?:[^']|'')*)'::(?:text|character varying|bpchar)\b")
_REPLICA = "SET LOCAL session_replication_role = replica"
_TEXTS = frozenset({"bpchar", "citext", "name", "text", "varchar"})


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of a table: its full type, the base type of a domain, and the checks that mention it."""

    table: int
    schema: str
    relation: str
    name: str
    type: str
    base: str
    kind: str
    required: bool
    checks: str


def fill(
    connection: Connection,
    ledger_schema: str,
    tables: Collection[int] | None = None,
    prepared: PreparedQueries | None = None,
) -> set[int]:
    """Insert rows into every empty table, or into those of `tables`, their oids.

    A table that accepts none of the attempts stays empty; the oids of these are returned.
    """
    if tables is not None and not tables:
        return set()
    if tables and prepared and _fill_at_once(connection, ledger_schema, tables, prepared):
        return set()
    with connection.transaction():
        _skip_triggers(connection)
        grouped = _group(_Column(*row) for row in connection.execute(_compose_columns(ledger_schema, tables)))
        if _fill_together(connection, list(grouped.values())):
            return set()
        return {oid for oid, of_table in grouped.items() if not _fill_table(connection, of_table)}


def _group(columns: Iterable[_Column]) -> dict[int, tuple[_Column, ...]]:
    return {oid: tuple(of_table) for oid, of_table in groupby(columns, lambda column: column.table)}


def _parse(row: Sequence[str]) -> _Column:
    """Return a column by its texts."""
    table, schema, relation, name, kind_of_type, base, kind, required, checks = row
    return _Column(int(table), schema, relation, name, kind_of_type, base, kind, required == "t", checks)


def _fill_at_once(
    connection: Connection, ledger_schema: str, tables: Collection[int], prepared: PreparedQueries
) -> bool:
    """Do for a few tables in two messages what nearly all of them accept; return whether they did, or nothing is done.

    A new file seldom leaves others, and each message takes as long as most statements.
    """
    query = _compose_columns(ledger_schema, "$1").as_string()
    oids = f"'{{{', '.join(map(str, tables))}}}'"
    try:
        *_, answer = ask(connection, f"BEGIN;\n{_REPLICA};\n{prepared.compose(query, oids)}")
        rows = decode(answer, connection.info.encoding)
        inserts = (_insert_first(columns).as_string() for columns in _group(map(_parse, rows)).values())
        ask(connection, ";\n".join((*inserts, "COMMIT")))
    except psycopg.Error:
        if connection.closed:
            raise
        connection.rollback()
        return False
    return True


def empty(connection: Connection, ledger_schema: str) -> None:
    """Delete all rows of all tables in the open transaction: DELETE takes the weakest lock that does it."""
    _skip_triggers(connection)
    tables = dict.fromkeys((row[1], row[2]) for row in connection.execute(_compose_columns(ledger_schema)))
    for schema, relation in tables:
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, relation)))
    connection.execute("SET LOCAL session_replication_role = origin")


def _compose_columns(ledger_schema: str, tables: Collection[int] | LiteralString | None = None) -> sql.Composed:
    """Return the query for the columns of all tables but the ledger's, or of these, by oid or by parameter."""
    of_tables: sql.Composable = sql.SQL("true")
    if isinstance(tables, str):
        of_tables = sql.SQL("class.oid = ANY (CAST({} AS oid[]))").format(sql.SQL(tables))
    elif tables is not None:
        of_tables = sql.SQL("class.oid = ANY ({})").format(sql.Literal(list(tables)))
    return sql.SQL(read_sql("lint/measure", "columns")).format(
        ledger=sql.Literal(ledger_schema), ledger_tables=sql.Literal(list(LEDGER_TABLES)), of_tables=of_tables
    )


def _skip_triggers(connection: Connection) -> None:
    """Switch triggers and foreign keys off, if the role may."""
    try:
        with connection.transaction():
            connection.execute(_REPLICA)
    except psycopg.errors.InsufficientPrivilege:
        return  # tables are then filled in the order of their creation, which is that of foreign keys


def _fill_together(connection: Connection, tables: Sequence[Sequence[_Column]]) -> bool:
    """Insert the rows of the first attempt into all tables, in one message; return whether each of them has rows now.

    Most tables accept them, and a history has many.
    """
    texts = [_insert_first(columns).as_string() for columns in tables]
    text = ";\n".join(("SAVEPOINT tenantry_filled", *texts, "RELEASE SAVEPOINT tenantry_filled"))
    sent = send(connection, text)
    if sent.error:
        connection.execute("ROLLBACK TO SAVEPOINT tenantry_filled; RELEASE SAVEPOINT tenantry_filled")
    return not sent.error


def _insert_first(columns: Sequence[_Column]) -> sql.Composed:
    """Return the first attempt for a table, which does nothing where it has rows."""
    table = sql.Identifier(columns[0].schema, columns[0].relation)
    return sql.SQL("{} WHERE NOT EXISTS (SELECT FROM ONLY {})").format(_insert(table, columns, ROWS), table)


def _fill_table(connection: Connection, columns: Sequence[_Column]) -> bool:
    """Insert rows into a table unless it has some; return whether it has any now."""
    table = sql.Identifier(columns[0].schema, columns[0].relation)
    has_rows = sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(table)
    if connection.execute(has_rows).fetchone() == (True,):
        return True
    for query in _inserts(table, columns):
        try:
            with connection.transaction():
                connection.execute(query)
            return True
        except psycopg.Error:
            continue
    return False


def _inserts(table: sql.Identifier, columns: Sequence[_Column]) -> Iterator[sql.Composed]:
    """Yield the attempts in turn: rows with all columns, with the required ones alone, and then a single row."""
    required = [column for column in columns if column.required]
    for rows in (ROWS, 1):
        for chosen in (columns, required):
            yield _insert(table, chosen, rows)


def _insert(table: sql.Identifier, columns: Sequence[_Column], rows: int) -> sql.Composed:
    if not columns:
        return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table)
    return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM generate_series(1, {}) AS n").format(
        table,
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.SQL(", ").join(_value(column) for column in columns),
        sql.Literal(rows),
    )


def _value(column: _Column) -> sql.Composable:
    """Return an expression for the value of a column in row n."""
    allowed = [text.replace("''", "'") for text in _LITERAL.findall(column.checks)]
    if allowed and column.base in _TEXTS:
        choice = sql.SQL("(ARRAY[{}])[1 + n % {}]").format(
            sql.SQL(", ").join(sql.Literal(text) for text in allowed), sql.Literal(len(allowed))
        )
        return _cast(choice, column)
    if column.kind == "e":
        labels = sql.SQL("enum_range(NULL::{})").format(sql.SQL(column.type))
        return sql.SQL("({labels})[1 + n % cardinality({labels})]").format(labels=labels)
    if column.base.startswith("_"):
        return _cast(sql.SQL("'{}'"), column)
    found = _VALUES.get(column.base) or _RANGES.get(column.base, "NULL")
    return _cast(sql.SQL(found), column)


def _cast(value: sql.Composable, column: _Column) -> sql.Composed:
    # format_type has quoted it already.
    return sql.SQL("CAST({} AS {})").format(value, sql.SQL(column.type))
