"""Run a job for each tenant, several at a time, and merge their events: the only module with threads.

A job is a generator, and every `yield` is a point where the run may stop: it is closed there, and its `with` blocks
release lock and connection. No other code knows of stopping.
"""

import errno
import queue
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tenantry.fleet.brake import Brake
from tenantry.fleet.descriptors import limit_jobs
from tenantry.fleet.pauses import await_next
from tenantry.fleet.stop import Stop
from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Cancelled, NoDatabase, Refused, TenantError, Unreachable
from tenantry.model.events import (
    Event,
    MigrationFailed,
    RunFinished,
    RunStarted,
    StageStarted,
    TenantFinished,
    TenantPostponed,
    TenantStarted,
    Verdict,
    drain,
)
from tenantry.model.results import GOOD, Result, Standing
from tenantry.model.rollout import UNBOUNDED, Bounds, Stage

Job = Callable[[Tenant], Generator[Event, None, Verdict]]

# With a finding, everything was applied: the fault is older than the run, or nobody's failure.
_THROUGH = GOOD | {Result.FINDING}
# The limit of this process, and that of the machine.
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_FEWER = 'run "ulimit -n 1024" before, or use a lower --jobs; then run the same command again'
_RESULTS: dict[type[TenantError], Result] = {
    Unreachable: Result.UNREACHABLE,
    NoDatabase: Result.REFUSED,
    Blocked: Result.BLOCKED,
    Refused: Result.REFUSED,
}
_AGAIN = "run the same command again to resume"


@dataclass(frozen=True, slots=True)
class _Turn:
    """The end of a tenant's turn, and how long it took, including the turn before it."""

    tenant: Tenant
    verdict: Verdict
    elapsed_ms: int


