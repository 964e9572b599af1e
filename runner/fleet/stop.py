"""Stopping a run: requested by a signal, noticed by every job.

A signal handler may call everything here: it only leaves an order, which a thread of the run carries out.
"""

import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum, auto

from tenantry.model.errors import Cancelled
from tenantry.postgres.sessions import Connection, Sessions

# Arbitrary: a server that is alive answers a cancel at once, and whoever sends a second signal is waiting.
GRACE_S = 5.0
# Arbitrary: a server that is slow to take a cancel must not hold up those of the others.
_AT_ONCE = 16


class _Order(Enum):
    """The work of the thread that attends to a run."""

    END = auto()
    CANCEL = auto()
    SEVER = auto()
    OVER = auto()


class Stop:
    """Whether and why the run is to end early: set once by a signal, checked at every step."""

    def __init__(self) -> None:
        self.reason = ""
        # How much of a hurry there is, for those that end work elsewhere: 1 after `request`, 2 `cancel`, 3 `sever`.
        self.urgency = 0
        self._sessions: list[Sessions] = []
        self._scratch: list[Sessions] = []
        self._attended = False
        # Its put may interrupt another one in the same thread, as a signal handler does.
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()

    def covers(self, sessions: Sessions) -> None:
        """Cancel the statements of these sessions when the running statements are to end at once.

        Whoever waits for one of their connections waits no more once the run is to end.
        """
        self._sessions.append(sessions)
        sessions.ending = lambda: self.reason

    @contextmanager
    def covering_scratch(self, sessions: Sessions) -> Iterator[None]:
        """Cancel the statements of these sessions as soon as the run is to end: their work is of no use then.

        Raises Cancelled if the run is to end already.
        """
        self._scratch.append(sessions)
        try:
            # Only now: a request before that would have missed these sessions.
            self.check()
            yield
        finally:
            self._scratch.remove(sessions)

    def check(self) -> None:
        """Raise Cancelled if the run is to end."""
        if self.reason:
            raise Cancelled(self.reason)

    def request(self, reason: str) -> None:
        """End the run at the next step of each tenant; the first reason stays."""
        # Without a lock: the signal handler that calls this may have interrupted its holder.
        self.reason = self.reason or reason
        self.urgency = max(self.urgency, 1)
        self._orders.put(_Order.END)

    def cancel(self) -> None:
        """End the running statements, not only at the next step; connections that do not answer are closed later."""
        self.urgency = max(self.urgency, 2)
        self._orders.put(_Order.CANCEL)

    def sever(self) -> None:
        """Close every connection at once, whatever the server is doing."""
        self.urgency = 3
        self._orders.put(_Order.SEVER)

    @contextmanager
    def attending(self) -> Iterator[None]:
        """Carry out the orders until the end of the block. Those that came before are carried out first.

        Within another such block, which carries out the orders already, it does nothing.
        """
        if self._attended:
            # Of two threads that take orders, one would take the other's last one, and the other wait for ever.
            yield
            return
        self._attended = True
        pool = ThreadPoolExecutor(_AT_ONCE + 1, thread_name_prefix="stop")
        attendant = pool.submit(self._attend, pool)
        try:
            yield
        finally:
            self._orders.put(_Order.OVER)
            # Cancels that were not sent yet are of no use: nothing is running any more.
            pool.shutdown(cancel_futures=True)
            attendant.result()
            self._attended = False

    def _attend(self, pool: ThreadPoolExecutor) -> None:
        wait_s: float | None = None
        asked: set[Connection] = set()
        while (order := self._await(wait_s)) is not _Order.OVER:
            match order:
                case _Order.END:
                    _call_all(pool, self._scratch)
                case _Order.CANCEL:
                    asked = self._open()
                    _call_all(pool, (*self._sessions, *self._scratch))
                    wait_s = GRACE_S
                case _Order.SEVER:
                    for sessions in (*self._sessions, *self._scratch):
                        sessions.sever(asked or self._open())
                    # Connections that were opened meanwhile, to log the failure of a lost one, get as much time.
                    asked, wait_s = self._open(), GRACE_S

    def _await(self, wait_s: float | None) -> _Order:
        """Return the next order; after `wait_s` without one, that what did not answer is closed."""
        try:
            return self._orders.get(timeout=wait_s)
        except queue.Empty:
            return _Order.SEVER

    def _open(self) -> set[Connection]:
        return {connection for sessions in (*self._sessions, *self._scratch) for connection in sessions.list_open()}


def _call_all(pool: ThreadPoolExecutor, chosen: Iterable[Sessions]) -> None:
    """Cancel the statements of sessions without waiting for the servers: another order may come meanwhile."""
    calls: list[Callable[[], None]] = [call for sessions in tuple(chosen) for call in sessions.list_cancels()]
    for call in calls:
        pool.submit(call)
