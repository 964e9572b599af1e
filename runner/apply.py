"""Run a plan on one connection: each file whole and with its row in the ledger, or not at all.

Nothing that a file leaves behind in its session reaches the ledger or the next file.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import psycopg
from psycopg import sql

from runner import sqltext
from runner.errors import Problem, Refused, TenantError
from runner.events import (
    Event,
    Failure,
    LockAwaited,
    MigrationApplied,
    MigrationFailed,
    MigrationRetried,
    MigrationStarted,
    NoticeRaised,
    Result,
    Verdict,
    WarningRaised,
)
from runner.failure import Kind, classify, describe
from runner.ledger import Ledger
from runner.model import AppliedMigration, Migration, Plan, RowState, Tenant, label
from runner.plan import advise_unfinished, summarise
from runner.session import Connection, Sessions
from runner.transaction import (
    Cursor,
    Sent,
    Taken,
    clean,
    compose_end,
    in_transaction,
    keeps_transaction,
    poll,
    release_session_lock,
    send,
    stay_idle,
    try_session_lock,
    try_transaction_lock,
    try_work_lock,
)

# Arbitrary: eight tenants that grant on one role at once need two or three.
_ATTEMPTS = 8
_RETRY_PAUSE_S = 0.05
# A loop that raises a notice for each row must not fill the memory; the last ones tell most.
_MOST_NOTICES = 200

States = dict[int, str]
# Severity and message.
Notice = tuple[str, str]

# What the log calls the attempt, and how the tenant ends.
_ENDS = {
    Kind.FAILED: ("failed", Result.FAILED),
    Kind.COLLISION: ("failed", Result.FAILED),
    Kind.LOCKED: ("blocked", Result.BLOCKED),
    Kind.LOST: ("lost", Result.UNREACHABLE),
    Kind.CANCELLED: ("cancelled", Result.STOPPED),
    Kind.ENDED: ("failed", Result.FAILED),
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where a plan is applied. `replan` makes the plan anew from rows that another runner may have changed."""

    tenant: Tenant
    connection: Connection
    ledger: Ledger
    sessions: Sessions
    replan: Callable[[tuple[AppliedMigration, ...]], Plan]

    def await_lock(
        self, attempt: Callable[[], Taken | None], connection: Connection
    ) -> Generator[LockAwaited, None, Taken]:
        """Wait until `attempt` takes the migration lock, and return what it returned. Raises Blocked."""
        return poll(attempt, connection, self.tenant.name, self.sessions.settings.lock_wait_ms)


@dataclass(frozen=True, slots=True)
class _Stale:
    """The ledger is not what the plan was made from: another runner was here. `rows` were read under the lock."""

    rows: tuple[AppliedMigration, ...]


@dataclass(frozen=True, slots=True)
class _Broken:
    """A file did not get through; the transaction it ran in is over. `notices` are what the server said before."""

    kind: Kind
    failure: Failure
    notices: tuple[Notice, ...] = ()


_Outcome = MigrationApplied | _Stale | _Broken


def apply_plan(site: Site, plan: Plan, rows: Sequence[AppliedMigration]) -> Generator[Event, None, Verdict]:
    """Apply the plan's steps in order; stop at the first that fails.

    Under the lock the ledger is read again: what another runner applied meanwhile is not applied twice.
    Raises TenantError where a lock or the connection is the reason.
    """
    # Asked before any lock is held: it runs programs, and is remembered.
    _ = site.ledger.provenance.git_commit
    states = {row.version: row.state.value for row in rows}
    steps = deque(plan.steps)
    result = Result.UP_TO_DATE
    while steps:
        step = steps[0]
        outcome = yield from (_apply_whole if step.transactional else _apply_statements)(site, step, states)
        match outcome:
            case MigrationApplied():
                states[step.version] = RowState.APPLIED.value
                result = Result.APPLIED
                steps.popleft()
            case _Stale(fresh):
                plan = site.replan(fresh)
                if plan.blockers:
                    raise Refused(f"another runner left the ledger so: {summarise(plan.blockers)}")
                states = {row.version: row.state.value for row in fresh}
                steps = deque(plan.steps)
            case _Broken():
                return _give_up(site, step, outcome)
    return Verdict(result)


