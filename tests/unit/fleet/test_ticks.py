"""Signs of life: a run tells at regular times that it goes on, also while no tenant has anything to tell."""

import time

import pytest

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.model import Tenant
from tenantry.model.events import TimePassed, Verdict
from tenantry.model.results import Result
from tenantry.model.rollout import Stage
from tests.unit.fleet.fix_run import Steps, row, tenants


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

    seen: list[TimePassed] = []

    def talk(tenant: Tenant) -> Steps:
        # As long as it takes: on a busy machine, the reader may not have its turn for a while.
        until = time.monotonic() + 30
        while len(seen) < 2 and time.monotonic() < until:
            yield row(tenant.name, 0)
        return Verdict(Result.OK)

    for event in run("plan", "r", [Stage(tuple(tenants(1)))], talk, jobs=1, stop=Stop()):
        seen += [event] if isinstance(event, TimePassed) else []
    assert len(seen) >= 2
