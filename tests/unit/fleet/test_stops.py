"""Runs that are stopped: each job ends at its next step, releases what it holds, and none begins."""

import threading
import time

import pytest

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.model import Tenant
from tenantry.model.errors import Cancelled, Problem, Unreachable
from tenantry.model.events import RunFinished, RunStarted, TenantFinished, TenantStarted, Verdict, WarningRaised
from tenantry.model.results import Result
from tenantry.model.rollout import Stage
from tenantry.postgres.sessions import Sessions, Settings
from tests.builders import tenant
from tests.unit.fleet.fix_run import PATIENCE_S, Steps, go, of, row, tenants, three_steps, verdicts

AGAIN = "run the same command again to resume"


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
