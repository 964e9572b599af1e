"""One attempt of a worker at a batch: the lease that it holds, the turns that it gives, the messages that it writes.

The lease is a lock of the very connection that writes the messages: it ends with the process, at once, and nobody else
begins the batch before. An attempt that lost it, and finds another one begun, ends.
"""

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Load, Turn
from tenantry.fleet.workers.control import LOST, Control, Ticket
from tenantry.fleet.workers.link import Link
from tenantry.fleet.workers.messages import Returned, Trouble, encode_message
from tenantry.fleet.workers.threads import Crew
from tenantry.model.events import Event
from tenantry.model.results import Result
from tenantry.model.rollout import BY_LIMIT
from tenantry.postgres.sessions import Connection

# Arbitrary, both: how soon a message is written, and an order noticed; as many as are written at once.
_PACE_S = 0.2
_MOST = 200
# Arbitrary: the pause between two attempts to reach the control database, and how long a worker keeps trying once it
# has been told to end.
_AGAIN_S = 1.0
_PATIENCE_S = 10.0
# Arbitrary: when the tenants at work have told nothing for so long, those after them are for another worker.
_LONG_S = 20.0
# Ends that are no result of the run: the tenant was not worked on, or not to its end.
_UNDONE = frozenset({Result.STOPPED, Result.NOT_STARTED})
_ENDING = "the worker is shutting down"

_Answer = TypeVar("_Answer")


class TakenOver(Exception):
    """Another attempt at the batch counts by now, or the run is over: nothing more of this one does."""


class GivenBack(Exception):
    """The batch is not done, and another worker is to take it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A batch as the queue has it: `request` is what its run is about, `content` its tenants."""

    run: str
    request: Mapping[str, Any]
    content: Mapping[str, Any]


