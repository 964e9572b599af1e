"""Differences between two schemas: objects that are missing, extra or different, by name.

The parts of an object that is missing as a whole are not listed with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenantry.model.errors import Problem
from tenantry.model.words import count
from tenantry.schema.snapshot import ObjectKey, SchemaObject, Snapshot

_RELATIONS = ("table", "foreign table", "view", "materialized view")
# In the order in which they are listed; an object with a parent is listed below it.
_ORDER = (
    "setting",
    "extension",
    "schema",
    "language",
    "collation",
    "conversion",
    "enum",
    "domain",
    "range",
    "composite type",
    "base type",
    "shell type",
    "cast",
    "transform",
    "operator",
    "operator family",
    "operator class",
    "text search parser",
    "text search template",
    "text search dictionary",
    "text search configuration",
    "access method",
    "foreign data wrapper",
    "server",
    "user mapping",
    *_RELATIONS,
    "column",
    "constraint",
    "index",
    "trigger",
    "rule",
    "policy",
    "statistics",
    "sequence",
    "identity sequence",
    "function",
    "procedure",
    "aggregate",
    "publication",
    "subscription",
    "event trigger",
    "default grants",
    "privileges",
    "comment",
)
# These are shown with this fact; the facts of others may be long.
_SHOWN = {
    "constraint": "definition",
    "index": "definition",
    "trigger": "definition",
    "enum": "labels",
    "setting": "value",
    "privileges": "grants",
    "identity sequence": "grants",
}
_LONG = 100  # Arbitrary, for the eye.
# The meaning of an absent fact, if it is more than "none".
_ABSENT = {
    "access method": "heap",
    "collation": "of its type",
    "compression": "default",
    "context": "explicit",
    "deterministic": "yes",
    "enabled": "yes",
    "enforced": "yes",
    "grants": "as built in",
    "not null": "no",
    "not null inherited": "yes",
    "not null validated": "yes",
    "owner": "the connected role",
    "maintained": "yes",
    "multirange": "by its usual name",
    "permissive": "yes",
    "persistence": "logged",
    "populated": "yes",
    "replica identity": "default",
    "row security": "off",
    "slot": "one",
    "storage": "of its type",
    "triggers": "as its parent's",
    "validated": "yes",
}
# The found and the expected value of a flag, and the words for it.
_FLAGS = {
    ("materialized view", "populated", "no", ""): "not populated, every query of it fails",
    ("materialized view", "populated", "", "no"): "populated, expected WITH NO DATA",
    ("index", "maintained", "no", ""): "not maintained by writes",
    ("index", "valid", "no", ""): "INVALID",
    ("index", "valid", "", "no"): "valid, expected INVALID",
    ("constraint", "validated", "no", ""): "NOT VALID",
    ("constraint", "validated", "", "no"): "validated, expected NOT VALID",
    ("constraint", "enforced", "no", ""): "NOT ENFORCED",
    ("constraint", "enforced", "", "no"): "enforced, expected NOT ENFORCED",
    ("constraint", "triggers", "disabled", ""): "not enforced, its triggers are disabled",
    ("constraint", "triggers", "", "disabled"): "enforced, expected its triggers to be disabled",
    ("trigger", "enabled", "no", ""): "disabled",
    ("trigger", "enabled", "", "no"): "enabled, expected disabled",
    ("column", "not null", "", "yes"): "nullable, expected not null",
    ("column", "not null", "yes", ""): "not null, expected nullable",
}
# The short names of types, as people write them.
_SHORT = (
    ("character varying", "varchar"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
)


class What(StrEnum):
    """The way in which an object is not as expected."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference from the expected schema.

    `fact` names the fact in which two objects differ. It is empty if the object is missing or extra as a whole: then
    `expected` or `found` describes the object in short. An absent fact, which is the default, is an empty text.
    """

    kind: str
    name: str
    what: What
    fact: str = ""
    expected: str = ""
    found: str = ""


def compare_schemas(expected: Snapshot, found: Snapshot) -> tuple[Difference, ...]:
    """Return all differences, those of one table together; none if the objects are equal."""
    objects = {**found.objects, **expected.objects}
    missing = _without_children(_only_in(expected, found))
    extra = _without_children(_only_in(found, expected))
    differences = [
        *(_difference_of(child, What.MISSING) for child in missing),
        *(_difference_of(child, What.EXTRA) for child in extra),
        *_compare_both(expected.objects, found.objects),
    ]
    # If a view's definition differs, its columns would report the same difference again.
    rewritten = {one.name for one in differences if one.fact == "definition" and one.kind in _RELATIONS}
    kept = [one for one in differences if not _follows(one, objects[one.kind, one.name], rewritten)]
    return tuple(sorted(kept, key=lambda one: _place(one, objects[one.kind, one.name])))


def _only_in(one: Snapshot, other: Snapshot) -> dict[ObjectKey, SchemaObject]:
    return {key: child for key, child in one.objects.items() if key not in other.objects}


def _without_children(alone: Mapping[ObjectKey, SchemaObject]) -> Iterator[SchemaObject]:
    """Yield the objects that are not part of another one of them."""
    labels = {f"{kind} {name}" for kind, name in alone}
    relations = {name for kind, name in alone if kind in _RELATIONS}
    for child in alone.values():
        constraint = child.facts.get("constraint", "")
        covered = (
            child.parent in relations
            or (child.kind == "comment" and child.name in labels)
            or (child.kind == "index" and ("constraint", f"{child.parent}.{constraint}") in alone)
            or (child.kind == "sequence" and ("column", child.facts.get("owned by", "")) in alone)
        )
        if not covered:
            yield child


def _difference_of(whole: SchemaObject, what: What) -> Difference:
    text = _summarize(whole)
    if what is What.MISSING:
        return Difference(whole.kind, whole.name, what, expected=text)
    return Difference(whole.kind, whole.name, what, found=text)


def _compare_both(
    expected: Mapping[ObjectKey, SchemaObject], found: Mapping[ObjectKey, SchemaObject]
) -> Iterator[Difference]:
    """Yield a difference for each fact that differs in an object that both have."""
    for key in expected.keys() & found.keys():
        left = {"parent": expected[key].parent, **expected[key].facts}
        right = {"parent": found[key].parent, **found[key].facts}
        differing = {fact for fact in left.keys() | right.keys() if left.get(fact, "") != right.get(fact, "")}
        # A different parent comes with a different definition or owner, which are clearer.
        for fact in differing - {"parent"} or differing:
            yield Difference(*key, What.DIFFERENT, fact, left.get(fact, ""), right.get(fact, ""))


def _follows(one: Difference, whole: SchemaObject, rewritten: set[str]) -> bool:
    """Return whether a view's column differs only because the view's definition does."""
    return one.kind == "column" and whole.parent in rewritten and one.fact in ("", "type", "collation")


def _place(one: Difference, whole: SchemaObject) -> tuple[int, str, int, int, str, str]:
    """Return the sort key of a difference: below its table, columns first and in their order."""
    top = _ORDER.index("table") if whole.parent or one.kind in _RELATIONS else _ORDER.index(one.kind)
    return top, whole.parent or one.name, _ORDER.index(one.kind), whole.position, one.name, one.fact


def _summarize(whole: SchemaObject) -> str:
    """Return a short description of an object; empty if its kind and name say enough."""
    facts = whole.facts
    if whole.kind != "column":
        return facts.get(_SHOWN.get(whole.kind, ""), "")
    parts = (
        facts.get("type", ""),
        facts.get("collation") and f"COLLATE {facts['collation']}",
        "not null" if "not null" in facts else "",
        facts.get("identity") and f"generated {facts['identity']} as identity",
        facts.get("generated") and f"generated always as {facts['generated']}",
        facts.get("default") and f"default {facts['default']}",
    )
    return " ".join(part for part in parts if part)


def explain(difference: Difference) -> str:
    """Return a difference as one line: `sessions.deposit_amount: missing, expected numeric(10,2)`."""
    return f"{_show_name(difference)}: {_show_what(difference)}"


def _show_name(one: Difference) -> str:
    """Return kind and name for people: without `public`, and without the kind of tables and columns."""
    name = one.name.removeprefix("public.")
    if one.kind in ("table", "column"):
        return name
    if one.kind == "comment":
        return f"comment on {one.name.replace(' public.', ' ', 1)}"
    if one.kind == "default grants":
        return f"default grants on {one.name}"
    return f"{one.kind} {name}"


def _show_what(one: Difference) -> str:
    match one.what:
        case What.MISSING:
            return f"missing{_show_whole(', expected', one.kind, one.expected)}"
        case What.EXTRA:
            return f"extra{_show_whole(', found', one.kind, one.found)}"
        case What.DIFFERENT:
            return _show_fact(one)


def _show_whole(lead: str, kind: str, text: str) -> str:
    if kind == "table":
        return f"{lead} a table"
    return f"{lead} {_shorten(text)}" if text and "\n" not in text else ""


def _show_fact(one: Difference) -> str:
    flag = _FLAGS.get((one.kind, one.fact, one.found, one.expected))
    if flag:
        return flag
    # Two bodies of functions would fill the report: only that they differ fits a line.
    if any("\n" in text or len(text) > _LONG for text in (one.expected, one.found)):
        return f"{one.fact} differs"
    found = _show_value(one.fact, one.found)
    return f"{one.fact} {found}, expected {_show_value(one.fact, one.expected)}"


def _show_value(fact: str, value: str) -> str:
    if not value:
        return _ABSENT.get(fact, "none")
    return _shorten(value) if fact in ("type", "attributes") else value


def _shorten(text: str) -> str:
    for long, short in _SHORT:
        text = text.replace(long, short)
    return text


def count_differences(number: int) -> str:
    """Return the number of differences, in words."""
    return count(number, "difference")


def describe_unnamed() -> Problem:
    """Return the problem of a schema whose fingerprint differs although no object does."""
    return Problem("the schema differs from the expected one, but no single object does; please report this")
