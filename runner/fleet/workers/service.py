"""A worker: it takes batches from the queues of its servers, says that it is alive, and takes over from the dead."""

import queue
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Load
from tenantry.fleet.workers.attempt import Assignment, Attempt, GivenBack, TakenOver, give_turns, tell_trouble
from tenantry.fleet.workers.control import LOST, Control, Ticket, WorkerSign
from tenantry.fleet.workers.link import Link
from tenantry.fleet.workers.messages import TenantBatch, Trouble, decode_batch
from tenantry.fleet.workers.takeover import Takeover
from tenantry.model.errors import FilesDiffer, RunError
from tenantry.model.words import count

# Arbitrary: often enough that a death costs less than ten seconds.
_LOOK_S = 1.0

# Takes jobs from queues and calls a function with each, until another one says that it is over. The last one is told
# the number that the library gives the worker.
Work = Callable[[Control, Iterable[str], Callable[[Ticket], None], Callable[[], bool], Callable[[int], None]], None]
# Opens the project for a batch. Raises RunError.
Prepare = Callable[[Assignment, TenantBatch], Load]


@dataclass(frozen=True, slots=True)
class _Identity:
    worker: str
    sign: WorkerSign


class Service:
    """One worker. `ending` is set when it is to end, in order: it gives back what is not done."""

    def __init__(self, control: Control, worker: str, sign: WorkerSign, prepare: Prepare, ending: Stop) -> None:
        self._control = control
        self._identity = _Identity(worker, sign)
        self._prepare = prepare
        self._ending = ending
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._link = Link(control)
        self._takeover = Takeover(control)
        self._number: int | None = None
        self._said_away = False
        self._closed = False
        # The files are others by now: whoever starts it again, reads them.
        self._changed: FilesDiffer | None = None

    def run(self, work: Work) -> Iterator[str]:
        """Yield what happens, a line each, until it is to end. Raises RunError where it cannot go on."""
        queues = self._identity.sign.queues
        with ThreadPoolExecutor(1, thread_name_prefix="queue") as pool:
            working = pool.submit(work, self._control, queues, self._do, self._is_over, self._know)
            try:
                yield from self._look_on(working)
            finally:
                self._closed = True
        yield from self._list_lines()
        self._sign_out()
        working.result()
        if self._changed:
            raise self._changed

    def _know(self, number: int) -> None:
        self._number = number

    def _is_over(self) -> bool:
        return bool(self._ending.reason) or self._closed or self._changed is not None

    def _look_on(self, working: "Future[None]") -> Iterator[str]:
        due = 0.0
        while not working.done():
            if time.monotonic() >= due:
                due = time.monotonic() + _LOOK_S
                yield from self._look()
            try:
                yield self._lines.get(timeout=_LOOK_S / 5)
            except queue.Empty:
                continue

    def _list_lines(self) -> Iterator[str]:
        while not self._lines.empty():
            yield self._lines.get()

    def _look(self) -> Iterator[str]:
        """Say that the worker is alive, and look for batches of dead ones."""
        try:
            connection = self._link.get()
            self._control.sign_in(connection, self._identity.worker, self._identity.sign, self._number)
            again, ended = self._takeover.look(connection)
        except LOST as error:
            self._link.drop(error)
            self._takeover.forget()
            if not self._said_away:
                self._said_away = True
                yield f"the control database does not answer: {self._link.lost}"
            return
        if self._said_away:
            self._said_away = False
            yield "the control database answers again"
        for ticket in again:
            yield f"job {ticket.job}: its worker died, another one takes it over"
        for ticket in ended:
            yield f"job {ticket.job}: given up, {count(ticket.attempt + 1, 'worker')} died at it"

    def _sign_out(self) -> None:
        try:
            self._control.sign_out(self._link.get(), self._identity.worker)
        except LOST as error:
            self._link.drop(error)
        self._link.close()

    def _do(self, ticket: Ticket) -> None:
        """Carry out one job of the queue, in its thread. Raises GivenBack."""
        attempt = Attempt(self._control, ticket, self._ending)
        try:
            self._carry_out(attempt, ticket)
        except TakenOver:
            self._lines.put(f"job {ticket.job}: another worker has it, or its run is over")
        finally:
            attempt.close()

    def _carry_out(self, attempt: Attempt, ticket: Ticket) -> None:
        assignment = attempt.begin()
        batch = decode_batch(assignment.content)
        about = f"run {assignment.run[:8]}: job {ticket.job}"
        self._lines.put(f"{about}: {count(len(batch.tenants), 'tenant')}, first {batch.tenants[0][0]}")
        if load := self._open(attempt, assignment, batch, again=batch.again or ticket.attempt > 0):
            try:
                give_turns(attempt, load, self._ending)
            except GivenBack:
                self._lines.put(f"{about}: given back")
                raise
        self._lines.put(f"{about}: done")

    def _open(self, attempt: Attempt, assignment: Assignment, batch: TenantBatch, *, again: bool) -> Load | None:
        """Return the tenants of a batch and their job; where that fails, tell the run, and None. Raises GivenBack."""
        name = self._identity.sign.name
        try:
            return self._prepare(assignment, replace(batch, again=again))
        except FilesDiffer as error:
            self._changed = error
            tell_trouble(attempt, Trouble(name, str(error), error.hint, passing=True))
            raise GivenBack from None
        except RunError as error:
            tell_trouble(attempt, Trouble(name, str(error), error.hint))
        except Exception as error:  # noqa: BLE001
            # The border of a batch: a bug ends its tenants as failed. Otherwise workers would pass it round for ever.
            tell_trouble(attempt, Trouble(name, f"a bug in tenantry: {error!r}", trace=traceback.format_exc()))
        return None
