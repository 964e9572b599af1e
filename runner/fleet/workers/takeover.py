"""Taking over batches of workers that died: by the coordinator, and by every worker.

A job that is begun and whose lease nobody holds is lost. A worker takes its lease a moment after it got the job, and
gets it back a moment after the control database was away, so that nobody is quick to say so.
"""

import time

from tenantry.fleet.workers.control import Control, Ticket
from tenantry.postgres.sessions import Connection

# Arbitrary: longer than a worker takes for its lease, and short enough that a death costs less than ten seconds.
_SURE_S = 4.0
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
        sure = self.list_lost(connection)
        again = [one for one in sure if one.attempt + 1 < MOST_ATTEMPTS and self._control.take_back(connection, one)]
        ended = [one for one in sure if one.attempt + 1 >= MOST_ATTEMPTS and self._control.end_job(connection, one)]
        return again, ended

    def list_lost(self, connection: Connection) -> list[Ticket]:
        """Return the jobs that are lost for long enough."""
        now = time.monotonic()
        lost = {state.ticket for state in self._control.find_lost(connection, self._run)}
        self._missed = {ticket: self._missed.get(ticket, now) for ticket in lost}
        return [ticket for ticket, since in self._missed.items() if now - since >= _SURE_S]

    def forget(self) -> None:
        """Begin to look again: while the control database was away, nobody could hold a lease."""
        self._missed.clear()
