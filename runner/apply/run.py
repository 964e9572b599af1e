"""Run a plan on one connection: each file whole and with its row in the ledger, or not at all.

Nothing that a file leaves in its session reaches the ledger or the next file.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from itertools import islice

import psycopg

from tenantry.apply.attempt import Broken, Ending, Stale
from tenantry.apply.repeatables import apply_repeatable
from tenantry.apply.site import Site, States
from tenantry.apply.transactional import apply_whole
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import write_line
from tenantry.model import NO_VERSION, AppliedMigration, Migration, Plan, RowState, label
from tenantry.model.errors import Problem, Refused, TenantError
from tenantry.model.events import (
    Event,
    LockAwaited,
    MigrationApplied,
    MigrationFailed,
    NoticeRaised,
    Verdict,
    WarningRaised,
)
from tenantry.model.masking import mask_values
from tenantry.model.results import Failure, Result
from tenantry.planning.words import advise_in_doubt, advise_unfinished, summarise
from tenantry.postgres.failures import FailureKind
from tenantry.postgres.sessions import SILENT
from tenantry.postgres.transaction import begin_durably, clean, despite_cancel, in_transaction, try_transaction_lock

# The attempt's event in the log, and the tenant's result.
_ENDS = {
    FailureKind.FAILED: ("failed", Result.FAILED),
    FailureKind.COLLISION: ("failed", Result.FAILED),
    FailureKind.LOCKED: ("blocked", Result.BLOCKED),
    FailureKind.LOST: ("lost", Result.UNREACHABLE),
    FailureKind.CANCELLED: ("cancelled", Result.STOPPED),
    FailureKind.ENDED: ("failed", Result.FAILED),
    FailureKind.STANDBY: ("blocked", Result.BLOCKED),
}

_LEDGER_SAYS = "the ledger says whether the file was committed"
# For an end that is not the file's fault: it stays unfinished, and can simply be resumed.
_GO_ON = "run the same command again: it resumes at this statement"


def apply_plan(site: Site, plan: Plan, rows: Sequence[AppliedMigration]) -> Generator[Event, None, Verdict]:
    """Apply the plan's steps in order, then its repeatables; stop at the first that fails.

    The ledger is read again under the lock, so nothing is applied twice that another runner has applied meanwhile.
    Raises TenantError for a lock or a lost connection.
    """
    # Asked for before any lock is held, since it runs programs; the answer is kept.
    _ = site.ledger.provenance.git_commit
    states = {row.version: row.state.value for row in rows}
    steps = deque(plan.steps)
    result = Result.UP_TO_DATE
    while steps:
        step = steps[0]
        site.ledger.guard.continues = len(steps) > 1
        site.following.step = _find_next(site, steps)
        outcome = yield from (apply_whole if step.transactional else _apply_statements)(site, step, states)
        match outcome:
            case MigrationApplied():
                states[step.version] = RowState.APPLIED.value
                result = Result.APPLIED
                steps.popleft()
            case Stale(fresh):
                # Decided again by the same rules: after the other runner, nothing may be left to do, or it is refused.
                plan = site.replan(fresh)
                if plan.blockers:
                    raise Refused(f"another runner has changed the ledger: {summarise(plan.blockers)}")
                states = {row.version: row.state.value for row in fresh}
                steps = deque(plan.steps)
            case Broken():
                return _give_up(site, step, outcome)
    for step in plan.repeatables:
        repeated = yield from apply_repeatable(site, step)
        if isinstance(repeated, Broken):
            return _give_up(site, step, repeated)
        # Another runner may have applied it meanwhile.
        result = Result.APPLIED if repeated else result
    return Verdict(result)


def _find_next(site: Site, steps: Sequence[Migration]) -> Migration | None:
    """Return the file whose transaction can begin in the message that commits the first of these."""
    if site.record or len(steps) == 1 or not all(step.transactional for step in islice(steps, 2)):
        return None
    return steps[1]


def _apply_statements(site: Site, step: Migration, states: States) -> Generator[Event, None, Ending]:
    """Apply a non-transactional file, whose many modules no other file needs."""
    # Imported here: most runs have no such file and need none of its modules.
    from tenantry.apply.stepwise.file import apply_statements

    return (yield from apply_statements(site, step, states))


def await_others(site: Site) -> Generator[LockAwaited, None, tuple[AppliedMigration, ...]]:
    """Wait until no other runner works on this tenant, then return the ledger's rows. Raises Blocked."""
    yield from site.await_lock(lambda: try_transaction_lock(site.connection), site.connection)
    # The lock is released after reading: each file takes it again and checks whether anything has changed.
    with in_transaction(site.connection):
        return site.ledger.read()


