"""`status`: one line for each tenant. Leaves no trace, not even a table."""

from collections.abc import Generator, Mapping

import click

from tenantry.fleet.run import Job
from tenantry.ledger.repeatables import find_pending
from tenantry.ledger.statuses import read_statuses
from tenantry.model import MigrationStatus, State, Tenant
from tenantry.model.events import Event, RowReported, TenantCompared, Verdict
from tenantry.model.plans import head
from tenantry.model.results import Cell, Result
from tenantry.planning.words import add_repeatables, annotate, summarise
from tenantry.project import Project
from tenantry.verbs.options import JOBS, SERVER, TENANTS, open_request, run_job
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Show each tenant's version, number of pending files and state, and the time and author of its last change.

Reads only. Pending or blocked files give exit code 0 unless --exit-code is given; a tenant that cannot be read gives
4 or 5.

\b
  tenantry status
  tenantry status --tenants 1,16 --exit-code
"""

_PARAMS = (
    TENANTS,
    click.Option(["--exit-code"], is_flag=True, help="Exit with 1 if a tenant is not up to date."),
    JOBS,
    SERVER,
)


def start(project: Project, *, strict: bool = False) -> Events:
    """Report the version, the pending files and the last run of every selected tenant.

    With `strict`, a tenant that is not up to date ends with a finding. Raises ServerError where the embedded server
    cannot be started.
    """
    return run_job(project, "status", _make_job(project, strict=strict))


def _start(request: Request) -> Events:
    return start(open_request(request), strict=request.options["exit_code"])


def _make_job(project: Project, *, strict: bool) -> Job:
    def status(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            statuses = read_statuses(project.files(tenant), ledger)
            repeatables = find_pending(project.repeatables(tenant), ledger)
        yield TenantCompared(tenant.name, statuses)
        state = "no database" if ledger is None else add_repeatables(summarise(statuses), len(repeatables))
        yield RowReported(tenant.name, _cells(tenant, statuses, state))
        finding = strict and (bool(repeatables) or any(status.state is not State.APPLIED for status in statuses))
        return Verdict(Result.FINDING if finding else Result.OK, state if finding else "")

    return status


def _cells(tenant: Tenant, statuses: tuple[MigrationStatus, ...], state: str) -> Mapping[str, Cell]:
    done = [(status.row.finished_at, status.row.applied_by) for status in statuses if status.row]
    last = max(((at, by) for at, by in done if at), default=None)
    return {
        "name": tenant.title,
        "version": head(statuses).split("_", 1)[0],
        "pending": sum(status.state is State.PENDING for status in statuses),
        "state": f"{state} ({notes})" if (notes := annotate(statuses)) else state,
        "last applied": last[0] if last else None,
        "by": last[1] if last else "",
    }


VERB = Verb(_HELP, _PARAMS, _start)
