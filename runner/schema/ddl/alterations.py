"""Alterations: whether an object becomes the expected one by a statement of its own, or has to be dropped."""

import re
from collections.abc import Callable

from tenantry.schema.ddl.code import is_replaceable, read_signature
from tenantry.schema.ddl.columns import can_set_expression
from tenantry.schema.ddl.names import ROUTINES, find_words, read_label, read_local, read_outside
from tenantry.schema.ddl.others import is_alterable
from tenantry.schema.ddl.parts import is_attachable
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.ddl.taken import list_names
from tenantry.schema.ddl.types import can_add_attributes, can_add_labels
from tenantry.schema.snapshot import SchemaObject

# Objects without data, which are dropped before others change.
LEAVES = frozenset(
    {"view", "materialized view", "constraint", "index", "trigger", "rule", "policy", "statistics", "publication",
     "event trigger", "cast"}
)  # fmt: skip
# A new column with any other fact has values in the rows that are there.
_NEUTRAL = frozenset({"type", "collation", "storage", "compression", "statistics", "options", "grants"})
# A routine with such arguments may be called without some.
_OPTIONAL = re.compile(r" DEFAULT |\bVARIADIC ")


def must_go(one: SchemaObject, expected: Schema, found: Schema, names: set[str]) -> bool:
    """Return whether an object is dropped before anything is created; `names` are those of the new objects."""
    new = expected.objects.get(one.key)
    if new is None:
        clash = not names.isdisjoint(list_names(one))
        # Its bounds may be those of a partition that is created.
        return one.kind in LEAVES or clash or "partition of" in one.facts or _is_ambiguous(one, expected)
    if one.kind == "table" and _is_key_retyped(one, expected, found):
        return True
    if one.kind == "index" and "partition of" not in {*one.facts, *new.facts} and _has_new_twin(one, expected, found):
        # An index of a partitioned table would adopt this one in place of its twin.
        return True
    return new.facts != one.facts and not _can_alter(one, new, expected, found)


def _has_new_twin(index: SchemaObject, expected: Schema, found: Schema) -> bool:
    """Return whether an index like another one of its table is to be attached, and is not yet."""
    return any(
        "partition of" in other.facts
        and "partition of" not in found.facts(*other.key)
        and _read_nameless(other) == _read_nameless(index)
        for other in expected.parts(index.parent, "index")
    )


def _read_nameless(index: SchemaObject) -> tuple[bool, str]:
    """Return whether an index is unique, and its definition after its name."""
    definition = index.facts["definition"]
    return definition.startswith("CREATE UNIQUE"), definition.partition(f" {read_local(index)} ON ")[2]


def _is_ambiguous(one: SchemaObject, expected: Schema) -> bool:
    """Return whether a call may mean a function or another one of its name that leaves out arguments."""
    others = expected.labelled(read_label(one)) if one.kind in ROUTINES else []
    return any(_OPTIONAL.search(read_outside(other.facts.get("definition", ""))) for other in (one, *others) if others)


def _can_alter(old: SchemaObject, new: SchemaObject, expected: Schema, found: Schema) -> bool:
    """Return whether an object becomes the expected one without being dropped."""

    def same(*names: str) -> bool:
        return all(old.facts.get(name) == new.facts.get(name) for name in names)

    def keeps(*names: str) -> bool:
        return all(name in new.facts for name in names if name in old.facts)

    rules: dict[str, Callable[[], bool]] = {
        "view": lambda: same("definition") or is_replaceable(old, new, found, expected),
        "materialized view": lambda: same("definition", "access method"),
        "constraint": lambda: (
            same("definition", "enforced") and not (same("validated") is False and "validated" in new.facts)
        ),
        "index": lambda: same("definition", "constraint") and is_attachable(old, new, expected, found),
        "trigger": lambda: same("definition"),
        "statistics": lambda: same("definition"),
        "policy": lambda: same("command", "permissive") and keeps("using", "check"),
        "function": lambda: read_signature(old.facts["definition"]) == read_signature(new.facts["definition"]),
        "procedure": lambda: read_signature(old.facts["definition"]) == read_signature(new.facts["definition"]),
        "aggregate": lambda: same("definition"),
        "table": lambda: same("partition by"),
        "foreign table": lambda: same("server"),
        "column": lambda: (
            is_view_column(new, expected)
            or same("generated")
            or "generated" not in new.facts
            or can_set_expression(old, new, expected)
        ),
        "enum": lambda: can_add_labels(old.facts.get("labels", ""), new.facts.get("labels", "")),
        "domain": lambda: same("type", "collation"),
        "base type": lambda: same("definition"),
        "range": lambda: same("subtype", "collation", "operator class", "canonical", "difference"),
        "composite type": lambda: can_add_attributes(old.facts.get("attributes", ""), new.facts.get("attributes", "")),
        "publication": lambda: is_alterable(old, new),
        "event trigger": lambda: same("event", "function", "tags"),
        "cast": lambda: same("function", "method", "context"),
    }
    return old.kind not in rules or rules[old.kind]()


def _is_key_retyped(table: SchemaObject, expected: Schema, found: Schema) -> bool:
    """Return whether a column of a partition key has another type, which no statement can give it."""
    columns = found.parts(table.name, "column")
    return any(is_partition_key(column, found) and is_retyped(column, expected) for column in columns)


def is_partition_key(column: SchemaObject, schema: Schema) -> bool:
    """Return whether the partition key of its table has a column."""
    return read_local(column) in find_words(schema.facts("table", column.parent).get("partition by", ""))


def is_retyped(one: SchemaObject, expected: Schema) -> bool:
    """Return whether an object is a column that gets another type or collation."""
    new = expected.objects.get(one.key)
    facts = ("type", "collation")
    return (
        one.kind == "column" and new is not None and any(one.facts.get(fact) != new.facts.get(fact) for fact in facts)
    )


def is_view_column(one: SchemaObject, schema: Schema) -> bool:
    """Return whether an object is a column of a view, which changes with the view alone."""
    relation = schema.relation(one.parent) if one.kind == "column" else None
    return relation is not None and relation.kind in {"view", "materialized view"}


def has_values(new: SchemaObject, expected: Schema) -> bool:
    """Return whether a new column has values in the rows that are there, or a domain that checks that it has none."""
    return not _NEUTRAL.issuperset(new.facts) or expected.get("domain", new.facts["type"]) is not None


def list_new_names(expected: Schema, found: Schema) -> set[str]:
    """Return the names that the objects to be created will take; columns take none."""
    new = [made for key, made in expected.objects.items() if key not in found.objects and made.kind != "column"]
    return {name for made in new for name in list_names(made)}
