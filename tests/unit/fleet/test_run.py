"""Many tenants at once, with plain generators for jobs: order, limits, stopping, and what becomes of errors."""

import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence

import pytest

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Job
from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Cancelled, Problem, Refused, TenantError, Unreachable
from tenantry.model.events import (
    DatabaseOpened,
    Event,
    RowReported,
    RunFinished,
    RunStarted,
    TenantFinished,
    TenantStarted,
    Verdict,
    WarningRaised,
)
from tenantry.model.results import GOOD, Result
from tenantry.model.rollout import Stage
from tenantry.postgres.sessions import Sessions, Settings
from tests.builders import tenant

Steps = Generator[Event, None, Verdict]

# Only where a test is about to fail anyway.
PATIENCE_S = 20
AGAIN = "run the same command again to resume"


def go(
    job: Job,
    *stages: Sequence[Tenant],
    jobs: int = 4,
    stop: Stop | None = None,
    preface: Iterable[Event] = (),
) -> list[Event]:
    """Run a job for the tenants of each stage and return all events."""
    return list(
        run(
            "migrate",
            "run 1",
            [Stage(tuple(stage)) for stage in stages],
            job,
            jobs=jobs,
            stop=stop or Stop(),
            preface=preface,
        )
    )


def tenants(number: int, server: str = "main") -> list[Tenant]:
    """Return as many tenants on one server."""
    return [tenant(f"{server}{index}", server=server) for index in range(number)]


def of(name: str, events: Iterable[Event]) -> list[Event]:
    """Return the events of one tenant."""
    return [event for event in events if getattr(event, "tenant", None) == name]


def verdicts(events: Iterable[Event]) -> dict[str, Verdict]:
    """Return how each tenant ended; fails where one ended twice."""
    finished = [event for event in events if isinstance(event, TenantFinished)]
    assert len({event.tenant for event in finished}) == len(finished)
    return {event.tenant: event.verdict for event in finished}


def wait_for(release: threading.Event) -> None:
    """Wait for the others; when that is in vain, let everybody go."""
    came = release.wait(PATIENCE_S)
    release.set()
    assert came


def row(name: str, step: int) -> RowReported:
    """Return an event that is told from others."""
    return RowReported(name, {"step": step})


def three_steps(tenant: Tenant) -> Steps:
    """Report three times, then end well."""
    for step in range(3):
        yield row(tenant.name, step)
    return Verdict(Result.APPLIED)


# Order


def test_events_of_a_tenant() -> None:
    """The events of each tenant are its job's in their order, between one start and one end."""
    events = go(three_steps, tenants(20), jobs=5)
    for name in (f"main{index}" for index in range(20)):
        started, *steps, finished = of(name, events)
        assert started == TenantStarted(name)
        assert steps == [row(name, step) for step in range(3)]
        assert isinstance(finished, TenantFinished)
        assert finished.verdict == Verdict(Result.APPLIED)


def test_frame_of_a_run() -> None:
    """A run begins with all its tenants in their order and what is to be said before, and ends once."""
    warning = WarningRaised("", Problem("a password in clear"))
    events = go(three_steps, [tenant("master")], tenants(2), preface=[warning])
    assert events[:2] == [RunStarted("migrate", "run 1", ("master", "main0", "main1")), warning]
    assert [type(event) for event in events].count(RunStarted) == 1
    assert [type(event) for event in events].count(RunFinished) == 1
    assert isinstance(events[-1], RunFinished)
    assert events[-1].stopped_by == ""


def test_nobody() -> None:
    """A run without tenants begins and ends."""
    assert [type(event) for event in go(three_steps)] == [RunStarted, RunFinished]
    assert [type(event) for event in go(three_steps, [])] == [RunStarted, RunFinished]


def test_elapsed() -> None:
    """How long each tenant and the run took is known, and never negative."""
    events = go(three_steps, tenants(3))
    elapsed = [event.elapsed_ms for event in events if isinstance(event, TenantFinished | RunFinished)]
    assert len(elapsed) == 4
    assert min(elapsed) >= 0