def await_others(site: Site) -> Generator[LockAwaited, None, tuple[AppliedMigration, ...]]:
    """Wait until no other runner works on this tenant, and return what the ledger holds then. Raises Blocked."""
    yield from site.await_lock(lambda: try_transaction_lock(site.connection), site.connection)
    with in_transaction(site.connection):
        return site.ledger.read()


def _apply_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, _Outcome]:
    """Apply a transactional file, again where it collided with another session."""
    for attempt in range(1, _ATTEMPTS + 1):
        outcome = yield from _try_whole(site, step, states)
        if not isinstance(outcome, _Broken) or outcome.kind is not Kind.COLLISION or attempt == _ATTEMPTS:
            return outcome
        yield MigrationRetried(site.tenant.name, step, outcome.failure, attempt, _ATTEMPTS)
        # Jitter, so that tenants which collided do not do so again; longer each time.
        time.sleep(_RETRY_PAUSE_S * attempt * random.uniform(0.5, 1.5))
        clean(site.connection)
    raise AssertionError("unreachable: the last attempt returns")


def _try_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, _Outcome]:
    connection, query = site.connection, site.ledger.compose_states() if states else None
    answer = yield from site.await_lock(lambda: try_transaction_lock(connection, query), connection)
    with in_transaction(connection):
        if _is_stale(site.ledger, states, answer):
            return _Stale(site.ledger.read())
        yield MigrationStarted(site.tenant.name, step)
        with _notices(connection) as notices:
            outcome = _run_whole(site, step)
    return (yield from _report(outcome, notices, site.tenant))


def _run_whole(site: Site, step: Migration) -> MigrationApplied | _Broken:
    """Send the file, put the session back, write the row, commit."""
    connection = site.connection
    started = time.monotonic()
    sent = send(connection, step.sql)
    if sent.error:
        return _broken(sent.error, site, step, _locate(sent, step), ended=not keeps_transaction(connection))
    elapsed_ms = _since(started)
    try:
        end: sql.SQL | None = compose_end()
        if connection.info.encoding != "utf-8":
            # The file has set another one, which the file's text in the row may not fit.
            connection.execute(compose_end())
            end = None
        site.ledger.record_applied(step, elapsed_ms=elapsed_ms, statements=sent.statements, after=end)
        connection.execute("COMMIT")
    except psycopg.Error as error:
        return _broken(error, site, step, None)
    return MigrationApplied(site.tenant.name, step, elapsed_ms)


def _apply_statements(site: Site, step: Migration, states: States) -> Generator[Event, None, _Outcome]:
    """Apply a non-transactional file statement by statement, its progress committed after each.

    A second connection holds the lock and writes the ledger: the file may change its own session as it likes.
    """
    with site.sessions.connect(site.tenant) as keeper:
        stay_idle(keeper)
        yield from site.await_lock(lambda: try_session_lock(keeper), keeper)
        yield from site.await_lock(lambda: try_work_lock(site.connection), keeper)
        ledger = replace(site.ledger, connection=keeper)
        statements = sqltext.split(step.sql)
        with in_transaction(keeper):
            keeper.execute("BEGIN")
            if _is_stale(ledger, states):
                clean(site.connection)
                return _Stale(ledger.read())
            # Before the row: a run that is stopped here has begun nothing.
            yield MigrationStarted(site.tenant.name, step)
            # A connection that broke since the last file is met here, and not by a file that counts as begun.
            site.connection.execute("SELECT 1")
            ledger.record_running(step, statements=len(statements))
            keeper.execute("COMMIT")
        with _notices(site.connection) as notices:
            outcome = _run_statements(site, step, statements, ledger)
        if isinstance(outcome, MigrationApplied):
            # Not left to the end of the connection, which the server sees later than the next file asks for the lock.
            release_session_lock(keeper)
    return (yield from _report(outcome, notices, site.tenant))


