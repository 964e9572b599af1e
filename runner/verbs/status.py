"""`status`: one line for each tenant. Leaves no trace, not even a table."""

from collections.abc import Generator, Iterator, Mapping
from datetime import datetime

import click

from runner.events import Cell, Event, Result, RowReported, TenantCompared, Verdict
from runner.fleet import Job
from runner.model import MigrationStatus, State, Tenant, label
from runner.plan import compare, head
from runner.project import Project
from runner.verbs import Request, Verb
from runner.verbs.options import JOBS, SERVER, TENANTS, open_request, run_job

_HELP = """Show for each tenant its version, how many files are pending, its state, and who applied what last.

Reads only. An unreachable tenant gives exit code 5, everything else 0 unless --exit-code is given.

\b
  tenantry status
  tenantry status --tenants 1,16 --exit-code
"""

_PARAMS = (
    TENANTS,
    click.Option(["--exit-code"], is_flag=True, help="Exit with 1 when a tenant is not up to date."),
    JOBS,
    SERVER,
)
_BLOCKING = (State.INCOMPLETE, State.CHANGED, State.MISSING, State.OUT_OF_ORDER)


def _start(request: Request) -> Iterator[Event]:
    project = open_request(request)
    return run_job(request, project, _make_job(project, strict=request.options["exit_code"]))


def _make_job(project: Project, *, strict: bool) -> Job:
    def status(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            statuses = compare(project.files(tenant), ledger.read() if ledger else ())
        yield TenantCompared(tenant.name, statuses)
        state = "no database" if ledger is None else describe_state(statuses)
        yield RowReported(tenant.name, _cells(tenant, statuses, state))
        finding = strict and any(status.state is not State.APPLIED for status in statuses)
        return Verdict(Result.FINDING if finding else Result.OK, state if finding else "")

    return status


def _cells(tenant: Tenant, statuses: tuple[MigrationStatus, ...], state: str) -> Mapping[str, Cell]:
    last = max((s.row for s in statuses if s.row and s.row.finished_at), key=_finished, default=None)
    return {
        "name": tenant.title,
        "version": head(statuses),
        "pending": sum(status.state is State.PENDING for status in statuses),
        "state": state,
        "last applied": last.finished_at if last else None,
        "by": last.applied_by if last else "",
    }


def _finished(row: object) -> datetime:
    finished: datetime = row.finished_at  # type: ignore[attr-defined]  # rows without it are left out before
    return finished


def describe_state(statuses: tuple[MigrationStatus, ...]) -> str:
    """Return the state of a tenant in words: what blocks it, else whether something is pending."""
    parts = []
    for state in _BLOCKING:
        names = [label(status.version, status.name) for status in statuses if status.state is state]
        if names:
            parts.append(f"{state.value}: {', '.join(names)}")
    if parts:
        return "; ".join(parts)
    return "pending" if any(status.state is State.PENDING for status in statuses) else "up to date"


VERB = Verb(_HELP, _PARAMS, _start)
