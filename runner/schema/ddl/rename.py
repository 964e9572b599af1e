"""Objects that may have been renamed: one is missing, and an unexpected one has the same facts.

Nothing in a catalog tells a rename from a drop and a new object, so a draft has both readings.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tenantry.schema.ddl.code import read_target
from tenantry.schema.ddl.columns import list_parents
from tenantry.schema.ddl.draft import Draft, Risk
from tenantry.schema.ddl.names import RELATIONS, ROUTINES, TYPES, read_label, read_local, read_schema
from tenantry.schema.ddl.needs import is_shared, list_below
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.ddl.tables import find_index
from tenantry.schema.ddl.taken import is_passed, list_names
from tenantry.schema.ddl.types import name_multirange
from tenantry.schema.snapshot import ObjectKey, SchemaObject

# The drafts of the other reading: one object created, the other dropped.
WriteAnew = Callable[[SchemaObject, SchemaObject, Schema, Schema], Iterator[Draft]]

# Ordered so that later kinds mention names that are already the new ones.
_KINDS = (
    *("enum", "domain", "range", "composite type", "table", "foreign table", "sequence", "view", "materialized view"),
    *("function", "procedure", "aggregate", "column", "constraint", "index", "trigger", "rule", "policy", "statistics"),
)
_NAMED_INSIDE = {"index": "INDEX", "trigger": "TRIGGER", "rule": "RULE"}
_UNLIKE = frozenset({"owner", "grants"})


def find_renames(
    expected: Schema, found: Schema, write_anew: WriteAnew
) -> tuple[list[Draft], list[tuple[SchemaObject, set[str]]], Schema]:
    """Return the renames, the renamed objects with the names that each rename frees, and the schema after them."""
    drafts: list[Draft] = []
    named: list[tuple[SchemaObject, set[str]]] = []
    for kind in _KINDS:
        for old, new in _pair(kind, expected, found):
            # A column or check of a child is renamed with that of its parent.
            if is_passed(old) and old.key not in found.objects:
                continue
            # One that a parent, or another parent of a child, has too cannot be renamed alone.
            if _is_inherited(old, found):
                continue
            current = found.objects.get(old.key, old)
            anew = [draft.sql for draft in write_anew(new, current, expected, found) if draft.sql]
            drafts.append(_write_rename(current, new, ";\n".join(anew)))
            # From here on under the new name, so that the rest is not drafted as missing and extra too.
            before, found = found, _rename(found, current, new, expected)
            named.append((new, _list_taken(before) - _list_taken(found)))
    return drafts, named, found


def _pair(kind: str, expected: Schema, found: Schema) -> Iterator[tuple[SchemaObject, SchemaObject]]:
    missing = _select(kind, expected, found)
    extra = _select(kind, found, expected)
    shapes: dict[object, list[SchemaObject]] = {}
    for old in extra:
        shapes.setdefault(_shape(old, found), []).append(old)
    taken = _list_taken(found)
    for new in missing:
        alike = shapes.get(_shape(new, expected))
        # Another object may have the name already, perhaps of another kind: a rename would fail.
        if alike and not _is_taken(new, taken, found):
            yield alike.pop(0), new


def _is_inherited(old: SchemaObject, found: Schema) -> bool:
    if not is_passed(old):
        return False
    above = ((old.kind, f"{parent}.{read_local(old)}") for parent in list_parents(old.parent, found))
    return is_shared(old, found) or any(key in found.objects for key in above)


def _list_taken(schema: Schema) -> set[str]:
    return {name for one in schema.objects.values() for name in list_names(one)}


def _is_taken(new: SchemaObject, taken: set[str], found: Schema) -> bool:
    """Return whether another object has a name already, or the same part of a child, which is renamed too."""
    # The sequence of an identity keeps its name.
    names = () if new.kind == "column" else list_names(new)
    below = list_below(new.parent, found) if is_passed(new) else ()
    return not taken.isdisjoint(names) or any((new.kind, f"{one}.{read_local(new)}") in found.objects for one in below)


def _select(kind: str, schema: Schema, other: Schema) -> list[SchemaObject]:
    """Return the objects of a kind that the other schema lacks although it has their table."""
    objects = (found for key, found in schema.objects.items() if key[0] == kind and key not in other.objects)
    chosen = [found for found in objects if _stands_alone(found, schema, other)]
    return sorted(chosen, key=lambda found: (_depth(found, schema), found.parent, found.position, found.name))


def _depth(found: SchemaObject, schema: Schema) -> int:
    """Return how many tables are above that of a part that is renamed in the children of its table too."""
    parents = list_parents(found.parent, schema) if is_passed(found) else []
    return 1 + max((_depth(replace(found, parent=parent), schema) for parent in parents), default=0)


def _stands_alone(found: SchemaObject, schema: Schema, other: Schema) -> bool:
    if found.parent:
        relation = schema.relation(found.parent)
        made_by_another = "constraint" in found.facts or "partition of" in found.facts
        view_column = found.kind == "column" and relation is not None and relation.kind.endswith("view")
        return other.relation(found.parent) is not None and not made_by_another and not view_column
    owner = found.facts.get("owned by", "")
    # The sequence of a new column comes with it.
    return not owner or ("column", owner) in other.objects


def _shape(found: SchemaObject, schema: Schema) -> object:
    """Return a key that an object and its renamed form share."""
    facts = {name: value for name, value in found.facts.items() if name not in _UNLIKE}
    parts: tuple[object, ...] = ()
    if found.kind in RELATIONS:
        parts = tuple(
            (read_local(column), _plain(_drop_serial(column, found.name), found))
            for column in schema.parts(found.name, "column")
        )
        if not parts:
            return found.name
    index = find_index(found, schema) if found.kind == "constraint" else None
    if index is not None:
        # One that comes from a parent's does not become one of its own, nor the other way round.
        parts = ("partition of" in index.facts,)
    return found.parent, read_schema(found.name), _plain(facts, found), parts


def _drop_serial(column: SchemaObject, table: str) -> dict[str, str]:
    own = f"nextval('{table}_"
    return {name: value for name, value in column.facts.items() if not (name == "default" and value.startswith(own))}


def _plain(facts: dict[str, str], found: SchemaObject) -> tuple[tuple[str, str], ...]:
    """Return facts without the object's own name."""
    return tuple(sorted((name, _replace_name(value, found, "\0", "\0")) for name, value in facts.items()))


