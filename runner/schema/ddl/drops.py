"""The drops: each object that goes, without those that go with another one, and what each takes along."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace

from tenantry.schema.ddl.code import drop_routine, drop_view
from tenantry.schema.ddl.columns import list_lasting
from tenantry.schema.ddl.draft import Phase, Risk, Step, Urgency
from tenantry.schema.ddl.kin import find_kin, is_kin
from tenantry.schema.ddl.names import RELATIONS, find_names, read_label, read_local, read_reads
from tenantry.schema.ddl.needs import find_drop_needs, find_leaving, find_parting, find_users, list_above, list_below
from tenantry.schema.ddl.others import drop_event_trigger, drop_plain, drop_publication, drop_sequence, is_dropped_with
from tenantry.schema.ddl.parts import drop_constraint, drop_index, drop_policy, drop_rule, drop_statistics, drop_trigger
from tenantry.schema.ddl.rare import drop_rare
from tenantry.schema.ddl.rarest import PHASES, drop_rarest
from tenantry.schema.ddl.schema import Schema, step, unwritten
from tenantry.schema.ddl.taken import is_passed, list_names
from tenantry.schema.ddl.types import drop_type
from tenantry.schema.snapshot import ObjectKey, SchemaObject

DROPS: dict[str, Callable[[SchemaObject], Step]] = {
    "enum": drop_type,
    "domain": drop_type,
    "range": drop_type,
    "composite type": drop_type,
    "base type": drop_type,
    "shell type": drop_type,
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
    **dict.fromkeys(PHASES, drop_rarest),
}
# Parts of tables that mention others and can be dropped by themselves.
_LOOSE = frozenset({"constraint", "policy", "rule"})


def write_drops(
    olds: Iterable[SchemaObject],
    found: Schema,
    expected: Schema,
    left: Schema,
    urgency: Urgency,
    *,
    awaited: Container[ObjectKey] = (),
) -> Iterator[Step]:
    """Yield the drops of objects, without those that go with another.

    `left` is the schema after the first drops, and `awaited` are the objects whose drop a change awaits.
    """
    gone = Schema(
        {key: old for key, old in found.objects.items() if key not in left.objects or key not in expected.objects}
    )
    for old in olds:
        if old.kind not in DROPS:
            yield unwritten(old, "extra, and objects of this kind are not dropped")
        elif any(_goes_with(one, old, found, gone) for one in _find_columns(old, expected, gone, left, awaited)):
            continue
        elif not _goes_along(old, found, expected, gone, left if urgency is Urgency.FIRST else expected):
            yield from _detach(old, found, gone, urgency)
            yield _drop(old, found, expected, gone, urgency)


def _detach(old: SchemaObject, found: Schema, gone: Schema, urgency: Urgency) -> Iterator[Step]:
    """Yield DETACH for a partition to whose partitioned table foreign keys refer: they hold it too."""
    parent = old.facts.get("partition of", "")
    above = [parent, *list_above(parent, found)] if parent and old.kind in RELATIONS else []
    keys = (key for table in above for kind in ("constraint", "index") for key in found.parts(table, kind))
    users = (user for key in keys for user in find_users(key, found) if user.kind == "constraint")
    if any(user.key not in gone.objects for user in users):
        sql, note = f"ALTER TABLE {parent} DETACH PARTITION {old.name}", "foreign keys refer to its table"
        made = step(old, Phase.LINK, sql, Risk.DESTRUCTIVE, note)
        yield replace(made, urgency=urgency, is_drop=True, gone=frozenset([old.key]))


def _drop(old: SchemaObject, found: Schema, expected: Schema, gone: Schema, urgency: Urgency) -> Step:
    taken = [one for one in _list_taken(old, found) if one.key in gone.objects]
    # Those in the way have a drop of their own.
    along = (one for one in taken if one is old or not _is_in_the_way(one, found, gone))
    reads = " ".join(read_reads(one) for one in along if one.kind != "comment")
    made = DROPS[old.kind](old)
    if _keeps_below(old, found, gone):
        # Without ONLY, the children would lose it with their rows' values.
        sql = made.draft.sql.replace("ALTER TABLE ", "ALTER TABLE ONLY ", 1)
        made = replace(made, draft=replace(made.draft, sql=sql))
    return replace(
        made,
        urgency=urgency,
        is_drop=True,
        reads=reads,
        needs=frozenset(
            (
                *(key for one in _list_keyed(old, taken) for key in find_drop_needs(one, found)),
                *(find_leaving(old.parent, expected, found) if is_passed(old) else ()),
                *(find_parting(old, expected, found) if is_passed(old) else ()),
            )
        ),
        gone=frozenset(one.key for one in taken),
        frees=frozenset(name for one in taken for name in list_names(one)),
    )


def _list_keyed(old: SchemaObject, taken: list[SchemaObject]) -> list[SchemaObject]:
    """Return the objects whose users are dropped before an object: a table's are found by the table's name."""
    return taken if old.kind == "column" else [old]


def _list_taken(old: SchemaObject, found: Schema) -> Iterator[SchemaObject]:
    """Yield an object and all that goes with it."""
    yield old
    if old.kind in RELATIONS:
        yield from (one for one in found.objects.values() if one.parent == old.name)
        partitions = (one for one in found.objects.values() if one.facts.get("partition of") == old.name)
        yield from (taken for one in partitions for taken in _list_taken(one, found))
    elif old.kind == "constraint":
        name = read_local(old)
        for index in found.parts(old.parent, "index"):
            if index.facts.get("constraint") == name:
                yield from _list_taken(index, found)
    elif old.kind == "index":
        for index in found.objects.values():
            if index.kind == "index" and index.facts.get("partition of") == old.name:
                yield from _list_taken(index, found)
                owner = found.get("constraint", f"{index.parent}.{index.facts.get('constraint', '')}")
                yield from [owner] if owner else []
    elif old.kind == "base type":
        names = find_names(read_reads(old))
        yield from (one for one in found.objects.values() if one.kind == "function" and read_label(one) in names)
    elif old.kind == "column":
        yield from (one for one in found.objects.values() if one.facts.get("owned by") == old.name)
        yield from find_kin(old, found)


def _goes_along(old: SchemaObject, found: Schema, expected: Schema, gone: Schema, left: Schema) -> bool:
    """Return whether an object is dropped by dropping another."""
    if is_dropped_with(old, gone) or _is_gone_in_parents(old, found, expected, gone, left):
        return True
    if old.kind == "function" and _is_of_base_type(old, gone):
        return True
    if gone.get("table", old.facts.get("partition of", "")):
        return True
    if old.kind == "index":
        owner = gone.get("constraint", f"{old.parent}.{old.facts.get('constraint', '')}")
        return (
            old.facts.get("partition of") is not None
            or owner is not None
            or _is_relation_gone(old.parent, found, gone, expected)
        )
    return _is_relation_gone(old.parent, found, gone, expected) and not _is_in_the_way(old, found, gone)


def _find_columns(
    old: SchemaObject, expected: Schema, gone: Schema, left: Schema, awaited: Container[ObjectKey]
) -> Iterator[SchemaObject]:
    """Yield the columns that are dropped, each early enough for what awaits the drop of a part of its table."""
    late = old.key not in expected.objects and old.key not in awaited
    if gone.relation(old.parent) is None:
        yield from (one for one in gone.parts(old.parent, "column") if late or one.key not in left.objects)


def _goes_with(column: SchemaObject, old: SchemaObject, found: Schema, gone: Schema) -> bool:
    """Return whether a part of a table is dropped with a column; with ONLY, its checks stay checks of the children."""
    return is_kin(old, column) and not (old.kind == "constraint" and _keeps_below(column, found, gone))


def _is_of_base_type(old: SchemaObject, gone: Schema) -> bool:
    types = (one for one in gone.objects.values() if one.kind == "base type")
    return any(read_label(old) in find_names(read_reads(one)) for one in types)


def _is_in_the_way(old: SchemaObject, found: Schema, gone: Schema) -> bool:
    """Return whether a part of a dropped table mentions another dropped object that mentions this table.

    Of two tables with such parts, it is enough to free one: the other one takes its parts along.
    """
    if old.kind not in _LOOSE:
        return False
    return any(
        _mentions(other, old.parent, found, gone, set())
        and not (other.name < old.parent and _is_loose(other, old, found))
        for name in find_names(read_reads(old)) - {old.parent}
        for other in gone.labelled(name)
    )


def _is_loose(other: SchemaObject, old: SchemaObject, found: Schema) -> bool:
    """Return whether another table mentions that of a part only in parts that can be dropped by themselves."""
    if other.kind != "table":
        return False
    reads = [(part, find_names(read_reads(part))) for part in found.parts(other.name) if part.kind != "comment"]
    back = [part for part, names in reads if old.parent in names]
    rest = {name for _, names in reads for name in names} - {other.name, old.parent}
    # By way of a third object, the two may depend on each other in another way as well.
    return all(part.kind in _LOOSE for part in back) and not any(found.labelled(name) for name in rest)


def _mentions(one: SchemaObject, name: str, found: Schema, gone: Schema, seen: set[str]) -> bool:
    """Return whether a dropped object or its parts mention another one, perhaps by way of others."""
    seen.add(read_label(one))
    parts = found.parts(one.name) if one.kind in RELATIONS else []
    names = find_names(" ".join(read_reads(part) for part in (one, *parts) if part.kind != "comment")) - seen
    if name in names:
        return True
    return any(_mentions(other, name, found, gone, seen) for label in names for other in gone.labelled(label))


def _is_relation_gone(name: str, found: Schema, gone: Schema, expected: Schema) -> bool:
    relation = found.relation(name)
    return relation is not None and (gone.relation(name) is not None or relation.key not in expected.objects)


def _is_gone_in_parents(old: SchemaObject, found: Schema, expected: Schema, gone: Schema, left: Schema) -> bool:
    """Return whether a part of a table goes with the same part of the table's parent."""
    if old.kind == "constraint":
        indexes = found.parts(old.parent, "index")
        if any("partition of" in index.facts and index.facts.get("constraint") == read_local(old) for index in indexes):
            return True
    if old.kind not in {"column", "constraint"}:
        return False
    # A partition is detached before its parent changes.
    parted = {found.facts("table", old.parent).get("partition of", "")} - {*list_lasting(old.parent, expected, found)}
    parents = (parent for parent in list_lasting(old.parent, left, found) if parent not in parted)
    above = (gone.get(old.kind, f"{parent}.{read_local(old)}") for parent in parents)
    return any(one is not None and not _keeps_below(one, found, gone) for one in above)


def _keeps_below(old: SchemaObject, found: Schema, gone: Schema) -> bool:
    """Return whether a child of a table keeps the column that the table loses."""
    if old.kind != "column" or "partition by" in found.facts("table", old.parent):
        return False
    below = (("column", f"{table}.{read_local(old)}") for table in list_below(old.parent, found))
    return any(key in found.objects and key not in gone.objects for key in below)
