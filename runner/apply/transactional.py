"""Apply a transactional file: sent whole, in one transaction with its row in the ledger."""

import time
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.apply.assertions import check_ensured, check_required
from tenantry.apply.attempt import (
    Broken,
    Ending,
    Notice,
    Stale,
    gather_notices,
    locate,
    make_broken,
    measure_since,
    report,
)
from tenantry.apply.lock_waits import Watch, watching
from tenantry.apply.retries import choose_timeouts, retry
from tenantry.apply.site import Site, States, WriteRecord
from tenantry.ledger.applied import Message, record_applied
from tenantry.ledger.guard import compose_glanced_states, compose_guarded_states, is_changed, is_plain
from tenantry.ledger.ledger import OF_COPY, Ledger, take_states
from tenantry.ledger.touched import compose_untouched, count_before
from tenantry.model import Migration
from tenantry.model.events import Event, LockAwaited, MigrationApplied, MigrationStarted
from tenantry.model.records import LEDGER_AND_LOG, LEDGER_TABLE, LOG_TABLE
from tenantry.postgres.copying import Copied, Lack
from tenantry.postgres.send import send
from tenantry.postgres.transaction import (
    Begun,
    Timeouts,
    compose_begin,
    compose_end,
    in_transaction,
    keeps_transaction,
    read_begun,
    try_transaction_lock,
)


def apply_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, Ending]:
    """Apply a transactional file, again if it meets a lock or collides with another session."""
    return (yield from retry(site, step, lambda: _try_whole(site, step, states)))


def _try_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, Ending]:
    timeouts = choose_timeouts(site, step)
    site.ledger.guard.mark = None  # of the transaction before
    try:
        # Without any row there may be no table either, and a query that fails would abort the file's transaction.
        begun = yield from (_begin_reading(site, timeouts) if states else _begin_finding(site, timeouts))
    except pg.UndefinedTable as error:
        # Without the log, the file fails; without the ledger, nobody knows what the tenant has.
        if LOG_TABLE not in (error.diag.message_primary or ""):
            raise
        site.connection.rollback()
        return make_broken(error, site, step, None)
    with in_transaction(site.connection, keeps=lambda: site.following.has_begun):
        # Under the lock: another runner may have applied the file since the plan was made.
        if take_states(begun.copied.rows) != states if states else _has_rows_by_now(site.ledger, begun):
            return Stale(site.ledger.read())
        record = partial(_record, site, step, again=step.version in states)
        run = yield from run_required(
            site, step, begun.pid, timeouts, record, counted=site.ledger.guard.mark is not None
        )
    return (yield from report(*run, site.tenant))


def _begin_finding(site: Site, timeouts: Timeouts) -> Generator[LockAwaited, None, Begun]:
    return (yield from begin(site, timeouts, site.ledger.compose_find().as_string()))


def _has_rows_by_now(ledger: Ledger, begun: Begun) -> bool:
    """Return whether there are rows in a ledger that had none; create the ledger if `_begin_finding` found none."""
    found, comment = begun.copied.answer
    if ledger.create_unless(found=found == b"t", comment=None if comment is None else comment.decode()):
        return False
    return bool(ledger.read_states())


def _begin_reading(site: Site, timeouts: Timeouts) -> Generator[LockAwaited, None, Begun]:
    """Begin the transaction, and read the states of the ledger's rows: at a glance, or else after a guard."""
    guard = site.ledger.guard
    with site.ledger.bounding(LEDGER_TABLE):
        if begun := _take_begun(site):
            return begun
        if guard.glances:
            if begun := (yield from _begin_glanced(site, timeouts)):
                return begun
            guard.glances = False
        return (yield from _begin_guarded(site, timeouts))


def _take_begun(site: Site) -> Begun | None:
    """Return the transaction that began ahead; None, and no transaction, where that leaves a doubt.

    Raises what ended the connection meanwhile, if anything did: the server has said why.
    """
    copied, site.following.copied = site.following.copied, None
    if isinstance(copied, Lack) and site.connection.closed:
        raise copied
    begun = read_begun(copied) if isinstance(copied, Copied) else None
    if begun and is_plain(site.ledger.guard, LEDGER_TABLE, begun.copied.answer):
        site.ledger.guard.remember(begun.copied.results)
        return begun
    if site.connection.info.transaction_status is not TransactionStatus.IDLE:
        site.connection.rollback()
    return None


def _compose_following(site: Site) -> str:
    """Return the beginning of the next file's transaction, with a glance at the ledger; empty where there is none."""
    if site.following.step is None or not site.ledger.guard.glances:
        return ""
    query, timeouts = compose_glanced_states(site.ledger.schema), choose_timeouts(site, site.following.step)
    return compose_begin(
        query, timeouts, site.sessions.settings.application_name, site.sessions.list_settings(site.tenant)
    )