def _replace_name(text: str, found: SchemaObject, label: str, local: str) -> str:
    """Return a text with an object's qualified name replaced, or its local name if the text has only that."""
    if word := _NAMED_INSIDE.get(found.kind):
        return text.replace(f"{word} {read_local(found)} ", f"{word} {local} ", 1)
    return text if found.parent and found.kind != "statistics" else _replace_label(text, read_label(found), label)


def _replace_label(text: str, old: str, new: str) -> str:
    return re.sub(rf'(?<![\w".]){re.escape(old)}(?![\w"$])', lambda _: new, text)


def _write_rename(old: SchemaObject, new: SchemaObject, anew: str) -> Draft:
    start = f"ALTER {old.kind.upper()} {old.name}"
    if old.kind in {"column", "constraint"}:
        start = f"ALTER TABLE {old.parent} RENAME {old.kind.upper()} {read_local(old)}"
        return Draft(f"{start} TO {read_local(new)}", Risk.AMBIGUOUS, _explain(old, new), alternative=anew)
    if old.kind in {"trigger", "rule", "policy"}:
        start = f"ALTER {old.kind.upper()} {read_local(old)} ON {old.parent}"
    elif old.kind in TYPES - {"domain"}:
        start = f"ALTER TYPE {old.name}"
    elif old.kind == "aggregate":
        start = f"ALTER AGGREGATE {read_target(old)}"
    local = read_local(new).partition("(")[0]
    return Draft(f"{start} RENAME TO {local}", Risk.AMBIGUOUS, _explain(old, new), alternative=anew)


def _explain(old: SchemaObject, new: SchemaObject) -> str:
    return f"{old.kind} {old.name} may have been renamed to {read_local(new)}, or be a different object"


