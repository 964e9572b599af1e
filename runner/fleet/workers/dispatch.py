"""Tenants on their way out to the workers: in batches, each a job in the queue of its server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenantry.fleet.turns import Load
from tenantry.fleet.workers.messages import TenantBatch, Trouble, decode_batch, make_batch
from tenantry.model import Tenant
from tenantry.postgres.capacity import EACH
from tenantry.postgres.sessions import Connection

if TYPE_CHECKING:
    from tenantry.fleet.workers.coordinator import Coordinator

# Arbitrary: a lost batch costs little, and many of them keep all workers busy to the end.
_LARGEST = 25
_EACH = 3


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Tenants that are to go out; `again` is that of `TenantBatch`, `second`: they have their second turn."""

    tenants: tuple[Tenant, ...]
    again: bool = False
    second: bool = False


@dataclass(slots=True)
class SentBatch:
    """A batch that went out: how far its messages were read, as attempt and number, and what trouble it had.

    `attempt` is the newest one that is known of, `lock` that of the queue, and `returned` are its tenants that go out
    in other batches.
    """

    batch: TenantBatch
    second: bool
    lock: str | None = None
    attempt: int = 0
    cursor: tuple[int, int] = (0, 0)
    trouble: Trouble | None = None
    returned: set[str] = field(default_factory=set)


class Dispatch:
    """Sends the tenants of a stage out; `sent` are the batches that are not over, by job."""

    def __init__(self, run: "Coordinator", load: Load) -> None:
        self.sent: dict[int, SentBatch] = {}
        self._run = run
        self._load = load
        # Whether the last group may have gone out although its connection was lost.
        self._unsure = False

    def find(self, connection: Connection, group: Outgoing) -> bool:
        """Return whether a group went out before its connection was lost: as a whole, or not at all."""
        if not self._unsure:
            return False
        found = self._run.control.read_contents(connection, self._run.run)
        names, went_out = {tenant.name for tenant in group.tenants}, False
        # The jobs of the run are more than those of this stage, and the tenants may have been in others before.
        for job, (content, lock) in found.items():
            batch = decode_batch(content)
            if job not in self._run.jobs and names & {name for name, _ in batch.tenants}:
                self._note(job, SentBatch(batch, group.second, lock))
                went_out = True
        self._unsure = False
        return went_out

    def _note(self, job: int, batch: SentBatch) -> None:
        self.sent[job] = batch
        self._run.jobs.add(job)

    def send(self, connection: Connection, tenants: Sequence[Tenant], group: Outgoing) -> None:
        """Make batches of tenants of a group, and put them into the queues of their servers. Raises one of `LOST`."""
        self._unsure = True
        alive, budget = self._run.control.list_workers(connection), self._load.brake.share()
        queued: dict[str, list[Tenant]] = {}
        for tenant in tenants:
            queued.setdefault(self._run.name_queue(tenant), []).append(tenant)
        batches, queues = list[TenantBatch](), list[tuple[str, str | None]]()
        for name, part in queued.items():
            workers, most = max(sum(name in sign.queues for sign in alive), 1), part[0].server.connections
            share = _limit_batches(workers, self._load.jobs, most)
            locks = self._list_locks(name, share)
            for number, few in enumerate(_divide(part, workers)):
                jobs = max(self._load.jobs // share, 1)
                batches.append(make_batch(few, jobs, budget, share=share, again=group.again))
                # Those of one lock come one after another, also where more workers have come meanwhile.
                locked = workers > share or most is not None
                queues.append((name, locks[number % len(locks)] if locked else None))
        made = self._run.add_batches(connection, batches, queues)
        for (job, batch), (_, lock) in zip(made.items(), queues, strict=True):
            self._note(job, SentBatch(batch, group.second, lock))
        self._unsure = False

    def _list_locks(self, queue: str, share: int) -> list[str]:
        """Return a lock for each batch of a queue that may be worked on at once, without those that are held long."""
        held = {sent.lock for sent in self.sent.values() if sent.returned}
        locks = [f"{self._run.run}:{queue}:{number}" for number in range(share)]
        return [lock for lock in locks if lock not in held] or locks


def _limit_batches(workers: int, jobs: int, most: int | None) -> int:
    """Return how many batches of a server are worked on at once: each needs the connections of a tenant at least."""
    return max(min(workers, jobs, workers if most is None else most // EACH), 1)


def _divide(tenants: Sequence[Tenant], workers: int) -> Iterator[Sequence[Tenant]]:
    """Yield tenants in parts, of which each worker gets several."""
    size = min(max(-(-len(tenants) // (workers * _EACH)), 1), _LARGEST)
    for start in range(0, len(tenants), size):
        yield tenants[start : start + size]
