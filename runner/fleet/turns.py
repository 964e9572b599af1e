"""The turn of a tenant, whichever engine gives it: a job's steps, how they end, and what comes of that end.

A job is a generator, and every `yield` is a point where the run may stop: it is closed there, and its `with` blocks
release lock and connection. No other code knows of stopping.
"""

import errno
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tenantry.fleet.brake import Brake
from tenantry.fleet.stop import Stop
from tenantry.fleet.ticks import Ticks
from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Cancelled, NoDatabase, Refused, TenantError, Unreachable
from tenantry.model.events import Event, MigrationFailed, TenantFinished, TenantPostponed, TenantStarted, Verdict, drain
from tenantry.model.results import Result, Standing

Job = Callable[[Tenant], Generator[Event, None, Verdict]]

# The limit of this process, and that of the machine.
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_FEWER = 'run "ulimit -n 1024" before, or use a lower --jobs; then run the same command again'
_RESULTS: dict[type[TenantError], Result] = {
    Unreachable: Result.UNREACHABLE,
    NoDatabase: Result.REFUSED,
    Blocked: Result.BLOCKED,
    Refused: Result.REFUSED,
}
AGAIN = "run the same command again to resume"


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine carries: the tenants of a stage, and what it must heed meanwhile.

    `jobs` limits the tenants that are worked on at once on one server. `revisit`: a tenant that is blocked, or cannot
    be reached, has a second turn after all others. `ticks` say when to give a sign of life.
    """

    tenants: Sequence[Tenant]
    job: Job
    jobs: int
    stop: Stop
    brake: Brake
    revisit: bool = False
    ticks: Ticks = field(default_factory=Ticks)


# It yields the events of all tenants as they arrive: in order for each tenant, with one TenantFinished at its end.
Engine = Callable[[Load], Iterator[Event]]


@dataclass(frozen=True, slots=True)
class Turn:
    """The end of a tenant's turn, and how long it took, including the turn before it.

    `reached`: the job came as far as an event of its own.
    """

    tenant: Tenant
    verdict: Verdict
    elapsed_ms: int
    reached: bool = True


def take_turn(load: Load, tenant: Tenant, put: Callable[[Event], None], first: Turn | None = None) -> Turn:
    """Take all steps of a tenant's job, and hand each event to `put`; `first` is its first turn if this is the second.

    Raises no Exception: whatever goes wrong is the end of this turn alone.
    """
    started = time.monotonic() - (first.elapsed_ms / 1000 if first else 0)
    steps = _Steps(load, tenant, put)
    verdict = steps.run()
    return Turn(tenant, verdict, int((time.monotonic() - started) * 1000), steps.reached)


def cut_short(tenant: Tenant) -> Turn:
    """Return the end of a turn that not even an exception ended, but something like SystemExit."""
    return Turn(
        tenant, Verdict(Result.FAILED, "a bug in tenantry: the tenant's turn was cut short", trace="no trace"), 0
    )


class _Steps:
    """The steps of one tenant's job."""

    def __init__(self, load: Load, tenant: Tenant, put: Callable[[Event], None]) -> None:
        self.reached = False
        self._load = load
        self._tenant = tenant
        self._put = put

    def run(self) -> Verdict:
        """Run all steps of the job and return its verdict; raises no Exception."""
        if self._load.stop.reason:
            return Verdict(Result.NOT_STARTED, self._load.stop.reason)
        if refused := self._load.brake.refuse():
            return Verdict(Result.NOT_STARTED, refused)
        self._put(TenantStarted(self._tenant.name))
        try:
            return self._take(self._load.job(self._tenant))
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
            # The border of a turn: a bug in one tenant's turn is reported, and must not end those of the others.
            return _report_bug(error)

    def _end_cancelled(self, error: Cancelled) -> Verdict:
        reason = self._load.stop.reason
        return Verdict(Result.STOPPED, reason or str(error), AGAIN if reason else error.hint)

    def _take(self, steps: Generator[Event, None, Verdict]) -> Verdict:
        draining = drain(steps)
        for event in draining:
            self.reached = True
            self._put(event)
            if self._load.stop.reason:
                draining.close()
                return Verdict(Result.STOPPED, self._load.stop.reason, AGAIN)
        return draining.result


class Ends:
    """What comes of the end of each turn: the tenant is finished, or has a second turn. Tells the brake as well.

    Threads may share it: each takes the turns of its own tenants.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        # First turns of postponed tenants: stored at their end, and taken by the second turn.
        self._first: dict[str, Turn] = {}

    def end(self, turn: Turn, *, last: bool) -> list[Event]:
        """Return the events that the end of a turn leads to; `last`: there is no other turn."""
        name, verdict = turn.tenant.name, turn.verdict
        # A connection that was lost is another matter: the report says how far the tenant had come by then.
        away = verdict.result is Result.UNREACHABLE and not turn.reached
        blocked = verdict.result is Result.BLOCKED or away
        postponed = blocked and self._load.revisit and not (last or self._load.stop.reason)
        # A failure of a file that is tried again is reported only if the second turn fails as well.
        kept = tuple(event for event in verdict.told if postponed and isinstance(event, MigrationFailed))
        told = [event for event in verdict.told if event not in kept]
        for event in told:
            self._load.brake.note(event)
        if postponed:
            self._first[name] = replace(turn, verdict=replace(verdict, told=kept))
            return [*told, TenantPostponed(name, verdict.reason, turn.elapsed_ms)]
        self._load.brake.finish(name, verdict, turn.elapsed_ms)
        return [*told, TenantFinished(name, verdict, turn.elapsed_ms)]

    def take_first(self, tenant: Tenant) -> Turn:
        """Return the first turn of a tenant that is to have its second one."""
        return self._first.pop(tenant.name)

    def is_over(self) -> bool:
        """Return whether nobody is to have a second turn any more, since the run is to end: the first one counts."""
        return bool(self._load.stop.reason or self._load.brake.refuse())


def _report_bug(error: Exception) -> Verdict:
    return Verdict(Result.FAILED, f"a bug in tenantry: {error!r}", trace=traceback.format_exc())


def list_servers(tenants: Sequence[Tenant]) -> list[str]:
    """Return the names of the tenants' servers."""
    return sorted({tenant.server.name for tenant in tenants})
