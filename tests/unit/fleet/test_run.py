"""Runs over many tenants: the frame of a run, its order, and what one tenant's failure does to others."""

import threading
import time
from collections import defaultdict

import pytest

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Cancelled, Problem, Refused, TenantError, Unreachable
from tenantry.model.events import (
    DatabaseOpened,
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
from tests.builders import tenant
from tests.unit.fleet.fix_run import Steps, go, of, row, tenants, three_steps, verdicts, wait_for


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
