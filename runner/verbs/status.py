"""`status`: one line for each tenant. Leaves no trace, not even a table."""

from collections.abc import Generator, Mapping, Sequence

import click

from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import FAILURES, LogEntry, read_last_failure
from tenantry.ledger.repeatables import find_pending
from tenantry.ledger.statuses import read_statuses, refuse_bare
from tenantry.model import Migration, MigrationStatus, State, Tenant, label
from tenantry.model.events import Event, RowReported, TenantCompared, Verdict
from tenantry.model.plans import head
from tenantry.model.results import Cell, Result, Standing
from tenantry.planning.policy import describe_policy, find_held, today
from tenantry.planning.steps import BLOCKING
from tenantry.planning.words import add_repeatables, annotate, summarise
from tenantry.project import Project
from tenantry.verbs.jobs import run_job
from tenantry.verbs.log import describe_entry
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import JOBS, SERVER, SHARD, TENANTS, WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Show each tenant's version, number of pending files and state, and the time and author of its last change.

If a file that has yet to run failed before, its last failure is shown. The last line counts the tenants by state. Reads
only. Pending or blocked files give exit code 0 unless --exit-code is given; a tenant that cannot be read gives
4 or 5.

\b
  tenantry status
  tenantry status --tenants 1,16 --exit-code
"""

_PARAMS = (
    TENANTS,
    SHARD,
    click.Option(["--exit-code"], is_flag=True, help="Exit with 1 if a tenant is not up to date."),
    JOBS,
    SERVER,
    WAIT,
)


def start(project: Project, *, strict: bool = False) -> Events:
    """Report the version, the pending files and the last run of every selected tenant.

    With `strict`, a tenant that is not up to date ends with a finding. Raises ServerError where the embedded server
    cannot be started.
    """
    return run_job(project, "status", _make_job(project, strict=strict))


def _start(request: Request) -> Events:
    return start(open_request(request, lenient=True), strict=request.options["exit_code"])


def _make_job(project: Project, *, strict: bool) -> Job:
    def status(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            statuses = read_statuses(project.files(tenant), ledger)
            refuse_bare(statuses, ledger)
            repeatables = find_pending(project.repeatables(tenant), ledger)
            failure = _find_failure(ledger, statuses, repeatables)
        yield TenantCompared(tenant.name, statuses)
        state = "no database" if ledger is None else add_repeatables(summarise(statuses), len(repeatables))
        pending = sum(_is_pending(status) for status in statuses) + len(repeatables)
        yield RowReported(tenant.name, _cells(tenant, statuses, pending, state, failure))
        standing = _judge(tenant, statuses, repeatables) if ledger else Standing.NO_DATABASE
        finding = strict and standing not in (Standing.UP_TO_DATE, Standing.SKIPPED)
        return Verdict(Result.FINDING if finding else Result.OK, state if finding else "", standing=standing)

    return status


def _judge(tenant: Tenant, statuses: Sequence[MigrationStatus], repeatables: Sequence[Migration]) -> Standing:
    """Return the one state that a tenant is counted by: the gravest of its versions."""
    states = {status.state for status in statuses}
    blocking = next((state for state in BLOCKING if state in states), None)
    if blocking:
        return Standing(blocking.value)
    pending = [status for status in statuses if status.state is State.PENDING]
    held = find_held(tenant, pending, today())
    # Repeatables wait for the files that are left out.
    if held and len(held) == len(pending):
        return Standing.SKIPPED
    return Standing.PENDING if repeatables or State.PENDING in states else Standing.UP_TO_DATE


def _is_pending(status: MigrationStatus) -> bool:
    """Return whether a file has yet to run, or to be finished."""
    return status.file is not None and status.state in (State.PENDING, State.OUT_OF_ORDER, State.INCOMPLETE)


def _find_failure(
    ledger: Ledger | None, statuses: Sequence[MigrationStatus], repeatables: Sequence[Migration]
) -> LogEntry | None:
    """Return the last attempt that failed at a file which has yet to run; the log is not asked for a tenant without."""
    versions = [status.version for status in statuses if _is_pending(status)]
    if ledger is None or not (versions or repeatables):
        return None
    return read_last_failure(ledger, versions, [file.name for file in repeatables])


def _cells(
    tenant: Tenant, statuses: tuple[MigrationStatus, ...], pending: int, state: str, failure: LogEntry | None
) -> Mapping[str, Cell]:
    done = [(status.row.finished_at, status.row.applied_by) for status in statuses if status.row]
    last = max(((at, by) for at, by in done if at), default=None)
    return {
        "name": tenant.title,
        "version": head(statuses).split("_", 1)[0],
        "pending": pending,
        "state": f"{state} ({notes})" if (notes := annotate(statuses)) else state,
        "last applied": last[0] if last else None,
        "by": last[1] if last else "",
        "last failure": failure.at if failure else None,
        "failure": _describe(failure, statuses) if failure else "",
        "policy": describe_policy(tenant, today()),
    }


def _describe(failure: LogEntry, statuses: Sequence[MigrationStatus]) -> str:
    """Return the file of a failed attempt and the server's words, on one line."""
    said = describe_entry(failure)
    if failure.event != FAILURES[0]:
        said = f"{failure.event}: {said}"
    name = next((label(one.version, one.name) for one in statuses if one.version == failure.version), "")
    return f"{name}: {said}" if name else said


VERB = Verb(_HELP, _PARAMS, _start)
