"""The first drops, before anything is created: objects that cannot be altered, and all that depends on them.

An object that is dropped and created again takes along the views, constraints and others that mention it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tenantry.schema.ddl.alterations import (
    LEAVES,
    has_values,
    is_partition_key,
    is_retyped,
    is_view_column,
    list_new_names,
    must_go,
)
from tenantry.schema.ddl.columns import is_widening, list_parents, name_identity
from tenantry.schema.ddl.draft import Draft, Phase, Risk, Step, Urgency
from tenantry.schema.ddl.names import (
    RELATIONS,
    ROUTINES,
    TYPES,
    find_names,
    find_words,
    read_label,
    read_local,
    read_reads,
)
from tenantry.schema.ddl.needs import UNIQUE, find_users, list_above
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.ddl.sequences import SEQUENCE_FACTS
from tenantry.schema.snapshot import ObjectKey, SchemaObject

# Kinds that prevent a change of a column's type.
_BOUND = frozenset({"view", "materialized view", "rule", "policy", "trigger", "function", "procedure", "publication"})
# Kinds that a change of a column's type rebuilds, if its expressions fit the new type.
_EXPRESSIONS = frozenset({"constraint", "index", "statistics"})
_FOREIGN_KEY = re.compile(r"^FOREIGN KEY \((.+?)\) REFERENCES (.+?)\((.+?)\)")


@dataclass
class Replacement:
    """The first drops. `base` is the schema after them; `patches` detach columns from the dropped objects.

    `blocked` are the columns that cannot change before other objects are dropped.
    """

    found: Schema
    expected: Schema
    gone: set[ObjectKey] = field(default_factory=set)
    patched: dict[ObjectKey, SchemaObject] = field(default_factory=dict)
    blocked: dict[ObjectKey, set[ObjectKey]] = field(default_factory=lambda: defaultdict(set))
    mentions: dict[str, list[SchemaObject]] = field(default_factory=lambda: defaultdict(list))

    @property
    def base(self) -> Schema:
        """Return the schema after the first drops."""
        relations = {name for kind, name in self.gone if kind in RELATIONS}
        comments = {f"{kind} {name}" for kind, name in self.gone}
        left = {
            key: self.patched.get(key, found)
            for key, found in self.found.objects.items()
            if key not in self.gone
            and found.parent not in relations
            and not (key[0] == "comment" and key[1] in comments)
        }
        return Schema({key: found for key, found in left.items() if not self._is_lost_comment(found, relations)})

    def _is_lost_comment(self, found: SchemaObject, relations: set[str]) -> bool:
        return found.kind == "comment" and found.parent in relations

    def patches(self) -> Iterator[Step]:
        """Yield the statements that detach columns from a dropped type or default."""
        for key, new in self.patched.items():
            if key in self.gone:
                continue
            old = self.found.objects[key]
            if old.kind == "table":
                yield self._leave_type(old)
                continue
            if any(("column", f"{parent}.{read_local(old)}") in self.patched for parent in self._parents(old)):
                continue
            name = read_local(old)
            parts = [
                f"ALTER COLUMN {name} DROP {fact.upper()}"
                for fact in ("default", "identity")
                if fact in old.facts and fact not in new.facts
            ]
            if new.facts["type"] != old.facts["type"]:
                kind = new.facts["type"]
                parts.append(f"ALTER COLUMN {name} TYPE {kind} USING {name}::{kind}")
            note = "its dependency is dropped, and created again if it is expected"
            sql = f"ALTER TABLE {old.parent}\n    " + ",\n    ".join(parts)
            yield Step(
                Draft(sql, Risk.DESTRUCTIVE, note),
                Phase.COLUMN,
                key,
                reads=read_reads(old),
                urgency=Urgency.FIRST,
                is_drop=True,
                gone=frozenset([key]),
                obstacles=frozenset(self.blocked.get(key, ())),
                frees=frozenset([name_identity(old)] if "identity" in old.facts else []),
            )

    def _leave_type(self, table: SchemaObject) -> Step:
        """Return the statement that lets a table have columns that its type has not."""
        back = self.expected.facts(*table.key).get("of") == table.facts["of"]
        risk, note = (Risk.DESTRUCTIVE, "its type is dropped and created again") if back else (Risk.ADDITIVE, "")
        draft = Draft(f"ALTER TABLE {table.name} NOT OF", risk, note)
        reads, gone = table.facts["of"], frozenset([table.key])
        return Step(draft, Phase.LINK, table.key, reads=reads, urgency=Urgency.FIRST, is_drop=True, gone=gone)

    def list_awaited(self) -> set[ObjectKey]:
        """Return the objects whose drop a column awaits."""
        return {key for keys in self.blocked.values() for key in keys}

    def find_blocked(self, key: ObjectKey) -> Iterator[ObjectKey]:
        """Yield the columns that change only while a column is detached: it gets its type back after that."""
        yield from (blocked for blocked, others in self.blocked.items() if key in self.patched and key in others)

    def _parents(self, column: SchemaObject) -> list[str]:
        return list_parents(column.parent, self.found)


def find_replacement(expected: Schema, found: Schema) -> Replacement:
    """Return the drops that must come before the expected schema can be created."""
    result = Replacement(found, expected)
    for one in found.objects.values():
        # A view's column changes with the view, whose definition already mentions the rest.
        if not is_view_column(one, found):
            for name in find_names(read_reads(one)):
                result.mentions[name].append(one)
    result.patched |= {one.key: _without_identity(one) for one in found.objects.values() if _ends_identity(one, result)}
    result.patched |= {one.key: _without_type(one) for one in found.objects.values() if _leaves_type(one, expected)}
    names = list_new_names(expected, found)
    waiting = [one for one in found.objects.values() if must_go(one, expected, found, names)]
    retyped = [one for one in found.objects.values() if is_retyped(one, expected)]
    for one in retyped:
        bound = [*_find_bound(one, result), *_free_row_type(one, result)]
        waiting += bound
        result.blocked[one.key] |= {other.key for other in bound}
    for new in expected.objects.values():
        if new.kind == "column" and new.key not in found.objects and has_values(new, expected):
            waiting += _free_row_type(new, result)
    while waiting:
        one = waiting.pop()
        if one.key not in result.gone:
            result.gone.add(one.key)
            waiting += _find_followers(one, result)
    return result


def _ends_identity(one: SchemaObject, result: Replacement) -> bool:
    """Return whether a column loses its identity: a new sequence of its own may have the same name."""
    new = result.expected.objects.get(one.key)
    inherited = any(
        "identity" in result.found.facts("column", f"{parent}.{read_local(one)}")
        for parent in list_parents(one.parent, result.found)
    )
    return (
        one.kind == "column" and new is not None and "identity" in one.facts.keys() - new.facts.keys() and not inherited
    )


def _without_identity(column: SchemaObject) -> SchemaObject:
    kept = {name: value for name, value in column.facts.items() if name not in {"identity", *SEQUENCE_FACTS}}
    return replace(column, facts=kept)


def _leaves_type(one: SchemaObject, expected: Schema) -> bool:
    new = expected.objects.get(one.key)
    return one.kind == "table" and "of" in one.facts and new is not None and new.facts.get("of") != one.facts["of"]


def _without_type(table: SchemaObject) -> SchemaObject:
    return replace(table, facts={name: value for name, value in table.facts.items() if name != "of"})


def _find_bound(column: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield the objects that prevent a column from changing its type."""
    name = read_local(column)
    new = result.expected.objects.get(column.key, column)
    wider = is_widening(column.facts["type"], new.facts["type"])
    for other in result.mentions[column.parent]:
        if not wider and other.kind == "constraint" and name in find_words(_read_foreign_columns(other, column.parent)):
            yield other
        generated = other.kind == "column" and name in find_words(other.facts.get("generated", ""))
        if generated or (other.kind in _BOUND and name in find_words(read_reads(other))):
            yield other


