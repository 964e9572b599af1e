"""Apply a non-transactional file statement by statement: however a run ends, the next one resumes after it."""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from tenantry import sqltext
from tenantry.apply.assertions import check_ensured, check_required
from tenantry.apply.attempt import Broken, Ending, Stale, gather_notices, is_stale, measure_since, report
from tenantry.apply.batch.cut import Cut, prepare
from tenantry.apply.batch.loop import run as run_batches
from tenantry.apply.site import Site, States
from tenantry.apply.stepwise.resume import resume
from tenantry.apply.stepwise.statement import run_statement
from tenantry.apply.stepwise.work import Work, number_after
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.touched import count_before
from tenantry.ledger.writing import record_finished, record_running
from tenantry.model import AppliedMigration, Migration, MigrationStatus, RowState, State, label
from tenantry.model.errors import Problem, TenantError
from tenantry.model.events import Event, MigrationApplied, MigrationStarted, WarningRaised
from tenantry.planning.steps import can_resume
from tenantry.postgres.pooling import refuse_pooled
from tenantry.postgres.runner_lock import release_session_lock, try_session_lock, try_work_lock
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import clean, despite_cancel, in_transaction, keep_session, prepare_session

_UNFINISHED = (RowState.RUNNING.value, RowState.FAILED.value)


def apply_statements(site: Site, step: Migration, states: States) -> Generator[Event, None, Ending]:
    """Apply the rest of a non-transactional file, and commit each statement with its record.

    A second connection holds the lock and keeps the record: the file may change its own session at will.
    Raises Refused if nobody can tell where to resume, or if a connection has no session of its own.
    """
    with _open_worker(site) as worker, site.sessions.connect_past_pooler(site.tenant) as keeper:
        refuse_pooled(worker, keeper, step, site.tenant)
        prepare_session(worker, site.sessions.list_settings(site.tenant))
        # The keeper is idle for as long as a statement takes, and that can be hours; all its commits are our records.
        keep_session(keeper)
        # The keeper's lock says that a runner is at work; no DISCARD ALL of the file can release it there. The worker's
        # lock says that the server is at work: it lasts as long as the last statement of a runner that has died.
        yield from site.await_lock(lambda: try_session_lock(keeper), keeper)
        yield from site.await_lock(lambda: try_work_lock(worker), keeper)
        here = replace(site, connection=worker)
        work = Work(here, replace(site.ledger, connection=keeper), step, sqltext.split(step.sql))
        with in_transaction(keeper):
            keeper.execute("BEGIN")
            row = _read_row(work, states)
            if isinstance(row, Stale):
                clean(worker)
                return row
            if row is None:
                check_required(worker, step)
            cut = prepare(worker, work.ledger, step) if step.directives.batch else None
            # Before the row: a run that stops here has not started the file.
            yield MigrationStarted(site.tenant.name, step)
            # A connection that broke since the last file fails here, before this file counts as started.
            worker.execute("SELECT 1")
            if row is None:
                record_running(work.ledger, step, statements=len(work.statements))
            # A setting that stops the server's counts outlasts the statement that sets it.
            count_before(work.ledger, step.sql, counted=False)
            keeper.execute("COMMIT")
        done = 0
        if row:
            done = resume(work, row)
            yield _tell_resumed(work, done)
        with gather_notices(worker) as notices:
            outcome = yield from _run_batches(work, cut) if cut and not done else _run_statements(work, done)
        if isinstance(outcome, MigrationApplied):
            # Not left to the end of the connection: the next file may ask for the lock before the server notices that.
            release_session_lock(keeper)
    notices.extend(work.notices)
    return (yield from report(outcome, notices, site.tenant))


@contextmanager
def _open_worker(site: Site) -> Iterator[Connection]:
    """Return the connection that runs the file: the tenant's, or a direct one if that leads to a pooler."""
    if site.sessions.has_pooler(site.tenant):
        with site.sessions.connect_past_pooler(site.tenant) as worker:
            yield worker
    else:
        yield site.connection


def _read_row(work: Work, states: States) -> AppliedMigration | Stale | None:
    """Return the file's row, None if it never started; Stale if another runner has changed the ledger."""
    if is_stale(work.ledger, states):
        return Stale(work.ledger.read())
    if states.get(work.step.version) not in _UNFINISHED:
        return None
    rows = work.ledger.read()
    row = next(row for row in rows if row.version == work.step.version)
    # It may have advanced meanwhile, and still be unfinished.
    status = MigrationStatus(row.version, State.INCOMPLETE, work.step, row)
    return row if can_resume(status) else Stale(rows)


def _tell_resumed(work: Work, done: int) -> WarningRaised:
    name, number, count = label(work.step.version, work.step.name), number_after(done), len(work.statements)
    where = f"resumes at statement {number} of {count}" if done < count else f"all {count} statements had run"
    return WarningRaised(work.site.tenant.name, Problem(f"{name}: started by an earlier run, {where}"))


def _run_statements(work: Work, done: int) -> Generator[Event, None, MigrationApplied | Broken]:
    """Run the rest of a file; the run may stop while a statement waits for a lock."""
    started = time.monotonic()
    try:
        for index in range(done, len(work.statements)):
            broken = yield from run_statement(work, index)
            if broken:
                return _leave_unfinished(work, broken)
        return _finish(work, started, {})
    except psycopg.Error as error:
        return _leave_unfinished(work, work.break_off(error, None))


def _run_batches(work: Work, cut: Cut) -> Generator[Event, None, MigrationApplied | Broken]:
    """Run a file of one statement in batches; the run may stop between two batches."""
    started = time.monotonic()
    try:
        reached = yield from run_batches(work.site, work.step, cut)
        if isinstance(reached, Broken):
            return _leave_unfinished(work, reached)
        work.record(1)
        return _finish(work, started, {"rows": reached.rows, "changed": reached.changed} if reached else {})
    except psycopg.Error as error:
        return _leave_unfinished(work, work.break_off(error, None))


def _finish(work: Work, started: float, told: Mapping[str, int]) -> MigrationApplied | Broken:
    """Write that a file is finished, if its final assertions hold; `told` is for the log. Raises psycopg.Error."""
    # Before the assertions: their answer must not depend on settings that the file has left in its session.
    clean(work.site.connection)
    if broken := check_ensured(work.site.connection, work.step):
        return _leave_unfinished(work, broken)
    elapsed_ms = measure_since(started)
    keeper = work.ledger.connection
    with in_transaction(keeper):
        keeper.execute("BEGIN")
        record_finished(work.ledger, work.step, RowState.APPLIED, elapsed_ms=elapsed_ms, told=told)
        keeper.execute("COMMIT")
    return MigrationApplied(work.site.tenant.name, work.step, elapsed_ms)


def _leave_unfinished(work: Work, broken: Broken) -> Broken:
    """Write that a file is not finished, on a new connection if the keeper is lost."""
    try:
        keeper = work.ledger.connection
        if keeper.broken or keeper.closed:
            with work.site.sessions.connect_past_pooler(work.site.tenant) as fresh:
                keep_session(fresh)
                _write_unfinished(replace(work.ledger, connection=fresh), work.step)
        else:
            despite_cancel(lambda: _write_unfinished(work.ledger, work.step))
    except (psycopg.Error, TenantError):
        # The row stays "running": the next run resumes from it all the same.
        return broken
    return broken


def _write_unfinished(ledger: Ledger, step: Migration) -> None:
    record_finished(ledger, step, RowState.FAILED, elapsed_ms=0)
