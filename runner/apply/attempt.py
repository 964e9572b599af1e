"""One attempt at one file of one tenant: how it ends, and the notices that the server sent."""

import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from tenantry import sqltext
from tenantry.apply.site import Site, States
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.touched import HINT, is_touched
from tenantry.model import AppliedMigration, Migration, Tenant
from tenantry.model.events import Event, MigrationApplied, NoticeRaised
from tenantry.model.masking import mask_values
from tenantry.model.results import Failure, LockWait
from tenantry.postgres.failures import FailureKind, classify, describe
from tenantry.postgres.send import Sent
from tenantry.postgres.sessions import Connection

# A loop that raises a notice for each row must not fill the memory; the last ones matter most.
_MOST_NOTICES = 200

# Severity and message.
Notice = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Stale:
    """The ledger has changed since it was planned from: by another runner. `rows` were read under the lock."""

    rows: tuple[AppliedMigration, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A file failed, and its transaction has ended. `notices` are those that the server sent before.

    `wait` is the lock that it was seen waiting for, if it ended at a lock. `in_doubt` is the number of the statement of
    which nobody can tell whether it took effect, 0 if there is none. `commits`: its COMMIT may have reached the server.
    """

    kind: FailureKind
    failure: Failure
    notices: tuple[Notice, ...] = ()
    wait: LockWait | None = None
    in_doubt: int = 0
    commits: bool = False


Ending = MigrationApplied | Stale | Broken


def is_stale(ledger: Ledger, states: States) -> bool:
    """Return whether the ledger has changed since the plan was made; create the ledger if there is none."""
    # Without any row there may be no table either, and a query that fails would abort the file's transaction.
    if not states and ledger.create_if_absent():
        return False
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
    """Return the failure for an error; `offset` is its place in the file, None if it is not about the file's text.

    `wait` is the last wait that was seen; it only counts if the error is about a lock.
    """
    if is_touched(error):
        message = f"it changes rows of {site.ledger.shown} or its log, which are the record of what was applied"
        return Broken(FailureKind.FAILED, Failure(message, hint=HINT))
    kind = classify(error, site.connection)
    # The transaction for our record is gone, which matters more than what the server said of the statement.
    if ended and kind is not FailureKind.LOST:
        kind = FailureKind.ENDED
    # A wait that ended before is not why the statement failed.
    wait = wait if kind is FailureKind.LOCKED else None
    failure = describe(error, step, kind, offset, wait, tenant=site.tenant.name)
    shown = failure if site.ledger.provenance.shows_values else mask_values(failure)
    return Broken(kind, shown, wait=wait)


def locate(sent: Sent, step: Migration) -> int | None:
    """Return the place of an error in the file: as the server says, else the statement that failed."""
    if sent.error and sent.error.diag.statement_position:
        return within(sent.error)
    try:
        statements = sqltext.split(step.sql)
    except sqltext.SqlError:
        return None
    if sent.statements >= len(statements):
        return None
    failed = statements[sent.statements]
    return failed.start + (sqltext.find_in_block(failed.text, sent.error.diag.context or "") if sent.error else 0)


def within(error: psycopg.Error, text: str = "") -> int:
    """Return the server's position in the text that was sent, in characters from 0; 0 if it gives none.

    In a DO block, that is where the line begins that failed; `text` is needed for it alone.
    """
    if error.diag.statement_position:
        return int(error.diag.statement_position) - 1
    return sqltext.find_in_block(text, error.diag.context or "")


@contextmanager
def gather_notices(connection: Connection) -> Iterator[deque[Notice]]:
    """Gather the server's notices as (severity, message), since psycopg's own objects do not last."""
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
    """Yield the success of a file, then the notices: the run may stop at any of these.

    A failure yields nothing before it is in the log, and keeps its notices until then.
    """
    if isinstance(outcome, Broken):
        return replace(outcome, notices=tuple(notices))
    yield outcome
    for severity, message in notices:
        yield NoticeRaised(tenant.name, severity, message)
    return outcome


def measure_since(started: float) -> int:
    """Return the milliseconds since a time on the monotonic clock."""
    return int((time.monotonic() - started) * 1000)
