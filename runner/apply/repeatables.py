"""Apply a repeatable: sent whole, in one transaction with its record, as a transactional migration is."""

from collections.abc import Generator

import psycopg
from psycopg import sql

from tenantry.apply.assertions import check_required
from tenantry.apply.attempt import Broken, gather_notices, make_broken, report
from tenantry.apply.lock_waits import watching
from tenantry.apply.retries import choose_timeouts, retry
from tenantry.apply.site import Site
from tenantry.apply.transactional import run_whole
from tenantry.ledger.repeatables import RepeatableTable
from tenantry.model import Migration
from tenantry.model.events import Event, MigrationApplied, MigrationStarted
from tenantry.postgres.transaction import in_transaction, try_transaction_lock

Applied = MigrationApplied | Broken | None


def apply_repeatable(site: Site, step: Migration) -> Generator[Event, None, Applied]:
    """Apply a repeatable, again where it met a lock or collided; None where another runner has done it meanwhile."""
    return (yield from retry(site, step, lambda: _try(site, step)))


def _try(site: Site, step: Migration) -> Generator[Event, None, Applied]:
    connection, table = site.connection, RepeatableTable(site.ledger)
    timeouts = choose_timeouts(site, step)
    begun = yield from site.await_lock(lambda: try_transaction_lock(connection, None, timeouts), connection)
    with in_transaction(connection):
        table.create_if_absent()
        if not table.find_pending([step]):
            return None
        try:
            check_required(connection, step)
        except psycopg.Error as error:
            return make_broken(error, site, step, None)
        yield MigrationStarted(site.tenant.name, step)
        with gather_notices(connection) as notices, watching(site, begun.pid, timeouts) as watch:
            outcome = run_whole(site, step, watch, lambda *done: _record(table, step, *done))
    return (yield from report(outcome, notices, site.tenant))


def _record(table: RepeatableTable, step: Migration, elapsed_ms: int, _: int, end: sql.SQL | None) -> None:
    """Put the session back and write the record; how many statements there were is of no interest."""
    if end:
        table.connection.execute(end)
    table.record(step, elapsed_ms=elapsed_ms)
