"""When a run starts nobody any more: too many failures, one cause everywhere, no time left, a gate that stays false.

Tenants that are being worked on are finished. Every thread of a run asks before it starts a tenant.
"""

import threading
import time
from bisect import insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tenantry.model import Tenant
from tenantry.model.events import Event, MigrationApplied, MigrationFailed, Verdict
from tenantry.model.results import Result
from tenantry.model.rollout import BY_CAUSE, BY_DEADLINE, BY_LIMIT, UNBOUNDED, Bounds, Limit, Stage
from tenantry.model.words import count

_FAILED = frozenset({Result.FAILED, Result.REFUSED, Result.BLOCKED, Result.UNREACHABLE})
# Of the turns so far, as many are shorter than what is expected of the next one: arbitrary, and rather careful.
_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Budget:
    """How many more tenants of a stage and of the run may fail, and how many in the same way; None is any number.

    `verified`: a tenant that is not proven counts as failed.
    """

    stage: int | None = None
    run: int | None = None
    same: int | None = None
    verified: bool = False


_Cause = tuple[str, str, int, str]


class Brake:
    """The failures of a run so far, and why it starts nobody any more. All of it may be called by any thread.

    `by` says what ended the run early, once a tenant was not started for it; empty before.
    """

    def __init__(self, bounds: Bounds = UNBOUNDED, selected: int = 0) -> None:
        self.by = ""
        self._bounds = bounds
        self._selected = selected
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._why: tuple[str, str] | None = None
        self._failed = 0
        self._stage: Stage = Stage(())
        self._failed_in_stage = 0
        self._causes: Counter[_Cause] = Counter()
        self._cause_of: dict[str, _Cause] = {}
        self._applied: set[str] = set()
        self._turns_ms: list[int] = []

    @property
    def tripped(self) -> bool:
        """Return whether nobody is to be started any more, whatever the time."""
        return self._why is not None

    def enter(self, stage: Stage) -> None:
        """Count the failures of another stage from here on."""
        with self._lock:
            self._stage, self._failed_in_stage = stage, 0

    def note(self, event: Event) -> None:
        """Take in an event of a tenant that tells how a file ended."""
        match event:
            case MigrationApplied(migration=migration):
                with self._lock:
                    self._applied.add(migration.path)
            case MigrationFailed(tenant, migration, failure):
                with self._lock:
                    self._cause_of[tenant] = (migration.path, failure.sqlstate, failure.line, failure.message)
            case _:
                return

    def finish(self, tenant: str, verdict: Verdict, elapsed_ms: int) -> None:
        """Count how a tenant ended."""
        with self._lock:
            if verdict.result not in (Result.NOT_STARTED, Result.STOPPED):
                insort(self._turns_ms, elapsed_ms)
            unproven = self._stage.verified and verdict.result is Result.FINDING
            if verdict.result not in _FAILED and not unproven:
                return
            self._failed += 1
            self._failed_in_stage += 1
            self._why = self._why or self._judge_cause(tenant) or self._judge_number()

    def refuse(self) -> str:
        """Return why a tenant that is about to start must not, empty where it may; the run has ended early then."""
        with self._lock:
            found = self._why or self._judge_time()
            if not found:
                return ""
            self.by = self.by or found[0]
            return found[1]

    def settle(self) -> tuple[str, str] | None:
        """Return by what and why nobody is to be started any more, None if that is not so. A deadline stays missed."""
        with self._lock:
            self._why = self._why or self._judge_time()
            return self._why

    def share(self) -> Budget:
        """Return what is left of the limits, for a brake elsewhere that sees a part of the failures."""
        with self._lock:
            stage, of, limit = self._stage, len(self._stage.tenants), self._bounds.limit
            return Budget(
                max(stage.limit.allows(of) - self._failed_in_stage, 0) if stage.name and stage.limit else None,
                max(limit.allows(self._selected) - self._failed, 0) if limit else None,
                self._bounds.same,
                stage.verified,
            )

    def close(self, by: str, why: str) -> None:
        """Start nobody any more, for a reason of somebody else's."""
        with self._lock:
            self._why = self._why or (by, why)

    def _judge_number(self) -> tuple[str, str] | None:
        stage, of = self._stage, len(self._stage.tenants)
        if stage.name and stage.limit and self._failed_in_stage > stage.limit.allows(of):
            return BY_LIMIT, _explain(f"stage {stage.name!r}: ", self._failed_in_stage, of, stage.limit)
        limit = self._bounds.limit
        if limit and self._failed > limit.allows(self._selected):
            return BY_LIMIT, _explain("", self._failed, self._selected, limit)
        return None

    def _judge_cause(self, tenant: str) -> tuple[str, str] | None:
        cause = self._cause_of.get(tenant)
        if cause is None or self._bounds.same is None or cause[0] in self._applied:
            return None
        self._causes[cause] += 1
        if self._causes[cause] < self._bounds.same:
            return None
        path, _, line, message = cause
        place = f"{path}:{line}" if line else path
        return BY_CAUSE, f"the first {count(self._causes[cause], 'tenant')} failed in the same way: {place}: {message}"

    def _judge_time(self) -> tuple[str, str] | None:
        deadline_s = self._bounds.deadline_s
        if deadline_s is None:
            return None
        turns = self._turns_ms
        expected_s = turns[int((len(turns) - 1) * _SHARE)] / 1000 if turns else 0
        if time.monotonic() - self._started + expected_s < deadline_s:
            return None
        return BY_DEADLINE, "it cannot be expected to finish before the deadline"


def _explain(subject: str, failed: int, of: int, limit: Limit) -> str:
    allowed = limit.allows(of)
    more = f"{allowed} of {of}" if limit.percent else f"{allowed}"
    return f"{subject}{failed} of {count(of, 'tenant')} failed, max-failures: {limit} allows {more}"


def make_brake(budget: Budget, tenants: Sequence[Tenant]) -> Brake:
    """Return a brake for a part of a stage."""
    brake = Brake(Bounds(None if budget.run is None else Limit(budget.run), budget.same), len(tenants))
    limit = None if budget.stage is None else Limit(budget.stage)
    brake.enter(Stage(tuple(tenants), "batch", limit, verified=budget.verified))
    return brake
