"""The table whose primary key splits a change into batches, and the obstacles that only the catalog shows."""

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from tenantry.model.errors import Refused
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.changes import RowChange, RowSource

_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence", "c": "a type"}
_NO_BATCHES = "or run the file without batches"


@dataclass(frozen=True, slots=True)
class Table:
    """A table to split a change by; `alias` is its name in the change, `key` are the columns of its primary key.

    `estimate` is the server's estimate of its rows, 0 if it has none.
    """

    name: str
    relation: sql.Composable
    alias: str
    key: tuple[str, ...]
    estimate: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A table's entry in the catalog; `family` is the same for all partitions of one table."""

    schema: str
    relation: str
    kind: str
    has_children: bool
    family: int
    method: str | None
    key: tuple[str, ...]
    generated: tuple[str, ...]
    estimate: int

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.relation}"


def find_table(connection: Connection, change: RowChange) -> Table:
    """Return the first of a change's tables whose primary key can split it. Raises Refused if none can."""
    _check_calls(connection, change)
    if change.verb == "INSERT":
        _check_target(connection, change)
    refusals: list[Refused] = []
    for source in change.sources:
        try:
            return _check(change, source, _read(connection, source))
        except Refused as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _read(connection: Connection, source: RowSource) -> _Found:
    name = sql.Identifier(*source.names).as_string(connection)
    query = sql.SQL(read_sql("apply/batch", "table")).format(name=sql.Literal(name))
    row: Any = connection.execute(query).fetchone()
    if row is None:
        raise Refused(f"table {'.'.join(source.names)} does not exist", hint="create it in an earlier file")
    schema, relation, kind, has_children, family, method, key, generated, estimate = row
    return _Found(schema, relation, kind, has_children, family, method, tuple(key), tuple(generated), estimate)


def _check(change: RowChange, source: RowSource, found: _Found) -> Table:
    """Return the table if its key can split the change. Raises Refused."""
    if found.kind not in ("r", "p"):
        raise Refused(f"{found.name} is {_KINDS.get(found.kind, 'not a table')}, expected a table")
    if not found.key:
        raise Refused(f"{found.name} has no primary key, expected one", hint=f"add one, {_NO_BATCHES}")
    if found.method != "btree":
        raise Refused(f"the primary key of {found.name} has no order, expected a btree index")
    if found.has_children and not source.only:
        reason = f"{found.name} has child tables, whose rows its primary key does not cover"
        raise Refused(reason, hint=f"write ONLY {found.relation}, and a file for each child table")
    if change.verb == "UPDATE":
        _check_sets(change, found)
    relation = sql.Identifier(found.schema, found.relation)
    return Table(
        found.name,
        sql.SQL("ONLY {}").format(relation) if source.only else relation,
        source.alias,
        found.key,
        found.estimate,
    )


def _check_sets(change: RowChange, found: _Found) -> None:
    """Raise Refused if an UPDATE could move a row into a later batch."""
    moved = [name for name in found.key if name in change.sets or name in found.generated]
    if moved:
        raise Refused(
            f"sets {', '.join(moved)}, part of the primary key of {found.name}: "
            "a later batch could process the row again",
            hint="run the file without batches",
        )


def _check_target(connection: Connection, change: RowChange) -> None:
    """Raise Refused if an INSERT reads rows of the table that it writes."""
    target = _read(connection, change.target)
    if any(_read(connection, source).family == target.family for source in change.sources):
        reason = (
            f"inserts into {target.name}, which it also reads: a later batch could read rows that an earlier one wrote"
        )
        raise Refused(reason, hint="insert into another table first, in a separate file")


def _check_calls(connection: Connection, change: RowChange) -> None:
    """Raise Refused if a function of the SELECT combines many rows into one value."""
    if not change.calls:
        return
    names = sorted(".".join(call[-2:]) for call in change.calls)
    query = sql.SQL(read_sql("apply/batch", "aggregates")).format(names=sql.Literal(names))
    found = [name for (name,) in connection.execute(query).fetchall()]
    if found:
        reason = f"{found[0]}() needs rows that may lie in several batches"
        raise Refused(reason, hint="remove it, or run the file without batches")
