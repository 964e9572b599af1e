"""The expected schema: the files are replayed once on a scratch database, whose schema is read after each and kept.

A snapshot is found by all that it depends on: the texts of the files up to there, the major of the server, the part
of the catalog that counts, and how it is read.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tenantry.config.model import Config
from tenantry.files.source import read_text
from tenantry.ledger.provenance import Provenance
from tenantry.model import NO_VERSION, Migration, Tenant
from tenantry.model.errors import Refused
from tenantry.model.scope import Scope
from tenantry.model.values import StandIns, make_stand_ins
from tenantry.postgres.sessions import Sessions
from tenantry.project import Project
from tenantry.schema.catalog.query import describe_query
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import FORMAT, Snapshot, from_json, share, to_json
from tenantry.scratch.kept import Start, hash_chain, make_chain
from tenantry.scratch.places import Scratch, ScratchPlace
from tenantry.scratch.preparation import Preparation
from tenantry.scratch.run import replay_each
from tenantry.state import Cache

# By how many of the files have run.
_Snapshots = dict[int, Snapshot]
# The name of the method by which these states come about.
REPLAYED = "replayed"
# Arbitrary: tenants of a fleet differ by a few files, and each snapshot takes some megabytes.
_MOST_KNOWN = 8


@dataclass(frozen=True, slots=True)
class ExpectedSchemas:
    """Gives the schema that files produce. `folder` is where snapshots are kept; it may be deleted at any time."""

    folder: Path
    place: ScratchPlace
    provenance: Provenance
    cache: Cache = field(default_factory=Cache)
    # By where their snapshot would be kept: files that fail are not run again for the next tenant.
    _refused: dict[Path, Refused] = field(default_factory=dict)
    # Likewise, what is expected of most tenants: reading a kept snapshot takes as long as a message.
    _known: dict[Path, Snapshot] = field(default_factory=dict)

    def after_each(
        self, sessions: Sessions, tenant: Tenant, major: int, migrations: Sequence[Migration], scope: Scope
    ) -> tuple[Snapshot, ...]:
        """Return the snapshot of an empty database, and the one after each of the files, on a tenant's server.

        Raises Refused if the files do not apply to an empty database, or if there is no place for one.
        """
        wanted = range(len(migrations) + 1)
        found = self._find(sessions, tenant, major, self._about(migrations, scope, major), wanted)
        return tuple(found[index] for index in wanted)

    def after(
        self, sessions: Sessions, tenant: Tenant, major: int, migrations: Sequence[Migration], scope: Scope
    ) -> Snapshot:
        """Return the snapshot after all of the files. Raises what `after_each` raises."""
        files = self._about(migrations, scope, major)
        path = files.find_path(self.folder)
        known = self._known.get(path)
        if known is None:
            known = self._find(sessions, tenant, major, files, (len(migrations),))[len(migrations)]
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[path] = known
        return known

    def name(self, major: int, migrations: Sequence[Migration], scope: Scope) -> str:
        """Return a name for the schema after all of the files: the same for equal files, server and scope."""
        return self._about(migrations, scope, major).list_keys()[-1]

    def _about(self, migrations: Sequence[Migration], scope: Scope, major: int) -> "_Files":
        return _Files(tuple(migrations), scope, major, self.place.describe_values(migrations))

    def _find(
        self, sessions: Sessions, tenant: Tenant, major: int, files: "_Files", wanted: Sequence[int]
    ) -> _Snapshots:
        """Return the snapshots that are wanted, each by its number of files; those that are not kept are made."""
        paths = files.list_paths(self.folder)
        found = self._read_all(paths, wanted)
        if len(found) == len(wanted):
            return found
        with self.place.alone(sessions):
            # Another thread or process may have been here while this one waited for its turn.
            found = self._read_all(paths, wanted)
            missing = [index for index in wanted if index not in found]
            if missing and (before := self._refused.get(paths[-1])):
                raise before
            try:
                made = self._make(sessions, tenant, major, files, missing) if missing else {}
            except Refused as refused:
                self._refused[paths[-1]] = refused
                raise
            for index, snapshot in made.items():
                self.cache.keep(paths[index], to_json(snapshot))
            return found | made

    def _make(
        self, sessions: Sessions, tenant: Tenant, major: int, files: "_Files", wanted: Sequence[int]
    ) -> _Snapshots:
        """Run the files on a scratch database and return the snapshots that are wanted. Raises Refused.

        The state after the numbered ones is kept, so that the next one more costs that one; repeatables run on a copy.
        """
        chain = make_chain(files.migrations, REPLAYED, str(major), files.scope.ledger_schema, *files.values)
        made: _Snapshots = {}
        for target in dict.fromkeys((files.numbered, len(files.migrations))):
            start = Start((chain,), min((index for index in wanted if index not in made), default=target))
            with self.place.create(sessions, tenant, major, start) as scratch:
                # Only on a server of our own can a state be kept: elsewhere, all files run in one go.
                end = target if scratch.own_server else len(files.migrations)
                made |= self._run(scratch, files, range(scratch.done, end + 1), wanted)
                if scratch.done < end == files.numbered:
                    scratch.keep(chain[end])
            if end == len(files.migrations):
                break
        return made

    def _run(self, scratch: Scratch, files: "_Files", states: range, wanted: Sequence[int]) -> _Snapshots:
        """Run the files that lead from the first state to the last, and return the snapshots that are wanted."""
        made: _Snapshots = {}
        before: Snapshot | None = None
        ends = [index - states[0] for index in wanted]
        run = files.migrations[states[0] : states[-1]]
        applied = replay_each(scratch, self.provenance, run, files.scope, ends)
        for index in states:
            if index > states[0]:
                next(applied)
            if index in wanted:
                made[index] = before = share(read_snapshot(scratch.connection, files.scope), before)
        deque(applied, maxlen=0)
        return made

    def _read_all(self, paths: Sequence[Path], wanted: Sequence[int]) -> _Snapshots:
        """Return the wanted snapshots that are kept."""
        found = ((index, self._read(paths[index])) for index in wanted)
        return {index: snapshot for index, snapshot in found if snapshot}

    def _read(self, path: Path) -> Snapshot | None:
        text = self.cache.read(path)
        return _parse(text) if text is not None else None


class _Files(NamedTuple):
    """The files of a set, with all that the schema after them depends on."""

    migrations: tuple[Migration, ...]
    scope: Scope
    major: int
    values: tuple[str, ...]

    @property
    def numbered(self) -> int:
        """Return how many files come before the repeatables."""
        return sum(1 for migration in self.migrations if migration.version != NO_VERSION)

    def list_keys(self) -> tuple[str, ...]:
        """Return the names of the schemas of an empty database and after each of the files."""
        about = " ".join((str(FORMAT), describe_query(self.major, self.scope), *self.values))
        return _name_schemas(tuple((each.version, each.name, each.checksum) for each in self.migrations), about)

    def list_paths(self, folder: Path) -> list[Path]:
        """Return where these are kept."""
        return [folder / f"{key}.json" for key in self.list_keys()]

    def find_path(self, folder: Path) -> Path:
        """Return where the last of these is kept."""
        return folder / f"{self.list_keys()[-1]}.json"


@lru_cache(maxsize=64)
def _name_schemas(files: tuple[tuple[int, str, str], ...], about: str) -> tuple[str, ...]:
    """Return the digests of a chain; remembered, since most tenants of a fleet have the same files."""
    return tuple(hash_chain(files, about))


@lru_cache(maxsize=16)
def _parse(text: str) -> Snapshot | None:
    """Return the snapshot of a text; remembered, since most tenants of a fleet have the same."""
    return from_json(text)


def make_expected(project: Project) -> ExpectedSchemas:
    """Return the expected schemas of a project.

    Snapshots are kept between runs; files are replayed on the server of TENANTRY_SCRATCH if it is set.
    """
    return ExpectedSchemas(project.cache_folder / "expected", find_place(project), project.provenance, project.cache)


def find_place(project: Project) -> ScratchPlace:
    """Return where a project's scratch databases are: on the server of TENANTRY_SCRATCH, or on one of their own."""
    given = project.choice.environment.get("TENANTRY_SCRATCH", "")
    # With a server given, this holds its lock alone, and a read-only project may have a cache elsewhere. A server of
    # our own stays in the state folder: it is no cache that a CI carries along.
    state = project.cache_folder if given else project.config.state
    settings = replace(project.sessions.settings, stand_ins=_make_stand_ins(project.config, project.known))
    preparation = Preparation(project.config.scratch_settings, _read_before(project.config))
    return ScratchPlace(state / "scratch", settings, given, project.stop, preparation, project.choice.patience)


def _read_before(config: Config) -> str:
    """Return the SQL that runs before the first file; raises MigrationFileError where it cannot be read."""
    if not config.scratch_before:
        return ""
    path = config.root / config.scratch_before
    return read_text(path, config.root, str(path))


def _make_stand_ins(config: Config, known: Sequence[Tenant]) -> StandIns:
    # Without tenants, as where a query lists them that was not run, only the files tell which labels there are.
    folders = [] if known else filter(None, (config.master_migrations, config.tenant_migrations))
    texts = (path.read_text("utf-8", "replace") for folder in folders for path in sorted(folder.rglob("*.sql")))
    return make_stand_ins(known, config.rules.database, texts)
