"""Stopping a run: requested by a signal, noticed by every job."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Whether and why the run is to end early: set once by a signal, checked at every step."""

    def __init__(self) -> None:
        self.reason = ""
        self._cancels: list[Callable[[], None]] = []
        self._ends: list[Callable[[], None]] = []

    def on_cancel(self, cancel: Callable[[], None]) -> None:
        """Register `cancel`, to be called when the running statements are to end at once."""
        self._cancels.append(cancel)

    def cancel(self) -> None:
        """End the running statements at once, not only at the next step."""
        for cancel in self._cancels:
            cancel()

    def request(self, reason: str) -> None:
        """End the run at the next step of each tenant; the first reason stays."""
        # Without a lock: the signal handler that calls this may have interrupted its holder.
        self.reason = self.reason or reason
        for end in tuple(self._ends):
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end` as soon as the run is to end, for work that nothing depends on and need not be finished."""
        self._ends.append(end)
        try:
            yield
        finally:
            self._ends.remove(end)