def _run_statements(
    site: Site, step: Migration, statements: Sequence[sqltext.Statement], ledger: Ledger
) -> MigrationApplied | _Broken:
    started = time.monotonic()
    done = 0
    try:
        # No stop between two statements: a file that was begun is finished, or fails.
        for statement in statements:
            sent = send(site.connection, statement.text)
            if sent.error:
                broken = _broken(sent.error, site, step, statement.start + _within(sent.error))
                return _leave_unfinished(site, step, broken, done, ledger)
            done += 1
            ledger.record_progress(step.version, done)
        clean(site.connection)
        elapsed_ms = _since(started)
        with in_transaction(ledger.connection):
            ledger.connection.execute("BEGIN")
            ledger.record_finished(step, RowState.APPLIED, elapsed_ms=elapsed_ms)
            ledger.connection.execute("COMMIT")
    except psycopg.Error as error:
        return _leave_unfinished(site, step, _broken(error, site, step, None), done, ledger)
    return MigrationApplied(site.tenant.name, step, elapsed_ms)


def _leave_unfinished(site: Site, step: Migration, broken: _Broken, done: int, ledger: Ledger) -> _Broken:
    """Write how far a file came, on a connection of its own where the keeper is gone; the row blocks in any case."""
    try:
        if ledger.connection.broken or ledger.connection.closed:
            with site.sessions.connect(site.tenant) as fresh:
                _write_unfinished(replace(ledger, connection=fresh), step, done)
        else:
            try:
                _write_unfinished(ledger, step, done)
            except psycopg.errors.QueryCanceled:
                # What cancelled the file reaches every session of the run, and this one a moment later.
                _write_unfinished(ledger, step, done)
    except (psycopg.Error, TenantError):
        # The row stays as it is, begun and not finished: the next run is refused all the same.
        return broken
    return broken


def _write_unfinished(ledger: Ledger, step: Migration, done: int) -> None:
    ledger.record_progress(step.version, done)
    ledger.record_finished(step, RowState.FAILED, elapsed_ms=0)


def _is_stale(ledger: Ledger, states: States, answer: Cursor | None = None) -> bool:
    """Return whether the ledger is no more what the plan was made from; make it where there is none.

    `answer` is what it said under the lock, where it was asked already.
    """
    if states and answer:
        return dict(answer.fetchall()) != states
    if not states:
        ledger.create_if_absent()
    return ledger.read_states() != states


def _broken(error: psycopg.Error, site: Site, step: Migration, offset: int | None, *, ended: bool = False) -> _Broken:
    """Return what an error comes to; `offset` is its place in the file, None where it is not of the file's text."""
    kind = classify(error, site.connection)
    if ended and kind is not Kind.LOST:
        kind = Kind.ENDED
    return _Broken(kind, describe(error, step, kind, offset))


def _locate(sent: Sent, step: Migration) -> int | None:
    """Return where in the file an error is: where the server says, else at the statement that it ended at."""
    if sent.error and sent.error.diag.statement_position:
        return _within(sent.error)
    try:
        statements = sqltext.split(step.sql)
    except sqltext.SqlError:
        return None
    return statements[sent.statements].start if sent.statements < len(statements) else None


def _within(error: psycopg.Error) -> int:
    """Return the server's position in the text that was sent, in characters from 0; 0 where it gives none."""
    return int(error.diag.statement_position) - 1 if error.diag.statement_position else 0


