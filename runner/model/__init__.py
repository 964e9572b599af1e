"""The nouns: tenants, migration files, ledger rows, what comparing them says, plans."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SetName(StrEnum):
    """Which family of migrations a database belongs to."""

    MASTER = "master"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server as tenants.yaml names it.

    `dsn` is a libpq connection string, or None for the embedded server. It may hold a password: it is in no repr.
    `lock_timeout_ms` is for its tenants that have none of their own; None: as a file's statements are.
    `direct` leads past a pooler that `dsn` leads to: for what needs a session of its own.
    """

    name: str
    dsn: str | None = field(repr=False)
    lock_timeout_ms: int | None = None
    direct: str | None = field(default=None, repr=False)

    @property
    def embedded(self) -> bool:
        """Return whether the server is the one that tenantry runs itself."""
        return self.dsn is None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One database to migrate. The master is a tenant too, with the name `master` and a set of its own.

    `lock_timeout_ms` None: as its server has it.
    """

    name: str
    set_name: SetName
    server: Server
    database: str
    title: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    lock_timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rule of lint that a file may break, and why; `line` counts from 1."""

    rule: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """A query that must return true in the first column of its one row; `line` is that of its first line in the file.

    A second column, if there is one, says in words what was found.
    """

    query: str
    line: int


@dataclass(frozen=True, slots=True)
class Batch:
    """How a large change is cut: so many rows in a transaction of their own, and a pause after each."""

    rows: int
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Directives:
    """What the header of a file asks of its runner. Times in milliseconds; None: as the run has it.

    `replaces` are checksums of this file's earlier texts that count as this one.
    """

    lock_timeout_ms: int | None = None
    statement_timeout_ms: int | None = None
    allowed: tuple[Allowance, ...] = ()
    replaces: tuple[str, ...] = ()
    require: tuple[Assertion, ...] = ()
    ensure: tuple[Assertion, ...] = ()
    batch: Batch | None = None


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file.

    `text` is the file without byte-order mark, its line ends as `\\n`: positions that PostgreSQL reports count
    characters of it. `sql` is what is sent: `text`, with a BEGIN ... COMMIT around the whole file blanked.
    `path` is for messages. `depends` are versions. `rollback` is the text of the `.rollback.sql` sibling, if any.
    """

    version: int
    name: str
    path: str = field(compare=False)
    checksum: str
    text: str = field(repr=False, compare=False)
    sql: str = field(repr=False, compare=False)
    transactional: bool = True
    depends: tuple[int, ...] = ()
    rollback: str | None = field(default=None, repr=False, compare=False)
    directives: Directives = field(default=Directives(), repr=False, compare=False)


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


class State(StrEnum):
    """What file and row of one version say together. The last four block a tenant."""

    PENDING = "pending"
    APPLIED = "applied"
    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out of order"
    INCOMPLETE = "incomplete"


class Note(StrEnum):
    """What else is to be said of a version. With the first two, its file is not what was applied, and counts as it."""

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
        """Return the file's name, or the recorded one where the file is gone."""
        return self.file.name if self.file else self.row.name if self.row else ""

    @property
    def renamed(self) -> bool:
        """Return whether the file carries another name than when it was applied."""
        return self.file is not None and self.row is not None and self.file.name != self.row.name


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen to one tenant: nothing that is not in here. With blockers, no step is taken.

    `repeatables` are run behind the steps.
    """

    steps: tuple[Migration, ...]
    blockers: tuple[MigrationStatus, ...] = ()
    repeatables: tuple[Migration, ...] = ()


# Stands for the version of a repeatable, which has none.
NO_VERSION = -1


def label(version: int, name: str) -> str:
    """Return how a migration is named in messages: its version with at least four digits, and its name."""
    return f"repeatable/{name}" if version == NO_VERSION else f"{version:04d}_{name}"