class _Run:
    """A run in progress: the tenants' threads write to its queue, and one thread reads it."""

    def __init__(self, job: Job, jobs: int, stop: Stop, brake: Brake, *, revisit: bool) -> None:
        self._job = job
        self._brake = brake
        self._jobs = jobs
        self._stop = stop
        self._revisit = revisit
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        # First turns of postponed tenants: a tenant's thread stores it, and the thread of its second turn takes it.
        self._first: dict[str, _Turn] = {}
        # Tenants whose job came as far as an event of its own: each thread adds its own tenant.
        self._reached: set[str] = set()

    def stage(self, tenants: Sequence[Tenant]) -> Iterator[Event]:
        """Run the job for each of the tenants, up to `jobs` at a time on each server; end when all have finished.

        Blocked tenants, and those that could not be reached, get a second turn after all others have finished.
        """
        # A pool for each server: one that is slow, or down, must not delay the tenants of the others.
        pools = {name: ThreadPoolExecutor(self._jobs, thread_name_prefix=name) for name in _servers(tenants)}
        left = len(tenants)
        postponed: list[Tenant] = []
        try:
            for tenant in tenants:
                pools[tenant.server.name].submit(self._drive, tenant)
            while left:
                event = self._queue.get()
                left -= isinstance(event, TenantFinished)
                yield event
                if isinstance(event, TenantPostponed):
                    postponed += [tenant for tenant in tenants if tenant.name == event.tenant]
                # All others have finished: whatever blocked these has had as much time to end as the run can give.
                if len(postponed) == left:
                    for tenant in postponed:
                        pools[tenant.server.name].submit(self._drive_again, tenant)
                    postponed = []
        finally:
            if left:
                # Nobody reads the events any more: nothing new may begin.
                self._stop.request("an error in the output")
            for pool in pools.values():
                # Waits, so that each thread closes its tenant's connection before the process ends.
                pool.shutdown()

    def _drive(self, tenant: Tenant, first: _Turn | None = None) -> None:
        """Give a tenant its turn; `first` is its first turn if this is the second."""
        started = time.monotonic() - (first.elapsed_ms / 1000 if first else 0)
        # For whatever `_run_job` lets through, such as SystemExit.
        verdict = Verdict(Result.FAILED, "a bug in tenantry: the tenant's turn was cut short", trace="no trace")
        try:
            verdict = self._run_job(tenant)
        finally:
            # Whatever happens, since the run waits for it.
            self._end(_Turn(tenant, verdict, int((time.monotonic() - started) * 1000)), last=first is not None)

    def _end(self, turn: _Turn, *, last: bool) -> None:
        name, verdict = turn.tenant.name, turn.verdict
        # A connection that was lost is another matter: the report says how far the tenant had come by then.
        away = verdict.result is Result.UNREACHABLE and name not in self._reached
        blocked = verdict.result is Result.BLOCKED or away
        postponed = blocked and self._revisit and not (last or self._stop.reason)
        # A failure of a file that is tried again is reported only if the second turn fails as well.
        kept = tuple(event for event in verdict.told if postponed and isinstance(event, MigrationFailed))
        for event in verdict.told:
            if event not in kept:
                self._put(event)
        if postponed:
            self._first[name] = replace(turn, verdict=replace(verdict, told=kept))
            self._queue.put(TenantPostponed(name, verdict.reason, turn.elapsed_ms))
        else:
            # Here and not where the events are read: before this thread starts its next tenant.
            self._brake.finish(name, verdict, turn.elapsed_ms)
            self._queue.put(TenantFinished(name, verdict, turn.elapsed_ms))

    def _put(self, event: Event) -> None:
        self._brake.note(event)
        self._queue.put(event)

    def _drive_again(self, tenant: Tenant) -> None:
        """Give a tenant its second turn; if the run is to end, the first turn counts."""
        first = self._first.pop(tenant.name)
        if self._stop.reason or self._brake.refuse():
            self._end(first, last=True)
        else:
            self._drive(tenant, first)

    def _run_job(self, tenant: Tenant) -> Verdict:
        """Run all steps of the job and return its verdict; raises no Exception."""
        if self._stop.reason:
            return Verdict(Result.NOT_STARTED, self._stop.reason)
        if refused := self._brake.refuse():
            return Verdict(Result.NOT_STARTED, refused)
        self._queue.put(TenantStarted(tenant.name))
        try:
            return self._take_steps(tenant, self._job(tenant))
        except Cancelled as error:
            return self._end_cancelled(error)
        except TenantError as error:
            result = _RESULTS.get(type(error), Result.FAILED)
            standing = Standing.NO_DATABASE if isinstance(error, NoDatabase) else None
            return Verdict(result, str(error), error.hint, standing=standing)
        except OSError as error:
            if error.errno not in _NO_FILES:
                return _report_bug(error)
            return Verdict(Result.BLOCKED, "this process has too many files open", _FEWER)
        except Exception as error:  # noqa: BLE001
            # The one broad except: a bug in one tenant's turn is reported, and must not end those of the others.
            return _report_bug(error)

    def _end_cancelled(self, error: Cancelled) -> Verdict:
        reason = self._stop.reason
        return Verdict(Result.STOPPED, reason or str(error), _AGAIN if reason else error.hint)

    def _take_steps(self, tenant: Tenant, steps: Generator[Event, None, Verdict]) -> Verdict:
        draining = drain(steps)
        for event in draining:
            self._reached.add(tenant.name)
            self._put(event)
            if self._stop.reason:
                draining.close()
                return Verdict(Result.STOPPED, self._stop.reason, _AGAIN)
        return draining.result


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
) -> Generator[Event, None, None]:
    """Run a job for every tenant, stage by stage; a stage starts only if the one before it ended well: see `Stage`.

    Yields the events of all tenants as they arrive: in order for each tenant, with one TenantFinished at its end.
    `jobs` limits the tenants that run at once on one server. `preface` is yielded before the first event of a tenant.
    `bounds` say when nobody is started any more.
    `revisit`: a tenant that is blocked, or cannot be reached, is postponed, and its job starts again, once, at the end
    of its stage.
    """
    started = time.monotonic()
    names = tuple(tenant.name for stage in stages for tenant in stage.tenants)
    yield RunStarted(verb, run_id, names, datetime.now(UTC))
    yield from preface
    most = max([jobs, *(stage.jobs for stage in stages if stage.jobs)])
    fewer, warning = limit_jobs(most, max((len(_servers(stage.tenants)) for stage in stages), default=0))
    # Said only where it slows the run down.
    if warning and fewer < max(len(stage.tenants) for stage in stages):
        yield warning
    brake = Brake(bounds, len(names))
    with stop.attending():
        events = _run_stages(
            stages, lambda at_once: _Run(job, min(at_once or jobs, fewer), stop, brake, revisit=revisit), stop, brake
        )
        with closing(events):
            yield from (_stamp(event, started) for event in events)
    yield RunFinished(int((time.monotonic() - started) * 1000), stop.reason or brake.by)


def _run_stages(
    stages: Sequence[Stage], prepare: Callable[[int | None], _Run], stop: Stop, brake: Brake
) -> Generator[Event, None, None]:
    failed = ""
    for number, stage in enumerate(stages, start=1):
        if failed or (refused := brake.refuse()):
            yield from _skip(stage.tenants, f"{failed} did not succeed" if failed else refused)
            continue
        brake.enter(stage)
        if stage.name:
            yield StageStarted(stage.name, number, len(stage.tenants))
        for event in prepare(stage.jobs).stage(stage.tenants):
            # How many may fail in a stage with a name is the brake's business.
            if not stage.name and isinstance(event, TenantFinished) and event.verdict.result not in _THROUGH:
                failed = failed or event.tenant
            yield event
        if number < len(stages):
            yield from await_next(stage, stop, brake)


def _stamp(event: Event, started: float) -> Event:
    """Return an event with the time since the start of the run, if it is the end of a tenant."""
    if not isinstance(event, TenantFinished):
        return event
    return replace(event, at_ms=int((time.monotonic() - started) * 1000))


def _report_bug(error: Exception) -> Verdict:
    return Verdict(Result.FAILED, f"a bug in tenantry: {error!r}", trace=traceback.format_exc())


def _servers(tenants: Sequence[Tenant]) -> list[str]:
    return sorted({tenant.server.name for tenant in tenants})


def _skip(tenants: Sequence[Tenant], reason: str) -> Iterator[Event]:
    for tenant in tenants:
        yield TenantFinished(tenant.name, Verdict(Result.NOT_STARTED, reason), 0)