def _give_up(site: Site, step: Migration, broken: _Broken) -> Verdict:
    """Log a file that did not get through, and return what becomes of the tenant.

    Nothing is yielded: a run that is ended by a signal meanwhile must neither lose the log line nor the report.
    """
    kind, failure = broken.kind, broken.failure
    event, result = _ENDS[kind]
    if kind is Kind.CANCELLED and not site.sessions.cancelled:
        event, result = _ENDS[Kind.FAILED]
    warnings = _log_failure(site, step, event, failure)
    said = tuple(NoticeRaised(site.tenant.name, severity, message) for severity, message in broken.notices)
    name = label(step.version, step.name)
    if result is Result.UNREACHABLE and step.transactional:
        reason = f"connection lost while {name} ran: {failure.message}"
        hint = "run the same command again: what was not committed was rolled back"
        return Verdict(result, reason, hint, told=(*said, *warnings))
    rolled_back = step.transactional and kind is not Kind.ENDED
    failed = MigrationFailed(site.tenant.name, step, failure, rolled_back=rolled_back)
    told: tuple[Event, ...] = (*said, failed, *warnings)
    reason, hint = ("cancelled", "") if result is Result.STOPPED else (failure.message, failure.hint)
    if not step.transactional:
        # Trying again is of no use, whatever the reason was: the file is begun, and blocks.
        ended = Result.STOPPED if result is Result.STOPPED else Result.FAILED
        hint = "\n".join(filter(None, (hint, advise_unfinished(step.version, site.tenant.name))))
        return Verdict(ended, f"{reason}, {name} is not finished: it runs outside a transaction", hint, told=told)
    left = "was rolled back" if rolled_back else "ended its transaction by itself"
    return Verdict(result, f"{reason}, {name} {left}", hint, told=told)


def _log_failure(site: Site, step: Migration, event: str, failure: Failure) -> tuple[WarningRaised, ...]:
    """Write an attempt that failed into the log, on a connection of its own where ours is gone.

    Returns a warning where that fails as well.
    """
    try:
        if site.connection.broken or site.connection.closed:
            with site.sessions.connect(site.tenant) as fresh:
                _write_failure(replace(site.ledger, connection=fresh), step, event, failure)
        else:
            if not step.transactional:
                clean(site.connection)
            _write_failure(site.ledger, step, event, failure)
    except (psycopg.Error, TenantError) as error:
        problem = Problem(f"the failure could not be written to the log: {str(error).strip()}")
        return (WarningRaised(site.tenant.name, problem),)
    return ()


def _write_failure(ledger: Ledger, step: Migration, event: str, failure: Failure) -> None:
    detail = {key: value for key, value in asdict(failure).items() if value and key != "excerpt"}
    with in_transaction(ledger.connection):
        # The lock is for making the tables; where another runner has it, they are there.
        if try_transaction_lock(ledger.connection):
            ledger.create_if_absent()
        else:
            ledger.connection.execute("BEGIN")
        ledger.log(event, step.version, step.checksum, detail=detail)
        ledger.connection.execute("COMMIT")


@contextmanager
def _notices(connection: Connection) -> Iterator[deque[Notice]]:
    """Gather what the server says meanwhile, as (severity, message): what psycopg hands over does not last."""
    notices: deque[Notice] = deque(maxlen=_MOST_NOTICES)

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        notices.append((notice.severity_nonlocalized or "", notice.message_primary or ""))

    connection.add_notice_handler(keep)
    try:
        yield notices
    finally:
        connection.remove_notice_handler(keep)


def _report(
    outcome: MigrationApplied | _Broken, notices: deque[Notice], tenant: Tenant
) -> Generator[Event, None, MigrationApplied | _Broken]:
    """Say what is committed, and then what was said meanwhile: the run may stop at any of these.

    Nothing is said of a failure before it is in the log: its notices go with it.
    """
    if isinstance(outcome, _Broken):
        return replace(outcome, notices=tuple(notices))
    yield outcome
    for severity, message in notices:
        yield NoticeRaised(tenant.name, severity, message)
    return outcome


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
