"""A stage on its way through the workers: batches go out, messages come in, and each tenant comes to its end.

What is not seen here is asked for again: a tenant's ledger is the only truth.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tenantry.fleet.turns import AGAIN, Ends, Load, Turn
from tenantry.fleet.workers.control import LOST, JobState, Ticket, WorkerSign
from tenantry.fleet.workers.dispatch import Dispatch, Outgoing, SentBatch
from tenantry.fleet.workers.messages import Returned, Trouble, decode_message
from tenantry.fleet.workers.takeover import MOST_ATTEMPTS, Takeover
from tenantry.model import Tenant
from tenantry.model.errors import Problem
from tenantry.model.events import (
    Event,
    MigrationApplied,
    TenantFinished,
    TenantPostponed,
    TenantStarted,
    Verdict,
    WarningRaised,
)
from tenantry.model.results import Result
from tenantry.postgres.sessions import Connection

if TYPE_CHECKING:
    from tenantry.fleet.workers.coordinator import Coordinator

# Arbitrary, all of them: how long it waits for the bell, between two looks at lost jobs, and between two tries to reach
# the control database.
_WAIT_S = 0.2
_LOOK_S = 1.0
_AGAIN_S = 1.0
# Arbitrary: a worker that is restarted is back by then.
_UNSERVED_S = 60.0
# Arbitrary: how long a run that has been told to end keeps trying to reach the control database, to tell its workers.
_PATIENCE_S = 10.0
_ORDERS = ("go", "end", "cancel", "sever")


class Carriage:
    """A stage on its way through the workers."""

    def __init__(self, run: "Coordinator", load: Load) -> None:
        self._run = run
        self._load = load
        self._ends = Ends(load)
        self._tenants = {tenant.name: tenant for tenant in load.tenants}
        self._left = set(self._tenants)
        self._begun: set[str] = set()
        # First turns of those that are to have, or have, their second one.
        self._first: dict[str, Turn] = {}
        self._dispatch = Dispatch(run, load)
        self._waiting = deque([Outgoing(tuple(load.tenants))])
        self._tries: Counter[str] = Counter()
        self._takeover = Takeover(run.control, run.run)
        self._looked = 0.0
        self._order = "go"
        self._unserved: dict[str, float] = {}
        self._away: float | None = None
        self._told: list[Event] = []

    def go(self) -> Iterator[Event]:
        """Yield the events of the stage to its end."""
        while self._left:
            lost: Exception | None = None
            try:
                self._exchange(self._run.link.get())
            except LOST as error:
                lost = error
            self._told += self._note_control(lost)
            told, self._told = self._told, []
            # Also after an error: what was read before it is not read again.
            yield from told
            if not self._load.ticks.left_s:
                yield self._load.ticks.take()
            yield from self._start_second_turns()
            if self._left and lost is None:
                self._await_bell()
            elif self._left:
                time.sleep(_AGAIN_S)  # without a connection there is no bell, and nothing tells when it is back

    def _exchange(self, connection: Connection) -> None:
        """Send what is to be sent, and take in what there is. Raises one of `LOST`."""
        while self._waiting:
            self._told += self._send_group(connection, self._waiting[0])
            self._waiting.popleft()
        self._send_orders(connection)
        # The states before the messages: of a job that is over, all messages are there.
        states = self._run.control.read_states(connection, self._run.run, list(self._dispatch.sent))
        cursors = {job: sent.cursor for job, sent in self._dispatch.sent.items()}
        messages = self._run.control.read_messages(connection, cursors)
        for job, attempt, seq, message in messages:
            self._dispatch.sent[job].cursor = (attempt, seq)
            self._told += self._take(self._dispatch.sent[job], decode_message(message, self._tenants))
        for state in states.values():
            if not state.over:
                self._told += self._note_attempt(state.ticket)
            elif not messages:
                self._told += self._settle(state)
        if time.monotonic() - self._looked >= _LOOK_S:
            self._looked = time.monotonic()
            self._told += self._look_around(connection, states)

    def _send_group(self, connection: Connection, group: Outgoing) -> list[Event]:
        """Send tenants out, unless the run is to start nobody any more; return their ends then."""
        if self._dispatch.find(connection, group):
            return []
        told: list[Event] = []
        tenants = []
        for tenant in group.tenants:
            if verdict := self._judge(tenant.name):
                told += self._give_up(tenant, verdict, second=group.second)
            else:
                tenants.append(tenant)
        if tenants:
            self._dispatch.send(connection, tenants, group)
        return told

    def _send_orders(self, connection: Connection) -> None:
        """Tell the workers when nobody is to start any more, or all is to end."""
        stop, held = self._load.stop, self._load.brake.settle()
        order, reason = _ORDERS[stop.urgency], stop.reason
        if not stop.urgency and held:
            order, reason = "hold", held[1]
        if order != self._order:
            self._run.control.order(connection, self._run.run, order, reason)
            self._run.control.cancel_waiting(connection, self._run.run)
            self._order = order

    def _note_attempt(self, ticket: Ticket) -> Iterator[Event]:
        """Say once that a batch goes to another worker, whoever noticed that the one before is gone."""
        sent = self._dispatch.sent[ticket.job]
        if ticket.attempt <= sent.attempt:
            return
        sent.attempt = ticket.attempt
        names = [name for name, _ in sent.batch.tenants]
        shown = f"{names[0]} to {names[-1]}" if len(names) > 1 else names[0]
        yield _warn(f"the worker at {shown} died or was told to end: another one takes its tenants over")

    def _take(self, sent: SentBatch, told: Event | Turn | Trouble | Returned) -> Iterator[Event]:
        """Yield the events that a message leads to."""
        match told:
            case Trouble():
                sent.trouble = told
                if told.passing:
                    yield _warn(f"worker {told.worker}: {told.reason}", told.hint)
            case Turn():
                # What blocks a tenant that went out again is most likely the worker that has it now.
                if told.verdict.result is not Result.BLOCKED or told.tenant.name not in sent.returned:
                    yield from self._end(told)
            case Returned(tenants):
                names = [name for name in tenants if name in self._left and name not in sent.returned]
                sent.returned |= set(names)
                again = tuple(self._tenants[name] for name in names)
                self._waiting.append(Outgoing(again, again=True, second=sent.second))
            case MigrationApplied(tenant, migration):
                key = (tenant, migration.version, migration.checksum)
                self._run.applied.add(tenant)
                # Another attempt reads in the tenant's log what the one before may have told.
                if key not in self._run.told:
                    self._run.told.add(key)
                    yield from self._pass_on(told)
            case _:
                yield from self._pass_on(told)

    def _pass_on(self, event: Event) -> Iterator[Event]:
        name = getattr(event, "tenant", "")
        if name and name not in self._left:
            # Of an attempt whose end was not written in time.
            return
        if isinstance(event, TenantStarted):
            self._begun.add(name)
        self._load.brake.note(event)
        yield event

    def _end(self, turn: Turn, *, counts: bool = False) -> Iterator[Event]:
        """Yield the events that the end of a turn leads to; `counts`: there is no other turn, whatever it is."""
        name = turn.tenant.name
        if name not in self._left:
            return
        first = self._first.get(name)
        if first:
            turn = replace(turn, elapsed_ms=turn.elapsed_ms + first.elapsed_ms)
        if turn.verdict.result is Result.UP_TO_DATE and name in self._run.applied:
            # An earlier attempt of this run applied its files.
            turn = replace(turn, verdict=replace(turn.verdict, result=Result.APPLIED))
        for event in self._ends.end(turn, last=counts or first is not None):
            yield event
            if isinstance(event, TenantFinished):
                self._left.discard(name)
            elif isinstance(event, TenantPostponed):
                self._first[name] = self._ends.take_first(turn.tenant)

    def _start_second_turns(self) -> Iterator[Event]:
        """Give those that are postponed their second turn, once all others have finished."""
        if not self._first or self._left - set(self._first) or self._dispatch.sent or self._waiting:
            return
        tenants = [self._tenants[name] for name in self._first if name in self._left]
        if self._ends.is_over():
            for tenant in tenants:
                yield from self._count_first(tenant)
        elif tenants:
            self._waiting.append(Outgoing(tuple(tenants), second=True))

    def _count_first(self, tenant: Tenant) -> Iterator[Event]:
        """End a tenant as its first turn did."""
        first = self._first.pop(tenant.name)
        yield from self._end(first, counts=True)

    def _settle(self, state: JobState) -> Iterator[Event]:
        """Yield the ends of the tenants of a job that is over, as far as nobody told them; the others go out again."""
        sent = self._dispatch.sent.pop(state.ticket.job)
        worn, again = state.ticket.attempt >= MOST_ATTEMPTS, list[Tenant]()
        for name in [name for name, _ in sent.batch.tenants if name in self._left and name not in sent.returned]:
            if name in self._first and not sent.second:
                continue
            self._tries[name] += MOST_ATTEMPTS if worn else 1
            if verdict := self._judge(name, sent.trouble):
                yield from self._give_up(self._tenants[name], verdict, second=sent.second)
            else:
                again.append(self._tenants[name])
        if again:
            self._waiting.append(Outgoing(tuple(again), again=True, second=sent.second))

    def _give_up(self, tenant: Tenant, verdict: Verdict, *, second: bool) -> Iterator[Event]:
        """End a tenant that has no other turn; the first one counts if the second was not had."""
        if second and verdict.result in (Result.NOT_STARTED, Result.STOPPED):
            yield from self._count_first(tenant)
        else:
            yield from self._end(Turn(tenant, verdict, 0), counts=True)

    def _judge(self, name: str, trouble: Trouble | None = None) -> Verdict | None:
        """Return how a tenant ends that no worker told the end of; None: it is to have another turn."""
        if self._load.stop.reason:
            if name in self._begun:
                return Verdict(Result.STOPPED, self._load.stop.reason, AGAIN)
            return Verdict(Result.NOT_STARTED, self._load.stop.reason)
        if trouble and not trouble.passing:
            why = f"worker {trouble.worker}: {trouble.reason}"
            result = Result.FAILED if trouble.trace else Result.REFUSED
            return Verdict(result, why, trouble.hint, trace=trouble.trace)
        if refused := self._load.brake.refuse():
            if name in self._begun:
                return Verdict(Result.STOPPED, "its worker ended", AGAIN)
            return Verdict(Result.NOT_STARTED, refused)
        if self._tries[name] >= MOST_ATTEMPTS:
            why = f"{MOST_ATTEMPTS} workers died while working on it, or on others of its batch"
            return Verdict(Result.FAILED, why, "read the log of the workers, then run the same command again")
        return None

    def _look_around(self, connection: Connection, states: Mapping[int, JobState]) -> Iterator[Event]:
        """Take jobs of dead workers back, and see whether there is a worker for each queue."""
        self._takeover.look(connection)
        waiting = {state.queue for state in states.values() if state.status == "todo"}
        served = {name for sign in self._run.control.list_workers(connection) for name in sign.queues}
        self._unserved = {name: since for name, since in self._unserved.items() if name in waiting - served}
        for name in sorted(waiting - served):
            yield from self._wait_for_worker(connection, name, states)

    def _wait_for_worker(self, connection: Connection, name: str, states: Mapping[int, JobState]) -> Iterator[Event]:
        """Say that no worker serves a queue; after a while, its tenants end without one."""
        now = time.monotonic()
        jobs = [job for job, state in states.items() if state.queue == name and state.status == "todo"]
        tenants = [self._tenants[one] for job in jobs for one, _ in self._list(job) if one in self._left]
        if not tenants:
            return
        server = tenants[0].server.name
        why, hint = explain_unserved(server, self._run.control.list_workers(connection))
        if name not in self._unserved:
            self._unserved[name] = now
            yield _warn(f"{why}: {len(tenants)} of its tenants wait for one", hint)
        second = all(one.name in self._first for one in tenants)
        if now - self._unserved[name] < _UNSERVED_S and not second:
            return
        self._run.control.cancel_waiting(connection, self._run.run, name)
        for tenant in tenants:
            yield from self._end(Turn(tenant, Verdict(Result.UNREACHABLE, why, hint), 0, reached=False))

    def _list(self, job: int) -> Sequence[tuple[str, ...]]:
        return self._dispatch.sent[job].batch.tenants if job in self._dispatch.sent else ()

    def _note_control(self, error: Exception | None) -> Iterator[Event]:
        """Say once that the control database is away, and when it is back; a run that is to end does not wait long."""
        if error is None:
            if self._away is not None:
                self._away = None
                yield _warn("the control database answers again")
            return
        self._run.link.drop(error)
        self._takeover.forget()
        if self._away is None:
            self._away = time.monotonic()
            yield _warn(f"the control database does not answer: {self._run.link.lost}")
        if self._load.stop.reason and time.monotonic() - self._away > _PATIENCE_S:
            for name in sorted(self._left):
                verdict = self._judge(name) or Verdict(Result.STOPPED, self._load.stop.reason, AGAIN)
                yield from self._end(Turn(self._tenants[name], verdict, 0), counts=True)

    def _await_bell(self) -> None:
        """Wait for messages, but not long: the bell may be missed."""
        try:
            connection = self._run.link.get()
            for _ in connection.notifies(timeout=_WAIT_S, stop_after=1):
                pass
        except LOST as error:
            self._run.link.drop(error)


def explain_unserved(server: str, alive: Sequence[WorkerSign]) -> tuple[str, str]:
    """Return in words that nobody serves a server with the files of this run, and what to do about it."""
    others = [sign.name for sign in alive if server in sign.servers]
    hint = f'run "tenantry worker --servers {server}" on a host that reaches it'
    if not others:
        return f"no worker serves {server!r}", hint
    names = ", ".join(others)
    return f"no worker serves {server!r} with these files and this version; with others: {names}", (
        f"give those hosts the files and the tenantry version of this run, then {hint}"
    )


def _warn(message: str, hint: str = "") -> WarningRaised:
    return WarningRaised("", Problem(message, hint))
