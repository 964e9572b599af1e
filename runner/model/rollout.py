"""How a run goes through the fleet: stages, limits of failures, the time it has. Pure."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from tenantry.model.tenants import Tenant

# Also the pattern of docs/tenants.schema.json.
LIMIT_PATTERN = r"^([0-9]{1,9}|[0-9]{1,3}(\.[0-9]{1,6})?%)$"
EXPECTED_LIMIT = "a number of tenants, or a percentage up to 100%, such as 5 or 1%"

# Why a run started nobody any more: each ends it early, with exit code 6.
BY_LIMIT = "the failure limit"
BY_CAUSE = "the same failure everywhere"
BY_GATE = "the gate"
BY_DEADLINE = "the deadline"
EARLY = frozenset({BY_LIMIT, BY_CAUSE, BY_GATE, BY_DEADLINE})


@dataclass(frozen=True, slots=True)
class Limit:
    """How many tenants may fail: a number, or a percentage of a stage or run, rounded down."""

    number: float
    percent: bool = False

    def allows(self, selected: int) -> int:
        """Return how many of so many tenants may fail."""
        return math.floor(selected * self.number / 100) if self.percent else int(self.number)

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.percent else ''}"


NOBODY = Limit(0)


def parse_limit(text: str) -> Limit | None:
    """Return a text such as 5 or 1% as a limit, None if it is neither."""
    if not re.match(LIMIT_PATTERN, text):
        return None
    limit = Limit(float(text.rstrip("%")), text.endswith("%"))
    return None if limit.percent and limit.number > 100 else limit


@dataclass(frozen=True, slots=True)
class StageRule:
    """A stage as tenants.yaml has it; `at` is where its `match` stands, which is empty for all that are left.

    `limit` None is that of the rollout. `gate` is a query, `gate_command` a command: at most one of them is given.
    """

    name: str
    match: str = ""
    at: str = ""
    limit: Limit | None = None
    verify: bool = False
    pause_s: float = 0
    gate: str = ""
    gate_at: str = ""
    gate_command: tuple[str, ...] = ()
    gate_timeout_s: float = 0
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """The stages of tenants.yaml, and how many tenants of a run may fail."""

    limit: Limit | None = None
    stages: tuple[StageRule, ...] = ()


NO_ROLLOUT = Rollout()


@dataclass(frozen=True, slots=True)
class Stage:
    """The tenants that a run works on together. The next stage starts only if this one ended well.

    Without a name, that is if nobody failed; with one, if no more failed than `limit` allows, None being any number.
    `verified`: a tenant that is not proven counts as failed. Then follow a pause, and the gate: it returns why not, or
    nothing, and is asked again until `gate_timeout_s` has passed. `jobs` None is that of the run.
    """

    tenants: tuple[Tenant, ...]
    name: str = ""
    limit: Limit | None = None
    verified: bool = False
    pause_s: float = 0
    gate: Callable[[], str] | None = None
    gate_timeout_s: float = 0
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a run starts nobody any more.

    That is after more failures than `limit` allows; after `same` tenants failed in a file in the same way, and nobody
    got it; and where a tenant cannot be expected to end `deadline_s` after the start of the run. None is no such bound.
    """

    limit: Limit | None = None
    same: int | None = None
    deadline_s: float | None = None


UNBOUNDED = Bounds()
