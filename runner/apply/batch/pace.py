"""The pace of a change in batches, and reports of its progress: at each of these a run may stop."""

import time
from collections.abc import Generator

from tenantry.apply.attempt import measure_since
from tenantry.apply.batch.cut import Cut, Reached
from tenantry.model import Migration, Tenant
from tenantry.model.events import BatchProgressed, Event

# Both arbitrary: how often a person wants a report, and how soon a run stops.
_TELL_EVERY_S = 2.0
_LONGEST_SLEEP_S = 0.5


class Pace:
    """The start of a run, the rows done before it, and the time of the last report."""

    def __init__(self, tenant: Tenant, step: Migration, cut: Cut) -> None:
        """Start the clock."""
        self._tenant, self._step, self._cut = tenant, step, cut
        self._started = time.monotonic()
        self._told = self._started - _TELL_EVERY_S
        self._before = cut.reached.rows if cut.reached else 0

    def tell(self, reached: Reached, held: str = "") -> Generator[Event, None, None]:
        """Report the progress, unless the last report is recent."""
        now = time.monotonic()
        if now - self._told < _TELL_EVERY_S:
            return
        self._told = now
        elapsed_ms = measure_since(self._started)
        rate = (reached.rows - self._before) * 1000 // max(elapsed_ms, 1)
        estimate = self._cut.table.estimate
        total = max(estimate, reached.rows) if estimate else 0
        yield BatchProgressed(self._tenant.name, self._step, reached.rows, total, rate, elapsed_ms, held)

    def sleep(self, seconds: float, reached: Reached, held: str = "") -> Generator[Event, None, None]:
        """Pause, and report the progress meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            # The pause that the file asks for or the server needs, in pieces, so that a run may stop in between.
            time.sleep(min(left, _LONGEST_SLEEP_S))
            yield from self.tell(reached, held)
