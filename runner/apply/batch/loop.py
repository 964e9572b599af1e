"""Batch after batch: each tried again where it met others, then the pause, and longer where the database is pressed.

A run may stop between two batches, and the next one goes on there.
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
from tenantry.apply.retries import choose_timeouts, retry
from tenantry.apply.site import Site
from tenantry.ledger.writing import record_batch
from tenantry.model import Batch, Migration, label
from tenantry.model.errors import Blocked, Refused
from tenantry.model.events import Event
from tenantry.postgres.runner_lock import try_work_lock
from tenantry.postgres.send import send
from tenantry.postgres.transaction import Timeouts, in_transaction, stay_idle
from tenantry.sqltext.changes import ChangeError, find_origin, restrict

# Both arbitrary. A standby that has hung for so long does not come back by waiting.
_LOOK_EVERY_S = 1.0
_LONGEST_HOLD_S = 1_800.0
# It reads a statement as far as can be without a row, and does nothing.
_READ = "EXPLAIN "


@dataclass(frozen=True, slots=True)
class _Work:
    """A change at work: where, what, and how its transactions begin and wait."""

    site: Site
    step: Migration
    cut: Cut
    batch: Batch
    timeouts: Timeouts

    @property
    def begin(self) -> sql.Composed:
        """Return what begins a transaction, in which all is newer than in the one before."""
        wanted = (("lock_timeout", self.timeouts.lock_ms), ("statement_timeout", self.timeouts.statement_ms))
        limits = [
            sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in wanted
            if value is not None
        ]
        # Whatever the database's default: at a stricter level, a batch would collide with any concurrent writer.
        return sql.SQL("; ").join((sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED"), *limits))


def run(site: Site, step: Migration, cut: Cut) -> Generator[Event, None, Reached | Broken | None]:
    """Run all batches that are left; return how far the change came, None where the table is empty.

    What a batch changes is committed with how far the change is then, on the connection of `site`, of which no
    transaction is open. Raises Blocked where the database is pressed for too long.
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
    """Run the next batch; return how far the change is then, None where nothing is left."""
    yield from ()  # What is tried again may have something to say, but a batch has not.
    connection = work.site.connection
    try:
        # For each batch anew: before a further try the session is put back, and has neither lock nor setting.
        try_work_lock(connection)
        stay_idle(connection)
        with in_transaction(connection):
            return _take(work, reached)
    except psycopg.Error as error:
        return make_broken(error, work.site, work.step, None)


def _take(work: _Work, reached: Reached | None) -> Reached | Broken | None:
    """Find where the next batch ends, and run it."""
    connection, table = work.site.connection, work.cut.table
    top = reached.top if reached else find_last(connection, table, work.begin)
    if top is None:
        return _read(work)
    reached = reached or Reached(work.cut.fingerprint, top)
    found = find_next(connection, table, reached.left, work.batch.rows, work.begin)
    return _change(work, reached, *found) if found else None


def _read(work: _Work) -> Broken | None:
    """Have the server read the statement where there is no row to run it on: else nobody would know what is wrong."""
    connection, statement = work.site.connection, work.cut.change.statement
    connection.execute(work.begin)
    sent = send(connection, f"{_READ}{statement.text}")
    if sent.error is None:
        return None
    offset = statement.start + max(within(sent.error) - len(_READ), 0)
    return make_broken(sent.error, work.site, work.step, offset)


def _change(work: _Work, reached: Reached, last: RowKey, rows: int) -> Reached | Broken:
    """Run the statement on the keys up to `last`, and commit it with how far the change is then."""
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
    """Wait for as long as the database is pressed. Raises Blocked where that does not end."""
    started = time.monotonic()
    while held := judge(read_pressure(work.site.connection)):
        if time.monotonic() - started > _LONGEST_HOLD_S:
            reason = f"{label(work.step.version, work.step.name)}: has waited for half an hour: {held}"
            raise Blocked(reason, hint="run the same command again after that has ended: it resumes at the next batch")
        yield from pace.sleep(_LOOK_EVERY_S, reached, held)
