"""Runs whose jobs are generators of the test, and what there is to ask of their events."""

import threading
from collections.abc import Generator, Iterable, Sequence

from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Job
from tenantry.model import Tenant
from tenantry.model.events import Event, RowReported, TenantFinished, Verdict
from tenantry.model.results import Result
from tenantry.model.rollout import Stage
from tests.builders import tenant

Steps = Generator[Event, None, Verdict]
# Only where a test is about to fail anyway.
PATIENCE_S = 20


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