class Attempt:
    """The lease of a batch, and its messages. `ending` is the stop of the worker itself."""

    def __init__(self, control: Control, ticket: Ticket, ending: Stop) -> None:
        self._control = control
        self._ticket = ticket
        self._ending = ending
        self._link = Link(control)
        self._leased: Connection | None = None
        self._run = ""
        self._written = 0

    def begin(self) -> Assignment:
        """Take the lease and return the batch. Raises TakenOver."""
        found = self._reach(lambda connection: self._control.read_batch(connection, self._ticket))
        if found is None:
            raise TakenOver
        self._run = found[0]
        return Assignment(*found)

    def write(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Write messages, however long the control database is away. Raises TakenOver."""
        before = self._written
        self._reach(
            lambda connection: self._control.write_messages(connection, self._run, self._ticket, before, messages)
        )
        self._written += len(messages)

    def read_order(self) -> tuple[str, str]:
        """Return the order of the run, and its reason. Raises TakenOver if the run is gone."""
        found = self._reach(lambda connection: self._control.read_order(connection, self._run))
        if found is None:
            raise TakenOver
        return found

    def close(self) -> None:
        """Give the lease up."""
        self._link.close()

    def _reach(self, call: Callable[[Connection], _Answer]) -> _Answer:
        """Return what `call` makes of the connection that has the lease. Raises TakenOver."""
        since: float | None = None
        while True:
            try:
                return call(self._lease())
            except psycopg.errors.ForeignKeyViolation:
                # The run was deleted, since it is over.
                raise TakenOver from None
            except LOST as error:
                self._link.drop(error)
            since = since or time.monotonic()
            if self._ending.reason and time.monotonic() - since > _PATIENCE_S:
                raise TakenOver
            time.sleep(_AGAIN_S)  # the control database is away, and nothing tells when it is back

    def _lease(self) -> Connection:
        """Return the connection, with the lease. Raises TakenOver, and one of `LOST`."""
        connection = self._link.get()
        while connection is not self._leased:
            if self._control.take_lease(connection, self._ticket.job):
                self._leased = connection
            # Whoever has it may be the server's end of our own connection, which it has not missed yet.
            if self._control.read_batch(connection, self._ticket) is None:
                raise TakenOver
            if self._leased is not connection:
                time.sleep(_PACE_S)  # the server tells nobody that a lock is free, except those who block on it
        return connection


class OrderWatch:
    """What ends an attempt early: orders of its run, and the end of the worker. Carries each out once."""

    def __init__(self, load: Load, ending: Stop) -> None:
        self.ordered = False
        self._load = load
        self._ending = ending

    def heed(self, orders: str, reason: str) -> None:
        """Do what the run orders, and what the worker was told."""
        if orders == "hold":
            self._load.brake.close(BY_LIMIT, reason)
        elif orders != "go":
            self.ordered = True
            self._stop(("end", "cancel", "sever").index(orders) + 1, reason)
        if self._ending.urgency:
            self._stop(self._ending.urgency, _ENDING)

    def _stop(self, urgency: int, reason: str) -> None:
        stop = self._load.stop
        calls: tuple[Callable[[], None], ...] = (lambda: stop.request(reason), stop.cancel, stop.sever)
        for call in calls[stop.urgency : urgency]:
            call()


def give_turns(attempt: Attempt, load: Load, ending: Stop) -> None:
    """Give each tenant of a batch its turn, and write what happens. Raises TakenOver and GivenBack."""
    watch = OrderWatch(load, ending)
    with load.stop.attending(), Crew[Turn](load) as crew:
        try:
            undone = _give(attempt, load, crew, watch)
        except TakenOver:
            # Within the block, whose threads work on: the tenants are somebody else's now.
            load.stop.request("another worker has taken over")
            load.stop.cancel()
            raise
    if undone and ending.reason and not watch.ordered:
        raise GivenBack


def _give(attempt: Attempt, load: Load, crew: Crew[Turn], watch: OrderWatch) -> int:
    """Return how many tenants had no turn, or one that was broken off. Raises TakenOver."""

    def end(turn: Turn) -> None:
        for event in turn.verdict.told:
            load.brake.note(event)
        load.brake.finish(turn.tenant.name, turn.verdict, turn.elapsed_ms)
        crew.put(turn)

    watch.heed(*attempt.read_order())
    submitted = {
        tenant.name: crew.submit(tenant, lambda tenant: crew.take_turn(tenant, end)) for tenant in load.tenants
    }
    left, undone, heard = len(load.tenants), 0, time.monotonic()
    while left:
        told = _collect(crew)
        if told:
            heard = time.monotonic()
        elif time.monotonic() - heard >= _LONG_S and (names := _recall(submitted)):
            left -= len(names)
            attempt.write([encode_message(Returned(names))])
        turns = [one for one in told if isinstance(one, Turn)]
        left -= len(turns)
        undone += sum(turn.verdict.result in _UNDONE for turn in turns)
        if messages := [encode_message(one) for one in told if _counts(one, ordered=watch.ordered)]:
            attempt.write(messages)
        # After the last message, the run may be over, and gone.
        if left:
            watch.heed(*attempt.read_order())
    return undone


def _recall(submitted: dict[str, "Future[None]"]) -> tuple[str, ...]:
    """Take back the tenants that no thread has begun, once, and return their names."""
    names = tuple(name for name, turn in submitted.items() if turn.cancel())
    for name in names:
        # One that is cancelled lets itself be cancelled again.
        del submitted[name]
    return names


def tell_trouble(attempt: Attempt, trouble: Trouble) -> None:
    """Say why a batch could not be begun. Raises TakenOver."""
    attempt.write([encode_message(trouble)])


def _collect(crew: Crew[Turn]) -> list[Event | Turn]:
    """Return what happened since the last time, up to a number of messages: soon where there is the end of a turn."""
    told: list[Event | Turn] = []
    until = time.monotonic() + _PACE_S
    while len(told) < _MOST and (wait_s := until - time.monotonic()) > 0:
        try:
            told.append(crew.take(wait_s))
        except queue.Empty:
            break
        if isinstance(told[-1], Turn):
            # The coordinator counts failures, and may want nobody else to start.
            until = min(until, time.monotonic() + _PACE_S / 10)
    return told


def _counts(told: Event | Turn, *, ordered: bool) -> bool:
    """Return whether the coordinator is to know it. It settles itself who was not started, and why."""
    if not isinstance(told, Turn) or told.verdict.result not in _UNDONE:
        return True
    return ordered and told.verdict.result is Result.STOPPED
