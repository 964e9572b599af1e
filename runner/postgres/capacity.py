"""How many connections to a server a run has at once: no more than the server has free, nor than tenants.yaml allows.

The server is asked once, on the first connection. A server that is full all the same, or that goes away after it had
answered, is tried again for a time, so that only its own tenants wait.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tenantry.model.errors import Blocked, Cancelled, TenantError, Unreachable
from tenantry.postgres.queries import read_sql
from tenantry.postgres.refusals import is_away

Connection = psycopg.Connection[tuple[Any, ...]]

# A tenant needs up to three connections: its session, one that watches it, one that holds its lock.
EACH = 3
# Arbitrary: a server that answers at all does so within some milliseconds, and one that hangs must not have its other
# tenants hang one after another.
_ASKING_S = 2.0
# Arbitrary: the shortest and the longest pause before another attempt.
_SOONEST_S = 0.05
_LATEST_S = 2.0
# Arbitrary: how soon the end of a run is noticed.
_STEP_S = 0.1
_FULL = (
    "close other connections, raise connections in tenants.yaml, or use a lower --jobs; then run the same command again"
)


class Capacity:
    """The connections of a run to one server. All of it may be called by any thread.

    `most` is the number that tenants.yaml allows, None for any. A server is tried again for up to `patience_s`.
    `share` is how many processes divide its connections among them.
    """

    def __init__(self, server: str, most: int | None, patience_s: float, share: int = 1) -> None:
        self._server = server
        self._most = most
        self._patience_s = patience_s
        self._share = share
        # None: as many as are wanted.
        self._limit = self._limit_to(most)
        # Until when the others wait for the thread that connects first, and asks the server.
        self._asking_until = 0.0
        self._asking = self._asked = self._answered = False
        self._held: dict[int, int] = {}
        self._changed = threading.Condition()
        # By the reason: since when nobody got through.
        self._refused: dict[str, float] = {}

    @contextmanager
    def hold(self, ending: Callable[[], str], *, waits: bool = True) -> Iterator[None]:
        """Hold a place for one connection of this thread until the end of the block.

        With `waits`, until there is one, or `ending` has a reason to end the run: then it raises Cancelled. Raises
        Blocked without `waits`.
        """
        thread = threading.get_ident()
        self._take(thread, ending, waits=waits)
        try:
            yield
        finally:
            with self._changed:
                self._held[thread] -= 1
                if not self._held[thread]:
                    del self._held[thread]
                if not self._asked and time.monotonic() < self._asking_until:
                    # This thread's connection has failed, without a long wait: the next one asks.
                    self._asking_until = 0.0
                self._changed.notify_all()

    def connect(
        self, attempt: Callable[[], Connection], ending: Callable[[], str], *, waits: bool = True
    ) -> Connection:
        """Return the connection of an attempt, which is repeated where that makes sense. Raises TenantError."""
        started, pause_s = time.monotonic(), _SOONEST_S
        while True:
            try:
                connection = attempt()
            except TenantError as error:
                left_s = self._get_patience(error, started) if waits else 0.0
                if left_s <= 0 or not _pause(min(pause_s, left_s), ending):
                    raise
                pause_s = min(pause_s * 2, _LATEST_S)
            else:
                self._note_answer(connection)
                return connection

    def _take(self, thread: int, ending: Callable[[], str], *, waits: bool) -> None:
        until = time.monotonic() + self._patience_s
        with self._changed:
            first = thread not in self._held
            while not self._may(thread):
                if not waits:
                    raise Blocked(f"server {self._server!r}: no connection is free", hint=_FULL)
                if first and (reason := ending()):
                    raise Cancelled(reason)
                # A tenant at work may be what the others are waiting for: the server has the last word then.
                if not first and time.monotonic() >= until:
                    break
                self._changed.wait(_STEP_S)
            self._held[thread] = self._held.get(thread, 0) + 1

    def _may(self, thread: int) -> bool:
        """Return whether a thread may have another connection now."""
        now = time.monotonic()
        if not self._asked and not self._asking_until:
            self._asking_until = now + _ASKING_S
            return True
        if not self._asked and now < self._asking_until:
            return thread in self._held
        if self._limit is None or not self._held.keys() - {thread}:
            return True
        return is_safe({**self._held, thread: self._held.get(thread, 0) + 1}, self._limit)

    def _get_patience(self, error: TenantError, started: float) -> float:
        """Return for how many seconds an attempt may still be repeated after this error."""
        away = isinstance(error, Unreachable) and is_away(str(error))
        if not isinstance(error, Blocked) and not (away and self._answered):
            return 0.0
        now = time.monotonic()
        with self._changed:
            # Of a server that was away for all others, each tenant need not find out by itself.
            since = self._refused.setdefault("" if away else str(error), started)
        return self._patience_s - (now - min(since, started))

    def _note_answer(self, connection: Connection) -> None:
        with self._changed:
            self._answered = True
            self._refused.clear()
            asks = not self._asking
            self._asking = True
        if not asks:
            return
        free = _read_free(connection)
        with self._changed:
            self._asked = True
            self._limit = self._limit_to(self._most, free)
            self._changed.notify_all()

    def _limit_to(self, *limits: int | None) -> int | None:
        """Return this process's share of the lowest limit."""
        lowest = min((limit for limit in limits if limit is not None), default=None)
        return None if lowest is None else max(lowest // self._share, 1)


def is_safe(held: dict[int, int], limit: int) -> bool:
    """Return whether threads with so many connections each can all get as many as a tenant needs, one after another.

    Otherwise each might wait for a connection that another one keeps: this is the banker's algorithm.
    """
    free = limit - sum(held.values())
    if free < 0:
        return False
    for number in sorted(held.values(), reverse=True):
        if min(EACH, limit) - number > free:
            return False
        free += number
    return True


def _read_free(connection: Connection) -> int | None:
    """Return how many connections the server has for this run; None where it does not say, as a pooler does not."""
    try:
        row = connection.execute(read_sql("postgres", "capacity")).fetchone()
    except psycopg.Error:
        # Whatever is wrong with the connection, its user will come upon it.
        return None
    if row is None or row[0] != connection.info.backend_pid:
        # The process of a pooler's session is not the one that the pooler has told: its own limits count.
        return None
    return max(int(row[1]), 1)


def _pause(seconds: float, ending: Callable[[], str]) -> bool:
    """Wait for about so long; return False if the run is to end."""
    # Not all at the same moment again.
    until = time.monotonic() + seconds * random.uniform(0.5, 1.0)
    while (left_s := until - time.monotonic()) > 0 and not ending():
        time.sleep(min(left_s, _STEP_S))  # in pieces, since only `ending` tells that the run is to stop
    return not ending()
