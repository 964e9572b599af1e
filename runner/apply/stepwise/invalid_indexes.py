"""Invalid indexes: the remains of a CONCURRENTLY that failed, found by its statement, and dropped.

Only an index that this statement can have left is dropped, and none that another session is building.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from psycopg import sql

from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.standalone import Act, IndexBuild, Name, Reindex

# REINDEX CONCURRENTLY builds the new index next to the old one, and adds a number if the name is taken.
_OF_REINDEX = re.compile(r"_cc(new|old)\d*$")


@dataclass(frozen=True, slots=True)
class Leftover:
    """An index that is not valid, or not ready. `busy`: another session is building one on its table, maybe this."""

    oid: int
    table: int
    schema: str
    name: str
    busy: bool


def find_leftovers(act: Act | None, connection: Connection, before: Collection[int] = ()) -> list[Leftover]:
    """Return the indexes left by a statement that failed; `before` are the oids of indexes its table had already.

    Names are resolved as in the session that runs the file.
    """
    match act:
        case IndexBuild(table, name):
            return _find_of_build(resolve(connection, table), name, connection, before)
        case Reindex(scope, name):
            return _find_of_reindex(scope, name, connection)
        case _:
            return []


def drop(connection: Connection, leftovers: Iterable[Leftover]) -> None:
    """Drop indexes without blocking anybody. Raises psycopg.Error, also after the time that a lock may take."""
    for leftover in leftovers:
        # IF EXISTS: someone may have dropped the broken index by hand meanwhile.
        name = sql.Identifier(leftover.schema, leftover.name)
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))


def resolve(connection: Connection, name: Name) -> int | None:
    """Return the oid of the relation that a name means in this session; None if there is none."""
    quoted = sql.Identifier(*name).as_string(connection)
    query = sql.SQL("SELECT CAST(pg_catalog.to_regclass({}) AS oid)").format(sql.Literal(quoted))
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _find_of_build(table: int | None, name: str, connection: Connection, before: Collection[int]) -> list[Leftover]:
    found = [leftover for leftover in _read(connection) if leftover.table == table]
    return [leftover for leftover in found if (leftover.name == name if name else leftover.oid not in before)]


def _find_of_reindex(scope: str, name: Name, connection: Connection) -> list[Leftover]:
    found = [leftover for leftover in _read(connection) if _OF_REINDEX.search(leftover.name)]
    match scope:
        case "schema":
            return [leftover for leftover in found if (leftover.schema,) == name]
        case "index" | "table":
            query = sql.SQL(read_sql("apply/stepwise", "reindexed")).format(
                relation=sql.Literal(resolve(connection, name))
            )
            tables = {oid for (oid,) in connection.execute(query).fetchall()}
            return [leftover for leftover in found if leftover.table in tables]
        case _:
            return found


def _read(connection: Connection) -> list[Leftover]:
    return [Leftover(*row) for row in connection.execute(read_sql("apply/stepwise", "unusable")).fetchall()]
