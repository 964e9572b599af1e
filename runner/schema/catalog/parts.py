"""The parts of the catalog query: those for every database, and those that only a gate opens."""

from collections.abc import Mapping

from tenantry.schema.snapshot import Snapshot

# The parts for every database. The first gives the columns their names and types. Several rows of one kind and name are
# one object: each brings a part of its facts.
COMMON = ("schema", "extension", "table", "column", "constraint", "index", "sequence")
# Kinds with a system catalog of their own, each in a part of the same name, with the word of asked.sql that opens it.
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
_TYPES = frozenset({"enum", "domain", "range", "composite type", "base type", "shell type"})
# Parts that are empty in many databases, with the kinds and facts that only they report. Planning all of these would
# take longer than reading the common ones: they run only if a gate opens them.
TELLS: Mapping[str, frozenset[str]] = {
    "schema_public": frozenset(),
    "table_more": frozenset(
        {"persistence", "partition by", "of", "access method", "row security", "replica identity", "foreign table"}
    ),
    "column_more": frozenset({"collation", "identity", "generated", "storage", "compression", "statistics"}),
    "index_more": frozenset({"valid", "maintained", "clustered", "partition of", "statistics"}),
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
    "type": _TYPES,
    "range": _TYPES,
    "type_part": _TYPES,
    "statistics": frozenset({"statistics"}),
    "publication": frozenset({"publication"}),
    "event_trigger": frozenset({"event trigger"}),
    **{kind.replace(" ", "_"): frozenset({kind}) for kind in _RARE},
    "default_grants": frozenset({"default grants"}),
    "owner": frozenset({"owner"}),
    "identity_sequence": frozenset({"identity sequence"}),
    "brought": frozenset({"privileges"}),
    "grants": frozenset({"grants"}),
    "depends": frozenset({"depends on extension"}),
}
ALL = frozenset(TELLS)
# Derived from the rows of all others; comments, which few databases lack, are always read.
DERIVED = ("owner", "grants", "depends", "comment")
# The parts that a word of asked.sql opens. The word names a kind whose common part is incomplete, a system catalog, a
# relation's kind, or the part itself.
_GATES: Mapping[str, tuple[str, ...]] = {
    **{part: (part,) for part in TELLS},
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
    "c": ("type", "type_part"),
    "identity_sequence": ("identity_sequence", "grants"),
    "brought": ("brought", "grants"),
    "pg_trigger": ("trigger",),
    "pg_rewrite": ("rule",),
    "pg_policy": ("policy",),
    "pg_proc": ("function", "aggregate"),
    "pg_type": ("type", "range", "type_part"),
    "pg_statistic_ext": ("statistics",),
    "pg_event_trigger": ("event_trigger",),
    **{word: (kind.replace(" ", "_"),) for kind, word in _RARE.items()},
}
# Sources that several parts share, with their users.
SOURCES = {"types": {"type", "range", "type_part"}, "routines": {"function", "aggregate"}}


def find_parts(snapshot: Snapshot) -> frozenset[str]:
    """Return the rare parts that report objects or facts of a snapshot."""
    kinds = {found.kind for found in snapshot.objects.values()}
    facts = {fact for found in snapshot.objects.values() for fact in found.facts}
    return frozenset(part for part, tells in TELLS.items() if not tells.isdisjoint(kinds | facts))


def open_gates(words: str) -> frozenset[str]:
    """Return the rare parts that the words of an answer open."""
    return frozenset(part for word in words.split() for part in _GATES.get(word, ()))