def _find_fields(column: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield the parts of a table that read a field of a column's rows, which a text does not have."""
    field = re.compile(
        rf"\(\(*{re.escape(read_local(column))}(?:\[[^]]*\])*\)\.|\b{re.escape(read_local(column))}\[[^]]*\]\."
    )
    for other in result.mentions[column.parent]:
        if other.kind in _EXPRESSIONS and field.search(read_reads(other)):
            yield other


def _read_foreign_columns(constraint: SchemaObject, table: str) -> str:
    """Return the columns of a table in a foreign key: both ends must have types that can be compared."""
    match = _FOREIGN_KEY.match(constraint.facts["definition"])
    if match is None:
        return ""
    own, referenced, columns = match.groups()
    return " ".join([own if constraint.parent == table else "", columns if referenced == table else ""])


def _free_row_type(column: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Patch the columns that hold rows of a column's table, and yield what prevents that."""
    names = [column.parent]
    for name in names:
        for other in result.mentions[name]:
            if other.kind in TYPES and other.name not in names:
                names.append(other.name)
            elif other.kind != "column" or name not in find_names(other.facts["type"]) or other.parent == column.parent:
                continue
            elif extra := _find_extra(other, result):
                result.blocked[column.key].add(extra.key)
                yield extra
            else:
                result.patched[other.key] = _patch(result.patched.get(other.key, other), name, is_type=True)
                result.blocked[column.key].add(other.key)
                yield from [*_find_bound(other, result), *_find_fields(other, result)]


def _find_followers(one: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield the objects that are dropped with an object, or must be dropped before it."""
    if one.kind == "index":
        yield from _find_index_kin(one, result)
    elif one.kind == "constraint":
        yield from _find_constraint_kin(one, result)
    elif one.kind == "column":
        words = ((other, find_words(read_reads(other))) for other in result.mentions[one.parent])
        yield from (
            other
            for other, mentioned in words
            if read_local(one) in mentioned
            and (other.kind in LEAVES or other.kind == "sequence" or "generated" in other.facts)
        )
    elif one.kind in RELATIONS | ROUTINES | TYPES | {"sequence"}:
        yield from _find_dependents(one, result)


def _find_dependents(one: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    label = read_label(one)
    if one.kind in RELATIONS:
        yield from (
            part for part in result.found.objects.values() if part.parent == one.name and part.kind != "comment"
        )
    for other in result.mentions[label]:
        if other.key == one.key or other.kind == "comment":
            continue
        if other.kind == "table" and other.facts.get("of") == label:
            result.patched[other.key] = _without_type(other)
        elif other.kind == "column":
            if label in find_names(other.facts.get("generated", "")):
                yield other
            elif one.kind in TYPES and is_partition_key(other, result.found):
                yield from _free_partition_key(other, result)
            elif other.parent != one.name and (extra := _find_extra(other, result)):
                yield extra
            elif other.parent != one.name:
                patch = _patch(result.patched.get(other.key, other), label, is_type=one.kind in TYPES | RELATIONS)
                retyped = patch.facts["type"] != other.facts["type"]
                result.patched[other.key] = patch
                if retyped:
                    yield from _find_bound(other, result)
                    yield from _find_fields(other, result)
                    yield from _free_row_type(other, result)
        elif other.kind not in RELATIONS or other.kind in LEAVES or one.kind in RELATIONS:
            yield other


def _free_partition_key(column: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield the table of a column of its partition key: no statement gives that another type, even for a moment."""
    for table in result.found.labelled(column.parent):
        yield table
        for above in list_above(table.name, result.found):
            result.blocked["column", f"{above}.{read_local(column)}"].add(table.key)


def _find_extra(column: SchemaObject, result: Replacement) -> SchemaObject | None:
    """Return a column, or its table, that is dropped in any case: it need not be detached from anything."""
    table = result.found.relation(column.parent)
    if table is not None and table.key not in result.expected.objects:
        return table
    return column if column.key not in result.expected.objects else None


def _patch(column: SchemaObject, label: str, *, is_type: bool) -> SchemaObject:
    """Return a column that no longer depends on a type or function."""
    facts = {name: value for name, value in column.facts.items() if name != "default"}
    if is_type and label in find_names(facts["type"]):
        # Any value fits text and comes back from it, so that the rows survive the drop of their type.
        facts["type"] = "text[]" if facts["type"].endswith("]") else "text"
        facts.pop("collation", None)
        facts.pop("storage", None)
    return replace(column, facts=facts)


def _find_index_kin(one: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield the constraint of an index, the indexes above and below it, and foreign keys that use it."""
    constraint = result.found.get("constraint", f"{one.parent}.{one.facts.get('constraint', '')}")
    if constraint:
        yield constraint
    for other in result.found.objects.values():
        above, below = one.facts.get("partition of"), other.facts.get("partition of")
        # The index of a table that goes is in nobody's way.
        stays = result.expected.relation(one.parent) is not None
        if other.kind == "index" and (below == one.name or (other.name == above and stays)):
            yield other
    yield from _find_key_users(one, result)


def _find_key_users(one: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield what refers to a key or unique index, and what groups by a primary key."""
    if one.facts["definition"].startswith(UNIQUE):
        yield from find_users(one, result.found)


def _find_constraint_kin(one: SchemaObject, result: Replacement) -> Iterator[SchemaObject]:
    """Yield the index of a constraint, and the same constraint of tables that inherit it."""
    yield from _find_key_users(one, result)
    for index in result.found.parts(one.parent, "index"):
        if index.facts.get("constraint") == read_local(one):
            yield index
    if one.facts["definition"].startswith("CHECK"):
        for other in result.mentions[one.parent]:
            if other.kind == "table" and one.parent in list_parents(other.name, result.found):
                inherited = result.found.get("constraint", f"{other.name}.{read_local(one)}")
                yield from [inherited] if inherited else []
