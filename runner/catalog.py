"""A database's schema, read from its catalog in one round trip, as a snapshot or as its fingerprint alone.

Reading leaves the session as it was. What the server's version, its settings and the order of ALTERs change in a
catalog, and nothing else, is left out or put into the same words.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from runner.errors import TenantError
from runner.session import Connection, read_sql
from runner.snapshot import Key, SchemaObject, Scope, Snapshot

# The first gives the columns their names and types. Several rows of one kind and name are one object: each brings a
# part of its facts.
_KINDS = (
    "schema",
    "extension",
    "table",
    "foreign_table",
    "toast",
    "view",
    "column",
    "constraint",
    "constraint_trigger",
    "index",
    "trigger",
    "partition_trigger",
    "rule",
    "policy",
    "sequence",
    "function",
    "aggregate",
    "type",
    "range",
    "statistics",
    "publication",
    "event_trigger",
    "default_grants",
)
_SAVEPOINT = sql.Identifier("tenantry_catalog")

Row = tuple[str, str, str, int, list[str | None]]


def read_snapshot(connection: Connection, scope: Scope) -> Snapshot:
    """Return all objects of a database, as far as they are in scope. One round trip.

    Raises TenantError where the role may not read the catalog.
    """
    rows: list[Row] = _ask(connection, "snapshot", scope)
    (fingerprint,) = (row[1] for row in rows if not row[0])
    return Snapshot(fingerprint, parse_rows(row for row in rows if row[0]))


def read_fingerprint(connection: Connection, scope: Scope) -> str:
    """Return 64 hexadecimal digits that are the same for all databases with equal objects. One round trip.

    Raises TenantError where the role may not read the catalog.
    """
    return str(_ask(connection, "fingerprint", scope)[0][0])


def describe_query(major: int, scope: Scope) -> str:
    """Return what a snapshot depends on beside the database: the text that is asked, for a server's major."""
    return _compose("snapshot", major, scope).as_string()


def parse_rows(rows: Iterable[Row]) -> dict[Key, SchemaObject]:
    """Return the objects that rows of kind, name, parent, position and facts describe, sorted by kind and name."""
    facts: dict[Key, dict[str, str]] = {}
    places: dict[Key, tuple[str, int]] = {}
    for kind, name, parent, position, pairs in rows:
        facts.setdefault((kind, name), {}).update(_parse_facts(pairs))
        places[kind, name] = (parent, position)
    return {
        (kind, name): SchemaObject(kind, name, facts[kind, name], *places[kind, name]) for kind, name in sorted(facts)
    }


def _parse_facts(pairs: list[str | None]) -> dict[str, str]:
    """Return names and values that stand one after the other, without those that have none."""
    return {str(name): value for name, value in zip(pairs[::2], pairs[1::2], strict=True) if value is not None}


def _ask(connection: Connection, question: str, scope: Scope) -> list[Any]:
    """Return the rows of the query; whatever is set for it is set back."""
    version = connection.info.server_version // 10_000
    query = _compose(question, version, scope)
    # Outside of a transaction, the statements of one message are one of their own, and settings end with it.
    inside = connection.info.transaction_status is not TransactionStatus.IDLE or not connection.autocommit
    try:
        cursor = connection.execute(_within_savepoint(query) if inside else query, prepare=False)
    except pg.InsufficientPrivilege as error:
        raise TenantError(
            f"catalog: {error.diag.message_primary}",
            hint="grant the role SELECT on it, which every role has unless it was revoked",
        ) from None
    _skip_to(cursor, 2 if inside else 1)
    return cursor.fetchall()


def _skip_to(cursor: psycopg.Cursor[Any], result: int) -> None:
    for _ in range(result):
        cursor.nextset()


