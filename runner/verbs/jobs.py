"""The run of a job on the selected tenants, with all that belongs to any run: stages, warnings, journal, notice."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain

from tenantry.fleet import run as fleet
from tenantry.fleet.turns import Engine, Job
from tenantry.fleet.workers import threads
from tenantry.model import Tenant
from tenantry.model.errors import Refused
from tenantry.model.events import Event, Verdict
from tenantry.model.rollout import UNBOUNDED, Stage
from tenantry.planning.policy import describe_freeze, today
from tenantry.planning.rollout import make_stages
from tenantry.project import Project
from tenantry.verbs.notice import notify_at_end
from tenantry.verbs.recording import Record, record_run
from tenantry.verbs.staging import Course
from tenantry.verbs.states import check_states
from tenantry.verbs.verb import Events

Settle = Callable[[Event], Iterator[Event]]


def run_job(
    project: Project,
    verb: str,
    job: Job,
    *,
    staged: bool = False,
    course: Course | None = None,
    makes_server: bool = False,
    record: Record | None = None,
    preface: Iterable[Event] = (),
    settle: Settle | None = None,
    engine: Engine = threads.carry,
) -> Events:
    """Run a job on the selected tenants, after starting the embedded server where one is meant. Raises ServerError.

    `staged`: no tenant starts unless the master got through, and who is blocked has a second turn. `course`: the way
    through the tenants, which are all of the project, is given. `makes_server`: an embedded server that was never made
    is made now. `record`: the run writes, and has a journal. `preface` is yielded before the first tenant starts.
    `settle` is called with each event before it is yielded, and keeps what the tenants' jobs have left to it.
    `engine` carries the tenants.
    """
    project.start_servers(makes=makes_server)
    stages = make_stages(project.tenants) if staged else [Stage(project.tenants)]
    run = fleet.run(
        verb,
        project.provenance.run_id,
        course.stages if course else stages,
        job,
        jobs=project.choice.jobs,
        stop=project.stop,
        preface=chain(project.preface(), preface),
        revisit=staged,
        bounds=course.bounds if course else UNBOUNDED,
        engine=engine,
    )
    events = check_states(project, _add_warnings(run, project, settle))
    if record and project.config.notify:
        events = notify_at_end(project, project.config.notify, events)
    return record_run(project, verb, record, events) if record else events


def refuse_frozen(job: Job) -> Job:
    """Return a job that refuses tenants in which nothing may change now."""

    def run(tenant: Tenant) -> Generator[Event, None, Verdict]:
        if frozen := describe_freeze(tenant, today()):
            raise Refused(frozen, hint="leave it out, or end its freeze in tenants.yaml")
        return (yield from job(tenant))

    return run


def _add_warnings(run: Events, project: Project, settle: Settle | None) -> Events:
    """Yield the events of a run, and once, whichever tenant comes upon it first, that nothing can be kept."""
    with closing(run) as events:
        for event in events:
            if settle:
                yield from settle(event)
            yield from project.cache_warnings()
            yield event
