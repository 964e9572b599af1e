"""The statements that turn one schema into another, as a draft to review, in an order that works."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tenantry.schema.ddl.code import drop_routine, drop_view, write_aggregate, write_function, write_view
from tenantry.schema.ddl.columns import SEQUENCE_FACTS, list_parents, write_column
from tenantry.schema.ddl.draft import Draft, Phase, Risk, Step
from tenantry.schema.ddl.names import (
    RELATIONS,
    find_names,
    find_words,
    list_names,
    read_label,
    read_local,
    read_outside,
    read_schema,
)
from tenantry.schema.ddl.order import sort_drops, sort_makes
from tenantry.schema.ddl.others import (
    drop_event_trigger,
    drop_plain,
    drop_publication,
    drop_sequence,
    is_dropped_with,
    write_event_trigger,
    write_extension,
    write_publication,
    write_schema,
    write_sequence_object,
)
from tenantry.schema.ddl.parts import (
    drop_constraint,
    drop_index,
    drop_policy,
    drop_rule,
    drop_statistics,
    drop_trigger,
    write_comment,
    write_constraint,
    write_index,
    write_partition_triggers,
    write_policy,
    write_rule,
    write_statistics,
    write_trigger,
)
from tenantry.schema.ddl.rare import (
    drop_rare,
    write_access_method,
    write_cast,
    write_collation,
    write_server,
    write_wrapper,
)
from tenantry.schema.ddl.rename import find_renames
from tenantry.schema.ddl.replace import find_replacement
from tenantry.schema.ddl.rights import write_grants, write_owner
from tenantry.schema.ddl.schema import Schema, SchemaStep, unwritten, with_reads
from tenantry.schema.ddl.tables import write_table
from tenantry.schema.ddl.types import drop_type, write_composite, write_domain, write_enum, write_range
from tenantry.schema.snapshot import ObjectKey, SchemaObject, Snapshot

_NO_BODIES = Draft(
    "SET check_function_bodies = off", Risk.ADDITIVE, "function bodies may name objects that are created later"
)
# Kinds without a DROP of their own.
_ENDED = frozenset({"comment", "default grants"})
_REPLACES = "needed again after the DROP above"
_AFTER = "run only after the commented statements above"

_WRITERS: dict[str, Callable[[SchemaStep], Iterator[Step]]] = {
    "schema": write_schema,
    "extension": write_extension,
    "enum": write_enum,
    "domain": write_domain,
    "range": write_range,
    "composite type": write_composite,
    "sequence": write_sequence_object,
    "function": write_function,
    "procedure": write_function,
    "aggregate": write_aggregate,
    "table": write_table,
    "foreign table": write_table,
    "column": write_column,
    "constraint": write_constraint,
    "index": write_index,
    "view": write_view,
    "materialized view": write_view,
    "trigger": write_trigger,
    "rule": write_rule,
    "policy": write_policy,
    "statistics": write_statistics,
    "publication": write_publication,
    "event trigger": write_event_trigger,
    "collation": write_collation,
    "cast": write_cast,
    "access method": write_access_method,
    "foreign data wrapper": write_wrapper,
    "server": write_server,
    "default grants": lambda _: iter(()),
}
_DROPS: dict[str, Callable[[SchemaObject], Step]] = {
    "enum": drop_type,
    "domain": drop_type,
    "range": drop_type,
    "composite type": drop_type,
    "sequence": drop_sequence,
    "function": drop_routine,
    "procedure": drop_routine,
    "aggregate": drop_routine,
    "view": drop_view,
    "materialized view": drop_view,
    "constraint": drop_constraint,
    "index": drop_index,
    "trigger": drop_trigger,
    "rule": drop_rule,
    "policy": drop_policy,
    "statistics": drop_statistics,
    "publication": drop_publication,
    "event trigger": drop_event_trigger,
    "collation": drop_rare,
    "cast": drop_rare,
    "access method": drop_rare,
    "foreign data wrapper": drop_rare,
    "server": drop_rare,
    "schema": drop_plain,
    "extension": drop_plain,
    "table": drop_plain,
    "foreign table": drop_plain,
    "column": drop_plain,
}
# The facts that are written for each kind, besides owner and grants; every other fact is named as not written.
_FACTS = {
    "schema": (),
    "extension": ("version", "schema"),
    "enum": ("labels",),
    "domain": ("type", "not null", "default", "collation", "constraints"),
    "range": ("subtype", "collation", "operator class", "canonical", "difference"),
    "composite type": ("attributes",),
    "sequence": ("type", *SEQUENCE_FACTS, "owned by", "persistence"),
    "function": ("definition",),
    "procedure": ("definition",),
    "aggregate": ("definition",),
    "table": (
        *("persistence", "partition by", "partition of", "bound", "inherits", "of", "options", "toast options"),
        *("access method", "row security", "replica identity", "triggers"),
    ),
    "foreign table": ("server", "options", "partition of", "bound", "inherits", "triggers"),
    "column": (
        *("type", "collation", "not null", "identity", "generated", "default", "storage", "compression"),
        *("statistics", "options", "not null validated", *SEQUENCE_FACTS),
    ),
    "constraint": ("definition", "validated", "enforced"),
    "index": ("definition", "valid", "replica identity", "clustered", "constraint", "partition of"),
    "view": ("definition", "options"),
    "materialized view": ("definition", "options", "access method"),
    "trigger": ("definition", "enabled"),
    "rule": ("definition", "enabled"),
    "policy": ("command", "permissive", "roles", "using", "check"),
    "statistics": ("definition", "target"),
    "publication": ("all tables", "publish", "via root", "generated columns", "tables", "schemas"),
    "event trigger": ("event", "function", "enabled", "tags"),
    "collation": ("provider", "locale", "lc_collate", "lc_ctype", "deterministic", "rules"),
    "cast": ("function", "method", "context"),
    "access method": ("type", "handler"),
    "foreign data wrapper": ("handler", "validator", "options"),
    "server": ("foreign data wrapper", "type", "version", "options"),
    "default grants": (),
    "comment": ("text",),
}


def write_ddl(expected: Snapshot, found: Snapshot) -> tuple[Draft, ...]:
    """Return the statements that turn the found schema into the expected one, in order; empty if they are equal.

    A change that cannot be written is a draft without SQL that names it.
    """
    wanted = Schema(expected.objects)
    # Renames come first, since every later statement uses the new names.
    renames, renamed, present = find_renames(wanted, Schema(found.objects), _write_anew)
    replacement = find_replacement(wanted, present)
    base = replacement.base
    first = _drop([present.objects[key] for key in replacement.gone], present, wanted, base)
    makes = list(_write_all(wanted, base, present))
    extra = [old for key, old in base.objects.items() if key not in wanted.objects]
    last = _drop([old for old in extra if old.kind not in _ENDED], base, wanted, wanted)
    forced = Forced(
        {*replacement.blocked, *replacement.patched}, renamed, [present.objects[key] for key in replacement.gone]
    )
    makes = [_mark_replaced(step, _AFTER) if forced.has(step) or _waits(step, last) else step for step in makes]
    links = [step for step in makes if _waits(step, last)]
    others = [step for step in makes if not _waits(step, last)]
    steps = [*sort_drops([*first, *replacement.patches()]), *sort_makes(others), *sort_drops(last), *links]
    drafts = [*renames, *(step.draft for step in steps)]
    return (_NO_BODIES, *drafts) if any(_is_unchecked(step) for step in makes) else tuple(drafts)


@dataclass(frozen=True, slots=True)
class Forced:
    """Names and columns that a statement cannot use until a commented statement has run."""

    columns: set[ObjectKey]
    renamed: Sequence[SchemaObject]
    gone: Sequence[SchemaObject]

    def has(self, step: Step) -> bool:
        """Return whether a step is about such a column, or needs a new name or a name that is not free yet."""
        sql, kind = step.draft.sql, step.key[0]
        return step.key in self.columns or self._takes_name(step, kind) or self._mentions(sql)

    def _takes_name(self, step: Step, kind: str) -> bool:
        names = {read_label(old) for old in self.gone if not old.parent or old.kind == "index"}
        if step.phase is Phase.LINK:
            parents = {
                old.facts["partition of"] for old in self.gone if old.kind == "table" and "partition of" in old.facts
            }
            return not parents.isdisjoint(find_names(step.draft.sql))
        if kind == "constraint":
            local = step.key[1].removeprefix(f"{list_names(step.key[1])[0]}.")
            return f"{read_schema(step.key[1])}.{local}" in names
        return bool(step.provides) and step.provides in names

    def _mentions(self, sql: str) -> bool:
        names, words = find_names(sql), find_words(sql)
        for new in self.renamed:
            alone = not new.parent or new.kind == "index"
            if (read_label(new) if alone else new.parent) in names and (alone or read_local(new) in words):
                return True
        return False


def _waits(step: Step, drops: Iterable[Step]) -> bool:
    """Return whether a table becomes a child while columns are still to be dropped, perhaps those of its parent."""
    return step.phase is Phase.LINK and any(drop.column for drop in drops)


def _is_unchecked(step: Step) -> bool:
    sql = step.draft.sql
    return step.key[0] in {"function", "procedure"} and "\n LANGUAGE sql" in sql and read_outside(sql) != sql


def _write_anew(new: SchemaObject, old: SchemaObject, expected: Schema, found: Schema) -> Iterator[Draft]:
    """Yield the other reading of a rename: one object is created, the other dropped."""
    for made in (new, *(part for part in expected.objects.values() if part.parent == new.name)):
        if made.kind in _WRITERS:
            yield from (step.draft for step in _WRITERS[made.kind](SchemaStep(made, None, expected, found)))
    yield _DROPS[old.kind](old).draft


def _write_all(expected: Schema, base: Schema, present: Schema) -> Iterator[Step]:
    """Yield the steps that create or alter the expected objects, given the schema after the first drops."""
    for key, new in sorted(expected.objects.items(), key=lambda pair: -_depth(pair[1], expected)):
        old = base.objects.get(key)
        # A table may stay while its index goes: its replica identity goes with the index.
        if old is not None and old.facts == new.facts and not _lost_its_identity(new, base, present):
            continue
        replaced = old is None and key in present.objects
        for step in _write_one(new, old, expected, base):
            yield _mark_replaced(step, _REPLACES) if replaced else step
    for key, old in base.objects.items():
        if key not in expected.objects and old.kind in _ENDED:
            yield from _write_end(old, expected, base)


def _depth(one: SchemaObject, schema: Schema) -> int:
    """Return the partition depth of the table of an index or constraint: the upper ones adopt the lower ones."""
    table = one.parent if one.kind in {"index", "constraint"} else ""
    depth = 0
    while table := schema.facts("table", table).get("partition of", ""):
        depth += 1
    return depth


def _lost_its_identity(new: SchemaObject, base: Schema, present: Schema) -> bool:
    before, after = present.parts(new.name, "index"), base.parts(new.name, "index")
    return new.facts.get("replica identity") == "index" and [i.key for i in before] != [i.key for i in after]


def _write_one(new: SchemaObject, old: SchemaObject | None, expected: Schema, base: Schema) -> Iterator[Step]:
    if new.kind == "comment":
        kind = _kind_of(new, expected)
        # An object that is not written cannot have a comment.
        if kind in _WRITERS or base.get(kind, new.name.removeprefix(f"{kind} ")):
            yield from write_comment(kind, old, new)
        return
    if new.kind not in _WRITERS:
        yield unwritten(new, "objects of this kind are not written")
        return
    change = SchemaStep(new, old, expected, base)
    yield from _WRITERS[new.kind](change)
    if new.kind in RELATIONS:
        yield from write_partition_triggers(change)
    yield from write_owner(change)
    yield from write_grants(change)
    for fact in dict.fromkeys((*new.facts, *(old.facts if old else ()))):
        if fact not in {*_FACTS[new.kind], "owner", "grants"} and change.differs(fact):
            yield from _name_unwritten(change, fact)


def _name_unwritten(change: SchemaStep, fact: str) -> Iterator[Step]:
    if change.new.kind == "column" and fact == "not null inherited" and change.old is None:
        return
    expected, found = change.fact(fact) or "none", change.was(fact) or "none"
    yield unwritten(change.new, f"{fact}: expected {expected}, found {found}")


def _kind_of(comment: SchemaObject, schema: Schema) -> str:
    """Return the kind of the object that a comment belongs to."""
    words = comment.name.split(" ")
    # The name of a kind has up to three words.
    kinds = [" ".join(words[:count]) for count in range(1, 4)]
    sure = [kind for kind in kinds if schema.get(kind, comment.name.removeprefix(f"{kind} "))]
    return (sure or [kind for kind in kinds if kind in _WRITERS] or [""])[0]


def _write_end(old: SchemaObject, expected: Schema, base: Schema) -> Iterator[Step]:
    """Yield the removal of a comment from an object that stays, or of default grants."""
    if old.kind == "default grants":
        without = replace(old, facts={})
        yield from write_grants(SchemaStep(without, old, expected, base))
        return
    kind = _kind_of(old, base)
    if expected.get(kind, old.name.removeprefix(f"{kind} ")):
        yield from write_comment(kind, old, None)


def _mark_replaced(step: Step, reason: str) -> Step:
    draft = step.draft
    if draft.kind is Risk.DESTRUCTIVE:
        return step
    note = "; ".join(filter(None, [reason, draft.note]))
    return replace(step, draft=replace(draft, kind=Risk.DESTRUCTIVE, note=note))


def _drop(olds: Iterable[SchemaObject], found: Schema, expected: Schema, left: Schema) -> list[Step]:
    """Return the drops of objects, without those that go with another. `left` is the schema after them."""
    gone = Schema({key: old for key, old in found.objects.items() if key not in left.objects})
    steps = []
    for old in olds:
        if old.kind not in _DROPS:
            steps.append(unwritten(old, "extra, and objects of this kind are not dropped"))
        elif not _goes_along(old, found, expected, gone, left):
            steps.append(_drop_one(old, found))
    return steps


def _drop_one(old: SchemaObject, found: Schema) -> Step:
    step = _DROPS[old.kind](old)
    if old.kind in {"table", "foreign table"}:
        return with_reads(step, [old, *found.parts(old.name, "column")])
    return with_reads(step, [old]) if old.kind in {"column", "composite type", "domain", "range"} else step


def _goes_along(old: SchemaObject, found: Schema, expected: Schema, gone: Schema, left: Schema) -> bool:
    """Return whether an object is dropped by dropping another."""
    if is_dropped_with(old, gone) or _is_gone_in_parents(old, found, gone, left):
        return True
    if old.kind == "index":
        owner = gone.get("constraint", f"{old.parent}.{old.facts.get('constraint', '')}")
        return (
            old.facts.get("partition of") is not None
            or owner is not None
            or _is_relation_gone(old.parent, found, gone, expected)
        )
    foreign_key = old.facts.get("definition", "").startswith("FOREIGN KEY")
    # Two tables may refer to each other: foreign keys go before both.
    return not foreign_key and _is_relation_gone(old.parent, found, gone, expected)


def _is_relation_gone(name: str, found: Schema, gone: Schema, expected: Schema) -> bool:
    relation = found.relation(name)
    return relation is not None and (gone.relation(name) is not None or relation.key not in expected.objects)


def _is_gone_in_parents(old: SchemaObject, found: Schema, gone: Schema, left: Schema) -> bool:
    """Return whether a part of a table goes with the same part of the table's parent."""
    if old.kind == "constraint":
        indexes = found.parts(old.parent, "index")
        if any("partition of" in index.facts and index.facts.get("constraint") == read_local(old) for index in indexes):
            return True
    if old.kind not in {"column", "constraint"}:
        return False
    parents = set(list_parents(old.parent, found)) & set(list_parents(old.parent, left))
    return any(gone.get(old.kind, f"{parent}.{read_local(old)}") for parent in parents)
