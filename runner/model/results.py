"""Results: of a tenant, of a failure, of waiting for a lock and of a measured statement."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tenantry.model.effects import Measured

Cell = str | int | float | bool | datetime | None


class Result(StrEnum):
    """The result of a tenant. The first nine belong to `migrate`, `ok` and `finding` to verbs that read or repair."""

    APPLIED = "applied"
    UP_TO_DATE = "up to date"
    SKIPPED = "skipped by policy"
    FAILED = "failed"
    REFUSED = "refused"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"
    NOT_STARTED = "not started"
    OK = "ok"
    FINDING = "finding"


# Nothing more has to be said of them.
PLAIN = frozenset({Result.APPLIED, Result.UP_TO_DATE, Result.OK})
GOOD = PLAIN | {Result.SKIPPED}


class Standing(StrEnum):
    """The state in which a verb found a tenant, where the result only says that it could be read.

    Totals count by it, in this order.
    """

    UP_TO_DATE = "up to date"
    CONNECTED = "connected"
    WITH_LOG = "with a log"
    SKIPPED = "skipped by policy"
    PENDING = "pending"
    TO_CHANGE = "would change"
    INCOMPLETE = "incomplete"
    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out of order"
    NO_CHANGE = "nothing to change"
    WITHOUT_LOG = "without a log"
    NO_DATABASE = "no database"


@dataclass(frozen=True, slots=True)
class Failure:
    """The server's error about a migration, and its place in the file.

    `line` and `column` count from 1 and are 0 if the server gave no position. `excerpt` shows the place with a caret;
    `sqlstate` is empty if the connection broke.
    """

    message: str
    sqlstate: str = ""
    line: int = 0
    column: int = 0
    excerpt: str = ""
    detail: str = ""
    hint: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that holds the lock another session waits for, or is ahead of it in the queue.

    Details that the server withholds are empty, `transaction_s` is None. `query` is the first line of its current or
    most recent query.
    """

    pid: int
    application: str = ""
    user: str = ""
    transaction_s: int | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class LockWait:
    """The lock that a statement waits for: `mode` as in LOCK TABLE, `target` a relation or another target in words."""

    mode: str
    target: str
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True)
class MeasuredStatement:
    """A statement's place in its file, line and column counted from 1, and its measured effects."""

    line: int
    column: int
    effect: Measured


@dataclass(frozen=True, slots=True)
class TableSize:
    """The size of a table in one tenant, with its indexes; `rows` is an estimate, -1 if there is none yet."""

    relation: str
    tenant: str
    bytes: int
    rows: int
