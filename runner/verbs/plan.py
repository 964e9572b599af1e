"""`plan`: the files that each tenant would get; tenants that would get the same are shown together."""

from collections import defaultdict
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import click

from tenantry.apply.requirements import count_unmet, foresee
from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.repeatables import find_pending
from tenantry.ledger.statuses import compare_rows, read_statuses, refuse_bare
from tenantry.lint.gate import Gate, Look, find_unseen
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Plan, SetName, State, Tenant, label
from tenantry.model.errors import Problem
from tenantry.model.events import (
    Event,
    FindingReported,
    RowReported,
    RunFinished,
    TenantCompared,
    TenantPlanned,
    Verdict,
    WarningRaised,
)
from tenantry.model.plans import head
from tenantry.model.results import Cell, Result, Standing
from tenantry.planning.policy import describe_freeze, describe_held, limit_target, today
from tenantry.planning.steps import make_plan
from tenantry.planning.words import count_done, summarise
from tenantry.project import Project
from tenantry.proof.findings import find_in
from tenantry.verbs.jobs import run_job
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import JOBS, SERVER, SHARD, TENANTS, WAIT, Version
from tenantry.verbs.staging import Course, make_course
from tenantry.verbs.verb import Events, Request, Verb
from tenantry.verbs.versions import find_version

_HELP = """Show the files that each tenant would get; tenants with the same pending files share one plan.

Statements that would run on a live database are shown with their measured effects: locks, rewrites, scans. Reads only.
--format sql, or --sql, prints one script for each distinct plan, for review.

\b
  tenantry plan
  tenantry plan --tenants 16 --sql > review.sql
"""

# Arbitrary: what fits a line. The plan itself has them all.
_SHOWN = 3
_PARAMS = (
    TENANTS,
    SHARD,
    click.Option(["--to"], type=Version(), metavar="VERSION", help="Plan files up to and including this version."),
    click.Option(["--sql", "format"], flag_value="sql", help="Print one script for each distinct plan."),
    JOBS,
    SERVER,
    WAIT,
)


def start(project: Project, *, to: int | None = None) -> Events:
    """Report the files that every selected tenant would get, up to the version `to`, and their effects there.

    Raises ConfigError where no file has this version; ServerError where the embedded server cannot be started.
    """
    if to is not None:
        find_version(project, to, "--to")
    return run(project, "plan", to, frozenset(), course=make_course(project))


def _start(request: Request) -> Events:
    return start(open_request(request), to=request.options["to"])


def run(
    project: Project,
    verb: str,
    target: int | None,
    late: Collection[int],
    *,
    allowed: Collection[str] = (),
    course: Course,
) -> Events:
    """Plan each tenant, and say before the end what the files do that databases in use would get.

    The stages of `course` are reported as well. `allowed` are rules of lint whose dangers `migrate` would let through.
    Raises ServerError.
    """
    gate = Gate(project, allowed, make_look(project, target, late))
    planning = run_job(project, verb, make_job(project, target, late), preface=course.describe())
    return _add_effects(project, planning, gate)


def make_look(project: Project, target: int | None, late: Collection[int]) -> Look:
    """Return the function that plans a tenant by its ledger."""

    def look(tenant: Tenant, ledger: Ledger) -> tuple[Plan, Sequence[AppliedMigration]]:
        rows, files = ledger.read(), project.files(tenant)
        if describe_freeze(tenant, today()):
            return Plan(()), rows
        newest = limit_target(tenant, files, target)
        planned = make_plan(compare_rows(files, rows, ledger), target=newest, allow=late)
        return with_repeatables(project, tenant, planned, newest, ledger), rows

    return look


def with_repeatables(project: Project, tenant: Tenant, plan: Plan, target: int | None, ledger: Ledger | None) -> Plan:
    """Return a plan with the pending repeatables, which are written for the newest schema: none with a target."""
    if target is not None:
        return plan
    return replace(plan, repeatables=find_pending(project.repeatables(tenant), ledger))


