"""A database's schema, read from its catalog, as a snapshot or as its fingerprint alone.

Reading leaves the session as it was. What the server's version, its settings and the order of ALTERs change in a
catalog, and nothing else, is left out or put into the same words. A fingerprint is the same whichever parts were asked
for it, as long as those that are left out have nothing.
"""

from collections.abc import Iterable
from typing import Any

from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.model.errors import TenantError
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.parts import ALL, find_parts, open_gates
from tenantry.schema.catalog.query import compose
from tenantry.schema.snapshot import ObjectKey, SchemaObject, Snapshot

_SAVEPOINT = sql.Identifier("tenantry_catalog")
Row = tuple[str, str, str, int, list[str | None]]


def read_snapshot(connection: Connection, scope: Scope) -> Snapshot:
    """Return all objects of a database, as far as they are in scope. One round trip.

    Raises TenantError where the role may not read the catalog.
    """
    rows: list[Row] = _ask(connection, "snapshot", scope, ALL)
    (fingerprint,) = (row[1] for row in rows if not row[0])
    return Snapshot(fingerprint, parse_rows(row for row in rows if row[0]))


def read_fingerprint(connection: Connection, scope: Scope, likely: Snapshot | None = None) -> str:
    """Return 64 hexadecimal digits that are the same for all databases with equal objects.

    One round trip where it has no rare kinds of objects but those of `likely`, else a second one.
    Raises TenantError where the role may not read the catalog.
    """
    parts: frozenset[str] = find_parts(likely) if likely else frozenset()
    while True:
        ((fingerprint, words),) = _ask(connection, "fingerprint", scope, parts)
        missing = open_gates(words) - parts
        if not missing:
            return str(fingerprint)
        # Each answer is of one moment: what has appeared since is asked for in turn.
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
    """Return names and values that stand one after the other, without those that have none."""
    return {str(name): value for name, value in zip(pairs[::2], pairs[1::2], strict=True) if value is not None}


def _ask(connection: Connection, question: str, scope: Scope, parts: frozenset[str]) -> list[Any]:
    """Return the rows of the query; whatever is set for it is set back."""
    query = compose(question, connection.info.server_version // 10_000, scope, parts)
    # Outside of a transaction, the statements of one message are one of their own, and settings end with it.
    inside = connection.info.transaction_status is not TransactionStatus.IDLE or not connection.autocommit
    try:
        cursor = connection.execute(_within_savepoint(query) if inside else query, prepare=False)
    except pg.InsufficientPrivilege as error:
        raise TenantError(
            f"catalog: {error.diag.message_primary}",
            hint="grant the role SELECT on it, which every role has unless it was revoked",
        ) from None
    while cursor.description is None:
        cursor.nextset()
    return cursor.fetchall()


def _within_savepoint(query: sql.SQL) -> sql.Composed:
    """Return a query after which the transaction's own settings are back."""
    return sql.SQL("SAVEPOINT {name};\n{query};\nROLLBACK TO SAVEPOINT {name};\nRELEASE SAVEPOINT {name}").format(
        name=_SAVEPOINT, query=query
    )
