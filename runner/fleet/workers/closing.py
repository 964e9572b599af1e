"""Ending the batches of a run whose coordinator is dead, before another run does its work."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from tenantry.fleet.stop import Stop
from tenantry.fleet.workers.control import LOST, Control
from tenantry.fleet.workers.link import Link
from tenantry.fleet.workers.takeover import Takeover
from tenantry.model.errors import Problem
from tenantry.model.events import Event, WarningRaised
from tenantry.postgres.sessions import Connection

# Arbitrary.
_LOOK_S = 0.3


def end_runs(control: Control, runs: Sequence[str], stop: Stop, wait_s: float) -> Iterator[Event]:
    """Have the workers of these runs stop at the next step of each tenant, wait for that, and delete the runs.

    It waits up to `wait_s`: after that, the tenants' own locks keep two workers apart.
    """
    link = Link(control)
    with closing(link):
        until, said = time.monotonic() + wait_s, False
        takeovers = {run: Takeover(control, run) for run in runs}
        while not stop.reason:
            try:
                busy = sum(_end(control, link.get(), run, takeover) for run, takeover in takeovers.items())
                if not busy or time.monotonic() > until:
                    for run in runs:
                        control.forget(link.get(), run)
                    return
            except LOST as error:
                link.drop(error)
                message = "the workers of the run that is resumed could not be told to stop"
                yield WarningRaised("", Problem(f"{message}: the control database does not answer: {link.lost}"))
                return
            if not said:
                said = True
                message = "workers are still at work on the run that is resumed: waiting for them to stop"
                yield WarningRaised("", Problem(message))
            time.sleep(_LOOK_S)  # workers ring for the run that they serve, which is over


def _end(control: Control, connection: Connection, run: str, takeover: Takeover) -> int:
    """Order the end of a run, and return how many of its batches workers are still at."""
    control.cancel_waiting(connection, run)
    control.order(connection, run, "end", "the run is resumed")
    for ticket in takeover.list_lost(connection):
        control.end_job(connection, ticket)
    return sum(state.status == "doing" for state in control.read_states(connection, run).values())
