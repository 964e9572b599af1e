"""Taking over batches of workers that died: by the coordinator, and by every worker.

A job that is begun and whose lease nobody holds is lost, unless its worker says that it is alive: then it is about to
take the lease, or to take it again after the control database was away.
"""

import time

from tenantry.fleet.workers.control import Control, Ticket
from tenantry.postgres.sessions import Connection

# Arbitrary, both: how long a lease is missed of a worker that says nothing, and of one that says that it is alive. The
# death of a worker costs less than ten seconds, with the time in which its signs count.
_DEAD_S = 2.0
_STUCK_S = 60.0
# Arbitrary: a tenant that ends its worker, by its memory perhaps, must not end all of them.
MOST_ATTEMPTS = 5


class Takeover:
    """Finds lost jobs, those of one run or of all, and has them taken by another worker."""

    def __init__(self, control: Control, run: str | None = None) -> None:
        self._control = control
        self._run = run
        self._missed: dict[Ticket, float] = {}

    def look(self, connection: Connection) -> tuple[list[Ticket], list[Ticket]]:
        """Return the jobs that were taken back, and those that were given up after too many attempts."""
        lost = self.list_lost(connection)
        again = [one for one in lost if one.attempt + 1 < MOST_ATTEMPTS and self._control.take_back(connection, one)]
        ended = [one for one in lost if one.attempt + 1 >= MOST_ATTEMPTS and self._control.end_job(connection, one)]
        return again, ended

    def list_lost(self, connection: Connection) -> list[Ticket]:
        """Return the jobs that are lost for long enough."""
        now, found = time.monotonic(), self._control.find_lost(connection, self._run)
        self._missed = {ticket: self._missed.get(ticket, now) for ticket in found}
        return [ticket for ticket, alive in found.items() if now - self._missed[ticket] >= _wait(alive=alive)]

    def forget(self) -> None:
        """Begin to look again: while the control database was away, nobody could hold a lease."""
        self._missed.clear()


def _wait(*, alive: bool) -> float:
    return _STUCK_S if alive else _DEAD_S