def _rename(found: Schema, old: SchemaObject, new: SchemaObject, expected: Schema) -> Schema:
    """Return the schema after a rename."""
    if old.kind == "range":
        found = _name_multirange(found, old, new)
    if old.kind in RELATIONS | ROUTINES | TYPES | {"sequence", "statistics"}:
        return _rename_everywhere(found, read_label(old), read_label(new))
    objects = dict(found.objects)
    del objects[old.key]
    facts = {name: _replace_name(value, old, "", read_local(new)) for name, value in old.facts.items()}
    objects[new.key] = replace(old, name=new.name, facts=facts)
    _rename_comment(objects, old, new)
    if old.kind == "constraint":
        _rename_index(objects, found.parts(old.parent, "index"), old, new)
    if old.kind == "column":
        _rename_mentions(objects, old, new, expected)
    return _rename_below(Schema(objects), old, new, expected)


def _name_multirange(found: Schema, old: SchemaObject, new: SchemaObject) -> Schema:
    """Return the schema with the name of a range's multirange, which it keeps, as a fact: it is no longer the usual."""
    kept = old.facts.get("multirange") or name_multirange(old)
    facts = {name: value for name, value in old.facts.items() if name != "multirange"}
    facts |= {} if kept == name_multirange(new) else {"multirange": kept}
    return Schema({**found.objects, old.key: replace(old, facts=facts)})


def _rename_below(found: Schema, old: SchemaObject, new: SchemaObject, expected: Schema) -> Schema:
    """Return the schema after the rename of a column or check in the children of its table too."""
    if not is_passed(old):
        return found
    tables = [one.name for one in found.objects.values() if one.kind in RELATIONS]
    for table in (table for table in tables if old.parent in list_parents(table, found)):
        below = found.get(old.kind, f"{table}.{read_local(old)}")
        if below:
            found = _rename(found, below, replace(below, name=f"{table}.{read_local(new)}"), expected)
    return found


def _rename_everywhere(found: Schema, old: str, new: str) -> Schema:
    def swap(text: str) -> str:
        return _replace_label(text, old, new)

    objects = (
        replace(
            one,
            name=swap(one.name),
            parent=swap(one.parent),
            facts={name: swap(value) if name != "text" else value for name, value in one.facts.items()},
        )
        for one in found.objects.values()
    )
    return Schema({one.key: one for one in objects})


def _rename_comment(objects: dict[ObjectKey, SchemaObject], old: SchemaObject, new: SchemaObject) -> None:
    comment = objects.pop(("comment", f"{old.kind} {old.name}"), None)
    if comment:
        renamed = replace(comment, name=f"{new.kind} {new.name}")
        objects[renamed.key] = renamed


def _rename_index(
    objects: dict[ObjectKey, SchemaObject], indexes: Iterable[SchemaObject], old: SchemaObject, new: SchemaObject
) -> None:
    """Rename the index of a constraint, which shares its name."""
    for index in (index for index in indexes if index.facts.get("constraint") == read_local(old)):
        del objects[index.key]
        name = index.name.removesuffix(read_local(index)) + read_local(new)
        facts = {fact: _replace_name(value, index, "", read_local(new)) for fact, value in index.facts.items()}
        renamed = replace(index, name=name, facts={**facts, "constraint": read_local(new)})
        objects[renamed.key] = renamed


def _rename_mentions(
    objects: dict[ObjectKey, SchemaObject], old: SchemaObject, new: SchemaObject, expected: Schema
) -> None:
    """Rename a column in the objects that mention it, if this makes them the expected ones."""
    word = re.compile(rf'(?<![\w"]){re.escape(read_local(old))}(?![\w"])')
    for key, one in list(objects.items()):
        wanted = expected.objects.get(key)
        if wanted and wanted.facts != one.facts and (one.parent == old.parent or "owned by" in one.facts):
            facts = {name: word.sub(lambda _: read_local(new), value) for name, value in one.facts.items()}
            if facts == dict(wanted.facts):
                objects[key] = replace(one, facts=facts)