# How many at once


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_jobs_caps_each_server(jobs: int) -> None:
    """As many tenants as `jobs` says are at work at once on each server, and never more."""
    lock = threading.Lock()
    release = threading.Event()
    working: dict[str, int] = defaultdict(int)
    most: dict[str, int] = defaultdict(int)
    threads: dict[str, set[int]] = defaultdict(set)

    def job(tenant: Tenant) -> Steps:
        server = tenant.server.name
        with lock:
            threads[server].add(threading.get_ident())
            working[server] += 1
            most[server] = max(most[server], working[server])
        yield row(tenant.name, 0)
        wait_for(release)
        with lock:
            working[server] -= 1
        return Verdict(Result.OK)

    both = [*tenants(12, "a"), *tenants(12, "b")]
    at_work = 0
    # All tenants are queued before the first event is out: every thread that there is has taken one by the end.
    for event in run("migrate", "run 1", [Stage(tuple(both))], job, jobs=jobs, stop=Stop()):
        at_work += isinstance(event, RowReported)
        if at_work == 2 * jobs:
            release.set()
    assert most == {"a": jobs, "b": jobs}
    assert {server: len(used) for server, used in threads.items()} == {"a": jobs, "b": jobs}


def test_servers_do_not_wait_for_each_other() -> None:
    """A server whose tenants are slow does not keep another one's from their turn."""
    release = threading.Event()

    def job(tenant: Tenant) -> Steps:
        if tenant.server.name == "slow":
            wait_for(release)
        yield row(tenant.name, 0)
        return Verdict(Result.OK)

    fast = {f"fast{index}" for index in range(5)}
    ended = set()
    for event in run("migrate", "r", [Stage((*tenants(5, "slow"), *tenants(5, "fast")))], job, jobs=1, stop=Stop()):
        if isinstance(event, TenantFinished):
            ended.add(event.tenant)
        if ended == fast:
            release.set()
    assert len(ended) == 10


# Stages


def test_stages_follow_each_other() -> None:
    """No tenant of a stage starts before all of the stage before have ended."""
    events = go(three_steps, [tenant("master")], tenants(3), tenants(2, "late"))
    order = [event.tenant for event in events if isinstance(event, TenantStarted | TenantFinished)]
    assert order[:2] == ["master", "master"]
    assert {name[:4] for name in order[2:8]} == {"main"}
    assert {name[:4] for name in order[8:]} == {"late"}


@pytest.mark.parametrize("result", [r for r in Result if r not in (*GOOD, Result.FINDING)])
def test_stage_rule(result: Result) -> None:
    """Where the master does not end well no tenant is started, and each is told why."""

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        return Verdict(result if tenant.name == "master" else Result.APPLIED)

    events = go(job, [tenant("master")], tenants(2), tenants(1, "late"))
    reason = Verdict(Result.NOT_STARTED, "master did not succeed")
    assert verdicts(events) == {
        "master": Verdict(result),
        "main0": reason,
        "main1": reason,
        "late0": reason,
    }
    assert [event.tenant for event in events if isinstance(event, TenantStarted)] == ["master"]


def test_a_finding_keeps_nobody_from_starting() -> None:
    """A master that has everything applied, and differs from its files, is no reason to leave tenants behind."""

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        return Verdict(Result.FINDING if tenant.name == "master" else Result.APPLIED)

    ended = verdicts(go(job, [tenant("master")], tenants(1)))
    assert ended == {"master": Verdict(Result.FINDING), "main0": Verdict(Result.APPLIED)}


@pytest.mark.parametrize("result", [Result.APPLIED, Result.UP_TO_DATE, Result.OK])
def test_stage_goes_on(result: Result) -> None:
    """Where the master ended well the tenants have their turn."""

    def job(_: Tenant) -> Steps:
        yield from ()
        return Verdict(result)

    assert verdicts(go(job, [tenant("master")], tenants(2))) == {
        "master": Verdict(result),
        "main0": Verdict(result),
        "main1": Verdict(result),
    }


def test_one_failure_stops_nobody_else() -> None:
    """Within a stage a tenant that fails stops that tenant alone."""

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        return Verdict(Result.FAILED if tenant.name == "main0" else Result.APPLIED)

    assert [verdict.result for verdict in verdicts(go(job, tenants(5), jobs=1)).values()] == [
        Result.FAILED,
        *[Result.APPLIED] * 4,
    ]


# Errors

ERRORS = {
    "unreachable": (Unreachable("no answer", hint="start it"), Result.UNREACHABLE),
    "blocked": (Blocked("held by pid 7"), Result.BLOCKED),
    "refused": (Refused("rows of tenant 2", hint="look"), Result.REFUSED),
    "cancelled": (Cancelled("cancelled"), Result.STOPPED),
    "any other": (TenantError("no"), Result.FAILED),
}


