"""Whether the journal of a run and the ledger of a tenant tell the same story."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tenantry.fleet.journal.form import Journal, JournalHeader
from tenantry.ledger.log import LogEntry
from tenantry.model import NO_VERSION, AppliedMigration, RowState, SetName, label
from tenantry.model.errors import Problem
from tenantry.model.events import MigrationApplied, TenantFinished, Verdict
from tenantry.model.migrations import FileMark
from tenantry.model.results import GOOD, Result

# The words of a tenant's log for a file that ran to its end.
_RAN = frozenset({"applied", "repeated"})


@dataclass(frozen=True, slots=True)
class Ran:
    """A file that a run applied, by its journal or by a tenant's log; `version` is that of `Migration`."""

    run_id: str
    version: int
    checksum: str


@dataclass(slots=True)
class Story:
    """What the journals of a run, and of those that resumed it, say of one tenant.

    `header` is that of the last run that got to it. `verdict` is the one there, None if no journal has one. `ended` are
    the runs in which the tenant has an end: only of these a journal has all. `names` are those of the files that ran.
    """

    header: JournalHeader
    verdict: Verdict | None = None
    ended: set[str] = field(default_factory=set)
    ran: set[Ran] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)

    def add(self, header: JournalHeader, event: TenantFinished | MigrationApplied) -> None:
        """Take in an event of the tenant."""
        match event:
            case MigrationApplied(migration=migration):
                self.names[migration.version] = migration.name
                self.ran.add(Ran(header.run_id, migration.version, migration.checksum))
            case TenantFinished(verdict=verdict):
                self.ended.add(header.run_id)
                if verdict.result is not Result.NOT_STARTED or self.verdict is None:
                    self.header, self.verdict = header, verdict


def read_stories(trail: Sequence[Journal]) -> dict[str, Story]:
    """Return what the journals of a run, and of those that resumed it, say of each tenant; the newest comes last."""
    stories = {name: Story(trail[0].header) for name in trail[0].header.tenants}
    for journal in trail:
        for event in journal.events:
            if isinstance(event, TenantFinished | MigrationApplied) and event.tenant in stories:
                stories[event.tenant].add(journal.header, event)
    return stories


def find_disagreements(
    story: Story, set_name: SetName, rows: Sequence[AppliedMigration], log: Sequence[LogEntry]
) -> Iterator[Problem]:
    """Yield each point on which the journal and the ledger of a tenant do not agree."""
    held = {row.version: row for row in rows}
    logged = {
        Ran(entry.run_id, NO_VERSION if entry.version is None else entry.version, entry.checksum)
        for entry in log
        if entry.event in _RAN
    }
    for one in _sort(story.ran - logged):
        yield Problem(f"{_name(one, story, held)}: in the journal of run {one.run_id[:8]}, but not in the log")
    for one in _sort(logged - story.ran):
        if one.run_id in story.ended:
            yield Problem(f"{_name(one, story, held)}: in the log for run {one.run_id[:8]}, but not in its journal")
    for one in _sort(story.ran):
        if one.version != NO_VERSION and (fault := _find_fault(held.get(one.version), one.checksum)):
            yield Problem(f"{_name(one, story, held)}: applied in the journal of run {one.run_id[:8]}, but {fault}")
    told = {one.version for one in story.ran}
    for mark in _list_wanted(story, set_name):
        if mark.version not in told and (fault := _find_fault(held.get(mark.version), "")):
            yield Problem(f"{mark.label}: {story.verdict and story.verdict.result} in the journal, but {fault}")


def _find_fault(row: AppliedMigration | None, checksum: str) -> str:
    """Return what is wrong with the record of a file that was applied; empty if it is right."""
    if row is None:
        return "not recorded in the ledger"
    if row.state is not RowState.APPLIED:
        return f"recorded as {row.state} in the ledger"
    return f"recorded with another checksum: {row.checksum}" if checksum and row.checksum != checksum else ""


def _list_wanted(story: Story, set_name: SetName) -> Iterator[FileMark]:
    """Yield the files that a tenant has if it ended well."""
    target = story.header.options.get("to")
    if story.header.verb != "migrate" or not story.verdict or story.verdict.result not in GOOD:
        return
    for mark in story.header.files:
        if mark.set_name == set_name and mark.version != NO_VERSION and (target is None or mark.version <= target):
            yield mark


def _name(one: Ran, story: Story, held: dict[int, AppliedMigration]) -> str:
    row = held.get(one.version)
    if name := story.names.get(one.version, row.name if row else ""):
        return label(one.version, name)
    return "a repeatable" if one.version == NO_VERSION else f"version {one.version}"


def _sort(found: set[Ran]) -> list[Ran]:
    return sorted(found, key=lambda one: (one.version, one.run_id, one.checksum))
