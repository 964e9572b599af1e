"""The query for a catalog: composed of its parts, for one major version of the server."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from psycopg import sql

from tenantry.model.records import LEDGER_TABLES
from tenantry.model.scope import Scope
from tenantry.postgres.queries import read_sql
from tenantry.schema.catalog.parts import ALL, COMMON, DERIVED, SOURCES, TELLS

# The columns that hold roles in these parts, to be put into words.
_ROLES = {
    "owner": "object.owner",
    "grantee": "entry.grantee",
    "target": "target.role",
    "preset": "preset.defaclrole",
    "mapped": "mapping.umuser",
    "set": "setting.setrole",
}

Marks = Mapping[str, sql.Composable]


def describe_query(major: int, scope: Scope) -> str:
    """Return the text on which a snapshot depends besides the database: the query, for a major of the server."""
    return compose("snapshot", major, scope, ALL).as_string()


@lru_cache(maxsize=64)
def compose(question: str, version: int, scope: Scope, parts: frozenset[str]) -> sql.SQL:
    """Return settings and query in one piece, for one major version of the server."""
    visible = sql.SQL("visible" if scope.ignored else "line")
    gates = _read("asked", _compose_marks(version, scope)) if question == "fingerprint" else sql.SQL("")
    answer = _read("fingerprint", {"visible": visible, "gates": gates})
    if question == "snapshot":
        answer = _read("snapshot", {"visible": visible, "fingerprint": answer})
    query = _read("settings", {}) + sql.SQL(";\n") + _compose_query(answer, version, scope, parts)
    return sql.SQL(query.as_string())


def compose_gated(version: int, scope: Scope, parts: frozenset[str]) -> sql.Composed:
    """Return the query for a fingerprint whose other gates the token answers, without settings."""
    visible = sql.SQL("visible" if scope.ignored else "line")
    answer = _read(
        "fingerprint", {"visible": visible, "gates": _read("sighting_gates", _compose_marks(version, scope))}
    )
    return _compose_query(answer, version, scope, parts)


def _compose_query(answer: sql.Composed, version: int, scope: Scope, parts: frozenset[str]) -> sql.Composed:
    """Return the query for an answer from the rows of all common parts and of these."""
    marks = _compose_marks(version, scope)
    clauses = [_compose_lines(scope, parts, marks)]
    if scope.ignored:
        patterns = [(ignored.kind, _as_like(ignored.pattern)) for ignored in scope.ignored]
        clauses.append(_read("ignored", {"ignored": _compose_pairs(patterns)}))
    return sql.SQL(",\n").join(clauses) + answer


def make_brought_gate() -> sql.Composed:
    """Return the gate for privileges on what PostgreSQL or an extension brings, which are not as it brought them."""
    return _read("brought_gate", {})


def _compose_lines(scope: Scope, parts: frozenset[str], marks: Marks) -> sql.Composed:
    """Return the WITH clause that ends in `line`: one row for each object or part of it."""
    asked = [part for part in TELLS if part in parts]
    kinds = [part for part in asked if part not in DERIVED]
    sources = ["sources", *(source for source, users in SOURCES.items() if not users.isdisjoint(kinds))]
    derived = [_read("derived", {"part": _read(part, marks)}) for part in DERIVED if part in {*parts, "comment"}]
    return _read(
        "rows",
        {
            "sources": sql.SQL(",\n").join(_read(source, marks) for source in sources),
            "given": _compose_pairs(scope.roles),
            "objects": sql.SQL("UNION ALL\n").join(_read(kind, marks) for kind in (*COMMON, *kinds)),
            "derived": sql.SQL("").join(derived),
        },
    )


def _compose_marks(version: int, scope: Scope) -> dict[str, sql.Composable]:
    """Return the replacements for the marks in the parts of the query."""
    marks: dict[str, sql.Composable] = {
        **_by_version(version),
        "ledger": sql.Literal(scope.ledger_schema),
        "ledger_tables": sql.Literal(list(LEDGER_TABLES)),
    }
    for role in _ROLES:
        marks[f"{role}_word"] = _compose_word(role)
    for shared in ("database_oid", "hidden_option", "option"):
        marks[shared] = _read(shared, {})
    for kind, options in (("wrapper", "wrapper.fdwoptions"), ("server", "server.srvoptions")):
        marks[f"{kind}_options"] = _read("foreign_options", {**marks, "options": sql.SQL(options)})
    # Facts that the common part of these omits; used by the gate and by the part that reports them.
    for kind in ("column", "index", "sequence"):
        marks[f"{kind}_has_more"] = _read(f"{kind}_has_more", marks)
    marks["sequence_gate"] = _read("sequence_gate", marks)
    return marks


def _read(name: str, marks: Marks) -> sql.Composed:
    return sql.SQL(read_sql("schema/catalog", name)).format(**marks)


def _compose_word(role: str) -> sql.Composed:
    """Return the word for a role: the same in databases that each have a role of their own."""
    return sql.SQL(read_sql("schema/catalog", "role_word")).format(role=sql.SQL(_ROLES[role]))


def _by_version(version: int) -> dict[str, sql.Composable]:
    """Return the expressions for parts of a catalog that are missing or different on some servers."""
    nothing = sql.SQL("CAST(NULL AS text)")
    return {
        "compression": sql.SQL("attribute.attcompression" if version >= 14 else "''"),
        "detach_pending": sql.SQL("link.inhdetachpending" if version >= 14 else "false"),
        "maintained": sql.SQL("true" if version >= 17 else "false"),
        "multirange": _read("multirange", {}) if version >= 14 else nothing,
        "subscript": sql.SQL("'SUBSCRIPT = ' || nullif(CAST(type.typsubscript AS text), '-'),")
        if version >= 14
        else sql.SQL(""),
        "brought_gate": make_brought_gate(),
        "nulls_not_distinct": sql.SQL("index.indnullsnotdistinct" if version >= 15 else "false"),
        "enforced": sql.SQL("con.conenforced" if version >= 18 else "true"),
        "public_acl": sql.SQL(read_sql("schema/catalog", "public_acl" if version >= 15 else "public_acl_before_15")),
        "collation_locale": sql.SQL(_locale_by_version(version)),
        "collation_rules": sql.SQL("ordering.collicurules") if version >= 16 else nothing,
        "unlogged_sequences": sql.SQL("true" if version >= 15 else "false"),
        "subscription_oid": sql.SQL("subscription.oid" if version >= 15 else "CAST(NULL AS oid)"),
        "subscription_more": sql.SQL("").join(
            sql.SQL(read_sql("schema/catalog", f"subscription_{since}")) for since in (15, 16, 17) if version >= since
        ),
        "published_part": sql.SQL(read_sql("schema/catalog", "published_part")) if version >= 15 else sql.SQL("''"),
        "published_schemas": sql.SQL(read_sql("schema/catalog", "published_schemas")) if version >= 15 else nothing,
        "published_generated": sql.SQL("CASE publication.pubgencols WHEN 's' THEN 'stored' END")
        if version >= 18
        else nothing,
        "statistics_expressions": sql.SQL("array_to_string(pg_get_statisticsobjdef_expressions(statistic.oid), ', ')")
        if version >= 14
        else nothing,
        "public_initial": _read(f"public_initial{'' if version >= 15 else '_before_15'}", {}),
        "not_null_gate": _read("not_null_gate", {}) if version >= 18 else nothing,
        "view_definition": sql.SQL(
            read_sql("schema/catalog", f"view_definition{'' if version >= 16 else '_before_16'}")
        ),
    }


def _locale_by_version(version: int) -> str:
    """Return the column for the locale of a collation of a provider other than libc."""
    if version >= 17:
        return "ordering.colllocale"
    if version >= 15:
        return "ordering.colliculocale"
    return "CASE WHEN ordering.collprovider = 'i' THEN CAST(ordering.collcollate AS text) END"


def _compose_pairs(pairs: Iterable[tuple[str, str]]) -> sql.Composable:
    """Return a query for rows of two texts; it has no rows if there are no pairs."""
    rows = [sql.SQL("({}, {})").format(*map(sql.Literal, pair)) for pair in pairs]
    if not rows:
        return sql.SQL("SELECT '', '' WHERE false")
    return sql.SQL("VALUES ") + sql.SQL(", ").join(rows)


def _as_like(pattern: str) -> str:
    """Return a shell pattern of `*` and `?` as one for LIKE with `!` as its escape."""
    for char in "!%_":
        pattern = pattern.replace(char, f"!{char}")
    return pattern.replace("*", "%").replace("?", "_")
