"""Hazards and measured effects as people read them."""

from collections.abc import Iterator, Sequence

from tenantry.model.effects import Measured
from tenantry.model.events import HazardFound, MigrationMeasured
from tenantry.reports.escaping import escape_line
from tenantry.reports.wording import indent, name_tenants

# Arbitrary: how much of a statement still tells which one it is.
_SHOWN = 60


def write_hazard(found: HazardFound, names: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of a hazard; `names` are the tenants that it refuses, none if a file is linted."""
    hazard = found.hazard
    subject = f"{name_tenants(names)}: " if names else "" if found.tenant else "migrate would refuse "
    place = f"{hazard.path}:{hazard.line}:{hazard.column}"
    yield f"{subject}{place}: {hazard.level.value}: {hazard.rule}: {hazard.message}"
    yield from indent(found.excerpt)
    if hazard.help:
        first, *rest = hazard.help.removesuffix("\n").split("\n")
        yield f"  help: {first}"
        yield from (line for one in rest for line in indent(one, by=" " * 8))


def write_effects(measured: MigrationMeasured) -> Iterator[str]:
    """Yield a line for each statement of a file: its place, its first words, and its measured effects."""
    name = escape_line(measured.migration.path.rpartition("/")[2])
    rows = [
        (f"{name}:{one.line}", escape_line(_cut(one.effect.text)), escape_line(describe_effect(one.effect)))
        for one in measured.statements
    ]
    widths = [max((len(row[index]) for row in rows), default=0) for index in (0, 1)]
    for place, text, words in rows:
        yield f"{place:<{widths[0]}}  {text:<{widths[1]}}  {words}".rstrip()


def describe_effect(effect: Measured) -> str:
    """Return a statement's measured effects on tables that existed before its file; empty if there are none."""
    if effect.unmeasured:
        return f"not measured: {' '.join(effect.unmeasured.split())}"
    locked = {lock.relation: f"{lock.mode.words} on {_shorten(lock.relation)}" for lock in effect.locks}
    parts = []
    for relation in dict.fromkeys((*locked, *effect.rewritten, *effect.scanned)):
        done = [
            verb for verb, which in (("rewrites", effect.rewritten), ("scans", effect.scanned)) if relation in which
        ]
        if relation in locked:
            parts.append(", ".join([locked[relation], *(f"{verb} it" for verb in done)]))
        else:
            parts.append(f"{' and '.join(done)} {_shorten(relation)}")
    # A quoted name may hold line ends.
    return " ".join("; ".join(parts).split())


def _shorten(relation: str) -> str:
    """Return a table's name as a file would write it."""
    return relation.removeprefix("public.")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 4]} ..."
