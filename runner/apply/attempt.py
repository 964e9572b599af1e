"""One file's attempt at one tenant: where it is made, what it comes to, and what the server said meanwhile."""

import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from tenantry import sqltext
from tenantry.apply.site import Site, States
from tenantry.ledger.ledger import Ledger
from tenantry.model import AppliedMigration, Migration, Tenant
from tenantry.model.events import Event, MigrationApplied, NoticeRaised
from tenantry.model.results import Failure, LockWait
from tenantry.postgres.failures import FailureKind, classify, describe
from tenantry.postgres.send import Sent
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import Cursor

# A loop that raises a notice for each row must not fill the memory; the last ones tell most.
_MOST_NOTICES = 200

# Severity and message.
Notice = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Stale:
    """The ledger is not what the plan was made from: another runner was here. `rows` were read under the lock."""

    rows: tuple[AppliedMigration, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A file did not succeed; the transaction it ran in is over. `notices` are what the server said before.

    `wait` is what it was seen to wait for, where it ended at a lock.
    """

    kind: FailureKind
    failure: Failure
    notices: tuple[Notice, ...] = ()
    wait: LockWait | None = None


Ending = MigrationApplied | Stale | Broken


def is_stale(ledger: Ledger, states: States, answer: Cursor | None = None) -> bool:
    """Return whether the ledger is no more what the plan was made from; make it where there is none.

    `answer` is what it said under the lock, where it was asked already.
    """
    # Without any row there may be no table either, and a query that fails would abort the file's transaction.
    if states and answer:
        return dict(answer.fetchall()) != states
    if not states:
        ledger.create_if_absent()
    return ledger.read_states() != states


def make_broken(
    error: psycopg.Error,
    site: Site,
    step: Migration,
    offset: int | None,
    *,
    ended: bool = False,
    wait: LockWait | None = None,
) -> Broken:
    """Return what an error comes to; `offset` is its place in the file, None where it is not of the file's text.

    `wait` is what was seen meanwhile; it is of no concern where the error is another one than a lock's.
    """
    kind = classify(error, site.connection)
    # The transaction for our record is gone, which matters more than what the server said of the statement.
    if ended and kind is not FailureKind.LOST:
        kind = FailureKind.ENDED
    # A wait that ended before is not why the statement failed.
    wait = wait if kind is FailureKind.LOCKED else None
    return Broken(kind, describe(error, step, kind, offset, wait), wait=wait)


def locate(sent: Sent, step: Migration) -> int | None:
    """Return where in the file an error is: where the server says, else at the statement that it ended at."""
    if sent.error and sent.error.diag.statement_position:
        return within(sent.error)
    try:
        statements = sqltext.split(step.sql)
    except sqltext.SqlError:
        return None
    return statements[sent.statements].start if sent.statements < len(statements) else None


def within(error: psycopg.Error) -> int:
    """Return the server's position in the text that was sent, in characters from 0; 0 where it gives none."""
    return int(error.diag.statement_position) - 1 if error.diag.statement_position else 0


@contextmanager
def gather_notices(connection: Connection) -> Iterator[deque[Notice]]:
    """Gather what the server says meanwhile, as (severity, message): what psycopg hands over does not last."""
    notices: deque[Notice] = deque(maxlen=_MOST_NOTICES)

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        notices.append((notice.severity_nonlocalized or "", notice.message_primary or ""))

    connection.add_notice_handler(keep)
    try:
        yield notices
    finally:
        connection.remove_notice_handler(keep)


def report(
    outcome: MigrationApplied | Broken, notices: deque[Notice], tenant: Tenant
) -> Generator[Event, None, MigrationApplied | Broken]:
    """Say what is committed, and then what was said meanwhile: the run may stop at any of these.

    Nothing is said of a failure before it is in the log: its notices go with it.
    """
    if isinstance(outcome, Broken):
        return replace(outcome, notices=tuple(notices))
    yield outcome
    for severity, message in notices:
        yield NoticeRaised(tenant.name, severity, message)
    return outcome


def measure_since(started: float) -> int:
    """Return the milliseconds since a time of the monotonic clock."""
    return int((time.monotonic() - started) * 1000)
