"""The guard before the ledger's tables: nothing that a tenant put in their place runs when they are read or written.

The tables lie in a database whose owner may be hostile. A view, a trigger, a default or an index may call a function,
which would run with the rights of whoever migrates. So each query is sent after a guard, in the same message: it pins
the table with a lock, and raises an error before the query is even analysed, unless the table is a plain one of ours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.definitions import DEFINITIONS, PLAIN
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# The results of the guard that come before the one of the query: SET, LOCK, SELECT.
RESULTS = 3
_REASON = re.compile(r'"tenantry: (.*)"')


@dataclass(slots=True)
class Guard:
    """How the tables of one database are guarded.

    The quick guard asks for one row of pg_class, and is enough for a table that the connected role owns: nobody else
    can have given it columns, defaults or indexes. A `thorough` one compares the whole definition, for a table that a
    role owns of which ours is a member, or that once had a trigger or a rule: the server forgets that only at VACUUM.
    `owner` is a role that tenants.yaml names as the owner of the ledger, trusted like the connected one.
    """

    owner: str = ""
    thorough: bool = False


def compose_guarded(
    guard: Guard, schema: str, tables: Sequence[str], query: sql.Composable, *, writes: bool
) -> sql.Composed:
    """Return a query with the guard of its tables before it, as one message; then the search path is restored.

    `writes`: no trigger can be added by another session before the transaction ends.
    """
    restore = sql.SQL("SET LOCAL search_path TO DEFAULT")
    return sql.SQL(";\n").join((compose_guard(guard, schema, tables, writes=writes), query, restore))


def compose_guard(guard: Guard, schema: str, tables: Sequence[str], *, writes: bool) -> sql.Composed:
    """Return the statements that raise an error unless the tables are plain ones of ours; see `RESULTS`."""
    compose = _compose_thorough if guard.thorough else _compose_quick
    names = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)
    # With ACCESS SHARE, which is all that a reader may take, nobody can exchange the table.
    return compose(guard, schema, tables, names, sql.SQL("ROW EXCLUSIVE" if writes else "ACCESS SHARE"))


def _compose_quick(
    guard: Guard, schema: str, tables: Sequence[str], names: sql.Composed, mode: sql.SQL
) -> sql.Composed:
    relations = sql.SQL(", ").join(_as_relation(schema, table) for table in tables)
    return sql.SQL(read_sql("ledger", "guard")).format(
        tables=names, mode=mode, relations=relations, owner=sql.Literal(guard.owner)
    )


def _compose_thorough(
    guard: Guard, schema: str, tables: Sequence[str], names: sql.Composed, mode: sql.SQL
) -> sql.Composed:
    fault = sql.SQL("NOT ({owned}) OR ({definition}) IS DISTINCT FROM {expected}")
    faults = sql.SQL(" OR ").join(
        fault.format(
            owned=_compose("owned", schema, table, owner=guard.owner),
            definition=_compose("definition", schema, table),
            # Sorted as the query sorts: by the bytes of the text.
            expected=sql.Literal("\n".join(sorted(DEFINITIONS[table]))),
        )
        for table in tables
    )
    return sql.SQL(read_sql("ledger", "guard_thorough")).format(tables=names, mode=mode, faults=faults)


def read_reason(error: psycopg.Error) -> str | None:
    """Return why the guard refused a table; None if the error is not the guard's."""
    if isinstance(error, pg.WrongObjectType):
        return "not a plain table"
    found = (
        _REASON.search(error.diag.message_primary or "") if isinstance(error, pg.InvalidTextRepresentation) else None
    )
    return found[1] if found else None


def find_faults(connection: Connection, guard: Guard, schema: str, table: str) -> Iterator[str]:
    """Yield how a table of the ledger differs from the one that tenantry creates; nothing if there is none.

    Reads catalogs alone: nothing of the table runs.
    """
    relation = sql.Identifier(schema, table).as_string()
    exists = sql.SQL("SELECT pg_catalog.to_regclass({}) IS NOT NULL").format(sql.Literal(relation))
    if connection.execute(exists).fetchone() != (True,):
        return
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        owned = connection.execute(_compose("owned", schema, table, owner=guard.owner)).fetchone()
        found = connection.execute(_compose("definition", schema, table)).fetchone()
    lines = frozenset(str(found[0]).splitlines()) if found else frozenset()
    kinds = [line for line in lines if line.startswith("table ")]
    if kinds != [PLAIN]:
        # Its columns would only hide this.
        yield f"not a plain table ({', '.join(kinds)})"
        return
    for line in sorted(lines ^ DEFINITIONS[table]):
        yield f"{'unexpected' if line in lines else 'missing'}: {' '.join(line.split())}"
    if owned != (True,):
        yield "its owner is a role that the connected role is not a member of"
    for grantee, privileges in connection.execute(_compose("granted", schema, table)).fetchall():
        yield f"{grantee} may {privileges} it"


def _compose(file: str, schema: str, table: str, **values: str) -> sql.Composed:
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return sql.SQL(read_sql("ledger", file)).format(table=_as_relation(schema, table), **literals)


def _as_relation(schema: str, table: str) -> sql.Composed:
    name = sql.Literal(sql.Identifier(schema, table).as_string())
    return sql.SQL("CAST({} AS pg_catalog.regclass)").format(name)
