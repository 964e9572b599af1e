"""A sign of life: an event at regular times of a run, whatever its tenants are doing meanwhile."""

import time

from tenantry.model.events import TimePassed

# Arbitrary: often enough to see that a run is alive, and seldom enough for the log of a whole night.
EVERY_S = 10.0


class Ticks:
    """The times of a run at which it gives a sign of life."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._due = self._started + EVERY_S

    @property
    def left_s(self) -> float:
        """Return the seconds until the next time, 0 if it has come."""
        return max(self._due - time.monotonic(), 0.0)

    def take(self) -> TimePassed:
        """Return the event for the time that has come."""
        now = time.monotonic()
        # Those that were missed, since nobody asked for an event, are not made up for.
        self._due = now + EVERY_S
        return TimePassed(int((now - self._started) * 1000))
