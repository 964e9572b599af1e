"""The site of an attempt: one tenant's connection, ledger and files."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from psycopg import sql

from tenantry.ledger.ledger import Ledger
from tenantry.model import AppliedMigration, Migration, Plan, Tenant
from tenantry.model.events import LockAwaited
from tenantry.postgres.copying import Copied, Lack
from tenantry.postgres.runner_lock import Taken, poll
from tenantry.postgres.sessions import Connection, Sessions

States = dict[int, str]


# Records that a file has run: its time in milliseconds, its number of statements, and the SQL that resets the session,
# to be sent before the record; None if the session is reset already. Commits, too.
WriteRecord = Callable[[int, int, sql.SQL | None], None]


@dataclass(slots=True)
class NextFile:
    """The file after the one that runs: it begins with the COMMIT of that one, to save a round trip.

    `step` is that file, None if there is none whose transaction can begin there. `copied` is the answer of its
    beginning, or why there is none, until that file takes it.
    """

    step: Migration | None = None
    copied: Copied | Lack | None = None

    @property
    def has_begun(self) -> bool:
        """Return whether the file's transaction is open."""
        return isinstance(self.copied, Copied)


@dataclass(frozen=True, slots=True)
class Site:
    """The place where a plan is applied. `replan` plans again, from rows that another runner may have changed.

    `resume_at` is the number of a statement as a person gives it with `--resume-at`: the first one is 1. It is read
    here alone, by `assumed_done`: everything below counts the statements that are done.
    `record` writes the record of a file that has run, without a COMMIT; None if it is recorded as applied.
    """

    tenant: Tenant
    connection: Connection
    ledger: Ledger
    sessions: Sessions
    replan: Callable[[tuple[AppliedMigration, ...]], Plan]
    resume_at: int | None = None
    record: WriteRecord | None = None
    following: NextFile = field(default_factory=NextFile)

    @property
    def assumed_done(self) -> int | None:
        """Return how many statements count as done because a person says where to resume; None if nobody does."""
        return None if self.resume_at is None else self.resume_at - 1

    def await_lock(
        self, attempt: Callable[[], Taken | None], connection: Connection
    ) -> Generator[LockAwaited, None, Taken]:
        """Wait until `attempt` takes the migration lock, and return its result. Raises Blocked."""
        return poll(attempt, connection, self.tenant.name, self.sessions.settings.lock_wait_ms)
