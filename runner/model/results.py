"""Results: how a tenant ends, and what is told of a failure, a lock and a measured statement."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tenantry.model.effects import Measured

Cell = str | int | float | bool | datetime | None


class Result(StrEnum):
    """How a tenant ended. The first eight are `migrate`'s; `ok` and `finding` are of verbs that read or repair."""

    APPLIED = "applied"
    UP_TO_DATE = "up to date"
    FAILED = "failed"
    REFUSED = "refused"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"
    NOT_STARTED = "not started"
    OK = "ok"
    FINDING = "finding"


GOOD = frozenset({Result.APPLIED, Result.UP_TO_DATE, Result.OK})


@dataclass(frozen=True, slots=True)
class Failure:
    """What the server said about a migration, and where.

    `line` and `column` count from 1 and are 0 where the server gave no position. `excerpt` shows the place with a
    caret, `sqlstate` is empty where the connection broke.
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
    """A session that holds what another one waits for, or waits for it before that one.

    What the server does not tell of it is empty, `transaction_s` None. `query` is the first line of what it runs now,
    or ran last.
    """

    pid: int
    application: str = ""
    user: str = ""
    transaction_s: int | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class LockWait:
    """What a statement waits for: `mode` as in LOCK TABLE, `target` a relation, or in words what else it is."""

    mode: str
    target: str
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True)
class MeasuredStatement:
    """A statement's place in its file, both counting from 1, and what it was measured to do."""

    line: int
    column: int
    effect: Measured


@dataclass(frozen=True, slots=True)
class TableSize:
    """How large a table is in one tenant, with its indexes; `rows` is an estimate, -1 where there is none yet."""

    relation: str
    tenant: str
    bytes: int
    rows: int
