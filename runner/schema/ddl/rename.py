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
from tenantry.schema.ddl.schema import Schema
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
) -> tuple[list[Draft], list[SchemaObject], Schema]:
    """Return the renames, the renamed objects, and the schema after them."""
    drafts: list[Draft] = []
    named: list[SchemaObject] = []
    for kind in _KINDS:
        for old, new in _pair(kind, expected, found):
            # A column of a child is renamed with that of its parent.
            if kind == "column" and old.key not in found.objects:
                continue
            current = found.objects.get(old.key, old)
            anew = [draft.sql for draft in write_anew(new, current, expected, found) if draft.sql]
            drafts.append(_write_rename(current, new, ";\n".join(anew)))
            named.append(new)
            # From here on under the new name, so that the rest is not drafted as missing and extra too.
            found = _rename(found, current, new, expected)
    return drafts, named, found


def _pair(kind: str, expected: Schema, found: Schema) -> Iterator[tuple[SchemaObject, SchemaObject]]:
    missing = _select(kind, expected, found)
    extra = _select(kind, found, expected)
    shapes: dict[object, list[SchemaObject]] = {}
    for old in extra:
        shapes.setdefault(_shape(old, found), []).append(old)
    taken = {name for _, name in found.objects}
    for new in missing:
        # Another object has the name already, perhaps of another kind: a rename would fail.
        if new.name in taken:
            continue
        if alike := shapes.get(_shape(new, expected)):
            yield alike.pop(0), new


def _select(kind: str, schema: Schema, other: Schema) -> list[SchemaObject]:
    """Return the objects of a kind that the other schema lacks although it has their table."""
    objects = (found for key, found in schema.objects.items() if key[0] == kind and key not in other.objects)
    chosen = [found for found in objects if _stands_alone(found, schema, other)]
    return sorted(chosen, key=lambda found: (_depth(found, schema), found.parent, found.position, found.name))


def _depth(found: SchemaObject, schema: Schema) -> int:
    """Return how many tables are above that of a column, whose children it is renamed in too."""
    parents = list_parents(found.parent, schema) if found.kind == "column" else []
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


def _rename_below(found: Schema, old: SchemaObject, new: SchemaObject, expected: Schema) -> Schema:
    """Return the schema after a column's rename in the children of its table too."""
    tables = [one.name for one in found.objects.values() if one.kind in RELATIONS] if old.kind == "column" else []
    for table in (table for table in tables if old.parent in list_parents(table, found)):
        below = found.get("column", f"{table}.{read_local(old)}")
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
