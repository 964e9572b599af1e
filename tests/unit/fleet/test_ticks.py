"""Signs of life: a run tells at regular times that it goes on, also while no tenant has anything to tell."""

import time

import pytest

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.model import Tenant
from tenantry.model.events import TimePassed, Verdict
from tenantry.model.results import Result
from tenantry.model.rollout import Stage
from tests.unit.fleet.test_run import Steps, row, tenants


def wait(tenant: Tenant) -> Steps:
    """Work on a tenant for a time, without a word."""
    yield row(tenant.name, 0)
    time.sleep(0.5)
    return Verdict(Result.OK)


def test_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant that takes long does not keep a run from giving signs of life, and neither does a pause."""
    monkeypatch.setattr("tenantry.fleet.ticks.EVERY_S", 0.1)
    stages = [Stage(tuple(tenants(1)), "canary", pause_s=0.5), Stage(tuple(tenants(1, "other")), "rest")]
    events = list(run("plan", "r", stages, wait, jobs=1, stop=Stop()))
    kinds = [type(event).__name__ for event in events]
    held, begun = kinds.index("StageHeld"), len(kinds) - 1 - kinds[::-1].index("StageStarted")
    assert kinds[:held].count("TimePassed") >= 2
    assert kinds[held:begun].count("TimePassed") >= 2
    passed = [event.elapsed_ms for event in events if isinstance(event, TimePassed)]
    assert passed == sorted(passed)
    assert passed[0] >= 100


def test_while_much_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants that tell something all the time do not keep a run from it either."""
    monkeypatch.setattr("tenantry.fleet.ticks.EVERY_S", 0.02)

    def talk(tenant: Tenant) -> Steps:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            yield row(tenant.name, 0)
        return Verdict(Result.OK)

    events = list(run("plan", "r", [Stage(tuple(tenants(1)))], talk, jobs=1, stop=Stop()))
    assert sum(isinstance(event, TimePassed) for event in events) >= 2
