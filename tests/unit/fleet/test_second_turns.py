"""Second turns of tenants that are blocked, with plain generators for jobs: when, for whom, and what is told."""

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Job
from tenantry.model import Tenant
from tenantry.model.errors import Blocked, Problem, Unreachable
from tenantry.model.events import (
    MigrationFailed,
    RowReported,
    TenantFinished,
    TenantPostponed,
    TenantStarted,
    Verdict,
    WarningRaised,
)
from tenantry.model.results import Failure, Result
from tenantry.model.rollout import Stage
from tests.builders import migration, tenant
from tests.unit.fleet.fix_run import Steps, go, of, row, tenants, verdicts


def visits(*blocked: str, times: int = 1) -> tuple[Job, list[str]]:
    """Return a job that ends blocked for these tenants so many times, and the tenants in the order of their turns."""
    seen: list[str] = []

    def job(tenant: Tenant) -> Steps:
        seen.append(tenant.name)
        yield row(tenant.name, 0)
        if tenant.name in blocked and seen.count(tenant.name) <= times:
            raise Blocked("held by pid 7", hint="wait")
        return Verdict(Result.APPLIED)

    return job, seen


def test_postponed() -> None:
    """A tenant that is blocked has a second turn when all others have had theirs, and ends once."""
    job, seen = visits("main0", "main2")
    events = list(run("migrate", "r", [Stage(tuple(tenants(4)))], job, jobs=1, stop=Stop(), revisit=True))
    assert seen == ["main0", "main1", "main2", "main3", "main0", "main2"]
    assert verdicts(events) == {f"main{index}": Verdict(Result.APPLIED) for index in range(4)}
    postponed = [event for event in events if isinstance(event, TenantPostponed)]
    assert [(event.tenant, event.reason) for event in postponed] == [
        ("main0", "held by pid 7"),
        ("main2", "held by pid 7"),
    ]
    assert [type(event) for event in of("main0", events)] == [
        *(TenantStarted, RowReported, TenantPostponed),
        *(TenantStarted, RowReported, TenantFinished),
    ]


def test_postponed_once() -> None:
    """A tenant that is blocked in its second turn as well ends so; its time is that of both turns."""
    job, seen = visits("main0", times=9)
    events = list(run("migrate", "r", [Stage(tuple(tenants(2)))], job, jobs=2, stop=Stop(), revisit=True))
    assert sorted(seen) == ["main0", "main0", "main1"]
    assert verdicts(events)["main0"] == Verdict(Result.BLOCKED, "held by pid 7", "wait")
    (postponed,) = [event for event in events if isinstance(event, TenantPostponed)]
    (finished,) = [event for event in of("main0", events) if isinstance(event, TenantFinished)]
    assert finished.elapsed_ms >= postponed.elapsed_ms


def test_master_has_a_second_turn() -> None:
    """A master that is blocked for a moment does not cost the tenants their turn."""
    job, seen = visits("master")
    events = list(
        run(
            "migrate",
            "r",
            [Stage((tenant("master"),)), Stage(tuple(tenants(1)))],
            job,
            jobs=2,
            stop=Stop(),
            revisit=True,
        )
    )
    assert seen == ["master", "master", "main0"]
    assert set(verdicts(events).values()) == {Verdict(Result.APPLIED)}


def test_away() -> None:
    """A tenant whose server does not answer has a second turn; one whose connection was lost has none."""
    seen: list[str] = []

    def job(tenant: Tenant) -> Steps:
        seen.append(tenant.name)
        if tenant.name == "main0" and seen.count("main0") == 1:
            raise Unreachable("no answer")
        yield row(tenant.name, 0)
        if tenant.name == "main1":
            raise Unreachable("connection lost")
        return Verdict(Result.APPLIED)

    events = list(run("migrate", "r", [Stage(tuple(tenants(3)))], job, jobs=1, stop=Stop(), revisit=True))
    assert seen == ["main0", "main1", "main2", "main0"]
    assert {name: verdict.result for name, verdict in verdicts(events).items()} == {
        "main0": Result.APPLIED,
        "main1": Result.UNREACHABLE,
        "main2": Result.APPLIED,
    }


def test_not_postponed() -> None:
    """Only a run that asks for it gives second turns: what a job has said would be said twice."""
    job, seen = visits("main0")
    assert verdicts(go(job, tenants(1))) == {"main0": Verdict(Result.BLOCKED, "held by pid 7", "wait")}
    assert seen == ["main0"]


def test_no_second_turn_after_a_stop() -> None:
    """Where the run is to end before the second turn, the first one counts, with all that it had to tell."""
    stop, seen = Stop(), list[str]()
    failed = MigrationFailed("main0", migration(), Failure("canceling statement due to lock timeout", "55P03"))
    verdict = Verdict(Result.BLOCKED, "held by pid 7", told=(failed,))

    def job(tenant: Tenant) -> Steps:
        seen.append(tenant.name)
        yield row(tenant.name, 0)
        if tenant.name == "main0":
            return verdict
        stop.request("SIGTERM")
        return Verdict(Result.APPLIED)

    events = list(run("migrate", "r", [Stage(tuple(tenants(2)))], job, jobs=1, stop=stop, revisit=True))
    assert seen == ["main0", "main1"]
    assert verdicts(events) == {"main0": verdict, "main1": Verdict(Result.APPLIED)}
    assert [type(event) for event in of("main0", events)][-3:] == [TenantPostponed, MigrationFailed, TenantFinished]


def test_told_of_a_first_turn() -> None:
    """Of a file that is tried again it is not said that it failed; what else there is to tell is told at once."""
    failed = MigrationFailed("main0", migration(), Failure("canceling statement due to lock timeout", "55P03"))
    warned = WarningRaised("main0", Problem("the failure could not be written to the log"))
    ends = [Verdict(Result.APPLIED), Verdict(Result.BLOCKED, "held by pid 7", told=(failed, warned))]

    def job(tenant: Tenant) -> Steps:
        yield row(tenant.name, 0)
        return ends.pop()

    events = list(run("migrate", "r", [Stage(tuple(tenants(1)))], job, jobs=1, stop=Stop(), revisit=True))
    told = [event for event in of("main0", events) if isinstance(event, WarningRaised | MigrationFailed)]
    assert told == [warned]
