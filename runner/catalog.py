"""A database's schema, read from its catalog, as a snapshot or as its fingerprint alone.

Reading leaves the session as it was. What the server's version, its settings and the order of ALTERs change in a
catalog, and nothing else, is left out or put into the same words. A fingerprint is the same whichever parts were asked
for it, as long as those that are left out have nothing.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from runner.errors import TenantError
from runner.session import Connection, read_sql
from runner.snapshot import Key, SchemaObject, Scope, Snapshot

# What is asked of every database. The first gives the columns their names and types. Several rows of one kind and name
# are one object: each brings a part of its facts.
_COMMON = ("schema", "extension", "table", "column", "constraint", "index", "sequence")
# Kinds that a catalog of their own tells of, each in a part of its name, with the word of asked.sql that opens it.
_RARE: Mapping[str, str] = {
    "access method": "pg_am",
    "cast": "pg_cast",
    "collation": "pg_collation",
    "conversion": "pg_conversion",
    "foreign data wrapper": "pg_foreign_data_wrapper",
    "language": "pg_language",
    "operator": "pg_operator",
    "operator class": "pg_opclass",
    "operator family": "pg_opfamily",
    "server": "pg_foreign_server",
    "setting": "setting",
    "subscription": "subscription",
    "text search configuration": "pg_ts_config",
    "text search dictionary": "pg_ts_dict",
    "text search parser": "pg_ts_parser",
    "text search template": "pg_ts_template",
    "transform": "pg_transform",
    "user mapping": "pg_user_mapping",
}
# What many databases have nothing of, with kinds and facts that only it tells of. Planning all of these would take
# longer than reading what is common: they are asked where a gate says so.
_TELLS: Mapping[str, frozenset[str]] = {
    "schema_public": frozenset(),
    "table_more": frozenset(
        {"persistence", "partition by", "of", "access method", "row security", "replica identity", "foreign table"}
    ),
    "column_more": frozenset({"collation", "identity", "generated", "storage", "compression", "statistics"}),
    "index_more": frozenset({"valid", "clustered", "partition of"}),
    "sequence_more": frozenset({"increment", "minimum", "maximum", "start", "cache", "cycle"}),
    "not_null": frozenset({"not null validated", "not null inherited"}),
    "foreign_table": frozenset({"foreign table"}),
    "toast": frozenset({"toast options"}),
    "view": frozenset({"view", "materialized view"}),
    "inheritance": frozenset({"partition of", "inherits"}),
    "constraint_trigger": frozenset({"triggers"}),
    "trigger": frozenset({"trigger"}),
    "partition_trigger": frozenset({"triggers"}),
    "rule": frozenset({"rule"}),
    "policy": frozenset({"policy"}),
    "function": frozenset({"function", "procedure", "aggregate"}),
    "aggregate": frozenset({"function", "procedure", "aggregate"}),
    "type": frozenset({"enum", "domain", "range", "composite type"}),
    "range": frozenset({"enum", "domain", "range", "composite type"}),
    "statistics": frozenset({"statistics"}),
    "publication": frozenset({"publication"}),
    "event_trigger": frozenset({"event trigger"}),
    **{kind.replace(" ", "_"): frozenset({kind}) for kind in _RARE},
    "default_grants": frozenset({"default grants"}),
    "owner": frozenset({"owner"}),
    "grants": frozenset({"grants"}),
}
_ALL = frozenset(_TELLS)
# Made of the rows of all others; comments, which few databases are without, are always asked.
_DERIVED = ("owner", "grants", "comment")
# What a word of asked.sql opens: that of a kind whose common part does not tell all, of a catalog, of a relation's
# kind, or of the part itself.
_GATES: Mapping[str, tuple[str, ...]] = {
    **{part: (part,) for part in _TELLS},
    "schema": ("schema_public", "owner", "grants"),
    "table": ("table_more",),
    "foreign": ("table_more", "foreign_table"),
    "column": ("column_more",),
    "index": ("index_more",),
    "sequence": ("sequence_more",),
    "triggers": ("constraint_trigger", "partition_trigger"),
    "v": ("view",),
    "m": ("view",),
    "f": ("foreign_table",),
    "c": ("type",),
    "pg_trigger": ("trigger",),
    "pg_rewrite": ("rule",),
    "pg_policy": ("policy",),
    "pg_proc": ("function", "aggregate"),
    "pg_type": ("type", "range"),
    "pg_statistic_ext": ("statistics",),
    "pg_event_trigger": ("event_trigger",),
    **{word: (kind.replace(" ", "_"),) for kind, word in _RARE.items()},
}
# What several parts share is there for these alone.
_SOURCES = {"types": {"type", "range"}, "routines": {"function", "aggregate"}}
# Where roles stand in these parts, to be put into words.
_ROLES = {
    "owner": "object.owner",
    "grantee": "entry.grantee",
    "target": "target.role",
    "preset": "preset.defaclrole",
    "mapped": "mapping.umuser",
    "set": "setting.setrole",
}
_SAVEPOINT = sql.Identifier("tenantry_catalog")

Marks = Mapping[str, sql.Composable]
Row = tuple[str, str, str, int, list[str | None]]


def read_snapshot(connection: Connection, scope: Scope) -> Snapshot:
    """Return all objects of a database, as far as they are in scope. One round trip.

    Raises TenantError where the role may not read the catalog.
    """
    rows: list[Row] = _ask(connection, "snapshot", scope, _ALL)
    (fingerprint,) = (row[1] for row in rows if not row[0])
    return Snapshot(fingerprint, parse_rows(row for row in rows if row[0]))


def read_fingerprint(connection: Connection, scope: Scope, likely: Snapshot | None = None) -> str:
    """Return 64 hexadecimal digits that are the same for all databases with equal objects.

    One round trip where it has no rare kinds of objects but those of `likely`, else a second one.
    Raises TenantError where the role may not read the catalog.
    """
    parts: frozenset[str] = _find_parts(likely) if likely else frozenset()
    while True:
        ((fingerprint, words),) = _ask(connection, "fingerprint", scope, parts)
        missing = _open_gates(words) - parts
        if not missing:
            return str(fingerprint)
        # Each answer is of one moment: what has appeared since is asked for in turn.
        parts |= missing


def describe_query(major: int, scope: Scope) -> str:
    """Return what a snapshot depends on beside the database: the text that is asked, for a server's major."""
    return _compose("snapshot", major, scope, _ALL).as_string()


