"""Stopping a run: asked for by a signal, seen by every job."""

from collections.abc import Callable


class Stop:
    """Whether the run is to end early, and by what: set once by a signal, asked at every step."""

    def __init__(self) -> None:
        self.reason = ""
        self._cancels: list[Callable[[], None]] = []

    def on_cancel(self, cancel: Callable[[], None]) -> None:
        """Have `cancel` called when what is running now is to end at once."""
        self._cancels.append(cancel)

    def cancel(self) -> None:
        """End what is running now, and not only at the next step."""
        for cancel in self._cancels:
            cancel()

    def request(self, reason: str) -> None:
        """End the run at the next step of each tenant; the first reason stays."""
        # Without a lock: the signal handler that calls this may have interrupted its holder.
        self.reason = self.reason or reason
