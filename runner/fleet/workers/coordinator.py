"""The engine `procrastinate`, as its coordinator: a run in the control database, which workers carry.

Stages, brake, deadline and report are those of every run. The coordinator may die: the workers finish the stage, and
the run is resumed.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from tenantry.fleet.turns import Load
from tenantry.fleet.workers.carriage import Carriage
from tenantry.fleet.workers.control import LOST, Control
from tenantry.fleet.workers.link import Link
from tenantry.fleet.workers.messages import TenantBatch, encode_batch
from tenantry.model import Tenant
from tenantry.model.events import Event
from tenantry.postgres.sessions import Connection

Defer = Callable[[Connection, Sequence[tuple[str, str | None]]], list[int]]


class Coordinator:
    """A run that workers carry: one `carry` for each of its stages.

    `request` is what the workers are told of the run, `name_queue` returns the queue for a tenant, and `defer` adds
    jobs to queues, each with a lock or without.
    """

    def __init__(
        self,
        control: Control,
        run: str,
        request: Mapping[str, Any],
        name_queue: Callable[[Tenant], str],
        defer: Defer,
    ) -> None:
        self.control = control
        self.run = run
        self.link = Link(control, bell=run)
        self.told: set[tuple[str, int, str]] = set()
        self.applied: set[str] = set()
        # All that are known of, those of former stages included.
        self.jobs: set[int] = set()
        self.name_queue = name_queue
        self._defer = defer
        self._request = request

    def carry(self, load: Load) -> Iterator[Event]:
        """Have workers work on the tenants of a stage; end when all have finished."""
        return Carriage(self, load).go()

    def add_batches(
        self, connection: Connection, batches: Sequence[TenantBatch], queues: Sequence[tuple[str, str | None]]
    ) -> dict[int, TenantBatch]:
        """Add a job for each batch, all or none, and return the batches by job."""
        with connection.transaction():
            self.control.add_run(connection, self.run, self._request)
            made = dict(zip(self._defer(connection, queues), batches, strict=True))
            contents = {job: encode_batch(batch) for job, batch in made.items()}
            self.control.add_batches(connection, self.run, contents)
        return made

    def watch(self, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
        """Yield the events of the run; at its end, its rows are deleted, and where it is cut short, it is stopped."""
        whole = False
        try:
            with closing(events):
                yield from events
            whole = True
        finally:
            self._end(whole=whole)

    def _end(self, *, whole: bool) -> None:
        try:
            connection = self.link.get()
            if whole:
                self.control.forget(connection, self.run)
            else:
                self.control.cancel_waiting(connection, self.run)
                self.control.order(connection, self.run, "end", "the coordinator ended")
        except LOST:
            # Later runs delete what is left.
            pass
        finally:
            self.link.close()
