"""Undoing applied versions, each by its rollback text, in one transaction with its row.

The text that runs is the one recorded when the version was applied, unless the current file is requested: no database
is undone by a text that was written for another one.
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
from tenantry.model.events import (
    Event,
    MigrationApplied,
    MigrationRolledBack,
    Verdict,
    drain,
)
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
    text, path = (today, shown) if wanted.from_files else (recorded, f"{name}{ROLLBACK} as recorded")
    if text is None:
        raise _refuse_without(name, shown, today, wanted)
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
    return Undo(row, step, _compare(shown, recorded, today, wanted))


def _refuse_without(name: str, shown: str, today: str | None, wanted: Wanted) -> Refused:
    write = "write a new migration that undoes it"
    if wanted.from_files:
        return Refused(f"{shown}: no such file, expected the SQL that undoes {name}", hint=f"write it, or {write}")
    hint = f"give --from-files to run {shown} as it is now" if today else write
    return Refused(f"{name}: applied without a rollback file, so none is recorded", hint=hint)


def _compare(shown: str, recorded: str | None, today: str | None, wanted: Wanted) -> Problem | None:
    """Return a warning if a version's rollback file differs from the recorded text; else None."""
    if recorded is None or today is None or checksum(recorded) == checksum(today):
        return None
    lines = difflib.unified_diff(recorded.splitlines(), today.splitlines(), "as recorded", shown, lineterm="")
    diff = "\n".join(lines)
    if wanted.from_files:
        used, hint = "the file", "omit --from-files to run the text that was recorded"
    else:
        used, hint = "the recorded text", "give --from-files to run the file"
    return Problem(f"{shown}: changed since it was recorded, this run uses {used}\n{diff}", hint)


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
