"""One statement in the open transaction: its locks, rewrites and full scans, from the server's own books."""

import re
from collections.abc import Collection, Iterator

from psycopg import sql

from tenantry.lint.measure.books import Books, DatabaseState, Relation
from tenantry.lint.measure.written import read_written
from tenantry.lint.tree import typed, walk
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.postgres.queries import read_sql
from tenantry.postgres.send import send
from tenantry.postgres.sessions import Connection
from tenantry.sqltext import Statement
from tenantry.sqltext.library import Node, read_tree

# The planner prefers to read small tables in full, as scratch tables are: it is kept from that.
_PLANNED = frozenset({"DeleteStmt", "InsertStmt", "MergeStmt", "UpdateStmt"})
_BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
_AS_IS = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
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
    connection, before = books.connection, books.open()
    filled, required = _read_filled(connection, tag, node), _read_required(connection, tag, node)
    read_whole = _run(connection, statement, tag)
    after = books.read(whole=tag not in _LOCKS_ALL)
    old = {oid: relation for oid, relation in before.items() if oid in existing}
    locks = tuple(_locks(old, after))
    rewritten = frozenset(find_rewritten(old, after))
    emptied = rewritten if tag == _EMPTIES else _find_emptied(connection, rewritten, after, filled, statement)
    emptied |= _find_empty_roots(old, emptied)
    scanned = (_scanned(old, after) | (read_whole & {relation.name for relation in old.values()})) - emptied
    written = [oid for oid in old if oid in after and after[oid].mode >= LockMode.ROW_EXCLUSIVE] if node else []
    facts = read_written(connection, tag, node, written if tag in _PLANNED else ())
    return Measured(
        statement.start,
        statement.text,
        locks=locks,
        rewritten=tuple(sorted(rewritten - emptied)),
        scanned=tuple(sorted(scanned)),
        created=tuple(sorted(_find_created(before, after))),
        renamed=tuple(sorted(_find_renamed(before, after))),
        rebuilt=tuple(sorted(find_rebuilt(old, after, tag))),
        emptied=tuple(sorted(emptied)),
        dropped=tuple(sorted(_find_dropped(old, after))),
        partitions=find_partitions(old, {lock.relation for lock in locks} | rewritten | scanned),
        deferred=_with_roots(facts.deferred, old),
        secured=facts.secured,
        required=required,
    )


def _run(connection: Connection, statement: Statement, tag: str) -> frozenset[str]:
    """Run a statement, and return the tables that its plan reads in full. Raises psycopg.Error."""
    by_index = tag in _PLANNED or tag in _OPAQUE
    if by_index:
        connection.execute(_BY_INDEX)
    read_whole = _explain(connection, statement) if tag in _PLANNED else frozenset()
    sent = send(connection, statement.text)
    if sent.error:
        raise sent.error
    if by_index:
        connection.execute(_AS_IS)
    return read_whole


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
    return (new.name for oid, new in after.items() if oid not in before and new.owner == oid)


def _find_dropped(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of relations that are gone; an index is one of its table."""
    return (old.name for oid, old in before.items() if oid not in after and old.owner == oid)


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


def _explain(connection: Connection, statement: Statement) -> frozenset[str]:
    """Return the tables that a statement has to read in full, since no index finds a part of them."""
    query = sql.SQL("EXPLAIN (FORMAT JSON, VERBOSE) {}").format(sql.SQL(statement.text))
    row = connection.execute(query).fetchone()
    return frozenset(_whole(row[0][0]["Plan"])) if row else frozenset()


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
