"""The effects of statements that the server bars from a transaction: after they end, their locks cannot be read.

These locks are known from the manual ("Table-Level Locks", and the page of each); rewrites are measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenantry.lint.measure.books import DatabaseState, read_state
from tenantry.lint.measure.probe import find_partitions, find_rewritten
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.postgres.send import send
from tenantry.postgres.sessions import Connection
from tenantry.sqltext import Statement
from tenantry.sqltext.library import Node, read_tree
from tenantry.sqltext.trees import is_on

_WEAK = LockMode.SHARE_UPDATE_EXCLUSIVE


@dataclass(frozen=True, slots=True)
class _Form:
    """The known effect of a statement: its lock, whether it scans, and the relations it names; None means all.

    `taken` are relations that it locks against everybody at its end.
    """

    mode: LockMode
    reads_whole: bool
    relations: Sequence[Node] | None
    taken: Sequence[Node] = ()


def run_alone(connection: Connection, statement: Statement, existing: frozenset[int]) -> Measured:
    """Run a statement outside a transaction and return its effect. Raises psycopg.Error if it fails."""
    tag, node = read_tree(statement.text)
    before = {oid: relation for oid, relation in read_state(connection).items() if oid in existing}
    sent = send(connection, statement.text)
    if sent.error:
        raise sent.error
    if tag not in _LOCKS:
        return Measured(statement.start, statement.text)
    form = _LOCKS[tag](node)
    tables = tuple(sorted(_find_tables(before, form.relations)))
    locks = dict.fromkeys(tables, form.mode) | dict.fromkeys(
        _find_tables(before, form.taken), LockMode.ACCESS_EXCLUSIVE
    )
    return Measured(
        statement.start,
        statement.text,
        partitions=find_partitions(before, locks),
        locks=tuple(Lock(table, mode) for table, mode in sorted(locks.items())),
        # Rebuilding indexes is the purpose of REINDEX.
        rewritten=() if tag == "ReindexStmt" else tuple(sorted(find_rewritten(before, read_state(connection)))),
        scanned=tables if form.reads_whole else (),
    )


def _find_tables(before: DatabaseState, relations: Sequence[Node] | None) -> set[str]:
    """Return the tables that are named, directly or by one of their indexes."""
    chosen = (
        relation
        for relation in before.values()
        if (relation.filenode if relations is None else any(_is(relation.name, node) for node in relations))
    )
    return {before[relation.owner].name for relation in chosen if relation.owner in before}


def _is(name: str, relation: Node) -> bool:
    schema, _, own = name.partition(".")
    return (relation.get("schemaname", schema), relation["relname"]) == (schema, own)


def _vacuum(node: Node) -> _Form:
    full = is_on(node, "full", "false")
    relations = [element["VacuumRelation"]["relation"] for element in node.get("rels", ())] or None
    return _Form(LockMode.ACCESS_EXCLUSIVE if full else _WEAK, full, relations)


def _reindex(node: Node) -> _Form:
    weak = is_on(node, "concurrently", "false")
    relations = [node["relation"]] if "relation" in node else None
    return _Form(_WEAK if weak else LockMode.SHARE, True, relations)


def _drop(node: Node) -> _Form:
    names = [[item["String"]["sval"] for item in each["List"]["items"]] for each in node["objects"]]
    return _Form(_WEAK, False, [dict(zip(("relname", "schemaname"), reversed(name), strict=False)) for name in names])


def _detach(node: Node) -> _Form:
    parts = [command["AlterTableCmd"]["def"]["PartitionCmd"]["name"] for command in node["cmds"]]
    return _Form(_WEAK, False, [node["relation"]], parts)


# By tag of the tree.
_LOCKS: dict[str, Callable[[Node], _Form]] = {
    "AlterTableStmt": _detach,
    "ClusterStmt": lambda _: _Form(LockMode.ACCESS_EXCLUSIVE, True, None),
    "DropStmt": _drop,
    "IndexStmt": lambda node: _Form(_WEAK, True, [node["relation"]]),
    "ReindexStmt": _reindex,
    "VacuumStmt": _vacuum,
}
