"""Apply a transactional file: sent whole, in one transaction with its row in the ledger."""

import time
from collections.abc import Generator

import psycopg
from psycopg import sql

from tenantry.apply.assertions import check_ensured, check_required
from tenantry.apply.attempt import (
    Broken,
    Ending,
    Stale,
    gather_notices,
    is_stale,
    locate,
    make_broken,
    measure_since,
    report,
)
from tenantry.apply.lock_waits import Watch, watching
from tenantry.apply.retries import choose_timeouts, retry
from tenantry.apply.site import Site, States, WriteRecord
from tenantry.ledger.writing import record_applied
from tenantry.model import Migration
from tenantry.model.events import Event, MigrationApplied, MigrationStarted
from tenantry.postgres.send import send
from tenantry.postgres.transaction import compose_end, in_transaction, keeps_transaction, try_transaction_lock


def apply_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, Ending]:
    """Apply a transactional file, again where it met a lock or collided with another session."""
    return (yield from retry(site, step, lambda: _try_whole(site, step, states)))


def _try_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, Ending]:
    connection, query = site.connection, site.ledger.compose_states() if states else None
    timeouts, name = choose_timeouts(site, step), site.sessions.settings.application_name
    begun = yield from site.await_lock(lambda: try_transaction_lock(connection, query, timeouts, name), connection)
    with in_transaction(connection):
        if is_stale(site.ledger, states, begun.answer):
            return Stale(site.ledger.read())
        try:
            check_required(connection, step)
        except psycopg.Error as error:
            return make_broken(error, site, step, None)
        yield MigrationStarted(site.tenant.name, step)
        with gather_notices(connection) as notices, watching(site, begun.pid, timeouts) as watch:
            outcome = run_whole(site, step, watch, lambda *done: _record(site, step, *done))
    return (yield from report(outcome, notices, site.tenant))


def _record(site: Site, step: Migration, elapsed_ms: int, statements: int, end: sql.SQL | None) -> None:
    if site.record:
        site.record(elapsed_ms, statements, end)
    else:
        record_applied(site.ledger, step, elapsed_ms=elapsed_ms, statements=statements, after=end)


def run_whole(site: Site, step: Migration, watch: Watch, record: WriteRecord) -> MigrationApplied | Broken:
    """Send the file, put the session back, write its record, commit."""
    connection = site.connection
    started = time.monotonic()
    sent = send(connection, step.sql, watch.look, every_s=watch.every_s)
    if sent.error:
        ended = not keeps_transaction(connection)
        return make_broken(sent.error, site, step, locate(sent, step), ended=ended, wait=watch.wait)
    elapsed_ms = measure_since(started)
    try:
        end: sql.SQL | None = compose_end()
        if connection.info.encoding != "utf-8" or step.directives.ensure:
            # The file has set another one, which its text in the row may not fit; or has to answer for its end.
            connection.execute(compose_end())
            end = None
            if broken := check_ensured(connection, step):
                return broken
        record(elapsed_ms, sent.statements, end)
        connection.execute("COMMIT")
    except psycopg.Error as error:
        return make_broken(error, site, step, None)
    return MigrationApplied(site.tenant.name, step, elapsed_ms)
