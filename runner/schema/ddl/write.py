"""The statements that turn one schema into another, as a draft to review, in an order that works."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from tenantry.schema.ddl.code import write_aggregate, write_function, write_view
from tenantry.schema.ddl.columns import write_column
from tenantry.schema.ddl.draft import Draft, Phase, Risk, Step, Urgency
from tenantry.schema.ddl.drops import DROPS, write_drops
from tenantry.schema.ddl.inherited import read_current
from tenantry.schema.ddl.names import (
    RELATIONS,
    find_names,
    find_words,
    list_names,
    read_label,
    read_local,
    read_outside,
    read_reads,
)
from tenantry.schema.ddl.needs import find_needs, is_shared
from tenantry.schema.ddl.order import comment_out, sort_steps
from tenantry.schema.ddl.others import (
    write_dependence,
    write_event_trigger,
    write_extension,
    write_publication,
    write_schema,
    write_sequence_object,
)
from tenantry.schema.ddl.parts import (
    write_comment,
    write_constraint,
    write_index,
    write_partition_triggers,
    write_policy,
    write_rule,
    write_statistics,
    write_trigger,
)
from tenantry.schema.ddl.rare import write_access_method, write_cast, write_collation, write_server, write_wrapper
from tenantry.schema.ddl.rarest import PHASES, write_rarest
from tenantry.schema.ddl.rename import find_renames
from tenantry.schema.ddl.replace import Replacement, find_replacement
from tenantry.schema.ddl.rights import write_grants, write_owner
from tenantry.schema.ddl.schema import Schema, SchemaStep, unwritten
from tenantry.schema.ddl.sequences import SEQUENCE_FACTS
from tenantry.schema.ddl.tables import write_table
from tenantry.schema.ddl.taken import list_given, list_moved, list_needed, make_room
from tenantry.schema.ddl.types import (
    write_base_type,
    write_composite,
    write_domain,
    write_enum,
    write_range,
    write_shell_type,
)
from tenantry.schema.snapshot import ObjectKey, SchemaObject, Snapshot

_NO_BODIES = Draft(
    "SET check_function_bodies = off", Risk.ADDITIVE, "function bodies may name objects that are created later"
)
# Kinds without a DROP of their own.
_GRANTED = frozenset({"default grants", "identity sequence", "privileges"})
_ENDED = _GRANTED | {"comment"}
# Parts of types, which are facts of these and have comments of their own.
_PARTS_OF_TYPES = frozenset({"attribute", "domain constraint"})
_REPLACES = "needed again after the DROP above"

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
    "base type": write_base_type,
    "shell type": write_shell_type,
    **dict.fromkeys(PHASES, write_rarest),
    **dict.fromkeys(_GRANTED, lambda _: iter(())),
}
# The facts that are written for each kind, besides owner and grants; every other fact is named as not written.
_FACTS = {
    "schema": (),
    "extension": ("version", "schema"),
    "enum": ("labels",),
    "domain": ("type", "not null", "default", "collation", "constraints"),
    "range": ("subtype", "collation", "operator class", "canonical", "difference", "multirange"),
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
        *(
            "statistics",
            "options",
            "foreign options",
            "not null validated",
            "not null inherited",
            "persistence",
            *SEQUENCE_FACTS,
        ),
    ),
    "constraint": ("definition", "validated", "enforced"),
    "index": (
        *("definition", "valid", "maintained", "replica identity", "clustered", "constraint", "partition of"),
        "statistics",
    ),
    "view": ("definition", "options"),
    "materialized view": ("definition", "options", "access method", "populated"),
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
    "base type": ("definition",),
    "shell type": (),
    **dict.fromkeys(_GRANTED, ()),
    "comment": ("text",),
}


def write_ddl(expected: Snapshot, found: Snapshot, *, major: int = 0, origin: int = 0) -> tuple[Draft, ...]:
    """Return the statements that turn the found schema into the expected one, in order; empty if they are equal.

    A change that cannot be written is a draft without SQL that names it. `major` is that of the server to run them;
    with 0 they run on each major, unless an object itself needs a later one. `origin` is that of the server that the
    schemas were read on, if it is another one: 0 is that of `major`, or one whose sequences are never unlogged.
    """
    wanted = Schema(expected.objects, major, origin or major)
    # Renames come first, since every later statement uses the new names.
    renames, renamed, present = find_renames(wanted, Schema(found.objects), _write_anew)
    replacement = find_replacement(wanted, present)
    base = replacement.base
    gone = [present.objects[key] for key in replacement.gone]
    patched = Schema({**present.objects, **replacement.patched})
    extra = [old for key, old in base.objects.items() if key not in wanted.objects and old.kind not in _ENDED]
    drops = [
        *write_drops(gone, present, wanted, base, Urgency.FIRST, awaited=replacement.list_awaited()),
        *replacement.patches(),
        *write_drops(extra, patched, wanted, base, Urgency.LAST),
    ]
    moved = list_moved(wanted, base)
    makes = [
        _mark_renamed(_connect(step, wanted, present, replacement), renamed, renames)
        for step in (*make_room(wanted, base), *(_follow(step, moved) for step in _write_all(wanted, base, present)))
    ]
    drafts = [*renames, *(step.draft for step in sort_steps([*drops, *makes]))]
    return (_NO_BODIES, *drafts) if any(_is_unchecked(step) for step in makes) else tuple(drafts)


def _connect(step: Step, expected: Schema, present: Schema, replacement: Replacement) -> Step:
    """Return a step with what it needs, takes and leaves."""
    new, old = expected.objects.get(step.key), present.objects.get(step.key)
    either = new or old
    if either is None or not step.draft.sql:
        return step
    idle = step.phase in {Phase.OWNER, Phase.GRANT, Phase.COMMENT}
    return replace(
        step,
        needs=frozenset((*find_needs(step, either, expected, present), *replacement.find_blocked(step.key)))
        - {step.key},
        obstacles=frozenset(replacement.blocked.get(step.key, ())),
        takes=frozenset(list_needed(either, expected) if step.opens else ()),
        picks=frozenset(list_given(either, expected) if step.opens else ()),
        left=read_reads(old) if old and not idle else "",
    )


def _follow(step: Step, moved: Mapping[ObjectKey, tuple[str, str]]) -> Step:
    """Return a step about a column's sequence under the name that this has after making room."""
    old, new = moved.get(step.key, ("", ""))
    if not old or not step.draft.sql.startswith(f"ALTER SEQUENCE {old} "):
        return step
    return replace(step, draft=replace(step.draft, sql=step.draft.sql.replace(old, new, 1)))


