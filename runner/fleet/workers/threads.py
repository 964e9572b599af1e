"""The engine `threads`: a pool of threads for each server, in this process."""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar

from tenantry.fleet.ticks import Ticks
from tenantry.fleet.turns import Ends, Load, Turn, cut_short, list_servers, take_turn
from tenantry.model import Tenant
from tenantry.model.events import Event, TenantFinished, TenantPostponed

_Item = TypeVar("_Item")

# Arbitrary: the events of some forty tenants, which with 400 files each take 15 MB.
_UNREAD = 256
_LOOK_AGAIN_S = 0.01


class Crew(Generic[_Item]):
    """Threads that take the turns of tenants, `jobs` at a time on each server, and put what happens into one queue."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._queue: queue.SimpleQueue[Event | _Item] = queue.SimpleQueue()
        # A pool for each server: one that is slow, or down, must not delay the tenants of the others.
        self._pools = {
            name: ThreadPoolExecutor(load.jobs, thread_name_prefix=name) for name in list_servers(load.tenants)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            # Nobody reads the events any more: nothing new may begin.
            self._load.stop.request("an error in the output")
        for pool in self._pools.values():
            # Waits, so that each thread closes its tenant's connection before the process ends.
            pool.shutdown()

    def submit(self, tenant: Tenant, drive: Callable[[Tenant], None]) -> "Future[None]":
        """Have a thread of the tenant's server call `drive` with it, once one is free."""
        return self._pools[tenant.server.name].submit(drive, tenant)

    def take_turn(self, tenant: Tenant, end: Callable[[Turn], None], first: Turn | None = None) -> None:
        """Give a tenant its turn, within its thread, and hand its end to `end`, whatever happens."""
        turn = cut_short(tenant)
        try:
            self._await_reader()
            turn = take_turn(self._load, tenant, self._put_step, first)
        finally:
            # Whatever happens, since the run waits for it. In this thread: before it starts its next tenant.
            end(turn)

    def _await_reader(self) -> None:
        """Wait while many events are unread, as where output is slower than the databases, so that memory is bounded.

        Only here, before the turn: within it, the tenant's locks would be held until the output is read.
        """
        while self._queue.qsize() > _UNREAD and not self._load.stop.reason:
            time.sleep(_LOOK_AGAIN_S)  # a queue wakes those who wait for an item, and nobody who waits for fewer

    def put(self, item: Event | _Item) -> None:
        """Have the reader get an event, or whatever else it expects."""
        self._queue.put(item)

    def take(self, timeout_s: float | None = None) -> Event | _Item:
        """Return what was put next. Raises queue.Empty after `timeout_s` without anything."""
        return self._queue.get(timeout=timeout_s)

    def _put_step(self, event: Event) -> None:
        self._load.brake.note(event)
        self._queue.put(event)


def carry(load: Load) -> Iterator[Event]:
    """Run the job for each of the tenants, up to `jobs` at a time on each server; end when all have finished.

    Blocked tenants, and those that could not be reached, get a second turn after all others have finished.
    """
    ends, left = Ends(load), len(load.tenants)
    postponed: list[Tenant] = []
    with Crew[Event](load) as crew:
        for tenant in load.tenants:
            crew.submit(tenant, partial(_drive, crew, ends))
        while left:
            event = _take(crew, load.ticks)
            left -= isinstance(event, TenantFinished)
            yield event
            if isinstance(event, TenantPostponed):
                postponed += _find(load.tenants, event.tenant)
            # All others have finished: whatever blocked these has had as much time to end as the run can give.
            if len(postponed) == left:
                for tenant in postponed:
                    crew.submit(tenant, partial(_drive_again, crew, ends))
                postponed = []


def _take(crew: Crew[Event], ticks: Ticks) -> Event:
    """Return the next event of a tenant, or a sign of life when it is time for one."""
    left_s = ticks.left_s
    try:
        return crew.take(left_s) if left_s else ticks.take()
    except queue.Empty:
        return ticks.take()


def _drive(crew: Crew[Event], ends: Ends, tenant: Tenant) -> None:
    crew.take_turn(tenant, partial(_end, crew, ends, last=False))


def _drive_again(crew: Crew[Event], ends: Ends, tenant: Tenant) -> None:
    """Give a tenant its second turn; if the run is to end, the first turn counts."""
    first = ends.take_first(tenant)
    if ends.is_over():
        _end(crew, ends, first, last=True)
    else:
        crew.take_turn(tenant, partial(_end, crew, ends, last=True), first)


def _end(crew: Crew[Event], ends: Ends, turn: Turn, *, last: bool) -> None:
    for event in ends.end(turn, last=last):
        crew.put(event)


def _find(tenants: Sequence[Tenant], name: str) -> list[Tenant]:
    return [tenant for tenant in tenants if tenant.name == name]
