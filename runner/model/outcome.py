"""The events of a run folded into the state of each tenant, totals, and the exit code. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tenantry.model.events import (
    DatabaseOpened,
    Event,
    FindingReported,
    HazardFound,
    MigrationApplied,
    MigrationFailed,
    MigrationStarted,
    RunFinished,
    RunStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    TenantStarted,
    Verdict,
)
from tenantry.model.migrations import label
from tenantry.model.plans import head
from tenantry.model.results import GOOD, Result, Standing
from tenantry.model.rollout import EARLY

_NEVER = -1
_BUG, _INTERRUPTED, _FAILED, _EARLY, _REFUSED, _AGAIN, _FINDING = 70, 130, 3, 6, 4, 5, 1
# The worst wins. A promise of docs/reference/formats.md: pipelines decide by it whether to try again.
_ORDER = (_BUG, _INTERRUPTED, _FAILED, _EARLY, _REFUSED, _AGAIN, _FINDING)
_CODES = {
    Result.FAILED: _FAILED,
    Result.STOPPED: _EARLY,
    Result.NOT_STARTED: _NEVER,
    Result.REFUSED: _REFUSED,
    Result.BLOCKED: _AGAIN,
    Result.UNREACHABLE: _AGAIN,
    Result.FINDING: _FINDING,
}


@dataclass(slots=True)
class TenantOutcome:
    """The state of one tenant so far. `version` is the label of its newest version.

    `pending`: it was to get files, and has not got them yet. `begun`: one of them has started.
    """

    tenant: str
    version: str = ""
    applied: list[str] = field(default_factory=list)
    failed: MigrationFailed | None = None
    findings: int = 0
    look: str = ""
    started: bool = False
    pending: bool = False
    begun: bool = False
    verdict: Verdict | None = None
    elapsed_ms: int = 0


class Outcome:
    """The state of a run so far."""

    def __init__(self) -> None:
        self.verb = ""
        self.run_id = ""
        self.tenants: dict[str, TenantOutcome] = {}
        self.elapsed_ms = 0
        self.stopped_by = ""
        self.reason = ""
        # A plan reports the danger that `migrate` would refuse, without a tenant to carry the verdict.
        self.foreseen = False

    def add(self, event: Event) -> None:
        """Take in one event; events that change nothing here are ignored."""
        match event:
            case RunStarted(verb, run_id, tenants, reason=reason):
                self.verb, self.run_id, self.reason = verb, run_id, reason
                self.tenants = {name: TenantOutcome(name) for name in tenants}
            case HazardFound(tenant=""):
                self.foreseen = True
            case RunFinished(elapsed_ms, stopped_by):
                self.elapsed_ms, self.stopped_by = elapsed_ms, stopped_by
            case TenantStarted(tenant):
                self.tenants[tenant].started = True
            case DatabaseOpened(tenant, look=look):
                self.tenants[tenant].look = look
            case TenantCompared(tenant, statuses):
                self.tenants[tenant].version = head(statuses)
            case MigrationApplied(tenant, migration):
                self._add_applied(self.tenants[tenant], label(migration.version, migration.name))
            case TenantPlanned() | MigrationStarted() | MigrationFailed():
                self._follow(self.tenants[event.tenant], event)
            case FindingReported(tenant) if tenant:
                self.tenants[tenant].findings += 1
            case TenantFinished(tenant, verdict, elapsed_ms):
                self.tenants[tenant].verdict = verdict
                self.tenants[tenant].elapsed_ms = elapsed_ms
            case _:
                return

    def _follow(self, tenant: TenantOutcome, event: TenantPlanned | MigrationStarted | MigrationFailed) -> None:
        """Take in how far a tenant has come with its files."""
        match event:
            case TenantPlanned(plan=plan):
                tenant.pending = bool(plan.steps or plan.repeatables)
            case MigrationStarted():
                tenant.begun = True
            case MigrationFailed():
                tenant.failed = event

    def _add_applied(self, tenant: TenantOutcome, name: str) -> None:
        tenant.applied.append(name)
        tenant.pending = False
        # A late file is applied after newer ones, and a repeatable has no version: the last is not always the newest.
        tenant.version = max(tenant.version, name, key=_version)

    @property
    def totals(self) -> dict[Result, int]:
        """Return the number of tenants for each result that occurred, in the order of Result."""
        ends = [outcome.verdict.result for outcome in self.tenants.values() if outcome.verdict]
        return {result: ends.count(result) for result in Result if result in ends}

    @property
    def standings(self) -> dict[str, int]:
        """Return the number of tenants for each state in which they were found, or ended where the result says it."""
        ends = [outcome.verdict for outcome in self.tenants.values() if outcome.verdict]
        words = Counter(str(verdict.standing or verdict.result) for verdict in ends)
        order = list(dict.fromkeys([*map(str, Result), *map(str, Standing)]))
        return dict(sorted(words.items(), key=lambda entry: order.index(entry[0])))

    @property
    def exit_code(self) -> int:
        """Return the exit code of the run: 0 only if every selected tenant ended well."""
        verdicts = [outcome.verdict for outcome in self.tenants.values()]
        return exit_code([*verdicts, Verdict(Result.REFUSED)] if self.foreseen else verdicts, self.stopped_by)


def exit_code(verdicts: Iterable[Verdict | None], stopped_by: str = "") -> int:
    """Return the worst code of all verdicts; a tenant without a verdict was stopped. `stopped_by` says by whom."""
    codes = [_code(verdict) for verdict in verdicts]
    if stopped_by in EARLY and _BUG not in codes:
        # Also with failures, which are the reason: the others are not done, and the run can be resumed.
        return _EARLY
    if stopped_by:
        codes.append(_INTERRUPTED if stopped_by == "SIGINT" else _EARLY)
    worst = next((code for code in _ORDER if code in codes), 0)
    # A tenant that was not started is the consequence of another result, such as an unreachable master: report that.
    return worst or (_EARLY if _NEVER in codes else 0)


def _code(verdict: Verdict | None) -> int:
    if verdict is None:
        return _EARLY
    # Whatever the result says: with a traceback, tenantry itself is at fault, and no retry helps.
    if verdict.trace:
        return _BUG
    return 0 if verdict.result in GOOD else _CODES[verdict.result]


def _version(name: str) -> int:
    digits = name.split("_", 1)[0]
    # A repeatable has no version, and must not hide one.
    return int(digits) if digits.isdigit() else -1
