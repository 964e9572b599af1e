"""`plan`: the files that each tenant would get; tenants that would get the same are shown together."""

from collections.abc import Collection, Generator, Mapping, Sequence

import click

from runner.events import Cell, Event, Result, RowReported, TenantCompared, TenantPlanned, Verdict
from runner.findings import find_in
from runner.fleet import Job
from runner.model import MigrationStatus, Plan, Tenant, label
from runner.plan import head, make_plan, summarise
from runner.project import Project
from runner.verbs import Events, Request, Verb
from runner.verbs.options import JOBS, SERVER, TENANTS, Version, find_version, open_request, run_job

_HELP = """Show which files each tenant would get; tenants that would get the same ones are one plan.

Reads only. With --format sql, or --sql, one script for each distinct plan is printed, to be reviewed.

\b
  tenantry plan
  tenantry plan --tenants 16 --sql > review.sql
"""

# Arbitrary: what fits a line. The plan itself has them all.
_SHOWN = 3
_PARAMS = (
    TENANTS,
    click.Option(["--to"], type=Version(), metavar="VERSION", help="Plan up to and including this version."),
    click.Option(["--sql", "format"], flag_value="sql", help="Print one script for each distinct plan."),
    JOBS,
    SERVER,
)


def _start(request: Request) -> Events:
    target = request.options["to"]
    project = open_request(request)
    if target is not None:
        find_version(project, target, "--to")
    return run_job(request, project, make_job(project, target, frozenset()))


def make_job(project: Project, target: int | None, late: Collection[int]) -> Job:
    """Return the job that makes the plan that `migrate` would, and leaves it at that."""

    def plan(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            statuses = project.read_statuses(tenant, ledger)
            decided = make_plan(statuses, target=target, allow=late)
            yield TenantCompared(tenant.name, statuses)
            yield TenantPlanned(tenant.name, decided)
            yield RowReported(tenant.name, _cells(statuses, decided))
            if decided.blockers and ledger:
                yield from find_in(decided.blockers, statuses, tenant, ledger)
                return Verdict(Result.REFUSED, summarise(decided.blockers))
        return Verdict(Result.OK if decided.steps else Result.UP_TO_DATE)

    return plan


def _cells(statuses: Sequence[MigrationStatus], decided: Plan) -> Mapping[str, Cell]:
    names = [label(step.version, step.name) for step in decided.steps]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return {
        "has now": head(statuses),
        "would apply": len(names),
        "files": ", ".join(names[:_SHOWN]) + more,
    }


VERB = Verb(_HELP, _PARAMS, _start, formats=("plan", "jsonl", "sql"))
