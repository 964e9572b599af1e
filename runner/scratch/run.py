"""Files run on a scratch database as `migrate` runs them, and why they do not apply to an empty one."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from psycopg import sql

from tenantry import sqltext
from tenantry.apply.assertions import find_unmet, without_assertions
from tenantry.apply.run import apply_plan
from tenantry.apply.site import Site
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.provenance import Provenance
from tenantry.model import NO_VERSION, Migration, Plan
from tenantry.model.errors import Cancelled, Refused
from tenantry.model.events import MigrationApplied, MigrationFailed, MigrationStarted, Verdict, drain
from tenantry.model.results import GOOD, Result
from tenantry.model.scope import Scope
from tenantry.scratch.joined import divide, run_joined
from tenantry.scratch.places import Scratch
from tenantry.scratch.reach import check_reach
from tenantry.scratch.roles import create_role, find_missing_role

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


def replay(scratch: Scratch, provenance: Provenance, migrations: Sequence[Migration], scope: Scope) -> None:
    """Run files on a scratch database. Raises Refused."""
    deque(replay_each(scratch, provenance, migrations, scope, (len(migrations),)), maxlen=0)


def replay_each(
    scratch: Scratch, provenance: Provenance, migrations: Sequence[Migration], scope: Scope, ends: Collection[int]
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
    ledger = Ledger(scratch.connection, schema, scratch.tenant, provenance)
    ledger.create_if_absent()
    made = set[str]()
    for joined, part in divide(migrations, ends):
        done = run_joined(scratch.connection, [_without_outside(each) for each in part]) if joined else 0
        yield from part[:done]
        scratch.check()
        yield from _replay_singly(scratch, ledger, deque(part[done:]), made)


def _replay_singly(scratch: Scratch, ledger: Ledger, left: deque[Migration], made: set[str]) -> Iterator[Migration]:
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