@pytest.mark.parametrize(("error", "result"), ERRORS.values(), ids=ERRORS)
def test_tenant_errors(error: TenantError, result: Result) -> None:
    """An error that stops a tenant is its verdict, with reason and hint, and no bug."""

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        raise error

    assert verdicts(go(job, tenants(1))) == {"main0": Verdict(result, str(error), error.hint)}


def test_bug() -> None:
    """A bug that is met in one tenant is reported with its trace, and the others go on."""

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        if tenant.name == "main1":
            _ = 1 // 0
        return Verdict(Result.APPLIED)

    ended = verdicts(go(job, tenants(4), jobs=2))
    bug = ended.pop("main1")
    assert (bug.result, bug.reason) == (
        Result.FAILED,
        "a bug in tenantry: ZeroDivisionError('integer division or modulo by zero')",
    )
    assert bug.trace.startswith("Traceback (most recent call last):")
    assert "_ = 1 // 0" in bug.trace
    assert set(ended.values()) == {Verdict(Result.APPLIED)}


def test_bug_before_the_first_step() -> None:
    """A job that breaks as it is called is a bug of that tenant alone, too."""

    def job(tenant: Tenant) -> Steps:
        if tenant.name == "main0":
            raise KeyError(tenant.name)
        return three_steps(tenant)

    ended = verdicts(go(job, tenants(2)))
    assert ended["main0"].reason == "a bug in tenantry: KeyError('main0')"
    assert ended["main1"] == Verdict(Result.APPLIED)


# Stopping


def test_stop_at_a_step() -> None:
    """A run that is stopped ends each job at its next step, where its `finally` releases what it holds."""
    stop = Stop()
    released = []

    def job(tenant: Tenant) -> Steps:
        try:
            yield row(tenant.name, 0)
            stop.request("SIGTERM")
            yield row(tenant.name, 1)
            yield row(tenant.name, 2)
        finally:
            released.append(tenant.name)
        return Verdict(Result.APPLIED)

    events = go(job, tenants(3), jobs=1, stop=stop)
    assert of("main0", events)[1:3] == [row("main0", 0), row("main0", 1)]
    assert verdicts(events) == {
        "main0": Verdict(Result.STOPPED, "SIGTERM", AGAIN),
        "main1": Verdict(Result.NOT_STARTED, "SIGTERM"),
        "main2": Verdict(Result.NOT_STARTED, "SIGTERM"),
    }
    assert released == ["main0"]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].stopped_by == "SIGTERM"


def test_stop_before_the_start() -> None:
    """Nobody is started once the run is to end."""
    stop = Stop()
    stop.request("SIGINT")
    events = go(three_steps, [tenant("master")], tenants(1), stop=stop)
    assert not [event for event in events if isinstance(event, TenantStarted)]
    assert verdicts(events) == {
        "master": Verdict(Result.NOT_STARTED, "SIGINT"),
        "main0": Verdict(Result.NOT_STARTED, "master did not succeed"),
    }


def test_stop_reaches_all_at_work() -> None:
    """Every tenant that is at work when the run is stopped ends at its next step."""
    stop = Stop()
    together = threading.Barrier(4)

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        # The last one to come stops the run while the others are at work.
        if together.wait(PATIENCE_S) == 0:
            stop.request("SIGINT")
        together.wait(PATIENCE_S)
        yield row(tenant.name, 1)
        raise AssertionError("not stopped")

    events = go(job, tenants(4), jobs=4, stop=stop)
    assert set(verdicts(events).values()) == {Verdict(Result.STOPPED, "SIGINT", AGAIN)}


def test_last_step_is_done() -> None:
    """A job that has come to its end when the run is stopped keeps its verdict: what is done is done."""
    stop = Stop()

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        stop.request("SIGTERM")
        return Verdict(Result.APPLIED)

    assert verdicts(go(job, tenants(1), stop=stop)) == {"main0": Verdict(Result.APPLIED)}


def test_told_with_the_verdict() -> None:
    """What a verdict has to tell is told before the end of its tenant, even when the run is being stopped."""
    stop = Stop()
    told = WarningRaised("main0", Problem("the failure could not be written to the log"))

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        stop.request("SIGTERM")
        return Verdict(Result.FAILED, "no", told=(told, told))

    *_, one, two, finished = of("main0", go(job, tenants(1), stop=stop))
    assert (one, two, type(finished)) == (told, told, TenantFinished)


