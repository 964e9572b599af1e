"""`rollback`: undo the newest version of a tenant by its rollback file, or all that are newer than one."""

from collections.abc import Generator, Iterator

import click

from tenantry.apply.rollback import Undo, confirm, make_undo, run_undo
from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.statuses import compare_rows
from tenantry.model import MigrationStatus, Tenant
from tenantry.model.errors import ConfigError, MigrationFileError, Problem
from tenantry.model.events import Event, RepairProposed, TenantCompared, Verdict, WarningRaised
from tenantry.model.results import GOOD, Result, Standing
from tenantry.planning.undo import Wanted, check_known, choose
from tenantry.project import Project
from tenantry.proof.prover import Prover, make_prover
from tenantry.verbs.jobs import refuse_frozen, run_job
from tenantry.verbs.opening import open_request, without_master
from tenantry.verbs.options import (
    DRY_RUN,
    JOBS,
    LOCK_WAIT,
    NO_VERIFY,
    REASON,
    SERVER,
    SHARD,
    SHOW_VALUES,
    TENANTS_REQUIRED,
    WAIT,
    Version,
)
from tenantry.verbs.production import YES
from tenantry.verbs.recording import Record
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Undo the newest version with its NNNN_name.rollback.sql, in one transaction with its record, which stays.

It runs the rollback file if that is the recorded text. If they differ, it shows the difference, and runs neither
without --file or --recorded. With --to, all newer versions are undone, newest first. Afterwards the version is pending:
remove or correct its file before the next migrate.

\b
  tenantry rollback 12 --tenants 16 --reason "locks the calendar" --dry-run
  tenantry rollback --to 9 --tenants 1,16 --reason "release 4 withdrawn"
