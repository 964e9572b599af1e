"""The tables that a statement writes and where that may go wrong: deferred constraints, and row-level security."""

from collections.abc import Collection
from typing import NamedTuple

from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.library import Node

# The bits of a trigger's events in pg_trigger.
_INSERT, _DELETE, _UPDATE = 4, 8, 16
_EVENTS = {"InsertStmt": _INSERT, "DeleteStmt": _DELETE, "UpdateStmt": _UPDATE}
_ALL = _INSERT | _DELETE | _UPDATE


class Written(NamedTuple):
    """Tables by name: those with a check that waits for the commit, and those whose owner sees a part of the rows."""

    deferred: tuple[str, ...] = ()
    secured: tuple[str, ...] = ()


def read_written(connection: Connection, tag: str, node: Node, tables: Collection[int]) -> Written:
    """Return the facts about the tables, by oid, that a change of rows writes."""
    if not tables:
        return Written()
    values = {"events": _find_events(tag, node), "columns": _list_columns(node), "oids": list(tables)}
    rows = connection.execute(read_sql("lint/measure", "written"), values).fetchall()
    return Written(tuple(name for name, _, late in rows if late), tuple(name for name, secured, _ in rows if secured))


def _find_events(tag: str, node: Node) -> int:
    """Return the bits of the events; those of a MERGE or an upsert may be any."""
    return _ALL if tag == "MergeStmt" or "onConflictClause" in node else _EVENTS[tag]


def _list_columns(node: Node) -> list[str]:
    """Return the names of the columns that an UPDATE sets."""
    clause = node.get("onConflictClause", node)
    return [each["ResTarget"].get("name", "") for each in clause.get("targetList", ()) if "ResTarget" in each]
