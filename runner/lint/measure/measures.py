"""The effect of each statement of the files on a database that has rows: measured once, and kept.

A measurement is found by all that it depends on: the texts of the files up to there, the major of the server, and the
method.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psycopg

from tenantry import sqltext
from tenantry.ledger.provenance import Provenance
from tenantry.lint.measure.books import Books
from tenantry.lint.measure.replay import measure_file
from tenantry.model import Migration, effects
from tenantry.model.effects import Measured
from tenantry.model.errors import Cancelled, ServerError, TenantError
from tenantry.model.scope import Scope
from tenantry.postgres.embedded.programs import find_binaries, read_major
from tenantry.postgres.sessions import Sessions, find_major
from tenantry.project import Project
from tenantry.scratch.expected import REPLAYED, find_place
from tenantry.scratch.kept import Start, make_chain
from tenantry.scratch.places import Scratch, ScratchPlace
from tenantry.scratch.run import replay
from tenantry.state import Cache

# To be raised with every change to the method, so that results of the old one are not found.
_METHOD = 7
_MEASURED = "measured"
_GIVEN = "given"
# Classes of SQLSTATE that tell of the server: lost connections, no resources, an operator at work, its system.
_CONNECTION = "08000"
_PASSING = frozenset({"08", "53", "57", "58"})

Effects = tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """Gives the measured effects of files. `folder` is where they are kept; it may be deleted at any time."""

    folder: Path
    place: ScratchPlace
    provenance: Provenance
    cache: Cache = field(default_factory=Cache)
    # By where they are kept: all files are asked for several times.
    _known: dict[Path, Effects] = field(default_factory=dict)

    def effects(
        self, migrations: Sequence[Migration], scope: Scope, versions: Collection[int] | None = None
    ) -> tuple[Effects, ...]:
        """Return for each file the effect of each of its statements, on tables of earlier files alone.

        Of files that are not of `versions`, if these are given, nothing is returned: they are only run. If a file does
        not apply, or there is no place to measure, the statements from there on have the reason instead of an effect.
        Raises Cancelled.
        """
        try:
            files = self._find(migrations, scope, versions)
        except ServerError as error:
            return tuple(_name_statements(migration, str(error), error.hint) for migration in migrations)
        stopped = self._measure_all(files, scope)
        found = [(file, self._read(file.path) if file.wanted else ()) for file in files]
        return tuple(_name_statements(file.migration, *stopped) if known is None else known for file, known in found)

    def _measure_all(self, files: Sequence["_File"], scope: Scope) -> tuple[str, str]:
        """Measure the wanted files that are not kept yet; if that ends early, return the reason and a hint."""
        failures: dict[Path, psycopg.Error] = {}
        try:
            while unknown := self._list_unknown(files):
                start = self._choose_start(files, unknown[0], scope)
                with self.place.open_embedded(start) as scratch:
                    self._measure(scratch, files, scope, failures)
        except Cancelled:
            raise
        except (TenantError, ServerError) as error:
            self.place.stop.check()
            # What was measured before is kept and counts: a file that fails must hide no danger in those before it.
            return str(error), error.hint
        return "", ""

    def _measure(
        self, scratch: Scratch, files: Sequence["_File"], scope: Scope, failures: dict[Path, psycopg.Error]
    ) -> None:
        """Measure the wanted files that are not kept yet, in order, and keep the effects; run those between them.

        `failures` are the errors so far. A file that does not run statement by statement leaves its database in an
        unknown state, so it is applied whole to the next one.
        """
        # Listed again: another process may have been here while this one waited for its turn.
        unknown, done = self._list_unknown(files), scratch.done
        books = Books(scratch.connection, prepares=scratch.own_server)
        for index in unknown:
            file = files[index]
            skipped = [each.migration for each in files[done : index + (file.path in failures)]]
            if skipped:
                self._replay(scratch, skipped, scope)
                books.forget()
            if file.path in failures:
                self._keep_unmeasured(file.path, file.migration, failures[file.path])
            else:
                try:
                    measured = measure_file(scratch, file.migration, scope.ledger_schema, books=books)
                except psycopg.Error as error:
                    # A statement that was cancelled says nothing of its file.
                    scratch.check()
                    failures[file.path] = error
                    return
                self.cache.keep(file.path, effects.to_json(measured))
                self._known[file.path] = measured
            done = index + 1
        if done > scratch.done:
            scratch.keep(self._choose_start(files, done, scope).chains[0][done])

    def _list_unknown(self, files: Sequence["_File"]) -> list[int]:
        """Return the numbers of the wanted files that are not measured yet."""
        return [index for index, file in enumerate(files) if file.wanted and self._read(file.path) is None]

    def _choose_start(self, files: Sequence["_File"], most: int, scope: Scope) -> Start:
        """Return the kept states that would do to begin with: measured, or replayed without rows."""
        migrations = [file.migration for file in files]
        about = (str(self._major()), scope.ledger_schema, *self.place.describe_values(migrations))
        measured = make_chain(migrations, f"{_MEASURED} {_METHOD}", *about)
        return Start((measured, make_chain(migrations, REPLAYED, *about)), most)

    def _replay(self, scratch: Scratch, migrations: Sequence[Migration], scope: Scope) -> None:
        """Apply files without measuring them. Raises Refused."""
        replay(scratch, self.provenance, migrations, scope)

    def _find(self, migrations: Sequence[Migration], scope: Scope, versions: Collection[int] | None) -> list["_File"]:
        """Return where the effects of each file are kept."""
        about = (str(effects.FORMAT), str(_METHOD), str(self._major()), scope.ledger_schema)
        chain = hashlib.sha256(f"{' '.join((*about, *self.place.describe_values(migrations)))}\n".encode())
        files = []
        for migration in migrations:
            chain.update(f"{migration.version} {migration.name} {migration.checksum}\n".encode())
            wanted = versions is None or migration.version in versions
            files.append(_File(migration, self.folder / f"{chain.hexdigest()}.json", wanted))
        return files

    def _read(self, path: Path) -> Effects | None:
        if path not in self._known:
            text = self.cache.read(path)
            found = effects.from_json(text) if text is not None else None
            if found is None:
                return None
            self._known[path] = found
        return self._known[path]

    def _keep_unmeasured(self, path: Path, migration: Migration, error: psycopg.Error) -> None:
        """Keep the reason why a file was not measured; if it lies with the server, for this run alone."""
        reason = (error.diag.message_primary or str(error)).strip()
        text = effects.to_json(_name_statements(migration, reason))
        if (error.sqlstate or _CONNECTION)[:2] in _PASSING:
            self.cache.remember(path, text)
        else:
            self.cache.keep(path, text)

    def _major(self) -> int:
        """Return the major of the server that measures; 0 if the given one does not answer. Raises ServerError.

        Its error is reported when it is used.
        """
        if not self.place.given:
            return read_major(find_binaries())
        try:
            sessions = Sessions({_GIVEN: self.place.given}, self.place.settings)
            with sessions.connect_to(_GIVEN, sessions.maintenance(_GIVEN)) as connection:
                return find_major(connection)
        except (psycopg.Error, TenantError):
            return 0


class _File(NamedTuple):
    """A file, where its effects are kept, and whether they are wanted."""

    migration: Migration
    path: Path
    wanted: bool


def make_measures(project: Project) -> Measures:
    """Return the measures of a project, which are kept between runs."""
    return Measures(project.cache_folder / "measured", find_place(project), project.provenance, project.cache)


def _name_statements(migration: Migration, reason: str, hint: str = "") -> Effects:
    """Return the statements of a file but those alike, each with the reason why its effect is unknown."""
    groups = sqltext.group_alike(sqltext.split(migration.sql))
    return tuple(Measured(first.start, first.text, unmeasured=reason, hint=hint) for first, *_ in groups)
