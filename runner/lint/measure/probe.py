"""One statement in the open transaction: its locks, rewrites and full scans, from the server's own books."""

import json
import re
from collections.abc import Collection, Iterator

from psycopg.pq.abc import PGresult

from tenantry.lint.measure.books import Books, DatabaseState, Relation
from tenantry.lint.measure.written import list_changes, read_written
from tenantry.lint.tree import typed, walk
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.sqltext import Statement
from tenantry.sqltext.library import Node, read_tree

# The planner prefers to read small tables in full, as scratch tables are: it is kept from that.
_PLANNED = frozenset({"DeleteStmt", "InsertStmt", "MergeStmt", "UpdateStmt"})
_BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
_AS_IS = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
_SETTINGS = _BY_INDEX.count(";") + 1
_EXPLAIN = "EXPLAIN (FORMAT JSON, VERBOSE)"
_BY_INDEX_SCANS = frozenset({"Bitmap Heap Scan", "Index Only Scan", "Index Scan"})
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
# No table has fewer rows after these, but one whose partitions are others.
_KEEPS_ROWS = _LOCKS_ALL - _PLANNED - {"TruncateStmt"}
_PARTITION = re.compile(r"\bpartition\b", re.IGNORECASE)
# It gives a table new storage as well, but writes nothing to it.
_EMPTIES = "TruncateStmt"
_TRUNCATE = re.compile(r"\btruncate\b", re.IGNORECASE)
# They may run any other statement.
_OPAQUE = frozenset({"CallStmt", "DoStmt", "SelectStmt"})
# One that an ALTER TABLE gives a new index of the same name has it rebuilt; from others, it is another index.
_REBUILDS = "AlterTableStmt"
# Letters of pg_class: indexes, materialized views, and all relations that have rows of their own.
_INDEX, _VIEW, _STORED = "i", "m", "rm"


def probe(books: Books, statement: Statement, existing: frozenset[int]) -> Measured:
    """Run a statement in the open transaction, and return its effect on the relations that are `existing`.

    Raises psycopg.Error if it fails.
    """
    tag, node = read_tree(statement.text)
    connection = books.connection
    filled, required = _read_filled(connection, tag, node), _read_required(connection, tag, node)
    keeps = tag in _KEEPS_ROWS and not _PARTITION.search(statement.text)
    step = books.run(_compose(statement, tag), whole=tag not in _LOCKS_ALL, keeps=keeps)
    # All others are the very same: of a long history, that is nearly all of them.
    touched, after = step.before, step.after
    read_whole = frozenset(_whole(_read_plan(step.answers[_SETTINGS]))) if tag in _PLANNED else frozenset()
    old = {oid: relation for oid, relation in touched.items() if oid in existing}
    # Partitions are of a table that the statement need not have touched.
    parted = any(relation.root != oid for oid, relation in old.items())
    known = {oid: each for oid, each in books.list_before(step).items() if oid in existing} if parted else old
    locks = tuple(_locks(old, after))
    rewritten = frozenset(find_rewritten(old, after))
    emptied = rewritten if tag == _EMPTIES else _find_emptied(connection, rewritten, after, filled, statement)
    emptied |= _find_empty_roots(known, emptied)
    scanned = (_scanned(old, after) | (read_whole & {relation.name for relation in old.values()})) - emptied
    changes = list_changes(statement.text, tag, node)
    written = [oid for oid in old if oid in after and after[oid].mode >= LockMode.ROW_EXCLUSIVE]
    read = [oid for oid in old if oid in after and after[oid].mode == LockMode.ACCESS_SHARE]
    facts = read_written(connection, changes, written, read)
    return Measured(
        statement.start,
        statement.text,
        locks=locks,
        rewritten=tuple(sorted(rewritten - emptied)),
        scanned=tuple(sorted(scanned)),
        created=tuple(sorted(_find_created(touched, after))),
        renamed=tuple(sorted(_find_renamed(touched, after))),
        rebuilt=tuple(sorted(find_rebuilt(old, after, tag))),
        emptied=tuple(sorted(emptied)),
        dropped=tuple(sorted(_find_dropped(old, after))),
        partitions=find_partitions(known, {lock.relation for lock in locks} | rewritten | scanned),
        deferred=_with_roots(facts.deferred, known),
        secured=facts.secured,
        required=required,
    )


def _compose(statement: Statement, tag: str) -> str:
    """Return a statement, kept from reading small tables in full; the plan comes first where there is one."""
    if tag not in _PLANNED and tag not in _OPAQUE:
        return statement.text
    plan = f"{_EXPLAIN} {statement.text}\n;\n" if tag in _PLANNED else ""
    # On lines of their own, since a comment may end the statement.
    return f"{_BY_INDEX};\n{plan}{statement.text}\n;\n{_AS_IS}"


