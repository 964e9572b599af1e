"""A snapshot with access to the parts of its objects, and the steps that writers return for an object."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from tenantry.schema.ddl.draft import Draft, Phase, Risk, Step
from tenantry.schema.ddl.names import RELATIONS, read_label, read_local, read_reads
from tenantry.schema.snapshot import ObjectKey, SchemaObject

_EMPTY: dict[str, str] = {}


# Without slots, since a cached property needs a __dict__.
@dataclass(frozen=True)
class Schema:
    """The objects of a database by their key.

    `major` is that of the server to run statements that not all have, and `origin` that of the server with the
    objects, for what they have there without being asked; 0 is an unknown one, taken as the oldest.
    """

    objects: Mapping[ObjectKey, SchemaObject]
    major: int = 0
    origin: int = 0

    @cached_property
    def _parts(self) -> dict[str, list[SchemaObject]]:
        parts: dict[str, list[SchemaObject]] = defaultdict(list)
        for found in sorted(self.objects.values(), key=lambda found: found.position):
            parts[found.parent].append(found)
        return parts

    @cached_property
    def _labels(self) -> dict[str, list[SchemaObject]]:
        labels: dict[str, list[SchemaObject]] = defaultdict(list)
        for found in self.objects.values():
            if not found.parent:
                labels[read_label(found)].append(found)
        return labels

    def parts(self, parent: str, kind: str = "") -> list[SchemaObject]:
        """Return the parts of a table, of one kind or of all, columns in their order."""
        return [found for found in self._parts.get(parent, []) if kind in {"", found.kind}]

    def labelled(self, label: str) -> list[SchemaObject]:
        """Return the objects that others mention by this name."""
        return self._labels.get(label, [])

    def get(self, kind: str, name: str) -> SchemaObject | None:
        """Return an object, or None."""
        return self.objects.get((kind, name))

    def facts(self, kind: str, name: str) -> Mapping[str, str]:
        """Return the facts of an object; none if it does not exist."""
        found = self.objects.get((kind, name))
        return found.facts if found else _EMPTY

    def relation(self, name: str) -> SchemaObject | None:
        """Return a table or view by its name."""
        return next((found for kind in RELATIONS if (found := self.get(kind, name))), None)


@dataclass(frozen=True, slots=True)
class SchemaStep:
    """The change of one object. `old` is None if it is created; `replaced` if it was dropped before.

    `expected` and `found` are the whole schemas; `found` is without the objects that were dropped first.
    """

    new: SchemaObject
    old: SchemaObject | None
    expected: Schema
    found: Schema
    replaced: bool = False

    def fact(self, name: str) -> str:
        """Return the expected value of a fact; empty if it is the default."""
        return self.new.facts.get(name, "")

    def was(self, name: str) -> str:
        """Return the found value of a fact; empty if it is the default, or the object is new."""
        return self.old.facts.get(name, "") if self.old else ""

    def differs(self, *names: str) -> bool:
        """Return whether one of these facts is not as expected."""
        return any(self.fact(name) != self.was(name) for name in names)


def step(
    about: SchemaObject,
    phase: Phase,
    sql: str,
    risk: Risk = Risk.ADDITIVE,
    note: str = "",
    *,
    separate: bool = False,
    provides: bool = False,
    opens: bool = False,
) -> Step:
    """Return a step about an object; one that creates it `opens` it by itself."""
    draft = Draft(sql, risk, note, separate=separate)
    label = read_label(about) if provides else ""
    column = read_local(about) if about.kind == "column" else ""
    return Step(draft, phase, about.key, label, column, opens=opens or sql.startswith("CREATE "))


def unwritten(about: SchemaObject, note: str) -> Step:
    """Return a step that only names a change that cannot be written."""
    return Step(Draft("", Risk.DESTRUCTIVE, f"{about.kind} {about.name}: {note}"), Phase.COMMENT, about.key)


def with_reads(made: Step, objects: Iterable[SchemaObject]) -> Step:
    """Return a step with the needs of these objects."""
    return replace(made, reads=" ".join(read_reads(found) for found in objects))
