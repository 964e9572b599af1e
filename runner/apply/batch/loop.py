"""Batch after batch: each is repeated if it meets other sessions, then comes the pause, longer under pressure.

A run may stop between two batches, and the next run resumes there.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial

import psycopg
from psycopg import sql

from tenantry.apply.attempt import Broken, make_broken, within
from tenantry.apply.batch.cut import Cut, Reached
from tenantry.apply.batch.keys import Range, RowKey, compose_range, find_last, find_next
from tenantry.apply.batch.pace import Pace
from tenantry.apply.batch.pressure import judge, read_pressure
from tenantry.apply.lock_waits import watching
from tenantry.apply.retries import choose_timeouts, compose_limits, retry
from tenantry.apply.site import Site
from tenantry.ledger.writing import record_batch
from tenantry.model import Batch, Migration, label
from tenantry.model.errors import Blocked, Refused
from tenantry.model.events import Event
from tenantry.postgres.runner_lock import try_work_lock
from tenantry.postgres.send import send
from tenantry.postgres.transaction import Timeouts, in_transaction, keep_session
from tenantry.sqltext.changes import ChangeError, find_origin, restrict

# Both arbitrary. A standby that has hung for that long does not recover by waiting.
_LOOK_EVERY_S = 1.0
_LONGEST_HOLD_S = 1_800.0
# The server checks the statement as far as possible without a row, and changes nothing.
_READ = "EXPLAIN "


@dataclass(frozen=True, slots=True)
class _Work:
    """A change in progress: its site, its file, and how its transactions begin and wait."""

    site: Site
    step: Migration
    cut: Cut
    batch: Batch
    timeouts: Timeouts

    @property
    def begin(self) -> sql.Composed:
        """Return the SQL that begins a transaction, which sees everything committed before each statement."""
        # Whatever the database's default: at a stricter level, a batch would collide with any concurrent writer.
        begin = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED")
        return sql.SQL("; ").join((begin, *compose_limits(self.timeouts)))


def run(site: Site, step: Migration, cut: Cut) -> Generator[Event, None, Reached | Broken | None]:
    """Run all remaining batches; return the progress of the change, None if the table is empty.

    Each batch commits together with the progress, on the connection of `site`, which has no open transaction.
    Raises Blocked if the database is under pressure for too long.
    """
    work = _Work(
        site, step, cut, step.directives.batch or Batch(1), choose_timeouts(site, step, cut.change.statement.text)
    )
    pace, reached = Pace(site.tenant, step, cut), cut.reached
    while True:
        outcome = yield from retry(site, step, partial(_attempt, work, reached))
        if outcome is None or isinstance(outcome, Broken):
            return outcome or reached
        reached = outcome
        yield from pace.tell(reached)
        if reached.last == reached.top:
            return reached
        yield from pace.sleep(work.batch.pause_ms / 1000, reached)
        yield from _hold(work, pace, reached)


def _attempt(work: _Work, reached: Reached | None) -> Generator[Event, None, Reached | Broken | None]:
    """Run the next batch; return the progress after it, None if nothing is left."""
    yield from ()  # `retry` takes a generator, but a batch yields no events.
    connection = work.site.connection
    try:
        # For each batch again: a repeated attempt starts with a reset session, without lock and setting.
        try_work_lock(connection)
        keep_session(connection)
        with in_transaction(connection):
            return _take(work, reached)
    except psycopg.Error as error:
        return make_broken(error, work.site, work.step, None)


def _take(work: _Work, reached: Reached | None) -> Reached | Broken | None:
    """Find the end of the next batch, and run it."""
    connection, table = work.site.connection, work.cut.table
    top = reached.top if reached else find_last(connection, table, work.begin)
    if top is None:
        return _read(work)
    reached = reached or Reached(work.cut.fingerprint, top)
    found = find_next(connection, table, reached.left, work.batch.rows, work.begin)
    return _change(work, reached, *found) if found else None


def _read(work: _Work) -> Broken | None:
    """Have the server check the statement if there is no row to run it on, so that its mistakes are found."""
    connection, statement = work.site.connection, work.cut.change.statement
    connection.execute(work.begin)
    sent = send(connection, f"{_READ}{statement.text}")
    if sent.error is None:
        return None
    offset = statement.start + max(within(sent.error) - len(_READ), 0)
    return make_broken(sent.error, work.site, work.step, offset)


def _change(work: _Work, reached: Reached, last: RowKey, rows: int) -> Reached | Broken:
    """Run the statement on the keys up to `last`, and commit it together with the progress."""
    connection, cut = work.site.connection, work.cut
    condition = compose_range(cut.table.alias, cut.table.key, Range(reached.last, last)).as_string(connection)
    try:
        text = restrict(cut.change, condition)
    except ChangeError as error:
        raise Refused(f"{label(work.step.version, work.step.name)}: {error.message}", hint=error.hint) from None
    connection.execute(work.begin)
    with watching(work.site, connection.info.backend_pid, work.timeouts) as watch:
        sent = send(connection, text, watch.look, every_s=watch.every_s)
    if sent.error:
        offset = find_origin(cut.change, condition, within(sent.error))
        return make_broken(sent.error, work.site, work.step, offset, wait=watch.wait)
    now = reached.add(last, rows, sent.rows)
    before = reached.as_json() if reached.last else None
    ledger = replace(work.site.ledger, connection=connection)
    record_batch(ledger, work.step.version, now.as_json(), before=before)
    connection.execute("COMMIT")
    return now


def _hold(work: _Work, pace: Pace, reached: Reached) -> Generator[Event, None, None]:
    """Wait while the database is under pressure. Raises Blocked if that does not end."""
    started = time.monotonic()
    while held := judge(read_pressure(work.site.connection)):
        if time.monotonic() - started > _LONGEST_HOLD_S:
            reason = f"{label(work.step.version, work.step.name)}: has waited for half an hour: {held}"
            raise Blocked(reason, hint="run the same command again after that has ended: it resumes at the next batch")
        yield from pace.sleep(_LOOK_EVERY_S, reached, held)
