"""Everything that can happen in a run. Sinks see these and nothing else."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tenantry.model.errors import Problem
from tenantry.model.hazards import Hazard
from tenantry.model.migrations import Migration
from tenantry.model.plans import MigrationStatus, Plan
from tenantry.model.results import Cell, Failure, LockWait, MeasuredStatement, Result, TableSize


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a tenant ended, why where that is not plain, and what to do next.

    `trace` is a traceback where the runner itself is at fault, else empty. `told` are events that are told before the
    verdict, whatever stops the run: what was found out about a failure must not be lost to a signal.
    """

    result: Result
    reason: str = ""
    hint: str = ""
    trace: str = ""
    told: "tuple[Event, ...]" = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins on these tenants, in this order."""

    verb: str
    run_id: str
    tenants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WarningRaised:
    """Something is worth saying that stops nobody; `tenant` is empty where it is about the input."""

    tenant: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class TenantStarted:
    """A tenant's turn has come."""

    tenant: str


@dataclass(frozen=True, slots=True)
class DatabaseOpened:
    """The tenant's database answered; `look` is the command with which a person looks at it."""

    tenant: str
    server: str
    database: str
    server_version: int
    look: str


@dataclass(frozen=True, slots=True)
class DatabaseCreated:
    """The tenant's database did not exist and was created."""

    tenant: str
    database: str


@dataclass(frozen=True, slots=True)
class TenantCompared:
    """Files and ledger were compared; one status for each version, in order."""

    tenant: str
    statuses: tuple[MigrationStatus, ...]


@dataclass(frozen=True, slots=True)
class TenantPlanned:
    """What will happen to the tenant is decided."""

    tenant: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """Another session holds the tenant's migration lock; `holder` describes it where the server tells."""

    tenant: str
    waited_ms: int
    holder: str = ""


@dataclass(frozen=True, slots=True)
class MigrationStarted:
    """A file is about to be sent."""

    tenant: str
    migration: Migration


@dataclass(frozen=True, slots=True)
class MigrationRetried:
    """A file, or a statement outside a transaction, met another session: it was rolled back, and is tried again.

    `attempts` is how many are made at most, 0 where time is the limit. `wait` is what it waited for, where that was
    seen.
    """

    tenant: str
    migration: Migration
    failure: Failure
    attempt: int
    attempts: int
    wait: LockWait | None = None


@dataclass(frozen=True, slots=True)
class BatchProgressed:
    """How far a change in batches is: `rows` of about `total` that its table has, and `rate` of them a second.

    `total` is 0 where the server does not know. `held` is why it waits at the moment, in words; empty where it goes on.
    """

    tenant: str
    migration: Migration
    rows: int
    total: int
    rate: int
    elapsed_ms: int
    held: str = ""


@dataclass(frozen=True, slots=True)
class MigrationApplied:
    """A file and its ledger row are committed."""

    tenant: str
    migration: Migration
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class MigrationRolledBack:
    """A version is undone, by the file that is given, and its ledger row says so: both are committed."""

    tenant: str
    migration: Migration
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class MigrationFailed:
    """A file failed. `rolled_back` is false where something of it may stay: it is to be looked at by hand."""

    tenant: str
    migration: Migration
    failure: Failure
    rolled_back: bool = True


@dataclass(frozen=True, slots=True)
class NoticeRaised:
    """The server said something while a file ran: a RAISE NOTICE, a `skipping`, a warning."""

    tenant: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class RowReported:
    """One row of what a reading verb found: column to value, in the order in which they are shown."""

    tenant: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class FindingReported:
    """A reading verb found something that is not as it should be; `detail` may have several lines (a diff)."""

    tenant: str
    problem: Problem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HazardFound:
    """A file does something to a live database that lint warns of, or that is allowed.

    `tenant` is the folder that was linted, or whose file is refused for it, empty where it is about a plan. `excerpt`
    shows the place with a caret. `fingerprint` stays the same where lines move. `sizes` are those of the tables that
    it is about, each in the tenant where it is the largest.
    """

    tenant: str
    hazard: Hazard
    excerpt: str
    fingerprint: str
    sizes: tuple[TableSize, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationMeasured:
    """What each statement of a file does to a database that has rows is known."""

    migration: Migration
    statements: tuple[MeasuredStatement, ...]


@dataclass(frozen=True, slots=True)
class DraftWritten:
    """SQL that would make the tenant what it is compared with: to be reviewed, and never run by tenantry."""

    tenant: str
    sql: str


@dataclass(frozen=True, slots=True)
class RepairProposed:
    """What a repair will change, before it does; each change is one line of text."""

    tenant: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepairMade:
    """A repair of this version's record was committed, with its row in the log."""

    tenant: str
    version: int


@dataclass(frozen=True, slots=True)
class LinePrinted:
    """A verb that is about no tenant produced a line of output."""

    text: str


@dataclass(frozen=True, slots=True)
class TenantPostponed:
    """A tenant is blocked: its turn comes once more, from the start, when all others have had theirs."""

    tenant: str
    reason: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class TenantFinished:
    """A tenant's turn is over; every tenant of a run has exactly one."""

    tenant: str
    verdict: Verdict
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; `stopped_by` is a signal's name where it was cut short."""

    elapsed_ms: int
    stopped_by: str = ""


Event = (
    RunStarted
    | WarningRaised
    | TenantStarted
    | DatabaseOpened
    | DatabaseCreated
    | TenantCompared
    | TenantPlanned
    | LockAwaited
    | MigrationStarted
    | MigrationRetried
    | BatchProgressed
    | MigrationApplied
    | MigrationRolledBack
    | MigrationFailed
    | NoticeRaised
    | RowReported
    | FindingReported
    | HazardFound
    | MigrationMeasured
    | DraftWritten
    | RepairProposed
    | RepairMade
    | LinePrinted
    | TenantPostponed
    | TenantFinished
    | RunFinished
)

_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


class Drain(Generic[_Step, _Result]):
    """Iterates over the steps of a generator, and keeps what it returns in `result`.

    `result` is there after the last step; a loop that is left early has none.
    """

    result: _Result

    def __init__(self, steps: Generator[_Step, None, _Result]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[_Step]:
        return self

    def __next__(self) -> _Step:
        try:
            return next(self._steps)
        except StopIteration as end:
            self.result = end.value
            raise StopIteration from None

    def close(self) -> None:
        """End the generator where it is, so that its `with` blocks release what they hold."""
        self._steps.close()


def drain(steps: Generator[_Step, None, _Result]) -> Drain[_Step, _Result]:
    """Return an iterator over a generator's steps, which keeps what the generator returns."""
    return Drain(steps)