def _begin_glanced(site: Site, timeouts: Timeouts) -> Generator[LockAwaited, None, Begun | None]:
    """Begin and read, see `Guard.glances`; None, and no transaction, where a glance at the table leaves a doubt."""
    with suppress(*OF_COPY):
        begun = yield from begin(site, timeouts, compose_glanced_states(site.ledger.schema))
        if is_plain(site.ledger.guard, LEDGER_TABLE, begun.copied.answer):
            site.ledger.guard.remember(begun.copied.results)
            return begun
    site.connection.rollback()
    return None


def _begin_guarded(site: Site, timeouts: Timeouts) -> Generator[LockAwaited, None, Begun]:
    ledger = site.ledger
    with ledger.guarding(LEDGER_AND_LOG):
        try:
            begun = yield from begin(site, timeouts, compose_guarded_states(ledger.guard, ledger.schema))
        except pg.InvalidTextRepresentation as error:
            if not is_changed(error):
                raise
            site.connection.rollback()
            ledger.guard.seen = None
            begun = yield from begin(site, timeouts, compose_guarded_states(ledger.guard, ledger.schema))
    ledger.guard.remember(begun.copied.results)
    return begun


def begin(site: Site, timeouts: Timeouts, query: str = "") -> Generator[LockAwaited, None, Begun]:
    """Begin the transaction of a file under the lock, and send `query` in the same round trip. Raises Blocked."""
    connection, settings = site.connection, site.sessions.settings
    reading = site.sessions.list_settings(site.tenant)

    def attempt() -> Begun | None:
        return try_transaction_lock(connection, query, timeouts, settings.application_name, reading)

    return (yield from site.await_lock(attempt, connection))


def run_required(
    site: Site, step: Migration, pid: int, timeouts: Timeouts, record: WriteRecord, *, counted: bool = True
) -> Generator[MigrationStarted, None, tuple[MigrationApplied | Broken, deque[Notice]]]:
    """Run a file in the open transaction of `pid` if its requirements hold; return its end and the notices.

    `counted`: False if the server does not count the rows that are written.
    """
    connection = site.connection
    try:
        check_required(connection, step)
        count_before(site.ledger, step.sql, counted=counted)
    except psycopg.Error as error:
        return make_broken(error, site, step, None), deque()
    yield MigrationStarted(site.tenant.name, step)
    with gather_notices(connection) as notices, watching(site, pid, timeouts) as watch:
        return _run(site, step, watch, record), notices


def _record(site: Site, step: Migration, elapsed_ms: int, statements: int, end: sql.SQL | None, *, again: bool) -> None:
    if site.record:
        site.record(elapsed_ms, statements, end and compose_close(site.ledger))
        site.connection.execute("COMMIT")
    else:
        message = Message(end, commits=True, then=_compose_following(site))
        site.following.copied = record_applied(
            site.ledger, step, message, elapsed_ms=elapsed_ms, statements=statements, again=again
        )


def compose_close(ledger: Ledger) -> sql.SQL:
    """Return the end of a file's transaction, except for the COMMIT, which fails if the file has touched the ledger."""
    return sql.SQL(sql.SQL(";\n").join((compose_end(), compose_untouched(ledger))).as_string())


def _run(site: Site, step: Migration, watch: Watch, record: WriteRecord) -> MigrationApplied | Broken:
    """Send the file, then reset the session, write the record and commit, all three as one message where possible."""
    connection = site.connection
    started = time.monotonic()
    sent = send(connection, step.sql, watch.look, every_s=watch.every_s)
    if sent.error:
        ended = not keeps_transaction(connection)
        return make_broken(sent.error, site, step, locate(sent, step), ended=ended, wait=watch.wait)
    # The time of the file, without that of its record.
    elapsed_ms = measure_since(started)
    try:
        # In the same message as the record, which it must precede.
        end: sql.SQL | None = compose_end()
        if connection.info.encoding != "utf-8" or step.directives.ensure:
            # The file's encoding may not fit its text in the row; and its assertions need a session that is reset.
            with site.ledger.guarding(LEDGER_AND_LOG):
                connection.execute(compose_close(site.ledger))
            end = None
            if broken := check_ensured(connection, step):
                return broken
    except psycopg.Error as error:
        return make_broken(error, site, step, None)
    try:
        with site.ledger.guarding(LEDGER_AND_LOG):
            record(elapsed_ms, sent.statements, end)
    except psycopg.Error as error:
        return replace(make_broken(error, site, step, None), commits=True)
    return MigrationApplied(site.tenant.name, step, elapsed_ms)
