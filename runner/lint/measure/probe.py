"""One statement in the open transaction: its locks, rewrites and full scans, from the server's own books."""

import json
from collections.abc import Iterator

from psycopg.pq.abc import PGresult

from tenantry.lint.measure.books import Books, DatabaseState, Relation
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.sqltext import Statement
from tenantry.sqltext.library import Node, read_tree

# The planner prefers to read small tables in full, as scratch tables are: it is kept from that.
_PLANNED = frozenset({"DeleteStmt", "InsertStmt", "MergeStmt", "UpdateStmt"})
_BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
_AS_IS = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_BY_INDEX_SCANS = frozenset({"Bitmap Heap Scan", "Index Only Scan", "Index Scan"})
_EXPLAIN = "EXPLAIN (FORMAT JSON, VERBOSE)"
# These change no relation that they do not lock; others may, as one that renames a schema.
_LOCKS_ALL = _PLANNED | {
    "AlterTableStmt",
    "CommentStmt",
    "CreateFunctionStmt",
    "CreateStmt",
    "CreateTrigStmt",
    "IndexStmt",
    "TruncateStmt",
    "ViewStmt",
}
# It gives a table new storage as well, but writes nothing to it.
_EMPTIES = "TruncateStmt"


def probe(books: Books, statement: Statement, existing: frozenset[int]) -> Measured:
    """Run a statement in the open transaction, and return its effect on the relations that are `existing`.

    Raises psycopg.Error if it fails.
    """
    tag, _ = read_tree(statement.text)
    before, planned = books.open(), tag in _PLANNED
    text = f"{_BY_INDEX};\n{_EXPLAIN} {statement.text}\n;\n{statement.text}\n;\n{_AS_IS}" if planned else statement.text
    answers, after = books.run(text, whole=tag not in _LOCKS_ALL)
    read_whole = frozenset(_whole(_read_plan(answers[_BY_INDEX.count(";") + 1]))) if planned else frozenset()
    # All others are the very same: of a long history, that is nearly all of them.
    touched = {oid: relation for oid, relation in before.items() if after.get(oid) is not relation}
    old = {oid: relation for oid, relation in touched.items() if oid in existing}
    return Measured(
        statement.start,
        statement.text,
        locks=tuple(_locks(old, before, after)),
        rewritten=() if tag == _EMPTIES else tuple(sorted(find_rewritten(old, after))),
        scanned=tuple(sorted(_scanned(old, after) | (read_whole & {relation.name for relation in old.values()}))),
        created=tuple(sorted(_find_created(before, after))),
        renamed=tuple(sorted(_find_renamed(touched, after))),
    )


def _locks(old: DatabaseState, before: DatabaseState, after: DatabaseState) -> Iterator[Lock]:
    """Yield the locks that are new or stronger, by name; one on an index only if that of its table is weaker."""

    def find_mode(oid: int) -> int:
        # A dropped relation is locked until the transaction ends, but no longer in any catalog.
        return after[oid].mode if oid in after else LockMode.ACCESS_EXCLUSIVE if oid in before else 0

    for relation in sorted(old.values(), key=lambda relation: relation.name):
        mode = find_mode(relation.oid)
        covered = relation.owner != relation.oid and mode <= max(find_mode(relation.owner), LockMode.ROW_EXCLUSIVE)
        if mode > relation.mode and not covered:
            yield Lock(relation.name, LockMode(mode))


def find_rewritten(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of tables that were rewritten, and of indexes that were rebuilt although their table was not."""
    # Only where one is gone, which few statements do.
    named = {} if before.keys() <= after.keys() else {relation.name: relation for relation in after.values()}
    tables = {
        relation.oid
        for relation in before.values()
        if relation.owner == relation.oid and relation.oid in after and _differs(relation, after[relation.oid])
    }
    for relation in before.values():
        # A change of type rebuilds an index as a new one with the same name.
        found = after.get(relation.oid) or named.get(relation.name)
        alone = relation.owner != relation.oid and relation.owner not in tables
        if relation.oid in tables or (found and alone and _differs(relation, found)):
            yield relation.name


def _differs(before: Relation, after: Relation) -> bool:
    return bool(before.filenode) and before.filenode != after.filenode


def _find_created(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of new relations; an index is one of its table."""
    return (after[oid].name for oid in after.keys() - before.keys() if after[oid].owner == oid)


def _find_renamed(before: DatabaseState, after: DatabaseState) -> Iterator[tuple[str, str]]:
    """Yield new and old name of each relation that has another one now, be it by way of its schema."""
    for oid, old in before.items():
        if old.owner == oid and oid in after and after[oid].name != old.name:
            yield after[oid].name, old.name


def _scanned(before: DatabaseState, after: DatabaseState) -> frozenset[str]:
    return frozenset(
        relation.name
        for relation in before.values()
        if relation.owner == relation.oid and relation.oid in after and after[relation.oid].scans > relation.scans
    )


def _read_plan(answer: PGresult) -> Node:
    """Return the plan of the answer to an EXPLAIN."""
    plan: Node = json.loads(answer.get_value(0, 0) or b"")[0]["Plan"]
    return plan


def _whole(plan: Node) -> Iterator[str]:
    """Yield the tables that a node of a plan, or one below it, reads in full, be it through an index."""
    parts = plan.get("Plans", ())
    kind = plan["Node Type"]
    if kind == "Seq Scan" or (kind in _BY_INDEX_SCANS and not _is_part(plan)):
        yield f"{plan['Schema']}.{plan['Relation Name']}"
    for part in parts:
        yield from _whole(part)


def _is_part(plan: Node) -> bool:
    """Return whether a scan by an index, or by several, is of a part of the table."""
    parts = [_is_part(part) for part in plan.get("Plans", ())]
    return "Index Cond" in plan or (any(parts) if plan["Node Type"] == "BitmapAnd" else bool(parts) and all(parts))
