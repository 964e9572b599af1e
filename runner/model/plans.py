"""Plans: the state of each migration in one tenant, and the steps to take."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tenantry.model.migrations import Migration, label
from tenantry.model.records import AppliedMigration, RowState


class State(StrEnum):
    """The state of one version, by its file and its row. The last four block a tenant."""

    PENDING = "pending"
    APPLIED = "applied"
    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out of order"
    INCOMPLETE = "incomplete"


class Note(StrEnum):
    """A remark on a version. With the first two, its file differs from the applied text but counts as equal to it."""

    COSMETIC = "cosmetic edit"
    REPLACED = "replaces"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One version: its state, its file (None: missing) and its row (None: not applied). Never neither."""

    version: int
    state: State
    file: Migration | None
    row: AppliedMigration | None
    note: Note | None = None

    @property
    def name(self) -> str:
        """Return the file's name, or the recorded name if the file is gone."""
        return self.file.name if self.file else self.row.name if self.row else ""

    @property
    def renamed(self) -> bool:
        """Return whether the file had a different name when it was applied."""
        return self.file is not None and self.row is not None and self.file.name != self.row.name


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will happen to one tenant. With blockers, no step is taken.

    `repeatables` run after the steps.
    """

    steps: tuple[Migration, ...]
    blockers: tuple[MigrationStatus, ...] = ()
    repeatables: tuple[Migration, ...] = ()


def head(statuses: Sequence[MigrationStatus]) -> str:
    """Return the label of the newest version that is recorded as applied; empty if there is none."""
    # Unfinished ones do not count: the schema is not yet that of their version.
    applied = [s for s in statuses if s.row and s.row.state is RowState.APPLIED]
    return label(applied[-1].version, applied[-1].name) if applied else ""
