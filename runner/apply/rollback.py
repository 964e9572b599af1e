"""Undoing what was applied: which versions, by which text, each in one transaction with its row.

What runs is what was recorded when the version was applied, unless today's file is asked for: never is a database
undone by a text that was written for another.
"""

import difflib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from psycopg import sql

from tenantry import sqltext
from tenantry.apply.attempt import Site
from tenantry.apply.run import apply_plan
from tenantry.files.directory import ROLLBACK
from tenantry.files.header import parse_header
from tenantry.fleet.run import Job
from tenantry.ledger.ledger import Ledger
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Plan, RowState, State, Tenant, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import Problem, Refused
from tenantry.model.events import (
    GOOD,
    Event,
    MigrationApplied,
    MigrationRolledBack,
    RepairProposed,
    Result,
    TenantCompared,
    Verdict,
    WarningRaised,
)
from tenantry.plan.compare import advise
from tenantry.postgres.sessions import Connection
from tenantry.project import Project


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be undone: version `version`, or with `above` all versions that are newer than it.

    `late`: also where newer versions stay. `from_files`: by the files as they are, and not as they were recorded.
    `prove`: the schema is held afterwards against the files that are left.
    """

    version: int
    reason: str
    above: bool = False
    late: bool = False
    from_files: bool = False
    dry_run: bool = False
    prove: bool = True


@dataclass(frozen=True, slots=True)
class Undo:
    """One version to undo: its row, and the rollback file as a step. `doubt` is what is worth a warning."""

    row: AppliedMigration
    step: Migration
    doubt: Problem | None = None


def make_rollback_job(project: Project, wanted: Wanted) -> Job:
    """Return the job that undoes the versions that are wanted in a tenant, newest first, unless it is a dry run."""

    def undo(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.sessions.connect(tenant) as connection:
            ledger = project.ledger(tenant, connection)
            rows = ledger.read()
            statuses = project.compare(ledger, rows)
            yield TenantCompared(tenant.name, statuses)
            chosen = choose(statuses, wanted, tenant.name)
            if not chosen:
                _check_known(rows, statuses, wanted, tenant.name)
                return Verdict(Result.UP_TO_DATE, "nothing to undo")
            undos = [_make_undo(status, ledger, wanted) for status in chosen]
            yield from (WarningRaised(tenant.name, one.doubt) for one in undos if one.doubt)
            yield RepairProposed(tenant.name, tuple(line for one in undos for line in _propose(one, wanted)))
            if wanted.dry_run:
                return Verdict(Result.OK, "dry run: nothing was changed")
            for one in undos:
                verdict = yield from _run(project, ledger, one, wanted.reason, rows)
                if verdict.result not in GOOD:
                    return verdict
                rows = ledger.read()
            left = _confirm(project.compare(ledger, rows), undos)
            yield TenantCompared(tenant.name, left)
            if wanted.prove:
                verdict = yield from project.prover().conclude(ledger, left, Result.APPLIED)
                if verdict.result is not Result.APPLIED:
                    return verdict
        return Verdict(Result.APPLIED, ", ".join(f"{_name(one.row)} rolled back" for one in undos))

    return undo


def choose(statuses: Sequence[MigrationStatus], wanted: Wanted, tenant: str) -> tuple[MigrationStatus, ...]:
    """Return the versions to undo, newest first; none where none of them is applied.

    Raises Refused where one is not finished, or where what stays was applied after it or depends on it.
    """
    recorded = [status for status in statuses if status.row]
    chosen = [s for s in recorded if (s.version > wanted.version if wanted.above else s.version == wanted.version)]
    stay = [status for status in recorded if status not in chosen]
    for status in chosen:
        name = label(status.version, status.name)
        if status.state is State.INCOMPLETE:
            raise Refused(f"{name}: not finished, so that it cannot be undone", hint=advise(status, tenant))
        dependent = [s for s in stay if s.file and status.version in s.file.depends]
        if dependent:
            raise Refused(f"{name}: {_list(dependent)} depends on it", hint=_advise_all(status, tenant))
        later = [s for s in stay if s.version > status.version]
        if later and not wanted.late:
            hint = f"{_advise_all(status, tenant)}; or give --out-of-order, if none of them relies on it"
            raise Refused(f"{name}: newer files are applied: {_list(later)}", hint=hint)
    return tuple(reversed(chosen))


def _list(statuses: Sequence[MigrationStatus]) -> str:
    return ", ".join(label(status.version, status.name) for status in statuses)


def _advise_all(status: MigrationStatus, tenant: str) -> str:
    if not status.version:
        return "roll these back first"
    command = f"tenantry rollback --to {status.version - 1} --tenants {tenant} --reason ..."
    return f'run "{command}" to undo all of them, newest first'


def _check_known(
    rows: Sequence[AppliedMigration], statuses: Sequence[MigrationStatus], wanted: Wanted, tenant: str
) -> None:
    """Raise Refused for a version that neither a file nor a row has: it was mistyped."""
    known = {row.version for row in rows} | {status.version for status in statuses}
    if not wanted.above and wanted.version not in known:
        hint = f'see "tenantry status --tenants {tenant}"'
        raise Refused(f"version {wanted.version} is not recorded here, and no file has it", hint=hint)


def _make_undo(status: MigrationStatus, ledger: Ledger, wanted: Wanted) -> Undo:
    """Return how a version is undone. Raises Refused where there is no text for it, or not one that can be run."""
    assert status.row, "only what is recorded is undone"
    row, name = status.row, _name(status.row)
    today = status.file.rollback if status.file else None
    recorded = ledger.read_rollback(row.version)
    shown = f"{status.file.path.removesuffix('.sql') if status.file else name}{ROLLBACK}"
    text, path = (today, shown) if wanted.from_files else (recorded, f"{name}{ROLLBACK} as recorded")
    if text is None:
        raise _refuse_without(name, shown, today, wanted)
    header, _ = parse_header(text)
    if not header.transactional:
        raise Refused(
            f"{path}: runs outside a transaction, expected one that is undone whole and with its record",
            hint=f'run it by hand, then "tenantry forget {row.version} --tenants {ledger.tenant.name} --reason ..."',
        )
    step = Migration(
        version=row.version,
        name=f"{row.name}{ROLLBACK.removesuffix('.sql')}",
        path=path,
        checksum=checksum(text),
        text=text,
        sql=sqltext.blank_wrapper(text),
        directives=header.directives,
    )
    return Undo(row, step, _compare(shown, recorded, today, wanted))


def _refuse_without(name: str, shown: str, today: str | None, wanted: Wanted) -> Refused:
    write = "write a new migration that undoes it"
    if wanted.from_files:
        return Refused(f"{shown}: no such file, expected the SQL that undoes {name}", hint=f"write it, or {write}")
    hint = f"give --from-files to run {shown} as it is now" if today else write
    return Refused(f"{name}: applied without a rollback file, so that none is recorded", hint=hint)


def _compare(shown: str, recorded: str | None, today: str | None, wanted: Wanted) -> Problem | None:
    """Return what is to be said where the file that undoes a version is not what was recorded with it."""
    if recorded is None or today is None or checksum(recorded) == checksum(today):
        return None
    lines = difflib.unified_diff(recorded.splitlines(), today.splitlines(), "as recorded", shown, lineterm="")
    runs, other = ("the file", "leave --from-files out") if wanted.from_files else ("the record", "give --from-files")
    diff = "\n".join(lines)
    return Problem(f"{shown}: changed since it was recorded, and {runs} is run\n{diff}", f"{other} to run the other")


def _propose(undo: Undo, wanted: Wanted) -> Iterator[str]:
    """Yield what is about to be done, for a dry run with the SQL."""
    yield f"{_name(undo.row)}: undone by {undo.step.path}, its record becomes rolled back"
    if wanted.dry_run:
        yield from (f"  {line}" for line in undo.step.text.splitlines())


def _run(
    project: Project, ledger: Ledger, undo: Undo, reason: str, rows: Sequence[AppliedMigration]
) -> Generator[Event, None, Verdict]:
    """Run a rollback file as a migration is run, and have its row say that its version is undone."""

    def record(elapsed_ms: int, statements: int, end: sql.SQL | None) -> None:
        if end:
            ledger.connection.execute(end)
        ledger.record_rolled_back(undo.row, reason, undo.step.text, elapsed_ms=elapsed_ms)

    connection: Connection = ledger.connection
    site = Site(ledger.tenant, connection, ledger, project.sessions, _refuse_stale, record=record)
    with closing(apply_plan(site, Plan((undo.step,)), rows)) as events:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                verdict: Verdict = end.value
                return verdict
            if isinstance(event, MigrationApplied):
                event = MigrationRolledBack(event.tenant, event.migration, event.elapsed_ms)
            yield event


def _refuse_stale(rows: Sequence[AppliedMigration]) -> Plan:
    raise Refused("another runner changed the ledger meanwhile", hint="look again, and run the same command")


def _confirm(statuses: tuple[MigrationStatus, ...], undos: Sequence[Undo]) -> tuple[MigrationStatus, ...]:
    """Return the statuses where no version that was undone is applied: success is what was seen. Raises Refused."""
    applied = {status.version for status in statuses if status.row and status.row.state is RowState.APPLIED}
    left = [_name(undo.row) for undo in undos if undo.row.version in applied]
    if left:
        raise Refused(f"{', '.join(left)}: recorded as applied although undone: something else changes the ledger")
    return statuses


def _name(row: AppliedMigration) -> str:
    return label(row.version, row.name)
