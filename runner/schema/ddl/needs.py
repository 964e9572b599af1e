"""The objects whose statements must come before a statement although its text does not name them."""

import re
from collections.abc import Iterator, Mapping

from tenantry.schema.ddl.columns import list_parents
from tenantry.schema.ddl.draft import Phase, Step
from tenantry.schema.ddl.names import (
    RELATIONS,
    ROUTINES,
    TYPES,
    find_names,
    find_words,
    read_local,
    read_reads,
    read_schema,
)
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.snapshot import ObjectKey, SchemaObject

_COLUMNS = re.compile(r"\(([^()]*)\)")
_REFERENCES = re.compile(r" REFERENCES (.+?)\(([^()]*)\)")
_GROUPED = re.compile(r"\bGROUP BY (.+)")
UNIQUE = ("PRIMARY KEY", "UNIQUE", "CREATE UNIQUE")

Blocked = Mapping[ObjectKey, set[ObjectKey]]


def find_needs(
    step: Step, new: SchemaObject, expected: Schema, present: Schema, blocked: Blocked
) -> Iterator[ObjectKey]:
    """Yield the keys of the objects that a statement about an expected object needs, kind by kind."""
    yield from blocked.get(new.key, ())
    if new.kind in {"column", "constraint"}:
        yield from _find_parting(new, expected, present)
    if new.kind in {"constraint", "index", "statistics", "trigger"}:
        # A column may come with that of a parent.
        words, parents = find_words(new.facts["definition"]), list_parents(new.parent, expected)
        yield from (("column", f"{parent}.{word}") for parent in parents for word in words)
    if new.kind == "column":
        yield from (("column", f"{parent}.{read_local(new)}") for parent in list_parents(new.parent, expected))
        # Its type may be the row of a table.
        for name in find_names(new.facts.get("type", "")) - {new.parent}:
            yield from (part.key for part in expected.parts(name, "column"))
        if step.draft.sql.endswith("DROP NOT NULL"):
            yield from _find_keys_of(new, present)
    elif new.kind == "constraint":
        yield from _find_referenced(new, expected)
    elif new.kind == "comment":
        yield _find_commented(new, expected, present)
    elif step.phase is Phase.LINK:
        yield from _find_link_needs(new, expected, present)
    elif step.phase is Phase.MARK and new.kind == "index":
        # An index tells rows apart only if its columns are not null.
        yield from (part.key for part in expected.parts(new.parent, "column"))
    elif new.kind in RELATIONS and step.phase is Phase.PUBLICATION:
        parents = list_parents(new.name, expected)
        yield from (part.key for parent in parents for part in expected.parts(parent, "trigger"))
    elif new.kind in {"view", "materialized view", "rule", "function"}:
        yield from _find_used_keys(new, expected)


def find_drop_needs(old: SchemaObject, found: Schema) -> frozenset[ObjectKey]:
    """Return the keys of the objects that are dropped before an object: those that use a key without naming it."""
    if not old.facts.get("definition", "").startswith(UNIQUE) or old.kind not in {"constraint", "index"}:
        return frozenset()
    return frozenset(other.key for other in find_users(old, found))


def find_users(key: SchemaObject, schema: Schema) -> Iterator[SchemaObject]:
    """Yield the foreign keys that refer to a key or unique index, and what groups by a primary key."""
    for other in schema.objects.values():
        definition = other.facts.get("definition", "")
        if other.kind == "constraint" and key.kind in {"constraint", "index"}:
            match = _REFERENCES.search(definition)
            if match and match[1] == key.parent and find_words(match[2]) == _read_columns(key):
                yield other
        elif other.kind in {"view", "materialized view", "rule", "function"} and _groups_by(other, key):
            yield other


def _groups_by(other: SchemaObject, key: SchemaObject) -> bool:
    if not key.facts["definition"].startswith("PRIMARY KEY") or key.parent not in find_names(read_reads(other)):
        return False
    grouped = (find_words(match[1]) for match in _GROUPED.finditer(read_reads(other)))
    return any(_read_columns(key) <= words for words in grouped)


def _read_columns(key: SchemaObject) -> set[str]:
    match = _COLUMNS.search(key.facts["definition"])
    return find_words(match[1]) if match else set()


def _find_parting(new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the table of a part if it leaves its partitioned table: until then its columns are not its own."""
    was = present.facts("table", new.parent).get("partition of", "")
    if was and was != expected.facts("table", new.parent).get("partition of"):
        yield "table", new.parent


def _find_keys_of(column: SchemaObject, present: Schema) -> Iterator[ObjectKey]:
    for constraint in present.parts(column.parent, "constraint"):
        if constraint.facts["definition"].startswith("PRIMARY KEY") and read_local(column) in _read_columns(constraint):
            yield constraint.key


def _find_referenced(new: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    match = _REFERENCES.search(new.facts["definition"])
    if match:
        for kind in ("constraint", "index"):
            for key in expected.parts(match[1], kind):
                if key.facts["definition"].startswith(UNIQUE) and _read_columns(key) == find_words(match[2]):
                    yield key.key


def _find_commented(comment: SchemaObject, expected: Schema, present: Schema) -> ObjectKey:
    """Return the key of the object of a comment; the name of a kind has up to three words."""
    words = comment.name.split(" ")
    keys = [(" ".join(words[:count]), " ".join(words[count:])) for count in (1, 2, 3)]
    return next((key for key in keys if key in expected.objects or key in present.objects), keys[0])


def _find_link_needs(new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the parts that a child and its parents have in common, and the partitions that make room for it."""
    parents = list_parents(new.name, expected)
    for schema in (expected, present):
        for table in (new.name, *parents):
            yield from (part.key for kind in ("column", "constraint") for part in schema.parts(table, kind))
    for key, other in present.objects.items():
        if other.kind in RELATIONS and other.facts.get("partition of") in parents and key != new.key:
            wanted = expected.facts(*key)
            if any(wanted.get(fact) != other.facts.get(fact) for fact in ("partition of", "bound")):
                yield key


def _find_used_keys(new: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    text = read_reads(new)
    for name in find_names(text) if "GROUP BY" in text or "ON CONFLICT" in text else ():
        for constraint in expected.parts(name, "constraint"):
            unique = constraint.facts["definition"].startswith(UNIQUE) and "ON CONFLICT" in text
            if unique or _groups_by(new, constraint):
                yield constraint.key


def list_taken_names(new: SchemaObject, expected: Schema) -> Iterator[str]:
    """Yield the names that a new object takes from those that tables, types, sequences and indexes share."""
    if new.kind in RELATIONS | TYPES | ROUTINES | {"sequence", "index"}:
        yield new.name
    if new.kind == "constraint":
        yield f"{read_schema(new.parent)}.{read_local(new)}"
    if new.kind in RELATIONS:
        yield from (index.name for index in expected.parts(new.name, "index") if "constraint" in index.facts)
    owned = (one for one in expected.objects.values() if one.kind == "sequence" and "owned by" in one.facts)
    if new.kind in {"column", "table"}:
        yield from (one.name for one in owned if one.facts["owned by"] == new.name or one.parent == new.name)
