"""The tables that a statement writes and where that may go wrong: deferred constraints, and row-level security."""

import functools
import operator
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from tenantry.lint.tree import walk
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.bodies import read_block
from tenantry.sqltext.library import Node

# The bits of a trigger's events in pg_trigger.
_INSERT, _DELETE, _UPDATE = 4, 8, 16
_EVENTS = {"InsertStmt": _INSERT, "DeleteStmt": _DELETE, "UpdateStmt": _UPDATE}
_COMMANDS = {"CMD_INSERT": _INSERT, "CMD_DELETE": _DELETE, "CMD_UPDATE": _UPDATE}
_INSERTS, _MERGE = "InsertStmt", "MergeStmt"


Change = tuple[str, Node]


class Written(NamedTuple):
    """Tables by name: those with a check that waits for the commit, and those whose owner sees a part of the rows."""

    deferred: tuple[str, ...] = ()
    secured: tuple[str, ...] = ()


def list_changes(text: str, tag: str, node: Node) -> list[Change]:
    """Return the changes of rows in a statement, each with its tag: itself, those of a WITH, and those of a block."""
    return [change for one in _list_statements(text, tag, node) for change in _list_nested(*one)]


def _list_statements(text: str, tag: str, node: Node) -> Iterator[Change]:
    yield tag, node
    for inner in read_block(text, node) if tag == "DoStmt" else ():
        yield inner.tag, inner.node


def _list_nested(tag: str, node: Node) -> Iterator[Change]:
    nested = [(tag, node), *walk(node)]
    return ((tag, node) for tag, node in nested if tag in _EVENTS or tag == _MERGE)


def read_written(
    connection: Connection, changes: Sequence[Change], written: Collection[int], read: Collection[int]
) -> Written:
    """Return the facts about the tables, by oid, that changes of rows write, and about those that they only read."""
    if not changes or not (written or read):
        return Written()
    events, columns = 0, []
    for tag, node in changes:
        events |= _find_events(tag, node)
        columns += _list_columns(node)
    values = {"events": events, "columns": columns, "written": [*written], "read": [*read]}
    rows = connection.execute(read_sql("lint/measure", "written"), values).fetchall()
    # An INSERT of a row that no policy allows fails; all else leaves such rows out, and so does its own reading.
    hidden = {*read, *(written if any(tag != _INSERTS or _reads_itself(node) for tag, node in changes) else ())}
    return Written(
        tuple(name for _, name, _, late in rows if late),
        tuple(name for oid, name, secured, _ in rows if secured and oid in hidden),
    )


def _reads_itself(node: Node) -> bool:
    """Return whether an INSERT reads the table that it writes."""
    return any(tag == "RangeVar" and one["relname"] == node["relation"]["relname"] for tag, one in walk(node))


def _find_events(tag: str, node: Node) -> int:
    """Return the bits of the events; a MERGE has those of its clauses, and an upsert may update."""
    if tag == _MERGE:
        return functools.reduce(operator.or_, (_COMMANDS.get(each["commandType"], 0) for each in _list_clauses(node)))
    return _EVENTS[tag] | (_UPDATE if _updates_conflicts(node) else 0)


def _list_clauses(node: Node) -> list[Node]:
    """Return the WHEN clauses of a MERGE; none of another statement."""
    return [each["MergeWhenClause"] for each in node.get("mergeWhenClauses", ())]


def _updates_conflicts(insert: Node) -> bool:
    action: str = insert.get("onConflictClause", {}).get("action", "")
    return action == "ONCONFLICT_UPDATE"


def _list_columns(node: Node) -> list[str]:
    """Return the names of the columns that an UPDATE sets."""
    clauses = [
        node.get("onConflictClause", node),
        *(clause for clause in _list_clauses(node) if clause["commandType"] == "CMD_UPDATE"),
    ]
    targets = (each for clause in clauses for each in clause.get("targetList", ()))
    return [each["ResTarget"].get("name", "") for each in targets if "ResTarget" in each]