"""

_PARAMS = (
    click.Argument(["version"], type=Version(), required=False),
    click.Option(["--to"], type=Version(), metavar="VERSION", help="Undo all versions newer than this one."),
    TENANTS_REQUIRED,
    SHARD,
    REASON,
    click.Option(["--out-of-order"], is_flag=True, help="Undo it even though newer versions are applied; they stay."),
    click.Option(
        ["--file", "--from-files", "from_files"],
        is_flag=True,
        help="Run the current rollback file even if it is not the recorded one.",
    ),
    click.Option(
        ["--recorded"],
        is_flag=True,
        help="Run the text that the tenant's own database holds, which is shown: whoever may write there may have "
        "changed it.",
    ),
    NO_VERIFY,
    DRY_RUN,
    YES,
    JOBS,
    LOCK_WAIT,
    SERVER,
    WAIT,
    SHOW_VALUES,
)


def start(
    project: Project,
    *,
    version: int | None = None,
    to: int | None = None,
    reason: str,
    out_of_order: bool = False,
    from_files: bool = False,
    recorded: bool = False,
    verify: bool = True,
    dry_run: bool = False,
) -> Events:
    """Undo a version in every selected tenant, or all versions newer than `to`.

    `out_of_order` allows newer versions to stay. A rollback file that is not what was recorded runs with `from_files`
    alone; with `recorded`, the text runs that each tenant's own database holds. With `verify`, each schema is compared
    with the files afterwards. Raises ConfigError unless exactly one of `version` and `to` is given, where both texts
    are chosen, where the reason is empty, or where the master is selected next to tenants; ServerError where the
    embedded server cannot be started.
    """
    chosen = version if to is None else to
    if chosen is None or (version is not None and to is not None):
        raise ConfigError((Problem("VERSION: expected the version to undo, or --to with the newest version to keep"),))
    if out_of_order and to is not None:
        raise ConfigError((Problem("--out-of-order: has no effect with --to, after which no newer version stays"),))
    if from_files and recorded:
        raise ConfigError((Problem("--recorded: given with --file, expected one of them"),))
    reason = reason.strip()
    if not reason:
        raise ConfigError((Problem("--reason: empty, expected the reason for undoing the version"),))
    project = without_master(project)
    wanted = Wanted(
        version=chosen,
        reason=reason,
        above=to is not None,
        late=out_of_order,
        from_files=from_files,
        recorded=recorded,
        dry_run=dry_run,
        prove=verify,
        name=getattr(chosen, "name", ""),
    )
    options = {"version": version, "to": to, "reason": reason, "out_of_order": out_of_order, "from_files": from_files}
    options |= {"recorded": recorded, "no_verify": not verify}
    record = None if dry_run else Record(options)
    prover = make_prover(project, writes=not dry_run)
    job = refuse_frozen(make_rollback_job(project, wanted, prover))
    return run_job(project, "rollback", job, record=record, settle=prover.proofs.settle)


def _start(request: Request) -> Events:
    options = request.options
    project = open_request(request, writes=not options["dry_run"], lenient=options["version"] is not None)
    _refuse_faulty(project, options["version"])
    return start(
        project,
        version=options["version"],
        to=options["to"],
        reason=options["reason"],
        out_of_order=options["out_of_order"],
        from_files=options["from_files"],
        recorded=options["recorded"],
        verify=not options["no_verify"],
        dry_run=options["dry_run"],
    )


def _refuse_faulty(project: Project, version: int | None) -> None:
    """Raise MigrationFileError if the version to undo is that of a file that cannot be used; others do not matter."""
    faults = [directory.faults.get(version or 0, ()) for directory in project.directories.values()]
    if problems := tuple(problem for of_one in faults for problem in of_one):
        raise MigrationFileError(problems)


def make_rollback_job(project: Project, wanted: Wanted, prover: Prover) -> Job:
    """Return the job that undoes the versions that are wanted in a tenant, newest first, unless it is a dry run."""

    def undo(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.sessions.connect(tenant) as connection:
            ledger = project.ledger(tenant, connection)
            rows = ledger.read()
            statuses = compare_rows(project.files(tenant), rows, ledger)
            yield TenantCompared(tenant.name, statuses)
            check_known(rows, statuses, wanted, tenant.name)
            chosen = choose(statuses, wanted, tenant.name)
            if not chosen:
                return (yield from _conclude_unchanged(prover, ledger, statuses, wanted))
            undos = [make_undo(status, ledger, wanted) for status in chosen]
            yield from (WarningRaised(tenant.name, one.doubt) for one in undos if one.doubt)
            yield RepairProposed(tenant.name, tuple(line for one in undos for line in _propose(one, wanted)))
            if wanted.dry_run:
                return Verdict(Result.OK, "dry run: nothing was changed", standing=Standing.TO_CHANGE)
            for one in undos:
                verdict = yield from run_undo(project.sessions, ledger, one, wanted.reason, rows)
                if verdict.result not in GOOD:
                    return verdict
                # Each undo changes rows, and the next one refuses to run on others than it was given.
                rows = ledger.read()
            left = confirm(compare_rows(project.files(tenant), rows, ledger), undos)
            yield TenantCompared(tenant.name, left)
            if wanted.prove:
                verdict = yield from prover.conclude(ledger, left, Result.APPLIED)
                if verdict.result is not Result.APPLIED:
                    return verdict
        return Verdict(Result.APPLIED, ", ".join(f"{one.name} rolled back" for one in undos))

    return undo


def _conclude_unchanged(
    prover: Prover, ledger: Ledger, statuses: tuple[MigrationStatus, ...], wanted: Wanted
) -> Generator[Event, None, Verdict]:
    """Return how a tenant ends whose record says that nothing is to be undone: proven, since a record can be wrong."""
    if wanted.prove:
        verdict = yield from prover.conclude(ledger, statuses, Result.UP_TO_DATE)
        if verdict.result is not Result.UP_TO_DATE:
            return verdict
    return Verdict(Result.UP_TO_DATE, "nothing to undo", standing=Standing.NO_CHANGE if wanted.dry_run else None)


def _propose(undo: Undo, wanted: Wanted) -> Iterator[str]:
    """Yield what is about to be done; for a dry run, or if it comes from the database, with the SQL."""
    being, becomes = ("would be ", "would become") if wanted.dry_run else ("", "becomes")
    yield f"{undo.name}: {being}undone by {undo.step.path}, its record {becomes} rolled back"
    if wanted.dry_run or wanted.recorded:
        yield from (f"  {line}" for line in undo.step.text.splitlines())


VERB = Verb(_HELP, _PARAMS, _start)
