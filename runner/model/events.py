"""Every event of a run. Reports receive events and nothing else."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from tenantry.model.errors import Problem
from tenantry.model.hazards import Hazard
from tenantry.model.migrations import FileMark, Migration
from tenantry.model.plans import MigrationStatus, Plan
from tenantry.model.results import Cell, Failure, LockWait, MeasuredStatement, Result, Standing, TableSize
from tenantry.model.tenants import DatabaseFacts


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a tenant, the reason if the result does not say it, and a hint for the next step.

    `trace` is a traceback if tenantry itself is at fault, otherwise empty. `standing` is the state in which the tenant
    was found, None if the result says it. `told` are events that are reported before the verdict even if the run is
    stopped: a signal must not lose the findings about a failure.
    """

    result: Result
    reason: str = ""
    hint: str = ""
    trace: str = ""
    standing: Standing | None = None
    # Out of the repr, and so of jsonl: each of these is an event of its own there.
    told: "tuple[Event, ...]" = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run on these tenants, in this order, starts; `started_at` is None if that is not known.

    `reason` is the one that was given for it, empty if none was.
    """

    verb: str
    run_id: str
    tenants: tuple[str, ...]
    # What the clock said makes no other event of it.
    started_at: datetime | None = field(default=None, compare=False)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProjectDescribed:
    """The databases of a run, as tenants.yaml has them, and the files of their sets, repeatables last."""

    databases: tuple[DatabaseFacts, ...]
    files: tuple[FileMark, ...]


@dataclass(frozen=True, slots=True)
class TenantsSelected:
    """The tenants that a selection such as @tier=internal stands for: their number, and the first names."""

    selection: str
    number: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WarningRaised:
    """A warning that stops nothing; `tenant` is empty if it is about the input."""

    tenant: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class TenantStarted:
    """A tenant's turn starts."""

    tenant: str


@dataclass(frozen=True, slots=True)
class DatabaseOpened:
    """The tenant's database answered; `look` is the command that opens it for inspection."""

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
    """The tenant's plan is decided."""

    tenant: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """Another session holds the tenant's migration lock; `holder` describes that session if the server allows it."""

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
    """A file, or a statement outside a transaction, conflicted with another session: it is rolled back and retried.

    `attempts` is the maximum number of attempts, 0 if time is the limit. `wait` is the lock that it waited for, if that
    was observed.
    """

    tenant: str
    migration: Migration
    failure: Failure
    attempt: int
    attempts: int
    wait: LockWait | None = None


@dataclass(frozen=True, slots=True)
class BatchProgressed:
    """The progress of a change in batches: `rows` of the about `total` rows of its table, at `rate` rows a second.

    `total` is 0 if the server has no estimate. `held` is the reason for a pause, in words; empty while it runs.
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
    """A version was undone by this file, and its ledger row says so: both are committed."""

    tenant: str
    migration: Migration
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class MigrationFailed:
    """A file failed. `rolled_back` is false if effects of it may remain: inspect the database."""

    tenant: str
    migration: Migration
    failure: Failure
    rolled_back: bool = True


@dataclass(frozen=True, slots=True)
class NoticeRaised:
    """The server sent a message while a file ran: a RAISE NOTICE, a `skipping`, a warning."""

    tenant: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class RowReported:
    """One row of a reading verb's table: column to value, in the order of display."""

    tenant: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class FindingReported:
    """A verb found a problem in a tenant; `detail` may have several lines (a diff)."""

    tenant: str
    problem: Problem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HazardFound:
    """A file is risky for a live database: lint warns about it, or its header allows it.

    `tenant` is the linted folder or the tenant whose file is refused, empty if it concerns a plan. `excerpt` shows the
    place with a caret. `fingerprint` does not change when lines move. `sizes` are those of the affected tables, each in
    the tenant where it is largest.
    """

    tenant: str
    hazard: Hazard
    excerpt: str
    fingerprint: str
    sizes: tuple[TableSize, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationMeasured:
    """Each statement of a file was measured on a database that has rows."""

    migration: Migration
    statements: tuple[MeasuredStatement, ...]


@dataclass(frozen=True, slots=True)
class DraftWritten:
    """SQL that would remove the differences of a tenant: a draft to review, never run by tenantry."""

    tenant: str
    sql: str


@dataclass(frozen=True, slots=True)
class SchemaProven:
    """The schema of a tenant is the one that its record describes: the evidence for it.

    `version` is the label of the newest file in the record. `expected` names the schema that the files describe: it is
    the same for the same files. `fingerprint` is that of the schema that was read, empty if an earlier proof holds,
    because the catalog still has the same `token`. `token` is empty if the login may not read all of it.
    """

    tenant: str
    version: str
    expected: str
    fingerprint: str
    token: str
    proven_at: datetime


@dataclass(frozen=True, slots=True)
class RepairProposed:
    """The changes that a repair will make, reported before it makes them; each change is one line of text."""

    tenant: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepairMade:
    """A repair of this version's record was committed, with its row in the log."""

    tenant: str
    version: int


@dataclass(frozen=True, slots=True)
class LinePrinted:
    """A verb that concerns no tenant printed a line of output."""

    text: str


@dataclass(frozen=True, slots=True)
class CommandsAdvised:
    """A verb that concerns no tenant says which commands come next, each as it is typed in a shell."""

    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TenantPostponed:
    """A tenant is blocked: it gets another turn, from the start, after all other tenants."""

    tenant: str
    reason: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class TenantFinished:
    """A tenant's turn is over; every tenant of a run has exactly one. `at_ms` counts from the start of the run."""

    tenant: str
    verdict: Verdict
    elapsed_ms: int
    at_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StagePlanned:
    """A stage of the rollout has these tenants; `rule` says in words when the next one may start."""

    stage: str
    tenants: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage of the rollout starts: which one, counted from 1 with the master, and how many tenants it has."""

    stage: str
    number: int
    size: int


@dataclass(frozen=True, slots=True)
class StageHeld:
    """A stage has ended, and the next one waits: for the end of a pause, or for a gate."""

    stage: str
    reason: str
    waited_ms: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The run goes on: sent every ten seconds, whatever happens meanwhile."""

    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; `stopped_by` says who or what cut it short: the name of a signal, or words of the program's."""

    elapsed_ms: int
    stopped_by: str = ""


Event = (
    RunStarted
    | ProjectDescribed
    | TenantsSelected
    | WarningRaised
    | StagePlanned
    | StageStarted
    | StageHeld
    | TimePassed
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
    | SchemaProven
    | RepairProposed
    | RepairMade
    | LinePrinted
    | CommandsAdvised
    | TenantPostponed
    | TenantFinished
    | RunFinished
)

_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


class Drain(Generic[_Step, _Result]):
    """Iterate over the steps of a generator, and keep its return value in `result`.

    `result` is set after the last step; a loop that is left early has none.
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
        """End the generator at its current step, so that its `with` blocks release their resources."""
        self._steps.close()


def drain(steps: Generator[_Step, None, _Result]) -> Drain[_Step, _Result]:
    """Return an iterator over a generator's steps that keeps its return value."""
    return Drain(steps)
