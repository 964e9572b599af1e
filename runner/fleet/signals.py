"""Signals of a run: the first ends it in order, the second cancels its statements, the third closes its connections.

Before the run has begun there is nothing to finish: the first one ends the program there.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tenantry.fleet.stop import GRACE_S, Stop

# `timeout` and process managers send a signal to the process and to its group, so that it comes twice.
_REPEAT_S = 1.0


class Interrupted(KeyboardInterrupt):
    """A signal came before the run had begun; `name` is that of the signal."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Signals:
    """The signals that a run received so far. `begun` says that there is something to be ended in order."""

    def __init__(self, stop: Stop, say: Callable[[str], None]) -> None:
        """Take the stop that signals request, and a callable that tells a person what each of them does."""
        self.begun = False
        self._stop = stop
        self._say = say
        self._count = 0
        self._last: dict[int, float] = {}

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take one signal; the same one again within a second counts once. Raises Interrupted before the run."""
        now = time.monotonic()
        before, self._last[number] = self._last.get(number), now
        if before is not None and now - before < _REPEAT_S:
            return
        name = signal.Signals(number).name
        if not self.begun:
            self._stop.request(name)
            raise Interrupted(name)
        self._count += 1
        self._end(name)

    def _end(self, name: str) -> None:
        match self._count:
            case 1:
                self._stop.request(name)
                self._say(f"{name}: finishing the running files; send it again to cancel them")
            case 2:
                self._stop.cancel()
                self._say(f"cancelling the running statements; what does not answer is closed after {GRACE_S:.0f} s")
            case _:
                self._stop.sever()
                self._say("closing the connections")


@contextmanager
def handling_signals(stop: Stop, say: Callable[[str], None]) -> Iterator[Signals]:
    """Handle SIGINT and SIGTERM until the end of the block."""
    signals = Signals(stop, say)
    before = {number: signal.signal(number, signals.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