def _add_effects(project: Project, run: Events, gate: Gate) -> Events:
    """Pass the events of a run on, with what the planned files do before the last one."""
    tenants = {tenant.name: tenant for tenant in project.tenants}
    used: dict[str, list[AppliedMigration]] = {}
    pending: dict[SetName, set[int]] = defaultdict(set)
    unseen: dict[SetName, list[Tenant]] = defaultdict(list)
    # Closed also if nobody reads on: the tenants that are being read must not keep their connections. Orders to end are
    # carried out to the end, since measuring comes after the run.
    with closing(run) as events, project.stop.attending():
        for event in events:
            match event:
                case TenantCompared(tenant, statuses) if recorded := [s.row for s in statuses if s.row]:
                    used[tenant] = recorded
                case TenantPlanned(tenant, decided) if tenant in used and not decided.blockers:
                    found = tenants[tenant]
                    pending[found.set_name].update(step.version for step in decided.steps)
                    if find_unseen(decided, used[tenant]):
                        unseen[found.set_name].append(found)
                case RunFinished() if (any(pending.values()) or unseen) and not project.stop.reason:
                    for name, versions in pending.items():
                        files = project.directories[name].migrations
                        yield from _tell_effects(project, files, versions)
                        yield from gate.foresee(unseen[name])
            yield event


def _tell_effects(project: Project, files: Sequence[Migration], versions: Collection[int]) -> Iterator[Event]:
    """Yield what each statement of these versions does."""
    # Slow to load, and of no use to a run in which no live database gets a file.
    from tenantry.lint.linter import make_linter, show_effects

    if not versions:
        return
    needed = [file for file in files if file.version <= max(versions)]
    linted = make_linter(project).lint(needed, versions)
    yield from project.cache_warnings()
    for measured in show_effects(needed, linted):
        if measured.migration.version in versions:
            yield measured


def make_job(project: Project, target: int | None, late: Collection[int]) -> Job:
    """Return the job that makes the plan that `migrate` would, and leaves it at that."""

    def plan(tenant: Tenant) -> Generator[Event, None, Verdict]:
        if frozen := describe_freeze(tenant, today()):
            return Verdict(Result.SKIPPED, frozen)
        newest = limit_target(tenant, project.files(tenant), target)
        with project.reading(tenant) as ledger:
            statuses = read_statuses(project.files(tenant), ledger)
            refuse_bare(statuses, ledger)
            planned = make_plan(statuses, target=newest, allow=late)
            decided = with_repeatables(project, tenant, planned, newest, ledger)
            yield TenantCompared(tenant.name, statuses)
            yield TenantPlanned(tenant.name, decided)
            yield RowReported(tenant.name, _cells(statuses, decided))
            if decided.blockers and ledger:
                yield from find_in(decided.blockers, statuses, tenant, ledger)
                return Verdict(Result.REFUSED, summarise(decided.blockers))
            begun = [s for s in statuses if s.state is State.INCOMPLETE and s.file in decided.steps]
            yield from (WarningRaised(tenant.name, _describe_begun(status)) for status in begun)
            unmet, pending = 0, (*decided.steps, *decided.repeatables)
            known = {status.version for status in begun}
            for said in foresee(ledger.connection, tenant.name, pending, known) if ledger else ():
                unmet += isinstance(said, FindingReported)
                yield said
            if unmet:
                return Verdict(Result.FINDING, count_unmet(unmet))
        if held := describe_held(tenant, statuses, today(), target):
            return Verdict(Result.SKIPPED, held)
        if decided.steps or decided.repeatables:
            return Verdict(Result.OK, standing=Standing.PENDING)
        return Verdict(Result.UP_TO_DATE)

    return plan


def _describe_begun(status: MigrationStatus) -> Problem:
    """Return what is to be said of a file of which only the rest would run."""
    done = count_done(status.row) if status.row else ""
    return Problem(f"{label(status.version, status.name)}: started by an earlier run, {done} done")


def _cells(statuses: Sequence[MigrationStatus], decided: Plan) -> Mapping[str, Cell]:
    names = [label(step.version, step.name) for step in (*decided.steps, *decided.repeatables)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return {
        "version": head(statuses),
        "would apply": len(names),
        "files": ", ".join(names[:_SHOWN]) + more,
    }


VERB = Verb(_HELP, _PARAMS, _start, formats=("plan", "jsonl", "sql"))
