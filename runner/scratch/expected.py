"""The expected schema: the files are replayed once on a scratch database, whose schema is read after each and kept.

A snapshot is found by all that it depends on: the texts of the files up to there, the major of the server, the part
of the catalog that counts, and how it is read.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from psycopg import sql

from tenantry import sqltext
from tenantry.apply.assertions import find_unmet, without_assertions
from tenantry.apply.run import apply_plan
from tenantry.apply.site import Site
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.provenance import Provenance
from tenantry.model import NO_VERSION, Migration, Plan, Tenant
from tenantry.model.errors import Cancelled, Refused
from tenantry.model.events import MigrationApplied, MigrationFailed, MigrationStarted, Verdict, drain
from tenantry.model.results import GOOD, Result
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Sessions
from tenantry.project import Project
from tenantry.schema.catalog.query import describe_query
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import FORMAT, Snapshot, from_json, to_json
from tenantry.scratch.places import Scratch, ScratchPlace
from tenantry.scratch.roles import create_role, find_missing_role
from tenantry.state import Cache

# Statements that change the whole cluster; GRANT and REVOKE without ON are about roles.
_WIDE = re.compile(
    r"(CREATE|ALTER|DROP)\s+(ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION|SYSTEM)\b"
    r"|(GRANT|REVOKE)\b(?!.*\bON\b)|(GRANT|REVOKE)\b.*?\bON\s+(DATABASE|TABLESPACE|PARAMETER)\b"
    r"|(COMMENT|SECURITY\s+LABEL\b.*?)\s+ON\s+(ROLE|DATABASE|TABLESPACE|SUBSCRIPTION)\b"
    r"|(REASSIGN|DROP)\s+OWNED",
    re.IGNORECASE | re.DOTALL,
)
# In a DO block, creating a role is harmless, since such a block looks first whether there is one.
_WIDE_IN_BLOCK = re.compile(
    r"\b(ALTER|DROP)\s+(ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION|SYSTEM)\b|\b(REASSIGN|DROP)\s+OWNED",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"DO\b", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


class _Failed(Exception):
    """A file failed on the scratch database."""

    def __init__(self, migration: Migration | None, message: str, sqlstate: str, place: str) -> None:
        super().__init__(message)
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

    def after_each(
        self, sessions: Sessions, tenant: Tenant, major: int, migrations: Sequence[Migration], scope: Scope
    ) -> tuple[Snapshot, ...]:
        """Return the snapshot of an empty database, and the one after each of the files, on a tenant's server.

        Raises Refused if the files do not apply to an empty database, or if there is no place for one.
        """
        paths = self._paths(major, migrations, scope)
        if kept := self._read_all(paths):
            return kept
        with self.place.open(sessions, tenant, major) as scratch:
            # Another thread or process may have been here while this one waited for its turn.
            return self._read_all(paths) or self._replay_and_keep(scratch, migrations, scope, paths)

    def after(
        self, sessions: Sessions, tenant: Tenant, major: int, migrations: Sequence[Migration], scope: Scope
    ) -> Snapshot:
        """Return the snapshot after all of the files. Raises what `after_each` raises."""
        newest = self._read(self._paths(major, migrations, scope)[-1])
        return newest or self.after_each(sessions, tenant, major, migrations, scope)[-1]

    def replay(self, scratch: Scratch, migrations: Sequence[Migration], scope: Scope) -> tuple[Snapshot, ...]:
        """Run files on a scratch database and return the snapshots before the first and after each. Raises Refused."""
        if scratch.beside_tenants:
            _check_reach(migrations)
        try:
            return tuple(self._run(scratch, migrations, scope))
        except _Failed as failed:
            raise _explain(failed) from None

    def _replay_and_keep(
        self, scratch: Scratch, migrations: Sequence[Migration], scope: Scope, paths: Sequence[Path]
    ) -> tuple[Snapshot, ...]:
        """Run the files and return the snapshot after each, kept for later runs if that is possible."""
        snapshots = self.replay(scratch, migrations, scope)
        for path, snapshot in zip(paths, snapshots, strict=True):
            self.cache.keep(path, to_json(snapshot))
        return snapshots

    def _read_all(self, paths: Sequence[Path]) -> tuple[Snapshot, ...] | None:
        """Return the kept snapshots; None if one of them is missing or damaged."""
        found = [self._read(path) for path in paths]
        return tuple(snapshot for snapshot in found if snapshot) if all(found) else None

    def _read(self, path: Path) -> Snapshot | None:
        text = self.cache.read(path)
        return _parse(text) if text is not None else None

    def _run(self, scratch: Scratch, migrations: Sequence[Migration], scope: Scope) -> Iterator[Snapshot]:
        """Apply the files as `migrate` does, and yield the schema before the first and after each.

        On a server of our own, a role that is missing is created, and the file is run again.
        """
        yield read_snapshot(scratch.connection, scope)
        # The ledger is where that of the tenants is, so that the scope leaves both out of the schema.
        schema = scope.ledger_schema
        scratch.connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        ledger = Ledger(scratch.connection, schema, scratch.tenant, self.provenance)
        # Files that were applied stay applied: only the failed one and those after it run again.
        left, made = deque(migrations), set[str]()
        while left:
            try:
                for snapshot in _apply(scratch, ledger, tuple(left), scope):
                    left.popleft()
                    yield snapshot
            except _Failed as failed:
                role = find_missing_role(scratch, failed.sqlstate, str(failed))
                # A role that is missed again is one that the file itself drops: it would be created for ever.
                if not role or role in made:
                    raise
                made.add(role)
                create_role(scratch, role)

    def _paths(self, major: int, migrations: Sequence[Migration], scope: Scope) -> list[Path]:
        """Return where the snapshots of an empty database and after each of the files are kept."""
        chain = hashlib.sha256(f"{FORMAT} {describe_query(major, scope)}".encode())
        paths = [self.folder / f"{chain.hexdigest()}.json"]
        for migration in migrations:
            chain.update(f"{migration.version} {migration.name} {migration.checksum}\n".encode())
            paths.append(self.folder / f"{chain.hexdigest()}.json")
        return paths


def _apply(scratch: Scratch, ledger: Ledger, migrations: tuple[Migration, ...], scope: Scope) -> Iterator[Snapshot]:
    """Apply files and yield the schema after each. Raises _Failed.

    The assertions of a file are about data, which is not here, so only the objects that they ask about must exist.
    """
    files = [without_assertions(migration) for migration in migrations]
    plan = Plan(
        tuple(file for file in files if file.version != NO_VERSION),
        repeatables=tuple(file for file in files if file.version == NO_VERSION),
    )
    asked = {migration.path: migration for migration in migrations}
    site = Site(scratch.tenant, scratch.connection, ledger, scratch.sessions, lambda rows: plan)
    steps = drain(apply_plan(site, plan, ledger.read()))
    for event in steps:
        match event:
            case MigrationStarted(migration=step):
                _check_known(scratch, asked[step.path], "require")
            case MigrationApplied(migration=step):
                _check_known(scratch, asked[step.path], "ensure")
                yield read_snapshot(scratch.connection, scope)
            case _:
                pass
    _check(steps.result)


def _check_known(scratch: Scratch, migration: Migration, key: str) -> None:
    """Raise _Failed if an assertion is about an object that does not exist when it would be asked."""
    for unmet in find_unmet(scratch.connection, migration, key):
        if unmet.absent:
            raise _Failed(migration, f"{key}: {unmet.said}", "", f"{migration.path}:{unmet.at.line}:{unmet.at.column}")


def _check_reach(migrations: Sequence[Migration]) -> None:
    """Raise Refused if a file would touch more of the tenants' server than the scratch database on it."""
    for migration in migrations:
        for statement in sqltext.split(migration.sql):
            # A comment may stand between any two words.
            plain = _COMMENT.sub(" ", statement.text)
            if found := _WIDE_IN_BLOCK.search(plain) if _BLOCK.match(plain) else _WIDE.match(plain):
                place = sqltext.position(migration.sql, statement.start)
                words = " ".join(found[0].split()).upper()
                raise Refused(
                    f"{migration.path}:{place.line}:{place.column}: {words} is not replayed on the tenants' own"
                    " server, which is the only one available for a scratch database",
                    hint="set TENANTRY_SCRATCH to the connection string of another server, or TENANTRY_PG_BIN to the "
                    "programs of a PostgreSQL of the same major version",
                )


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
    raise _Failed(failed.migration, failure.message, failure.sqlstate, place)


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
        hint="the expected schema comes from running all files on an empty database; install the missing extension, "
        "role or setting on the scratch server, or add a migration for what this file relies on",
    )


@lru_cache(maxsize=16)
def _parse(text: str) -> Snapshot | None:
    """Return the snapshot of a text; remembered, since most tenants of a fleet have the same."""
    return from_json(text)


def make_expected(project: Project) -> ExpectedSchemas:
    """Return the expected schemas of a project.

    Snapshots are kept in the state folder, or where TENANTRY_CACHE says; files are replayed on the server of
    TENANTRY_SCRATCH if it is set.
    """
    state, kept = project.config.state, project.choice.environment.get("TENANTRY_CACHE")
    folder = Path(kept) if kept else state / "expected"
    return ExpectedSchemas(folder, find_place(project), project.provenance, project.cache)


def find_place(project: Project) -> ScratchPlace:
    """Return where a project's scratch databases are: on the server of TENANTRY_SCRATCH, or on one of their own."""
    given = project.choice.environment.get("TENANTRY_SCRATCH", "")
    return ScratchPlace(project.config.state / "scratch", project.sessions.settings, given)
