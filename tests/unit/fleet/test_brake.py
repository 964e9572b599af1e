"""When a run starts nobody any more: limits of failures, one cause everywhere, the deadline, and what is said then."""

import pytest

from tenantry.fleet.brake import Brake
from tenantry.model.events import MigrationApplied, MigrationFailed, Verdict
from tenantry.model.results import Failure, Result
from tenantry.model.rollout import BY_CAUSE, BY_DEADLINE, BY_GATE, BY_LIMIT, Bounds, Limit, Stage, parse_limit
from tests.builders import Clock, migration, tenant

FILE = migration("0012_email")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have the brake look at a clock of ours."""
    clock = Clock()
    monkeypatch.setattr("tenantry.fleet.brake.time", clock)
    return clock


def fail(brake: Brake, name: str, message: str = "no such column", line: int = 3) -> None:
    """End a tenant in a file."""
    brake.note(MigrationFailed(name, FILE, Failure(message, "42703", line)))
    brake.finish(name, Verdict(Result.FAILED, message), 10)


def end(brake: Brake, result: Result, number: int = 1, elapsed_ms: int = 10) -> None:
    """End so many tenants in the same way."""
    for _ in range(number):
        brake.finish("x", Verdict(result), elapsed_ms)


def stage(number: int, limit: Limit | None = None, *, verified: bool = False) -> Stage:
    """Return a stage of so many tenants."""
    return Stage(tuple(tenant(str(one)) for one in range(number)), "canary", limit, verified)


@pytest.mark.parametrize(
    ("limit", "selected", "allowed", "said"),
    [
        ("0", 4, 0, "1 of 4 tenants failed, max-failures: 0 allows 0"),
        ("2", 4, 2, "3 of 4 tenants failed, max-failures: 2 allows 2"),
        ("1%", 300, 3, "4 of 300 tenants failed, max-failures: 1% allows 3 of 300"),
        ("1%", 99, 0, "1 of 99 tenants failed, max-failures: 1% allows 0 of 99"),
        ("0.5%", 1000, 5, "6 of 1000 tenants failed, max-failures: 0.5% allows 5 of 1000"),
    ],
)
@pytest.mark.parametrize("result", [Result.FAILED, Result.REFUSED, Result.BLOCKED, Result.UNREACHABLE])
def test_limit(limit: str, selected: int, allowed: int, said: str, result: Result) -> None:
    """As many tenants as are allowed may fail, however they do; one more, and nobody starts. A share rounds down."""
    brake = Brake(Bounds(parse_limit(limit)), selected)
    end(brake, result, allowed)
    assert (brake.tripped, brake.refuse(), brake.by) == (False, "", "")
    end(brake, result)
    assert (brake.tripped, brake.by) == (True, "")
    assert (brake.refuse(), brake.by) == (said, BY_LIMIT)


@pytest.mark.parametrize(
    "result",
    [Result.APPLIED, Result.UP_TO_DATE, Result.SKIPPED, Result.FINDING, Result.STOPPED, Result.NOT_STARTED],
)
def test_no_failures(result: Result) -> None:
    """A tenant that ended well, or was not worked on, is no failure; neither is a finding, outside a proven stage."""
    brake = Brake(Bounds(Limit(0)), 4)
    end(brake, result, 4)
    assert brake.refuse() == ""


def test_limit_of_a_stage() -> None:
    """Each stage counts its own failures, and the run all of them."""
    brake = Brake(Bounds(Limit(2)), 10)
    brake.enter(stage(4, Limit(1)))
    end(brake, Result.FAILED)
    brake.enter(stage(4, Limit(1)))
    end(brake, Result.FAILED)
    assert brake.refuse() == ""
    brake.enter(stage(2, Limit(5)))
    end(brake, Result.FAILED)
    assert brake.refuse() == "3 of 10 tenants failed, max-failures: 2 allows 2"
    alone = Brake()
    alone.enter(stage(4, Limit(25, percent=True)))
    end(alone, Result.FAILED, 2)
    assert alone.refuse() == "stage 'canary': 2 of 4 tenants failed, max-failures: 25% allows 1 of 4"


def test_verified_stage() -> None:
    """Where a stage is to be proven, a tenant that is not counts as failed."""
    brake = Brake()
    brake.enter(stage(4, Limit(0), verified=True))
    end(brake, Result.FINDING)
    assert brake.refuse() == "stage 'canary': 1 of 4 tenants failed, max-failures: 0 allows 0"


def test_same_cause() -> None:
    """The same error at the same place in so many tenants ends the run, if nobody got the file."""
    brake = Brake(Bounds(same=3))
    fail(brake, "1")
    fail(brake, "2")
    fail(brake, "3", line=4)
    assert brake.refuse() == ""
    fail(brake, "4")
    said = "the first 3 tenants failed in the same way: migrations/tenant/0012_email.sql:3: no such column"
    assert (brake.refuse(), brake.by) == (said, BY_CAUSE)


def test_a_cause_that_not_all_share() -> None:
    """A file that some tenant got is not broken for everybody."""
    brake = Brake(Bounds(same=2))
    brake.note(MigrationApplied("9", FILE, 5))
    for name in ("1", "2", "3"):
        fail(brake, name)
    assert brake.refuse() == ""


def test_deadline(clock: Clock) -> None:
    """Nobody starts who, by nine tenths of the turns so far, would not finish in time."""
    brake = Brake(Bounds(deadline_s=10))
    clock.now = 9.9
    assert brake.refuse() == ""
    end(brake, Result.APPLIED, 9, elapsed_ms=1_000)
    end(brake, Result.APPLIED, elapsed_ms=60_000)
    clock.now = 8.9
    assert brake.refuse() == ""
    clock.now = 9.0
    assert (brake.refuse(), brake.by) == ("it cannot be expected to finish before the deadline", BY_DEADLINE)
    assert not brake.tripped


def test_first_reason_stays() -> None:
    """The first reason is told, whatever comes after it; nothing is by anybody as long as all had started."""
    brake = Brake(Bounds(Limit(0)), 2)
    brake.close(BY_GATE, "the gate of stage 'canary' stayed shut")
    end(brake, Result.FAILED)
    assert (brake.by, brake.refuse(), brake.by) == ("", "the gate of stage 'canary' stayed shut", BY_GATE)
