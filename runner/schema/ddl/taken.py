"""The names that no two objects share: those that an object takes, and those that the server gives without being asked.

Relations, types and the indexes of keys share the names of a schema, and constraints those of a table.
"""

import itertools
from collections.abc import Iterator

from tenantry.schema.ddl.columns import list_parents, name_identity
from tenantry.schema.ddl.draft import Draft, Phase, Risk, Step
from tenantry.schema.ddl.names import RELATIONS, ROUTINES, TYPES, read_local, read_schema
from tenantry.schema.ddl.needs import UNIQUE, list_below
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.ddl.types import name_multirange
from tenantry.schema.snapshot import ObjectKey, SchemaObject

_SHARED = RELATIONS | TYPES | ROUTINES | {"sequence", "index"}
_KEYS = (*UNIQUE, "EXCLUDE")


def list_names(one: SchemaObject) -> Iterator[str]:
    """Yield the names that an object takes by itself; those of a table's parts begin with a word, for their spaces."""
    if one.kind in _SHARED:
        yield one.name
    if one.kind == "range":
        yield one.facts.get("multirange") or name_multirange(one)
    elif one.kind == "constraint":
        yield f"constraint {one.name}"
        if one.facts.get("definition", "").startswith(_KEYS):
            yield f"{read_schema(one.parent)}.{read_local(one)}"
    elif one.kind == "trigger" and one.facts.get("definition", "").startswith("CREATE CONSTRAINT TRIGGER"):
        yield f"constraint {one.name}"
    elif one.kind == "column":
        yield f"column {one.name}"
        yield from [name_identity(one)] if "identity" in one.facts else []


def list_needed(new: SchemaObject, expected: Schema) -> Iterator[str]:
    """Yield the names that must be free before an object is created, with those of its parts."""
    yield from _list_explicit(new)
    if is_passed(new):
        # The children of its table get it too.
        yield from (f"{new.kind} {table}.{read_local(new)}" for table in list_below(new.parent, expected))
    if new.kind in RELATIONS:
        yield from (name for part in expected.parts(new.name) for name in _list_explicit(part))
    if new.kind in {"column", "table"}:
        owned = (one for one in expected.objects.values() if one.kind == "sequence" and "owned by" in one.facts)
        yield from (one.name for one in owned if one.facts["owned by"] == new.name or one.parent == new.name)


def list_given(new: SchemaObject, expected: Schema) -> Iterator[str]:
    """Yield the names that the server gives to the sequences of identities, or others if these are taken."""
    columns = expected.parts(new.name, "column") if new.kind in RELATIONS else [new]
    yield from (name_identity(column) for column in columns if column.kind == "column" and "identity" in column.facts)


def _list_explicit(one: SchemaObject) -> Iterator[str]:
    """Yield the names that statements about an object write down: not that of the sequence of an identity."""
    yield from list_names(one) if one.kind != "column" else [f"column {one.name}"]


def is_passed(part: SchemaObject) -> bool:
    """Return whether the children of a table have a part of it too, under the same name."""
    definition = part.facts.get("definition", "")
    return part.kind == "column" or (definition.startswith("CHECK") and not definition.endswith("NO INHERIT"))


def make_room(expected: Schema, found: Schema) -> Iterator[Step]:
    """Yield the renames of the sequences of identities that stay, whose names new objects need."""
    for key, (name, free) in list_moved(expected, found).items():
        sql = f"ALTER SEQUENCE IF EXISTS {name} RENAME TO {free.removeprefix(f'{read_schema(free)}.')}"
        note = f"a new object needs the usual name of the sequence of {key[1]}"
        yield Step(Draft(sql, Risk.ADDITIVE, note), Phase.SCHEMA, key, frees=frozenset([name]))


def list_moved(expected: Schema, found: Schema) -> dict[ObjectKey, tuple[str, str]]:
    """Return the old and the new name of each sequence that makes room, by the column that has it."""
    missing = (one for key, one in expected.objects.items() if key not in found.objects)
    wanted = {name for one in missing for name in _list_explicit(one)}
    known = {name for schema in (expected, found) for one in schema.objects.values() for name in list_names(one)}
    moved = {}
    for key, column in found.objects.items():
        if column.kind != "column" or "identity" not in expected.facts(*key) or _inherits(column, found):
            continue
        if "identity" in column.facts and (name := name_identity(column)) in wanted:
            moved[key] = name, _find_free(column, known)
            known.add(moved[key][1])
    return moved


def _inherits(column: SchemaObject, found: Schema) -> bool:
    above = (found.facts("column", f"{parent}.{read_local(column)}") for parent in list_parents(column.parent, found))
    return any("identity" in facts for facts in above)


def _find_free(column: SchemaObject, known: set[str]) -> str:
    """Return the first name for the sequence of a column that nothing else has: with a number, as the server does."""
    names = (name_identity(column, f"seq{number}") for number in itertools.count(1))
    return next(name for name in names if name not in known)