def _read_filled(connection: Connection, tag: str, node: Node) -> frozenset[int]:
    """Return the tables that have rows before a statement that may truncate some, unseen by its syntax."""
    opaque = tag in ("CallStmt", "DoStmt") or (
        tag == "SelectStmt" and any(kind == "FuncCall" for kind, _ in walk(node))
    )
    rows = connection.execute(read_sql("lint/measure", "filled")).fetchall() if opaque else ()
    return frozenset(oid for (oid,) in rows)


def _read_required(connection: Connection, tag: str, node: Node) -> tuple[str, ...]:
    """Return the columns of a table that are NOT NULL before a statement adds its primary key."""
    if tag != _REBUILDS or not any(each.get("contype") == "CONSTR_PRIMARY" for _, each in walk(node)):
        return ()
    rows = connection.execute(read_sql("lint/measure", "required"), [typed(node["relation"])]).fetchall()
    return tuple(name for (name,) in rows)


def _find_emptied(
    connection: Connection,
    changed: Collection[str],
    after: DatabaseState,
    filled: Collection[int],
    statement: Statement,
) -> frozenset[str]:
    """Return which of the tables with new storage were truncated: of those that had rows, the ones without a page.

    Of one that had none, only the text tells.
    """
    if not changed:
        return frozenset()
    truncates = _TRUNCATE.search(statement.text)
    oids = [each.oid for each in after.values() if each.name in changed and (each.oid in filled or truncates)]
    if not oids:
        return frozenset()
    query = "SELECT oid FROM pg_catalog.pg_class WHERE oid = ANY (%s) AND pg_catalog.pg_relation_size(oid) = 0"
    return frozenset(after[oid].name for (oid,) in connection.execute(query, [oids]))


def _find_empty_roots(before: DatabaseState, emptied: Collection[str]) -> frozenset[str]:
    """Return the partitioned tables of which each partition with rows of its own was emptied."""
    parts = [each for each in before.values() if each.root != each.oid and each.kind in _STORED]
    filled = {each.root for each in parts if each.name not in emptied}
    roots = {each.root for each in parts} - filled if emptied else set()
    return frozenset(before[root].name for root in roots if root in before)


def _with_roots(names: Collection[str], relations: DatabaseState) -> tuple[str, ...]:
    """Return the names of tables, and of those that they are partitions of."""
    return tuple(sorted({*names, *(table for _, table in find_partitions(relations, names))}))


def _locks(before: DatabaseState, after: DatabaseState) -> Iterator[Lock]:
    """Yield the locks that are new or stronger, by name; one on an index only if that of its table is weaker.

    One on a materialized view that its readers do not wait for is left out: nobody writes there.
    """
    # A dropped relation is locked until the transaction ends, but no longer in any catalog.
    gone = LockMode.ACCESS_EXCLUSIVE
    modes = {oid: after[oid].mode if oid in after else gone for oid in before}
    for relation in sorted(before.values(), key=lambda relation: relation.name):
        mode = modes[relation.oid]
        covered = relation.owner != relation.oid and mode <= max(modes.get(relation.owner, 0), LockMode.ROW_EXCLUSIVE)
        spared = relation.kind == _VIEW and mode < LockMode.ACCESS_EXCLUSIVE
        if mode > relation.mode and not covered and not spared:
            yield Lock(relation.name, LockMode(mode))


def find_rewritten(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of the tables that have new storage. A sequence is given some by each change of it."""
    for oid, relation in before.items():
        if relation.kind in _STORED and oid in after and _differs(relation, after[oid]):
            yield relation.name


def find_rebuilt(before: DatabaseState, after: DatabaseState, tag: str) -> Iterator[str]:
    """Yield the names of indexes that were rebuilt although their tables were not rewritten."""
    tables = set(find_rewritten(before, after))
    # A change of type rebuilds an index as a new one with the same name.
    named = {relation.name: relation for relation in after.values()} if tag == _REBUILDS else {}
    storage = {relation.filenode for relation in before.values()}
    for oid, relation in before.items():
        found = after.get(oid) or named.get(relation.name)
        if relation.kind != _INDEX or found is None or relation.owner not in before:
            continue
        if before[relation.owner].name in tables:
            continue
        # One that took the name of another was built before.
        if _differs(relation, found) and found.filenode not in storage:
            yield relation.name


def find_partitions(relations: DatabaseState, names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return which of the named relations are partitions, each with the name of its table."""
    found = (each for each in relations.values() if each.name in names and each.root != each.oid)
    return tuple(sorted((each.name, relations[each.root].name) for each in found if each.root in relations))


def _differs(before: Relation, after: Relation) -> bool:
    return bool(before.filenode) and before.filenode != after.filenode


def _find_created(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of new relations; an index is one of its table."""
    return (after[oid].name for oid in after.keys() - before.keys() if after[oid].owner == oid)


def _find_dropped(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of relations that are gone; an index is one of its table."""
    return (before[oid].name for oid in before.keys() - after.keys() if before[oid].owner == oid)


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