def _mark_renamed(step: Step, renamed: Sequence[tuple[SchemaObject, set[str]]], renames: Sequence[Draft]) -> Step:
    """Return a step as a comment if it uses a name that an object has only after its rename, or no longer has."""
    names, words = find_names(step.draft.sql), find_words(step.draft.sql)
    for (new, freed), rename in zip(renamed, renames, strict=True):
        if step.key == new.key or not freed.isdisjoint(step.takes):
            return comment_out(step, f"run only after {rename.sql}")
        alone = not new.parent or new.kind == "index"
        if (read_label(new) if alone else new.parent) in names and (alone or read_local(new) in words):
            return comment_out(step, f"run only after {rename.sql}")
    return step


def _is_unchecked(step: Step) -> bool:
    sql = step.draft.sql
    return step.key[0] in {"function", "procedure"} and "\n LANGUAGE sql" in sql and read_outside(sql) != sql


def _write_anew(new: SchemaObject, old: SchemaObject, expected: Schema, found: Schema) -> Iterator[Draft]:
    """Yield the other reading of a rename: one object is created, the other dropped."""
    for made in (new, *(part for part in expected.objects.values() if part.parent == new.name)):
        if made.kind in _WRITERS:
            yield from (step.draft for step in _WRITERS[made.kind](SchemaStep(made, None, expected, found)))
    yield DROPS[old.kind](old).draft


