"""Run a job for each tenant, stage by stage, and merge their events, whichever engine carries them."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from tenantry.fleet.brake import Brake
from tenantry.fleet.descriptors import limit_jobs
from tenantry.fleet.pauses import await_next
from tenantry.fleet.stop import Stop
from tenantry.fleet.ticks import Ticks
from tenantry.fleet.turns import Engine, Job, Load, list_servers
from tenantry.fleet.workers import threads
from tenantry.model import Tenant
from tenantry.model.events import Event, RunFinished, RunStarted, StageStarted, TenantFinished, Verdict
from tenantry.model.results import GOOD, Result
from tenantry.model.rollout import UNBOUNDED, Bounds, Stage

# With a finding, everything was applied: the fault is older than the run, or nobody's failure.
_THROUGH = GOOD | {Result.FINDING}


def run(
    verb: str,
    run_id: str,
    stages: Sequence[Stage],
    job: Job,
    *,
    jobs: int,
    stop: Stop,
    preface: Iterable[Event] = (),
    revisit: bool = False,
    bounds: Bounds = UNBOUNDED,
    engine: Engine = threads.carry,
) -> Generator[Event, None, None]:
    """Run a job for every tenant, stage by stage; a stage starts only if the one before it ended well: see `Stage`.

    Yields the events of all tenants as they arrive: in order for each tenant, with one TenantFinished at its end.
    `jobs` limits the tenants that run at once on one server. `preface` is yielded before the first event of a tenant.
    `bounds` say when nobody is started any more.
    `revisit`: a tenant that is blocked, or cannot be reached, is postponed, and its job starts again, once, at the end
    of its stage. `engine` carries the tenants of each stage.
    """
    started = time.monotonic()
    names = tuple(tenant.name for stage in stages for tenant in stage.tenants)
    yield RunStarted(verb, run_id, names, datetime.now(UTC))
    yield from preface
    most = max([jobs, *(stage.jobs for stage in stages if stage.jobs)])
    if engine is threads.carry:
        # Other engines have their connections elsewhere.
        most = yield from _limit_jobs(stages, most)
    brake, ticks = Brake(bounds, len(names)), Ticks()

    def carry(stage: Stage) -> Iterator[Event]:
        at_once = min(stage.jobs or jobs, most)
        return engine(Load(stage.tenants, job, at_once, stop, brake, revisit=revisit, ticks=ticks))

    with stop.attending(), closing(_run_stages(stages, carry, stop, brake, ticks)) as events:
        yield from (_stamp(event, started) for event in events)
    yield RunFinished(int((time.monotonic() - started) * 1000), stop.reason or brake.by)


def _limit_jobs(stages: Sequence[Stage], most: int) -> Generator[Event, None, int]:
    """Return how many tenants of a server this process may work on at once, at most `most`."""
    fewer, warning = limit_jobs(most, max((len(list_servers(stage.tenants)) for stage in stages), default=0))
    # Said only where it slows the run down.
    if warning and fewer < max(len(stage.tenants) for stage in stages):
        yield warning
    return fewer


def _run_stages(
    stages: Sequence[Stage], carry: Callable[[Stage], Iterator[Event]], stop: Stop, brake: Brake, ticks: Ticks
) -> Generator[Event, None, None]:
    failed = ""
    for number, stage in enumerate(stages, start=1):
        if failed or (refused := brake.refuse()):
            yield from _skip(stage.tenants, f"{failed} did not succeed" if failed else refused)
            continue
        brake.enter(stage)
        if stage.name:
            yield StageStarted(stage.name, number, len(stage.tenants))
        for event in carry(stage):
            # How many may fail in a stage with a name is the brake's business.
            if not stage.name and isinstance(event, TenantFinished) and event.verdict.result not in _THROUGH:
                failed = failed or event.tenant
            yield event
        if number < len(stages):
            yield from await_next(stage, stop, brake, ticks)


def _stamp(event: Event, started: float) -> Event:
    """Return an event with the time since the start of the run, if it is the end of a tenant."""
    if not isinstance(event, TenantFinished):
        return event
    return replace(event, at_ms=int((time.monotonic() - started) * 1000))


def _skip(tenants: Sequence[Tenant], reason: str) -> Iterator[Event]:
    for tenant in tenants:
        yield TenantFinished(tenant.name, Verdict(Result.NOT_STARTED, reason), 0)
