"""Records: what a ledger holds about one migration."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Origin(StrEnum):
    """How a version came to be recorded."""

    APPLIED = "applied"
    BASELINE = "baseline"
    IMPORTED = "imported"
    MARKED = "marked"


class RowState(StrEnum):
    """Whether a recorded version is finished; RUNNING and FAILED are of non-transactional files alone."""

    APPLIED = "applied"
    RUNNING = "running"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a non-transactional file came: `prefix` is the hash of its statements that are done.

    `running` is the text of the statement that was on its way, in no transaction, when nobody wrote any more what came
    of it; empty where none was. `before` are the oids of the indexes that its table had then. `rows` is how many
    rows of its table a change in batches has passed that is not done.
    """

    prefix: str
    running: str = field(default="", repr=False)
    before: tuple[int, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """One row of `_migrations`. Times are aware and in UTC; `elapsed_ms` is None where nothing was run.

    `proven`: the schema was seen to be what this and all other rows stand for. `progress` is of unfinished files alone.
    """

    version: int
    name: str
    checksum: str
    origin: Origin
    state: RowState
    set_name: str
    tenant: str
    finished_at: datetime | None
    elapsed_ms: int | None
    statements: int
    statements_done: int
    applied_by: str
    proven: bool = False
    progress: Progress | None = None
