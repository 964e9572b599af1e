"""The facts of a file on filled tables, from the server's catalogs and locks alone: nothing of lint is used here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg

from tenantry import sqltext
from tenantry.postgres.sessions import Connection

_RELATIONS = """
SELECT
    oid, relname, relkind::text, pg_relation_filenode(oid), pg_stat_get_xact_numscans(oid),
    relkind IN ('r', 'm') AND pg_relation_size(oid) > 0,
    pg_stat_get_xact_tuples_updated(oid) + pg_stat_get_xact_tuples_deleted(oid)
FROM pg_class WHERE relkind IN ('r', 'p', 'm') AND oid >= 16384
"""
_INDEXES = "SELECT indexrelid, indrelid, pg_relation_filenode(indexrelid) FROM pg_index WHERE indrelid >= 16384"
_VALIDATED = (
    "SELECT oid, conrelid FROM pg_constraint WHERE convalidated AND contype IN ('c', 'f') AND conrelid >= 16384"
)
_REQUIRED = "SELECT attrelid, attnum FROM pg_attribute WHERE attnotnull AND attnum > 0 AND attrelid >= 16384"
# Under these locks, writes to a table wait.
_LOCKS = """
SELECT DISTINCT relation FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'
AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
# Arbitrary, between one row and all of them.
_MANY = 100


@dataclass(frozen=True, slots=True)
class _Relation:
    name: str
    kind: str
    filenode: int | None
    scans: int
    filled: bool
    written: int


@dataclass(frozen=True, slots=True)
class _State:
    relations: Mapping[int, _Relation]
    indexes: Mapping[int, tuple[int, int | None]]
    validated: Mapping[int, int]
    required: frozenset[tuple[int, int]]
    locked: frozenset[int]


def find_facts(connection: Connection, text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield for each statement of a file its start, and the facts that make an application wait or the file fail.

    The file is rolled back.
    """
    connection.execute("BEGIN")
    try:
        start = before = _read(connection)
        for statement in sqltext.split(text):
            try:
                connection.execute(statement.text.encode())
            except psycopg.Error as error:
                yield statement.start, (f"fails: {error.diag.message_primary}",)
                return
            after = _read(connection)
            yield statement.start, tuple(_compare(start, before, after))
            before = after
    finally:
        connection.execute("ROLLBACK")


def _compare(start: _State, before: _State, after: _State) -> Iterator[str]:
    """Yield the facts about relations that were there and filled before the file, and have not been emptied since."""
    storage = {node for _, node in before.indexes.values()}
    for oid, old in before.relations.items():
        new = after.relations.get(oid)
        if new is None or oid not in start.relations or not old.filled or not new.filled:
            continue
        waiting, scanned = oid in after.locked and old.kind == "r", new.scans > old.scans
        built = [index for index, (table, node) in after.indexes.items() if table == oid and node not in storage]
        if new.filenode != old.filenode:
            yield f"{old.name}: rewritten"
        elif built and waiting:
            yield f"{old.name}: index built"
        if waiting and scanned and any(row[0] == oid for row in after.required - before.required):
            yield f"{old.name}: NOT NULL set"
        if (
            waiting
            and scanned
            and any(after.validated[one] == oid for one in after.validated.keys() - before.validated)
        ):
            yield f"{old.name}: constraint validated"
        if new.written - old.written > _MANY:
            yield f"{old.name}: {new.written - old.written} rows written"


def _read(connection: Connection) -> _State:
    relations = {row[0]: _Relation(*row[1:]) for row in connection.execute(_RELATIONS)}
    return _State(
        relations,
        {row[0]: (row[1], row[2]) for row in connection.execute(_INDEXES)},
        {row[0]: row[1] for row in connection.execute(_VALIDATED)},
        frozenset((row[0], row[1]) for row in connection.execute(_REQUIRED)),
        frozenset(row[0] for row in connection.execute(_LOCKS)),
    )
