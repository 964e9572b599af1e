"""Records: the entries of a ledger about one migration."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# The ledger's tables by name, for those that leave them out or show them to people: their columns are the ledger's.
LEDGER_TABLE = "_migrations"
LOG_TABLE = "_migrations_log"
REPEATABLE_TABLE = "_migrations_repeatable"
# In the master alone.
PROOF_TABLE = "_migrations_proofs"
# Both are written together, with each file.
LEDGER_AND_LOG = (LEDGER_TABLE, LOG_TABLE)
LEDGER_TABLES = (LEDGER_TABLE, LOG_TABLE, REPEATABLE_TABLE, PROOF_TABLE)


class Origin(StrEnum):
    """The way in which a version was recorded."""

    APPLIED = "applied"
    BASELINE = "baseline"
    IMPORTED = "imported"
    MARKED = "marked"


class RowState(StrEnum):
    """Whether a recorded version is finished; only non-transactional files are RUNNING or FAILED."""

    APPLIED = "applied"
    RUNNING = "running"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a non-transactional file: `prefix` is the hash of its completed statements.

    `running` is the text of a statement that was started outside a transaction and whose outcome was never recorded;
    empty if there is none. `before` are the oids of the indexes that its table had at that time. `rows` is the number
    of rows of its table that an unfinished change in batches has passed.
    """

    prefix: str
    # SQL may contain the user's data, which a repr must not carry into a log.
    running: str = field(default="", repr=False)
    before: tuple[int, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """One row of the ledger. Times are aware and in UTC; `elapsed_ms` is None where nothing was run.

    `proven`: the schema was verified to match this row together with all others. Only unfinished files have `progress`.
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