def _write_all(expected: Schema, base: Schema, present: Schema) -> Iterator[Step]:
    """Yield the steps that create or alter the expected objects, given the schema after the first drops."""
    # Columns in the order of their table, which is the one that they keep.
    for key, new in sorted(expected.objects.items(), key=lambda pair: (-_depth(pair[1], expected), pair[1].position)):
        old = base.objects.get(key)
        if new.kind == "column":
            old = read_current(new, expected, base)
        # A statement about an index changes those below it as well.
        if old is not None and old.facts == new.facts and not ("partition of" in new.facts and new.kind == "index"):
            continue
        replaced = old is None and key in present.objects
        for step in _write_one(new, old, expected, base):
            yield comment_out(step, _REPLACES) if replaced else step
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


def _write_one(new: SchemaObject, old: SchemaObject | None, expected: Schema, base: Schema) -> Iterator[Step]:
    if new.kind == "comment":
        kind = _kind_of(new, expected)
        # An object that is not written cannot have a comment.
        if kind in _PARTS_OF_TYPES or kind in _WRITERS or base.get(kind, new.name.removeprefix(f"{kind} ")):
            yield from write_comment(kind, old, new)
        return
    if new.kind not in _WRITERS:
        yield unwritten(new, "objects of this kind are not written")
        return
    change = SchemaStep(new, old, expected, base)
    if old is not None and new.kind == "column" and change.differs("type", "collation") and is_shared(new, base):
        yield unwritten(new, f"type {change.fact('type')}: a child has the column from other parents too")
        kept = {fact: change.fact(fact) for fact in ("type", "collation")}
        change = replace(change, old=replace(old, facts={**old.facts, **kept}))
    yield from _WRITERS[new.kind](change)
    if new.kind in RELATIONS:
        yield from write_partition_triggers(change)
    yield from write_owner(change)
    yield from write_grants(change)
    yield from write_dependence(change)
    # Those of the rarest kinds are named where they are written.
    known = {*_FACTS.get(new.kind, new.facts), "owner", "grants", "depends on extension"}
    for fact in dict.fromkeys((*new.facts, *(old.facts if old else ()))) if new.kind not in PHASES else ():
        if fact not in known and change.differs(fact):
            yield from _name_unwritten(change, fact)


def _name_unwritten(change: SchemaStep, fact: str) -> Iterator[Step]:
    expected, found = change.fact(fact) or "none", change.was(fact) or "none"
    yield unwritten(change.new, f"{fact}: expected {expected}, found {found}")


def _kind_of(comment: SchemaObject, schema: Schema) -> str:
    """Return the kind of the object that a comment belongs to."""
    words = comment.name.split(" ")
    # The name of a kind has up to three words.
    kinds = [" ".join(words[:count]) for count in range(1, 4)]
    if words[0] in _PARTS_OF_TYPES or " ".join(words[:2]) in _PARTS_OF_TYPES:
        return next(kind for kind in kinds if kind in _PARTS_OF_TYPES)
    sure = [kind for kind in kinds if schema.get(kind, comment.name.removeprefix(f"{kind} "))]
    return (sure or [kind for kind in kinds if kind in _WRITERS] or [""])[0]


def _write_end(old: SchemaObject, expected: Schema, base: Schema) -> Iterator[Step]:
    """Yield the removal of a comment from an object that stays, or of default grants."""
    if old.kind in _GRANTED:
        without = replace(old, facts={})
        yield from write_grants(SchemaStep(without, old, expected, base))
        return
    kind = _kind_of(old, base)
    name = old.name.removeprefix(f"{kind} ")
    whole = list_names(name)[0] if kind in _PARTS_OF_TYPES else ""
    if expected.get(kind, name) or any(expected.get(one, whole) for one in ("composite type", "domain")):
        yield from write_comment(kind, old, None)
