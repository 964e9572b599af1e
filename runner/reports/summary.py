"""The summary of a run: its events folded into what a whole report shows. Nothing in it is asked of a server. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tenantry.model import MigrationStatus, State, label
from tenantry.model.events import (
    DatabaseOpened,
    DraftWritten,
    Event,
    FindingReported,
    HazardFound,
    MigrationApplied,
    MigrationFailed,
    MigrationMeasured,
    ProjectDescribed,
    RowReported,
    RunFinished,
    RunStarted,
    SchemaProven,
    StagePlanned,
    StageStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    WarningRaised,
)
from tenantry.model.migrations import FileMark
from tenantry.model.outcome import Outcome, TenantOutcome
from tenantry.model.results import Cell
from tenantry.model.tenants import MASTER, DatabaseFacts

# The state of a file that failed in this run: a ledger has no row of it.
FAILED = "failed"
_BEHIND = frozenset({State.PENDING.value, State.OUT_OF_ORDER.value, State.INCOMPLETE.value, FAILED})
_DIGITS = re.compile(r"(\d+)")


@dataclass(slots=True)
class TenantSummary:
    """What is known of one tenant, or of a folder that stands for one.

    `open` has the state of each file that is not applied, by its label; None if files and ledger were not compared.
    `row` is the row of a verb that reads.
    """

    facts: DatabaseFacts
    outcome: TenantOutcome
    server: str = ""
    database: str = ""
    server_version: int = 0
    open: dict[str, str] | None = None
    applied_ms: dict[str, int] = field(default_factory=dict)
    findings: list[FindingReported] = field(default_factory=list)
    row: Mapping[str, Cell] = field(default_factory=dict)
    proof: SchemaProven | None = None
    draft: str = ""
    at_ms: int = 0

    @property
    def name(self) -> str:
        """Return the id of the tenant."""
        return self.facts.name

    @property
    def behind(self) -> int | None:
        """Return the number of files that it has yet to get, None if that is not known."""
        return None if self.open is None else sum(state in _BEHIND for state in self.open.values())

    @property
    def state(self) -> str:
        """Return how the tenant ended, or was found if the result only says that it could be read."""
        verdict = self.outcome.verdict
        return str(verdict.standing or verdict.result) if verdict else ""

    def add(self, event: Event) -> None:
        """Take in an event of this tenant."""
        match event:
            case DatabaseOpened(server=server, database=database, server_version=version):
                self.server, self.database, self.server_version = server, database, version
            case TenantCompared(statuses=statuses):
                self.open = _list_open(statuses)
            case TenantPlanned(plan=plan):
                repeatables = {label(one.version, one.name): State.PENDING.value for one in plan.repeatables}
                self.open = {**(self.open or {}), **repeatables}
            case MigrationApplied(migration=migration, elapsed_ms=elapsed_ms):
                name = label(migration.version, migration.name)
                self.applied_ms[name] = elapsed_ms
                self.open = {file: state for file, state in (self.open or {}).items() if file != name}
            case MigrationFailed(migration=migration):
                self.open = {**(self.open or {}), label(migration.version, migration.name): FAILED}
            case RowReported(cells=cells):
                self.row = cells
            case FindingReported():
                self.findings.append(event)
            case SchemaProven():
                self.proof = event
            case DraftWritten(sql=sql):
                self.draft = sql
            case TenantFinished(at_ms=at_ms):
                self.at_ms = at_ms
            case _:
                return


class RunSummary:
    """The state of a run so far."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self.started_at: datetime | None = None
        self.files: tuple[FileMark, ...] = ()
        self.tenants: dict[str, TenantSummary] = {}
        self.stages: list[StagePlanned | StageStarted] = []
        self.warnings: list[WarningRaised] = []
        self.hazards: list[HazardFound] = []
        self.measured: list[MigrationMeasured] = []
        # Findings and rows that belong to no tenant of the run.
        self.findings: list[FindingReported] = []
        self.finished = False

    def add(self, event: Event) -> None:
        """Take in one event."""
        self.outcome.add(event)
        match event:
            case RunStarted(started_at=started_at):
                self.started_at = started_at
                self.tenants = {
                    name: TenantSummary(DatabaseFacts(name, ""), outcome)
                    for name, outcome in self.outcome.tenants.items()
                }
            case ProjectDescribed(databases, files):
                self._describe(databases, files)
            case StagePlanned() | StageStarted():
                self.stages.append(event)
            case WarningRaised():
                self.warnings.append(event)
            case HazardFound():
                self.hazards.append(event)
            case MigrationMeasured():
                self.measured.append(event)
            case RunFinished():
                self.finished = True
            case _:
                self._add_to_tenant(event)

    def list_findings(self) -> list[FindingReported]:
        """Return all findings, those of no tenant first."""
        return [*self.findings, *(finding for tenant in self.tenants.values() for finding in tenant.findings)]

    def list_sorted(self) -> list[TenantSummary]:
        """Return the tenants by name, the master first; a number in a name counts as one: 2 is before 16."""
        return sorted(self.tenants.values(), key=lambda tenant: (tenant.name != MASTER, _natural(tenant.name)))

    def _describe(self, databases: Sequence[DatabaseFacts], files: tuple[FileMark, ...]) -> None:
        self.files = files
        for facts in databases:
            if tenant := self.tenants.get(facts.name):
                tenant.facts, tenant.server, tenant.database = facts, facts.server, facts.database

    def _add_to_tenant(self, event: Event) -> None:
        tenant = self.tenants.get(getattr(event, "tenant", ""))
        if tenant:
            tenant.add(event)
        elif isinstance(event, FindingReported):
            self.findings.append(event)


def _list_open(statuses: Sequence[MigrationStatus]) -> dict[str, str]:
    """Return the state of each file that is not applied."""
    return {label(one.version, one.name): one.state.value for one in statuses if one.state is not State.APPLIED}


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = _DIGITS.split(name)
    # Digits of any script are digits to the pattern, and numbers to int().
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]
