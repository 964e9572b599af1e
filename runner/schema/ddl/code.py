"""Functions, procedures, aggregates and views: replaced in place where the server allows it."""

import re
from collections.abc import Iterator

from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import read_label, read_local
from tenantry.schema.ddl.options import write_settings
from tenantry.schema.ddl.schema import Schema, SchemaStep, step, with_reads
from tenantry.schema.snapshot import SchemaObject

# The line of `RETURNS`, which a procedure does not have.
_HEADER = re.compile(r"^ (?!RETURNS)", re.MULTILINE)


def write_function(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE OR REPLACE of a function or procedure."""
    if change.differs("definition"):
        made = step(change.new, Phase.FUNCTION, change.fact("definition").rstrip(), provides=True)
        yield with_reads(made, [change.new])


def read_signature(definition: str) -> str:
    """Return the lines of a function's definition that CREATE OR REPLACE cannot change."""
    match = _HEADER.search(definition)
    return definition[: match.start()] if match else definition


def drop_routine(old: SchemaObject) -> Step:
    """Return DROP FUNCTION, PROCEDURE or AGGREGATE."""
    phase = Phase.AGGREGATE if old.kind == "aggregate" else Phase.FUNCTION
    made = step(old, phase, f"DROP {old.kind.upper()} {read_target(old)}", Risk.DESTRUCTIVE, provides=True)
    return with_reads(made, [old])


def write_aggregate(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE AGGREGATE."""
    if change.old is None:
        _, rest = _split_arguments(change.fact("definition"))
        sql = f"CREATE AGGREGATE {read_target(change.new)}{rest}"
        yield with_reads(step(change.new, Phase.AGGREGATE, sql, provides=True), [change.new])


def read_target(routine: SchemaObject) -> str:
    """Return a routine's name for statements; an aggregate's arguments are spelled as in its CREATE."""
    if routine.kind != "aggregate":
        return routine.name
    arguments, _ = _split_arguments(routine.facts["definition"])
    return f"{read_label(routine)}{'(*)' if arguments == '()' else arguments}"


def _split_arguments(definition: str) -> tuple[str, str]:
    """Return the arguments of an aggregate in parentheses, and the rest."""
    depth = 0
    for at, char in enumerate(definition):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0:
            return definition[: at + 1], definition[at + 1 :]
    return definition, ""


def write_view(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE OR REPLACE VIEW, or CREATE MATERIALIZED VIEW, and its options."""
    new = change.new
    if change.old is None or change.differs("definition"):
        replaces = "OR REPLACE " if change.old is not None else ""
        # Spelled again, since CREATE OR REPLACE VIEW without them would drop those of the old view.
        options = f" WITH ({change.fact('options')})" if change.fact("options") else ""
        method = f" USING {change.fact('access method')}" if change.fact("access method") else ""
        start = f"CREATE {replaces}{new.kind.upper()} {new.name}{method}{options} AS\n"
        empty = "\nWITH NO DATA" if change.fact("populated") else ""
        note = "fills the view under its locks" if new.kind == "materialized view" else ""
        yield step(new, Phase.VIEW, start + change.fact("definition") + empty, note=note, provides=True)
    if change.old is not None and change.differs("populated"):
        sql = f"REFRESH MATERIALIZED VIEW {new.name}"
        if change.fact("populated"):
            yield step(new, Phase.MARK, f"{sql} WITH NO DATA", Risk.DESTRUCTIVE, "its rows are lost")
        else:
            yield step(new, Phase.MARK, sql, note="fills the view under its locks")
    # CREATE OR REPLACE has set them.
    if change.old is not None and change.differs("options") and not change.differs("definition"):
        start = f"ALTER {new.kind.upper()} {new.name}"
        for sql in write_settings(start, change.was("options"), change.fact("options")):
            yield step(new, Phase.MARK, sql)


def is_replaceable(old: SchemaObject, new: SchemaObject, found: Schema, expected: Schema) -> bool:
    """Return whether CREATE OR REPLACE VIEW can turn one view into another: it may only add columns at the end."""
    before = [_shape(column) for column in found.parts(old.name, "column")]
    after = [_shape(column) for column in expected.parts(new.name, "column")]
    return after[: len(before)] == before


def _shape(column: SchemaObject) -> tuple[str, str | None, str | None]:
    return read_local(column), column.facts.get("type"), column.facts.get("collation")


def drop_view(old: SchemaObject) -> Step:
    """Return DROP VIEW or DROP MATERIALIZED VIEW."""
    made = step(old, Phase.VIEW, f"DROP {old.kind.upper()} {old.name}", Risk.DESTRUCTIVE, provides=True)
    return with_reads(made, [old])
