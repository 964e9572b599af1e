"""One statement in the open transaction: its locks, rewrites and full scans, from the server's own books."""

from collections.abc import Iterator

from psycopg import sql

from tenantry.lint.measure.books import Books, DatabaseState, Relation
from tenantry.model.effects import Lock, LockMode, Measured
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


def probe(books: Books, statement: Statement, existing: frozenset[int]) -> Measured:
    """Run a statement in the open transaction, and return its effect on the relations that are `existing`.

    Raises psycopg.Error if it fails.
    """
    tag, _ = read_tree(statement.text)
    connection, before = books.connection, books.open()
    planned = tag in _PLANNED
    if planned:
        connection.execute(_BY_INDEX)
    read_whole = _explain(connection, statement) if planned else frozenset()
    sent = send(connection, statement.text)
    if sent.error:
        raise sent.error
    if planned:
        connection.execute(_AS_IS)
    after = books.read(whole=tag not in _LOCKS_ALL)
    old = {oid: relation for oid, relation in before.items() if oid in existing}
    return Measured(
        statement.start,
        statement.text,
        locks=tuple(_locks(old, after)),
        rewritten=() if tag == _EMPTIES else tuple(sorted(find_rewritten(old, after))),
        scanned=tuple(sorted(_scanned(old, after) | (read_whole & {relation.name for relation in old.values()}))),
        created=tuple(sorted(_find_created(before, after))),
        renamed=tuple(sorted(_find_renamed(before, after))),
    )


def _locks(before: DatabaseState, after: DatabaseState) -> Iterator[Lock]:
    """Yield the locks that are new or stronger, by name; one on an index only if that of its table is weaker."""
    # A dropped relation is locked until the transaction ends, but no longer in any catalog.
    gone = LockMode.ACCESS_EXCLUSIVE
    modes = {oid: after[oid].mode if oid in after else gone for oid in before}
    for relation in sorted(before.values(), key=lambda relation: relation.name):
        mode = modes[relation.oid]
        covered = relation.owner != relation.oid and mode <= max(modes.get(relation.owner, 0), LockMode.ROW_EXCLUSIVE)
        if mode > relation.mode and not covered:
            yield Lock(relation.name, LockMode(mode))


def find_rewritten(before: DatabaseState, after: DatabaseState) -> Iterator[str]:
    """Yield the names of tables that were rewritten, and of indexes that were rebuilt although their table was not."""
    named = {relation.name: relation for relation in after.values()}
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
    return (new.name for oid, new in after.items() if oid not in before and new.owner == oid)


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
