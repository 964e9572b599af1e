"""The facts that a column gets by statements about its parents: ALTER TABLE also changes children and partitions."""

from collections.abc import Iterator

from tenantry.schema.ddl.columns import list_lasting
from tenantry.schema.ddl.names import read_local
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.snapshot import SchemaObject

# The facts that ALTER COLUMN changes in children too.
_PASSED = ("type", "collation", "default", "not null", "not null validated", "storage", "statistics", "generated")
# Those that a child has from a column that its parent gets.
_GIVEN = (*_PASSED, "identity")


def read_current(column: SchemaObject, expected: Schema, found: Schema) -> SchemaObject | None:
    """Return a column as it is after the statements about its parents; None if it does not exist even then."""
    old = found.get("column", column.name)
    facts = dict(old.facts) if old else None
    if facts is None and _is_of_type(column.parent, expected, found):
        facts = {fact: column.facts[fact] for fact in ("type", "collation") if fact in column.facts}
    for above in _list_above(column, expected, found):
        before = found.get("column", above.name)
        if before is None:
            # A column that the child has already stays as it is.
            facts = facts or {fact: given for fact in _GIVEN if (given := _read_passed(above, fact))}
        elif facts is not None:
            for fact in _PASSED:
                if _is_touched(above, before, fact, expected, found):
                    facts[fact] = _read_passed(above, fact)
    return SchemaObject("column", column.name, facts, column.parent, column.position) if facts is not None else None


def _read_passed(above: SchemaObject, fact: str) -> str:
    """Return a fact of a column as children get it: a NOT NULL with NO INHERIT is not one of theirs."""
    alone = above.facts.get("not null inherited") == "no" and fact.startswith("not null")
    return "" if alone else above.facts.get(fact, "")


def _is_of_type(table: str, expected: Schema, found: Schema) -> bool:
    """Return whether a table has the attributes of a type all along: it gets new ones from there."""
    types = {schema.facts("table", table).get("of", "") for schema in (expected, found)}
    return len(types) == 1 and "" not in types


def _list_above(column: SchemaObject, expected: Schema, found: Schema) -> Iterator[SchemaObject]:
    """Yield the same column of the parents that a table has before and after."""
    for parent in sorted(list_lasting(column.parent, expected, found)):
        above = expected.get("column", f"{parent}.{read_local(column)}")
        if above:
            yield above


def _is_touched(above: SchemaObject, before: SchemaObject, fact: str, expected: Schema, found: Schema) -> bool:
    """Return whether a statement changes a fact of a column, or one of a column above it does."""
    current = read_current(above, expected, found)
    values = {_read_passed(one, fact) for one in (above, before, *([current] if current else []))}
    return len(values) > 1