def test_release_that_fails() -> None:
    """Where a stopped job cannot release what it holds, that is its verdict, and the run ends all the same."""
    stop = Stop()

    def job(tenant: Tenant) -> Steps:
        try:
            stop.request("SIGTERM")
            yield row(tenant.name, 0)
        finally:
            raise Unreachable("the server is gone")

    assert verdicts(go(job, tenants(1), stop=stop)) == {"main0": Verdict(Result.UNREACHABLE, "the server is gone")}


def test_first_reason_stays() -> None:
    """Why a run was stopped is what stopped it first."""
    stop = Stop()
    stop.request("SIGTERM")
    stop.request("SIGINT")
    assert stop.reason == "SIGTERM"


def test_cancel() -> None:
    """Cancelling ends the work of all sessions, and a request alone that of scratch sessions."""
    stop = Stop()
    one, other, scratch = (Sessions({}, Settings("tenantry/test")) for _ in range(3))
    stop.covers(one)
    stop.covers(other)
    with stop.covering_scratch(scratch):
        with stop.attending():
            stop.request("SIGINT")
        assert [each.cancelled for each in (one, other, scratch)] == [False, False, True]
        with stop.attending():
            stop.cancel()
        assert (one.cancelled, other.cancelled) == (True, True)


def test_run_within_a_run() -> None:
    """A job that runs over tenants itself, with the same stop, ends; so does the run around it."""
    stop = Stop()

    def outer(tenant: Tenant) -> Steps:
        for _ in run("lint", "inner", [Stage(tuple(tenants(2)))], inner, jobs=2, stop=stop):
            yield from ()
        return Verdict(Result.OK)

    def inner(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        return Verdict(Result.OK)

    # Which thread takes an order is chance.
    for _ in range(20):
        assert verdicts(go(outer, tenants(1), stop=stop)) == {"main0": Verdict(Result.OK)}


def test_no_scratch_after_a_request() -> None:
    """No work begins on a scratch database once the run is to end."""
    stop = Stop()
    stop.request("SIGINT")
    with pytest.raises(Cancelled, match="SIGINT"), stop.covering_scratch(Sessions({}, Settings("tenantry/test"))):
        pytest.fail("the work began")


def test_nobody_listens_any_more() -> None:
    """Where the events are wanted no more, running jobs are closed, no new one starts, and all threads end."""
    stop = Stop()
    began, released = [], []

    def job(tenant: Tenant) -> Steps:
        began.append(tenant.name)
        try:
            yield row(tenant.name, 0)
            give_up = time.monotonic() + PATIENCE_S
            while not stop.reason and time.monotonic() < give_up:
                # Whoever reads is in the middle of closing, and waits for this thread: there is nothing to wait on.
                time.sleep(0.001)
            yield row(tenant.name, 1)
            began.append("went on")
        finally:
            released.append(tenant.name)
        return Verdict(Result.OK)

    before = threading.active_count()
    events = run("migrate", "r", [Stage(tuple(tenants(2))), Stage(tuple(tenants(2, "late")))], job, jobs=1, stop=stop)
    assert isinstance(next(events), RunStarted)
    assert next(events) == TenantStarted("main0")
    events.close()
    assert (began, released) == (["main0"], ["main0"])
    assert threading.active_count() == before


def test_unread_events_keep_others_waiting() -> None:
    """Where events are read more slowly than they come, no more tenants begin, so that memory is bounded."""
    began: list[str] = []

    def job(tenant: Tenant) -> Steps:
        began.append(tenant.name)
        for step in range(300):
            yield row(tenant.name, step)
        return Verdict(Result.OK)

    events = run("migrate", "r", [Stage(tuple(tenants(10)))], job, jobs=2, stop=Stop())
    while not isinstance(next(events), TenantStarted):
        pass
    before = -1
    while len(began) != before:
        before = len(began)
        # Nobody tells that nothing happens.
        time.sleep(0.2)
    assert len(began) <= 3
    assert set(verdicts(events).values()) == {Verdict(Result.OK)}
    assert len(began) == 10


def test_look_is_passed_on() -> None:
    """Events reach the reader as the job made them."""
    opened = DatabaseOpened("main0", "main", "tenant_0", 170010, "psql tenant_0")

    def job(_: Tenant) -> Steps:
        yield opened
        return Verdict(Result.OK)

    assert of("main0", go(job, tenants(1)))[1] is opened