def _give_up(site: Site, step: Migration, broken: Broken) -> Verdict:
    """Log a file that failed, and return the tenant's verdict.

    Nothing is yielded: a run that a signal ends meanwhile must lose neither the line in the log nor the report.
    """
    kind, failure = broken.kind, broken.failure
    event, result = _ENDS[kind]
    # Cancelled by a person or a timeout, not by this run: that counts as a failure of the file.
    if kind is FailureKind.CANCELLED and not site.sessions.cancelled:
        event, result = _ENDS[FailureKind.FAILED]
    if broken.in_doubt:
        # Also if only the connection was lost: the next run would be refused, and so is no way out.
        result = Result.FAILED
    # A standby does not take the line of the log either.
    warnings = () if kind is FailureKind.STANDBY else _log_failure(site, step, event, failure)
    said = tuple(NoticeRaised(site.tenant.name, severity, message) for severity, message in broken.notices)
    name = label(step.version, step.name)
    if site.sessions.is_severed(site.connection):
        return _give_up_silent(step, (*said, *warnings))
    if result is Result.UNREACHABLE and step.transactional:
        reason = f"connection lost while {name} ran: {failure.message}"
        # The server answers a COMMIT only at the end of its message, and may be lost before.
        known = _LEDGER_SAYS if broken.commits else "uncommitted changes were rolled back"
        hint = f"run the same command again: {known}"
        return Verdict(result, reason, hint, told=(*said, *warnings))
    rolled_back = step.transactional and kind is not FailureKind.ENDED
    failed = MigrationFailed(site.tenant.name, step, failure, rolled_back=rolled_back)
    told: tuple[Event, ...] = (*said, failed, *warnings)
    reason, hint = ("cancelled", "") if result is Result.STOPPED else (failure.message, failure.hint)
    if not step.transactional:
        hint = "\n".join(filter(None, (hint, _advise(site.tenant.name, step, broken, result))))
        return Verdict(result, f"{reason}, {name} is not finished: it runs outside a transaction", hint, told=told)
    left = "was rolled back" if rolled_back else "ended its own transaction"
    behind = f"; {failure.detail}" if broken.wait else ""
    return Verdict(result, f"{reason}, {name} {left}{behind}", hint, told=told)


def _advise(tenant: str, step: Migration, broken: Broken, result: Result) -> str:
    """Return how a file that runs outside a transaction can be finished."""
    if broken.in_doubt:
        return f"it is not known whether statement {broken.in_doubt} took effect: " + advise_in_doubt(
            step.version, tenant, broken.in_doubt
        )
    return advise_unfinished(step.version, tenant) if result is Result.FAILED else _GO_ON


def _give_up_silent(step: Migration, told: tuple[Event, ...]) -> Verdict:
    """Return the verdict of a tenant whose server did not answer: nobody knows whether it still commits the file."""
    name = label(step.version, step.name)
    hint = "run the same command again once the server answers: the ledger says there whether the file was committed"
    if not step.transactional:
        hint = f"once the server answers, {_GO_ON}"
    return Verdict(Result.UNREACHABLE, f"{SILENT} while {name} ran", hint, told=told)


def _log_failure(site: Site, step: Migration, event: str, failure: Failure) -> tuple[WarningRaised, ...]:
    """Write a failed attempt into the log, on a new connection if ours is lost.

    Returns a warning if that fails as well.
    """
    try:
        if site.connection.broken or site.connection.closed:
            with site.sessions.connect(site.tenant) as fresh:
                _write_failure(replace(site.ledger, connection=fresh), step, event, failure)
        else:
            if not step.transactional:
                # The session is as the file left it: the log must not be written by another role or search_path.
                clean(site.connection)
            despite_cancel(lambda: _write_failure(site.ledger, step, event, failure))
    except (psycopg.Error, TenantError) as error:
        # A warning only: it must not hide the failure that was to be logged.
        problem = Problem(f"the failure could not be written to the log: {str(error).strip()}")
        return (WarningRaised(site.tenant.name, problem),)
    return ()


def _write_failure(ledger: Ledger, step: Migration, event: str, failure: Failure) -> None:
    if not ledger.provenance.keeps_values:
        failure = mask_values(failure)
    detail = {key: value for key, value in asdict(failure).items() if value and key != "excerpt"}
    if step.version == NO_VERSION:
        detail |= {"name": step.name}
    with in_transaction(ledger.connection):
        # The lock is for creating the tables; if another runner holds it, they exist.
        if try_transaction_lock(ledger.connection):
            ledger.create_if_absent()
        else:
            begin_durably(ledger.connection)
        write_line(ledger, event, step.version, step.checksum, detail=detail)
        ledger.connection.execute("COMMIT")
