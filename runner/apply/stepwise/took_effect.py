"""Whether a statement that stood alone took effect, by the catalog: for one whose end was never recorded."""

from collections.abc import Collection
from enum import Enum
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from tenantry.apply.stepwise.invalid_indexes import resolve
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import in_transaction
from tenantry.sqltext.standalone import (
    Act,
    Detach,
    IndexBuild,
    IndexDrop,
    Reindex,
    Repeatable,
    SharedObject,
    move_build,
)

_CATALOGS = {"database": ("pg_database", "datname"), "tablespace": ("pg_tablespace", "spcname")}


class TookEffect(Enum):
    """Whether a statement took effect."""

    DONE = "the database has its result"
    NOT_DONE = "it has to run, again or for the first time"
    UNKNOWN = "the catalog does not show it"


class NamedRelation(NamedTuple):
    """A relation with a given name in a table's schema: whether it is an index on that table, and usable."""

    oid: int
    on_table: bool
    usable: bool
    table: str | None


def judge(act: Act | None, text: str | None, connection: Connection, before: Collection[int]) -> TookEffect:
    """Return whether a statement took effect; `before` are the oids of the indexes its table had before it.

    Without its `text` in the file, any usable index in the place of the one it builds counts as its result.
    Asked on the connection that runs the file, so that names mean the same.
    """
    match act:
        case IndexBuild():
            return _judge_build(act, text, connection, before)
        case IndexDrop(index):
            return _done(resolve(connection, index) is None)
        case Detach():
            return _done(read_attached(act, connection) is None)
        case SharedObject(kind, name, made):
            return _done(_exists(kind, name, connection) is made)
        case Reindex() | Repeatable():
            return TookEffect.NOT_DONE
        case None:
            return TookEffect.UNKNOWN


def find_named(act: IndexBuild, table: int, connection: Connection) -> NamedRelation | None:
    """Return the relation that already has the name of the index to build; None if there is none."""
    query = sql.SQL(read_sql("apply/stepwise", "named")).format(table=sql.Literal(table), name=sql.Literal(act.index))
    row = connection.execute(query).fetchone()
    return NamedRelation(*row) if row else None


def read_indexes(table: int, connection: Connection) -> tuple[int, ...]:
    """Return the oids of a table's indexes, in order."""
    query = sql.SQL(read_sql("apply/stepwise", "of_table")).format(table=sql.Literal(table))
    return tuple(oid for (oid,) in connection.execute(query).fetchall())


def read_attached(act: Detach, connection: Connection) -> bool | None:
    """Return whether a partition is only half detached; None if it is not a partition of the table."""
    names = {"partition": act.partition, "parent": act.parent}
    oids = {key: sql.Literal(resolve(connection, name)) for key, name in names.items()}
    row = connection.execute(sql.SQL(read_sql("apply/stepwise", "attached")).format(**oids)).fetchone()
    return bool(row[0]) if row else None


def matches(text: str, table: int, index: int, connection: Connection) -> bool | None:
    """Return whether an index is the one that CREATE INDEX describes, by building that on an empty copy of its table.

    None if that is impossible, for example without the privilege.
    """
    copy = sql.Identifier("pg_temp", "tenantry_copy")
    try:
        # Never committed: only the server can tell which index the statement makes, so it makes one for an empty copy.
        with in_transaction(connection):
            source = sql.Literal(table)
            connection.execute("BEGIN")
            named = connection.execute(sql.SQL("SELECT CAST(CAST({} AS regclass) AS text)").format(source)).fetchone()
            if named is None:
                return None
            like = sql.SQL("CREATE TEMP TABLE {} (LIKE {})").format(copy, sql.SQL(named[0]))
            connection.execute(like)
            connection.execute(move_build(text, copy.as_string(connection)).encode(connection.info.encoding))
            made = resolve(connection, ("pg_temp", "tenantry_copy"))
            return _define(connection, table=made) == _define(connection, index=index)
    except psycopg.Error:
        if connection.broken:
            raise
        return None


def _judge_build(act: IndexBuild, text: str | None, connection: Connection, before: Collection[int]) -> TookEffect:
    table = resolve(connection, act.table)
    if table is None:
        return TookEffect.NOT_DONE
    if not act.index:
        return _judge_unnamed(text, table, connection, before)
    found = find_named(act, table, connection)
    if found is None or not found.on_table or not found.usable:
        return TookEffect.NOT_DONE
    # With IF NOT EXISTS, the server would accept any index of that name.
    alike = act.skips or text is None or matches(text, table, found.oid, connection) is not False
    return TookEffect.DONE if alike else TookEffect.UNKNOWN


def _judge_unnamed(text: str | None, table: int, connection: Connection, before: Collection[int]) -> TookEffect:
    new = [oid for oid in read_indexes(table, connection) if oid not in before]
    alike = [oid for oid in new if text is None or matches(text, table, oid, connection)]
    return _done(any(_is_usable(oid, connection) for oid in alike))


def _is_usable(index: int, connection: Connection) -> bool:
    query = sql.SQL("SELECT indisvalid AND indisready FROM pg_catalog.pg_index WHERE indexrelid = {}")
    return connection.execute(query.format(sql.Literal(index))).fetchone() == (True,)


def _define(connection: Connection, *, table: int | None = None, index: int | None = None) -> tuple[Any, ...] | None:
    """Return an index's definition without names: of the given index, or of the only one on a table."""
    query = sql.SQL(read_sql("apply/stepwise", "definition"))
    return connection.execute(query.format(table=sql.Literal(table), index=sql.Literal(index))).fetchone()


def _exists(kind: str, name: str, connection: Connection) -> bool:
    catalog, column = _CATALOGS[kind]
    query = sql.SQL("SELECT count(*) FROM {} WHERE {} = {}").format(
        sql.Identifier("pg_catalog", catalog), sql.Identifier(column), sql.Literal(name)
    )
    return connection.execute(query).fetchone() == (1,)


def _done(seen: bool) -> TookEffect:
    return TookEffect.DONE if seen else TookEffect.NOT_DONE
