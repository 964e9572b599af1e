"""Changes to the ledger by hand: shown before they are made, made under the lock, each with its line in the log."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.statuses import compare_rows
from tenantry.model import AppliedMigration, MigrationStatus, Tenant
from tenantry.model.errors import ConfigError, Problem, Refused
from tenantry.model.events import Event, RepairMade, RepairProposed, Verdict
from tenantry.model.results import Result, Standing
from tenantry.postgres.runner_lock import poll
from tenantry.postgres.transaction import in_transaction, try_transaction_lock
from tenantry.project import Project
from tenantry.verbs.jobs import refuse_frozen, run_job
from tenantry.verbs.opening import without_master
from tenantry.verbs.recording import Record
from tenantry.verbs.verb import Events
from tenantry.verbs.versions import find_version


@dataclass(frozen=True, slots=True)
class Repair:
    """What will change, in words, and how it is written. `changes` empty: there is nothing to do."""

    changes: tuple[str, ...]
    write: Callable[[Ledger], None]


@dataclass(frozen=True, slots=True)
class Case:
    """What a repair is decided from: the version's status, and all others of the tenant.

    With `dry_run` nothing is going to be written, and the changes are worded so.
    """

    project: Project
    ledger: Ledger
    version: int
    status: MigrationStatus | None
    statuses: tuple[MigrationStatus, ...]
    dry_run: bool

    @property
    def tenant(self) -> Tenant:
        """Return the tenant."""
        return self.ledger.tenant

    @property
    def being(self) -> str:
        """Return `is`, or what stands for it where nothing is written."""
        return "would be" if self.dry_run else "is"

    @property
    def becomes(self) -> str:
        """Return `becomes`, or what stands for it where nothing is written."""
        return "would become" if self.dry_run else "becomes"


# Raises Refused where the repair does not fit.
DecideRepair = Callable[[Case], Repair]


def run_repair(
    project: Project,
    verb: str,
    decide: Callable[[Case, str], Repair],
    *,
    version: int,
    reason: str,
    dry_run: bool,
    needs_file: bool = True,
) -> Events:
    """Run a change of the ledger by hand, decided for each tenant from its case and the reason given.

    `needs_file`: there is a file of this version. Raises ConfigError and ServerError.
    """
    reason = reason.strip()
    if not reason:
        raise ConfigError((Problem("--reason: empty, expected the reason for changing the ledger by hand"),))
    project = without_master(project)
    if needs_file:
        find_version(project, version, "VERSION")
    job = _make_job(project, version, lambda case: decide(case, reason), dry_run=dry_run)
    record = None if dry_run else Record({"version": version, "reason": reason})
    return run_job(project, verb, refuse_frozen(job), record=record)


def _make_job(project: Project, version: int, decide: DecideRepair, *, dry_run: bool) -> Job:
    """Return the job that decides on a repair for a tenant, shows it, and makes it unless `dry_run`."""

    def repair(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.sessions.connect(tenant) as connection:
            ledger = project.ledger(tenant, connection)
            rows = ledger.read()
            statuses = compare_rows(project.files(tenant), rows, ledger)
            status = next((status for status in statuses if status.version == version), None)
            decided = decide(Case(project, ledger, version, status, statuses, dry_run))
            if not decided.changes:
                return Verdict(Result.UP_TO_DATE, "nothing to change", standing=Standing.NO_CHANGE)
            yield RepairProposed(tenant.name, decided.changes)
            if dry_run:
                return Verdict(Result.OK, "dry run: nothing was changed", standing=Standing.TO_CHANGE)
            wait_ms = project.sessions.settings.lock_wait_ms
            yield from poll(lambda: try_transaction_lock(connection), connection, tenant.name, wait_ms)
            if status and status.file:
                project.texts.keep((status.file,))
            _write(ledger, decided, rows)
            yield RepairMade(tenant.name, version)
        return Verdict(Result.APPLIED, decided.changes[0])

    return repair


def _write(ledger: Ledger, decided: Repair, rows: tuple[AppliedMigration, ...]) -> None:
    """Write the repair in the transaction that holds the lock. Raises Refused where another runner was here."""
    with in_transaction(ledger.connection):
        # The first entry of a tenant may be one by hand: mark, on a database that another tool built.
        if not rows:
            ledger.create_if_absent()
        # The repair was decided, and shown, from rows that were read before the lock was held.
        if frozenset(ledger.read()) != frozenset(rows):
            raise Refused(
                "another runner changed the ledger meanwhile", hint="check the status, then run the same command again"
            )
        decided.write(ledger)
        ledger.connection.execute("COMMIT")
