"""Apply a non-transactional file: statement by statement, its progress committed after each."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace

import psycopg

from runner import sqltext
from runner.attempt import (
    Broken,
    Outcome,
    Site,
    Stale,
    States,
    gather_notices,
    is_stale,
    make_broken,
    measure_since,
    report,
    within,
)
from runner.errors import TenantError
from runner.events import Event, MigrationApplied, MigrationStarted
from runner.ledger import Ledger
from runner.model import Migration, RowState
from runner.transaction import (
    clean,
    in_transaction,
    release_session_lock,
    send,
    stay_idle,
    try_session_lock,
    try_work_lock,
)


def apply_statements(site: Site, step: Migration, states: States) -> Generator[Event, None, Outcome]:
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
            if is_stale(ledger, states):
                clean(site.connection)
                return Stale(ledger.read())
            # Before the row: a run that is stopped here has begun nothing.
            yield MigrationStarted(site.tenant.name, step)
            # A connection that broke since the last file is met here, and not by a file that counts as begun.
            site.connection.execute("SELECT 1")
            ledger.record_running(step, statements=len(statements))
            keeper.execute("COMMIT")
        with gather_notices(site.connection) as notices:
            outcome = _run_statements(site, step, statements, ledger)
        if isinstance(outcome, MigrationApplied):
            # Not left to the end of the connection, which the server sees later than the next file asks for the lock.
            release_session_lock(keeper)
    return (yield from report(outcome, notices, site.tenant))


def _run_statements(
    site: Site, step: Migration, statements: Sequence[sqltext.Statement], ledger: Ledger
) -> MigrationApplied | Broken:
    started = time.monotonic()
    done = 0
    try:
        # No stop between two statements: a file that was begun is finished, or fails.
        for statement in statements:
            sent = send(site.connection, statement.text)
            if sent.error:
                broken = make_broken(sent.error, site, step, statement.start + within(sent.error))
                return _leave_unfinished(site, step, broken, done, ledger)
            done += 1
            ledger.record_progress(step.version, done)
        clean(site.connection)
        elapsed_ms = measure_since(started)
        with in_transaction(ledger.connection):
            ledger.connection.execute("BEGIN")
            ledger.record_finished(step, RowState.APPLIED, elapsed_ms=elapsed_ms)
            ledger.connection.execute("COMMIT")
    except psycopg.Error as error:
        return _leave_unfinished(site, step, make_broken(error, site, step, None), done, ledger)
    return MigrationApplied(site.tenant.name, step, elapsed_ms)


def _leave_unfinished(site: Site, step: Migration, broken: Broken, done: int, ledger: Ledger) -> Broken:
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
