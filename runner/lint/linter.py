"""The findings of lint in a project's files, by measurement, or by syntax alone if a file cannot be measured."""

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath

from tenantry import sqltext
from tenantry.lint.measure.measures import Measures, make_measures
from tenantry.lint.ruleset import lint
from tenantry.lint.weighing import Weighed, describe
from tenantry.model import Migration
from tenantry.model.effects import Measured
from tenantry.model.events import HazardFound, MigrationMeasured
from tenantry.model.hazards import Hazard, Level
from tenantry.model.results import MeasuredStatement
from tenantry.model.scope import Scope
from tenantry.project import Project


@dataclass(frozen=True, slots=True)
class Linted:
    """The findings in files, and the measured effects of each of `files`."""

    files: tuple[Migration, ...]
    hazards: tuple[Hazard, ...]
    effects: tuple[tuple[Measured, ...], ...]


@dataclass(frozen=True, slots=True)
class Linter:
    """Lints the first files of a set: a file can only be measured after all those before it."""

    measures: Measures
    scope: Scope

    def lint(self, migrations: Sequence[Migration], versions: Collection[int] | None = None) -> Linted:
        """Return the findings in the files; a file that cannot be measured has one that says so.

        `versions` limits the findings to these files; those before them are only run, and their effects are empty.
        """
        effects = self.measures.effects(migrations, self.scope, versions)
        return Linted(tuple(migrations), lint(migrations, effects, versions), effects)


def make_linter(project: Project) -> Linter:
    """Return the linter of a project; its measurements are kept between runs."""
    return Linter(make_measures(project), project.config.scope())


def find_dangers(linted: Linted, versions: Collection[int], allowed: Collection[str]) -> list[Hazard]:
    """Return the dangers in files of these versions that neither their headers nor `allowed`, names of rules, allow."""
    return [
        hazard
        for hazard in linted.hazards
        if hazard.level is Level.DANGER
        and hazard.version in versions
        and not hazard.allowed
        and hazard.rule not in allowed
    ]


def show(tenant: str, hazards: Sequence[Hazard], migrations: Sequence[Migration]) -> Iterator[HazardFound]:
    """Yield each hazard as it is shown, with its place in the file; `tenant` is the one it is reported for."""
    # By their paths, since repeatables have no version.
    files = {migration.path: _Text(migration) for migration in migrations}
    seen = Counter[str]()
    for hazard in hazards:
        file = files[hazard.path]
        place = sqltext.Position(hazard.line, hazard.column)
        known_by = f"{hazard.rule}\n{PurePath(hazard.path).name}\n{file.find_statement(place)}"
        # Equal statements of a file are numbered, and lines are left out: the fingerprint survives edits around them.
        seen[known_by] += 1
        fingerprint = hashlib.sha256(f"{known_by}\n{seen[known_by]}".encode()).hexdigest()
        yield HazardFound(tenant, hazard, sqltext.excerpt(file.migration.text, place), fingerprint)


def show_weighed(tenant: str, weighed: Sequence[Weighed], migrations: Sequence[Migration]) -> Iterator[HazardFound]:
    """Yield each danger that counts in a tenant as it is shown, with the sizes for which it does."""
    found = show(tenant, [describe(one) for one in weighed], migrations)
    return (replace(shown, sizes=one.sizes) for shown, one in zip(found, weighed, strict=True))


class _Text:
    """The statements of a file and where they begin, found once: a file may have many of them, and many findings."""

    def __init__(self, migration: Migration) -> None:
        self.migration = migration

    @cached_property
    def _statements(self) -> tuple[sqltext.Statement, ...]:
        return sqltext.split(self.migration.sql)

    @cached_property
    def _lines(self) -> list[int]:
        """Return where each line begins."""
        return [0, *(found.end() for found in re.finditer("\n", self.migration.sql))]

    def find_statement(self, place: sqltext.Position) -> str:
        """Return the statement at a place, with its white space normalised; empty if none begins before it."""
        offset = self._lines[place.line - 1] + place.column - 1
        index = bisect_right(self._statements, offset, key=lambda statement: statement.start)
        return " ".join(self._statements[index - 1].text.split()) if index else ""


def show_effects(migrations: Sequence[Migration], linted: Linted) -> Iterator[MigrationMeasured]:
    """Yield for each file the measured effects of its statements, or the reason why there are none."""
    for file, measured in zip(migrations, linted.effects, strict=True):
        yield MigrationMeasured(file, tuple(_place(file, effect) for effect in measured))


def _place(file: Migration, effect: Measured) -> MeasuredStatement:
    place = sqltext.position(file.sql, effect.start)
    return MeasuredStatement(place.line, place.column, effect)
