"""A database's schema, read from its catalog, as a snapshot or only as its fingerprint.

Reading leaves the session as it was. Traces of the server's version, of its settings and of the order of ALTERs in a
catalog, and nothing else, are left out or put into the same words. A fingerprint does not depend on the parts that were
read, as long as the other parts are empty.
"""

from collections.abc import Iterable
from typing import Any

from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.model.errors import TenantError
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection, find_major
from tenantry.schema.catalog.parts import ALL, find_parts, open_gates
from tenantry.schema.catalog.query import compose
from tenantry.schema.snapshot import ObjectKey, SchemaObject, Snapshot

_SAVEPOINT = sql.Identifier("tenantry_catalog")
Row = tuple[str, str, str, int, list[str | None]]


def read_snapshot(connection: Connection, scope: Scope) -> Snapshot:
    """Return all objects of a database, as far as they are in scope. One round trip.

    Raises TenantError if the role may not read the catalog.
    """
    rows: list[Row] = _ask(connection, "snapshot", scope, ALL)
    (fingerprint,) = (row[1] for row in rows if not row[0])
    return Snapshot(fingerprint, parse_rows(row for row in rows if row[0]))


def read_fingerprint(connection: Connection, scope: Scope, likely: Snapshot | None = None) -> str:
    """Return 64 hexadecimal digits that are the same for all databases with equal objects.

    It takes one round trip if the database has no rare kinds of objects but those of `likely`, otherwise two.
    Raises TenantError if the role may not read the catalog.
    """
    parts: frozenset[str] = find_parts(likely) if likely else frozenset()
    while True:
        ((fingerprint, words),) = _ask(connection, "fingerprint", scope, parts)
        missing = open_gates(words) - parts
        if not missing:
            return str(fingerprint)
        # Each answer is of one moment: parts for objects created since are read in turn.
        parts |= missing


def parse_rows(rows: Iterable[Row]) -> dict[ObjectKey, SchemaObject]:
    """Return the objects that rows of kind, name, parent, position and facts describe, sorted by kind and name."""
    facts: dict[ObjectKey, dict[str, str]] = {}
    places: dict[ObjectKey, tuple[str, int]] = {}
    for kind, name, parent, position, pairs in rows:
        facts.setdefault((kind, name), {}).update(_parse_facts(pairs))
        places[kind, name] = (parent, position)
    return {
        (kind, name): SchemaObject(kind, name, facts[kind, name], *places[kind, name]) for kind, name in sorted(facts)
    }


def _parse_facts(pairs: list[str | None]) -> dict[str, str]:
    """Return alternating names and values as a mapping, without names that have no value."""
    return {str(name): value for name, value in zip(pairs[::2], pairs[1::2], strict=True) if value is not None}


def _ask(connection: Connection, question: str, scope: Scope, parts: frozenset[str]) -> list[Any]:
    """Return the rows of the query; its settings are restored."""
    query = compose(question, find_major(connection), scope, parts)
    # Outside of a transaction, one message is a transaction of its own, and settings end with it.
    inside = connection.info.transaction_status is not TransactionStatus.IDLE or not connection.autocommit
    try:
        # prepare=False, since the query has several statements, which a prepared one cannot have.
        cursor = connection.execute(_within_savepoint(query) if inside else query, prepare=False)
    except pg.InsufficientPrivilege as error:
        raise TenantError(
            f"catalog: {error.diag.message_primary}",
            hint="grant the role SELECT on it, which every role has by default",
        ) from None
    # The results of SET and SAVEPOINT come first.
    while cursor.description is None:
        cursor.nextset()
    return cursor.fetchall()


def _within_savepoint(query: sql.SQL) -> sql.Composed:
    """Return a query after which the transaction's own settings are restored."""
    return sql.SQL("SAVEPOINT {name};\n{query};\nROLLBACK TO SAVEPOINT {name};\nRELEASE SAVEPOINT {name}").format(
        name=_SAVEPOINT, query=query
    )
