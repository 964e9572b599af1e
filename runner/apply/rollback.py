"""Undoing applied versions, each by its rollback text, in one transaction with its row.

The text that runs is that of the rollback file, if it is the one recorded when the version was applied: no database is
undone by a text that was written for another one, nor by one that comes from nowhere but that database. Otherwise a
person chooses.
"""

import difflib
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from psycopg import sql

from tenantry import sqltext
from tenantry.apply.run import apply_plan
from tenantry.apply.site import Site
from tenantry.files.directory import ROLLBACK
from tenantry.files.header import parse_header
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.writing import record_rolled_back
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Plan, RowState, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import Problem, Refused
from tenantry.model.events import Event, MigrationApplied, MigrationRolledBack, Verdict, drain
from tenantry.planning.undo import Wanted
from tenantry.postgres.sessions import Connection, Sessions


@dataclass(frozen=True, slots=True)
class Undo:
    """One version to undo: its row, and its rollback file as a step. `doubt` is shown as a warning."""

    row: AppliedMigration
    step: Migration
    doubt: Problem | None = None

    @property
    def name(self) -> str:
        """Return the label of the version to undo."""
        return label(self.row.version, self.row.name)


def make_undo(status: MigrationStatus, ledger: Ledger, wanted: Wanted) -> Undo:
    """Return the way to undo a version. Raises Refused if there is no text for it, or none that may run."""
    assert status.row, "only what is recorded is undone"
    row, name = status.row, label(status.row.version, status.row.name)
    today = status.file.rollback if status.file else None
    recorded = ledger.read_rollback(row.version)
    shown = f"{status.file.path.removesuffix('.sql') if status.file else name}{ROLLBACK}"
    text, path = (recorded, f"{name}{ROLLBACK} as recorded") if wanted.recorded else (today, shown)
    if text is None or not (wanted.from_files or wanted.recorded or _is_same(recorded, today)):
        raise _refuse(name, shown, recorded, today, wanted)
    header, _ = parse_header(text)
    if not header.transactional:
        raise Refused(
            f"{path}: runs outside a transaction, expected a rollback that commits together with its record",
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
    return Undo(row, step, _warn(shown, recorded, today, wanted))


def _is_same(recorded: str | None, today: str | None) -> bool:
    return recorded is not None and today is not None and checksum(recorded) == checksum(today)


def _refuse(name: str, shown: str, recorded: str | None, today: str | None, wanted: Wanted) -> Refused:
    """Return the refusal for a version without a text to undo it, or with two of which a person has to choose one."""
    write = "write a new migration that undoes it"
    if recorded is None and not wanted.from_files:
        hint = f"give --file to run {shown} as it is now" if today and not wanted.recorded else write
        return Refused(f"{name}: applied without a rollback file, so none is recorded", hint=hint)
    if today is None:
        see = f"write it, or {write}"
        if recorded is not None and not wanted.from_files:
            see = f"restore it, {write}, or give --recorded to run what the database holds: see it with --dry-run first"
        return Refused(f"{shown}: no such file, expected the SQL that undoes {name}", hint=see)
    return Refused(
        f"{shown}: not what was recorded when {name} was applied\n{_compare(shown, recorded or '', today)}",
        hint="give --file to run the file, or --recorded to run what the database holds: see it with --dry-run first",
    )


def _compare(shown: str, recorded: str, today: str) -> str:
    lines = difflib.unified_diff(recorded.splitlines(), today.splitlines(), "as recorded", shown, lineterm="")
    return "\n".join(lines)


def _warn(shown: str, recorded: str | None, today: str | None, wanted: Wanted) -> Problem | None:
    """Return a warning if the text that a person chose differs from the other one; else None."""
    if recorded is None or today is None or _is_same(recorded, today):
        return None
    used, hint = (
        ("the recorded text", "give --file to run the file")
        if wanted.recorded
        else (
            "the file",
            "give --recorded to run the text that was recorded",
        )
    )
    message = f"{shown}: changed since it was recorded, this run uses {used}"
    return Problem(f"{message}\n{_compare(shown, recorded, today)}", hint)


def run_undo(
    sessions: Sessions, ledger: Ledger, undo: Undo, reason: str, rows: Sequence[AppliedMigration]
) -> Generator[Event, None, Verdict]:
    """Run a rollback file like a migration, and write into the row that the version is undone."""

    def record(elapsed_ms: int, statements: int, end: sql.SQL | None) -> None:
        if end:
            ledger.connection.execute(end)
        record_rolled_back(ledger, undo.row, reason, undo.step.text, elapsed_ms=elapsed_ms)

    connection: Connection = ledger.connection
    site = Site(ledger.tenant, connection, ledger, sessions, _refuse_stale, record=record)
    with closing(drain(apply_plan(site, Plan((undo.step,)), rows))) as events:
        for event in events:
            if isinstance(event, MigrationApplied):
                yield MigrationRolledBack(event.tenant, event.migration, event.elapsed_ms)
            else:
                yield event
        return events.result


def _refuse_stale(rows: Sequence[AppliedMigration]) -> Plan:
    raise Refused(
        "another runner changed the ledger meanwhile", hint="check the status, then run the same command again"
    )


def confirm(statuses: tuple[MigrationStatus, ...], undos: Sequence[Undo]) -> tuple[MigrationStatus, ...]:
    """Return the statuses if no undone version is recorded as applied: only that is success. Raises Refused."""
    applied = {status.version for status in statuses if status.row and status.row.state is RowState.APPLIED}
    left = [undo.name for undo in undos if undo.row.version in applied]
    if left:
        raise Refused(
            f"{', '.join(left)}: still recorded as applied after the rollback: something else is changing the ledger"
        )
    return statuses