def _find_parts(snapshot: Snapshot) -> frozenset[str]:
    """Return the rare parts that tell of what is in a snapshot."""
    kinds = {found.kind for found in snapshot.objects.values()}
    facts = {fact for found in snapshot.objects.values() for fact in found.facts}
    return frozenset(part for part, tells in _TELLS.items() if not tells.isdisjoint(kinds | facts))


def _open_gates(words: str) -> frozenset[str]:
    return frozenset(part for word in words.split() for part in _GATES.get(word, ()))


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


def _ask(connection: Connection, question: str, scope: Scope, parts: frozenset[str]) -> list[Any]:
    """Return the rows of the query; whatever is set for it is set back."""
    query = _compose(question, connection.info.server_version // 10_000, scope, parts)
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


@lru_cache(maxsize=64)
def _compose(question: str, version: int, scope: Scope, parts: frozenset[str]) -> sql.SQL:
    """Return settings and query in one piece, for one major version of the server."""
    visible = sql.SQL("visible" if scope.ignored else "line")
    marks = _compose_marks(version, scope)
    gates = _read("asked", marks) if question == "fingerprint" else sql.SQL("")
    answer = _read("fingerprint", {"visible": visible, "gates": gates})
    if question == "snapshot":
        answer = _read("snapshot", {"visible": visible, "fingerprint": answer})
    clauses = [_compose_lines(scope, parts, marks)]
    if scope.ignored:
        patterns = [(ignored.kind, _as_like(ignored.pattern)) for ignored in scope.ignored]
        clauses.append(_read("ignored", {"ignored": _compose_pairs(patterns)}))
    query = _read("settings", {}) + sql.SQL(";\n") + sql.SQL(",\n").join(clauses) + answer
    return sql.SQL(query.as_string())


def _within_savepoint(query: sql.SQL) -> sql.Composed:
    """Return a query after which the transaction's own settings are back."""
    return sql.SQL("SAVEPOINT {name};\n{query};\nROLLBACK TO SAVEPOINT {name};\nRELEASE SAVEPOINT {name}").format(
        name=_SAVEPOINT, query=query
    )


def _compose_lines(scope: Scope, parts: frozenset[str], marks: Marks) -> sql.Composed:
    """Return the WITH clause that ends in `line`: one row for each object or part of it."""
    asked = [part for part in _TELLS if part in parts]
    kinds = [part for part in asked if part not in _DERIVED]
    sources = ["sources", *(source for source, users in _SOURCES.items() if not users.isdisjoint(kinds))]
    derived = [_read("derived", {"part": _read(part, marks)}) for part in _DERIVED if part in {*parts, "comment"}]
    return _read(
        "rows",
        {
            "sources": sql.SQL(",\n").join(_read(source, marks) for source in sources),
            "given": _compose_pairs(scope.roles),
            "objects": sql.SQL("UNION ALL\n").join(_read(kind, marks) for kind in (*_COMMON, *kinds)),
            "derived": sql.SQL("").join(derived),
        },
    )


def _compose_marks(version: int, scope: Scope) -> dict[str, sql.Composable]:
    """Return what stands for the marks in the parts of the query."""
    marks: dict[str, sql.Composable] = {**_by_version(version), "ledger": sql.Literal(scope.ledger_schema)}
    for role in _ROLES:
        marks[f"{role}_word"] = _compose_word(role)
    for shared in ("database_oid", "hidden_option"):
        marks[shared] = _read(shared, {})
    for kind, options in (("wrapper", "wrapper.fdwoptions"), ("server", "server.srvoptions")):
        marks[f"{kind}_options"] = _read("foreign_options", {**marks, "options": sql.SQL(options)})
    # What the common part of these does not tell; asked by the gate and by the part that tells it.
    for kind in ("column", "index", "sequence"):
        marks[f"{kind}_has_more"] = _read(f"{kind}_has_more", marks)
    return marks


def _read(name: str, marks: Marks) -> sql.Composed:
    return sql.SQL(read_sql(f"catalog/{name}")).format(**marks)


def _compose_word(role: str) -> sql.Composed:
    """Return what stands for a role: the same in databases that each have a role of their own."""
    return sql.SQL(read_sql("catalog/role_word")).format(role=sql.SQL(_ROLES[role]))


def _by_version(version: int) -> dict[str, sql.Composable]:
    """Return what stands for the parts of a catalog that are not there, or other, on some servers."""
    nothing = sql.SQL("CAST(NULL AS text)")
    return {
        "compression": sql.SQL("attribute.attcompression" if version >= 14 else "''"),
        "detach_pending": sql.SQL("link.inhdetachpending" if version >= 14 else "false"),
        "enforced": sql.SQL("con.conenforced" if version >= 18 else "true"),
        "public_acl": sql.SQL(read_sql("catalog/public_acl" if version >= 15 else "catalog/public_acl_before_15")),
        "collation_locale": sql.SQL(_locale_by_version(version)),
        "collation_rules": sql.SQL("ordering.collicurules") if version >= 16 else nothing,
        "subscription_oid": sql.SQL("subscription.oid" if version >= 15 else "CAST(NULL AS oid)"),
        "subscription_more": sql.SQL("").join(
            sql.SQL(read_sql(f"catalog/subscription_{since}")) for since in (15, 16, 17) if version >= since
        ),
        "published_part": sql.SQL(read_sql("catalog/published_part")) if version >= 15 else sql.SQL("''"),
        "published_schemas": sql.SQL(read_sql("catalog/published_schemas")) if version >= 15 else nothing,
        "published_generated": sql.SQL("CASE publication.pubgencols WHEN 's' THEN 'stored' END")
        if version >= 18
        else nothing,
        "statistics_expressions": sql.SQL("array_to_string(pg_get_statisticsobjdef_expressions(statistic.oid), ', ')")
        if version >= 14
        else nothing,
        "public_initial": _read(f"public_initial{'' if version >= 15 else '_before_15'}", {}),
        "not_null_gate": _read("not_null_gate", {}) if version >= 18 else nothing,
        "view_definition": sql.SQL(read_sql(f"catalog/view_definition{'' if version >= 16 else '_before_16'}")),
    }


def _locale_by_version(version: int) -> str:
    """Return what holds the locale of a collation that is not libc's."""
    if version >= 17:
        return "ordering.colllocale"
    if version >= 15:
        return "ordering.colliculocale"
    return "CASE WHEN ordering.collprovider = 'i' THEN CAST(ordering.collcollate AS text) END"


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
