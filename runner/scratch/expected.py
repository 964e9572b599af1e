"""The expected schema: the files are replayed once on a scratch database, whose schema is read after each and kept.

A snapshot is found by all that it depends on: the texts of the files up to there, the major of the server, the part
of the catalog that counts, and how it is read.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from psycopg import sql

from tenantry import sqltext
from tenantry.apply.assertions import find_unmet, without_assertions
from tenantry.apply.run import apply_plan
from tenantry.apply.site import Site
from tenantry.config.model import Config
from tenantry.files.source import read_text
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.provenance import Provenance
from tenantry.model import NO_VERSION, Migration, Plan, Tenant
from tenantry.model.errors import Cancelled, Refused
from tenantry.model.events import MigrationApplied, MigrationFailed, MigrationStarted, Verdict, drain
from tenantry.model.results import GOOD, Result
from tenantry.model.scope import Scope
from tenantry.model.values import StandIns, make_stand_ins
from tenantry.postgres.sessions import Sessions
from tenantry.project import Project
from tenantry.schema.catalog.query import describe_query
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import FORMAT, Snapshot, from_json, share, to_json
from tenantry.scratch.joined import divide, run_joined
from tenantry.scratch.kept import Start, hash_chain, make_chain
from tenantry.scratch.places import Scratch, ScratchPlace
from tenantry.scratch.preparation import Preparation
from tenantry.scratch.reach import check_reach
from tenantry.scratch.roles import create_role, find_missing_role
from tenantry.state import Cache

# By how many of the files have run.
_Snapshots = dict[int, Snapshot]
# The name of the method by which these states come about.
REPLAYED = "replayed"
# Arbitrary: tenants of a fleet differ by a few files, and each snapshot takes some megabytes.
_MOST_KNOWN = 8
# What the statements of a file may not do, whatever is in the database: its transaction has begun, and is not theirs.
_ANYWHERE = frozenset({"25001", "2D000", "55P04"})


class _Failed(Exception):
    """A file failed on the scratch database."""

    def __init__(self, migration: Migration | None, message: str, sqlstate: str, place: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.migration = migration
        self.sqlstate = sqlstate
        self.place = place


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

    def replay(self, scratch: Scratch, migrations: Sequence[Migration], scope: Scope) -> None:
        """Run files on a scratch database. Raises Refused."""
        deque(self._replay(scratch, migrations, scope, (len(migrations),)), maxlen=0)

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
        applied = self._replay(scratch, files.migrations[states[0] : states[-1]], files.scope, ends)
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

    def _replay(
        self, scratch: Scratch, migrations: Sequence[Migration], scope: Scope, ends: Collection[int]
    ) -> Iterator[Migration]:
        """Apply the files as `migrate` does, and yield each when it was applied. Raises Refused.

        Of files between two of the numbers in `ends`, several may be applied before the first of them is yielded. On a
        server of our own, a role that is missing is created, and the file is run again.
        """
        if scratch.beside_tenants:
            check_reach(migrations)
        # The ledger is where that of the tenants is, so that the scope leaves both out of the schema.
        schema = scope.ledger_schema
        scratch.connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        ledger = Ledger(scratch.connection, schema, scratch.tenant, self.provenance)
        ledger.create_if_absent()
        made = set[str]()
        for joined, part in divide(migrations, ends):
            done = run_joined(scratch.connection, [_without_outside(each) for each in part]) if joined else 0
            yield from part[:done]
            scratch.check()
            yield from self._replay_singly(scratch, ledger, deque(part[done:]), made)

    def _replay_singly(
        self, scratch: Scratch, ledger: Ledger, left: deque[Migration], made: set[str]
    ) -> Iterator[Migration]:
        """Apply the files that are left one by one; `made` are the roles that were created for files before."""
        while left:
            try:
                # Files that were applied stay applied: only the failed one and those after it run again.
                for _ in _apply(scratch, ledger, tuple(left)):
                    yield left.popleft()
            except _Failed as failed:
                role = find_missing_role(scratch, failed.sqlstate, str(failed))
                # A role that is missed again is one that the file itself drops: it would be created for ever.
                if not role or role in made:
                    raise _explain(failed) from None
                made.add(role)
                create_role(scratch, role)


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


def _apply(scratch: Scratch, ledger: Ledger, migrations: tuple[Migration, ...]) -> Iterator[Migration]:
    """Apply files and yield each when it was applied. Raises _Failed.

    The assertions of a file are about data, which is not here, so only the objects that they ask about must exist.
    """
    files = [_without_outside(without_assertions(migration)) for migration in migrations]
    plan = Plan(
        tuple(file for file in files if file.version != NO_VERSION),
        repeatables=tuple(file for file in files if file.version == NO_VERSION),
    )
    asked = {migration.path: migration for migration in migrations}
    site = Site(scratch.tenant, scratch.connection, ledger, scratch.sessions, lambda rows: plan)
    steps = drain(apply_plan(site, plan, ledger.read()))
    for event in steps:
        scratch.check()
        match event:
            case MigrationStarted(migration=step):
                _check_known(scratch, asked[step.path], "require")
            case MigrationApplied(migration=step):
                _check_known(scratch, asked[step.path], "ensure")
                yield step
            case _:
                pass
    _check(steps.result)


def _without_outside(migration: Migration) -> Migration:
    """Return the file without statements that have effects outside their database: these are for tenants alone."""
    inside = sqltext.blank_outside(migration.sql)
    if inside == migration.sql:
        return migration
    return replace(migration, sql=inside, directives=replace(migration.directives, batch=None))


def _check_known(scratch: Scratch, migration: Migration, key: str) -> None:
    """Raise _Failed if an assertion is about an object that does not exist when it would be asked."""
    for unmet in find_unmet(scratch.connection, migration, key):
        if unmet.absent:
            raise _Failed(migration, f"{key}: {unmet.said}", "", f"{migration.path}:{unmet.at.line}:{unmet.at.column}")


def _check(verdict: Verdict) -> None:
    """Raise _Failed if a file failed, and Cancelled if the run was cancelled."""
    if verdict.result in GOOD:
        return
    if verdict.result is Result.STOPPED:
        raise Cancelled("cancelled")
    failed = next((event for event in verdict.told if isinstance(event, MigrationFailed)), None)
    if failed is None:
        raise _Failed(None, verdict.reason, "", "")
    failure, path = failed.failure, failed.migration.path
    place = f"{path}:{failure.line}:{failure.column}" if failure.line else path
    # Of a statement that fails in any database, the own hint tells the way out.
    hint = failure.hint if failure.sqlstate in _ANYWHERE else ""
    raise _Failed(failed.migration, failure.message, failure.sqlstate, place, hint)


def _explain(failed: _Failed) -> Refused:
    place = f"{failed.place}: " if failed.place else ""
    code = f" (SQLSTATE {failed.sqlstate})" if failed.sqlstate else ""
    if failed.migration and failed.migration.version == NO_VERSION:
        return Refused(
            f"a repeatable fails after the migrations: {place}{failed}{code}",
            hint="adapt it to the current schema, and migrate again",
        )
    return Refused(
        f"the files do not apply to an empty database: {place}{failed}{code}",
        hint=failed.hint
        or "the expected schema comes from running all files on an empty database; add a migration for what this "
        "file relies on, name the settings or a file of SQL that it needs under scratch in tenants.yaml, or set "
        "TENANTRY_SCRATCH to the connection string of a server that has its extensions and roles",
    )


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