@lru_cache(maxsize=32)
def _compose(question: str, version: int, scope: Scope) -> sql.SQL:
    """Return settings and query in one piece, for one major version of the server."""
    visible = sql.SQL("visible" if scope.ignored else "line")
    fingerprint = sql.SQL(read_sql("catalog/fingerprint")).format(visible=visible)
    answer = fingerprint
    if question == "snapshot":
        answer = sql.SQL(read_sql("catalog/snapshot")).format(fingerprint=fingerprint, visible=visible)
    parts = [_compose_lines(version, scope)]
    if scope.ignored:
        patterns = [(ignored.kind, _as_like(ignored.pattern)) for ignored in scope.ignored]
        parts.append(sql.SQL(read_sql("catalog/ignored")).format(ignored=_compose_pairs(patterns)))
    query = sql.SQL(read_sql("catalog/settings")) + sql.SQL(";\n") + sql.SQL(",\n").join(parts) + answer
    return sql.SQL(query.as_string())


def _within_savepoint(query: sql.SQL) -> sql.Composed:
    """Return a query after which the transaction's own settings are back."""
    return sql.SQL("SAVEPOINT {name};\n{query};\nROLLBACK TO SAVEPOINT {name};\nRELEASE SAVEPOINT {name}").format(
        name=_SAVEPOINT, query=query
    )


def _compose_lines(version: int, scope: Scope) -> sql.Composed:
    """Return the WITH clause that ends in `line`: one row for each object or part of it."""
    ledger = sql.Literal(scope.ledger_schema)
    kinds = (*_KINDS, "not_null") if version >= 18 else _KINDS
    marks = {**_by_version(version), "ledger": ledger}
    for role in ("owner", "grantee", "target", "preset"):
        marks[f"{role}_word"] = _compose_word(role)
    return sql.SQL(read_sql("catalog/rows")).format(
        sources=sql.SQL(read_sql("catalog/sources")).format(ledger=ledger),
        given=_compose_pairs(scope.roles),
        objects=sql.SQL("UNION ALL\n").join(sql.SQL(read_sql(f"catalog/{kind}")).format(**marks) for kind in kinds),
        **{part: sql.SQL(read_sql(f"catalog/{part}")).format(**marks) for part in ("owner", "grants", "comment")},
    )


def _compose_word(role: str) -> sql.Composed:
    """Return what stands for a role: the same in databases that each have a role of their own."""
    columns = {
        "owner": "object.owner",
        "grantee": "entry.grantee",
        "target": "target.role",
        "preset": "preset.defaclrole",
    }
    return sql.SQL(read_sql("catalog/role_word")).format(role=sql.SQL(columns[role]))


def _by_version(version: int) -> dict[str, sql.Composable]:
    """Return what stands for the parts of a catalog that are not there, or other, on some servers."""
    nothing = sql.SQL("CAST(NULL AS text)")
    return {
        "compression": sql.SQL("attribute.attcompression" if version >= 14 else "''"),
        "detach_pending": sql.SQL("link.inhdetachpending" if version >= 14 else "false"),
        "enforced": sql.SQL("con.conenforced" if version >= 18 else "true"),
        "public_acl": sql.SQL(read_sql("catalog/public_acl" if version >= 15 else "catalog/public_acl_before_15")),
        "published_part": sql.SQL(read_sql("catalog/published_part")) if version >= 15 else sql.SQL("''"),
        "published_schemas": sql.SQL(read_sql("catalog/published_schemas")) if version >= 15 else nothing,
        "published_generated": sql.SQL("CASE publication.pubgencols WHEN 's' THEN 'stored' END")
        if version >= 18
        else nothing,
        "statistics_expressions": sql.SQL("array_to_string(pg_get_statisticsobjdef_expressions(statistic.oid), ', ')")
        if version >= 14
        else nothing,
        "view_definition": sql.SQL(read_sql(f"catalog/view_definition{'' if version >= 16 else '_before_16'}")),
    }


def _compose_pairs(pairs: Iterable[tuple[str, str]]) -> sql.Composable:
    """Return a query for rows of two texts; it has no rows where there are no pairs."""
    rows = [sql.SQL("({}, {})").format(*map(sql.Literal, pair)) for pair in pairs]
    if not rows:
        return sql.SQL("SELECT '', '' WHERE false")
    return sql.SQL("VALUES ") + sql.SQL(", ").join(rows)


def _as_like(pattern: str) -> str:
    """Return a shell pattern of `*` and `?` as one for LIKE with `!` as its escape."""
    for char in "!%_":
        pattern = pattern.replace(char, f"!{char}")
    return pattern.replace("*", "%").replace("?", "_")
