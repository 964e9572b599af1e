"""Apply a repeatable: sent whole, in one transaction with its record, as a transactional migration is."""

from collections.abc import Generator

from psycopg import sql

from tenantry.apply.attempt import Broken, report
from tenantry.apply.retries import choose_timeouts, retry
from tenantry.apply.site import Site
from tenantry.apply.transactional import begin, compose_close, run_required
from tenantry.ledger.repeatables import RepeatableTable
from tenantry.model import Migration
from tenantry.model.events import Event, MigrationApplied
from tenantry.postgres.transaction import in_transaction

Applied = MigrationApplied | Broken | None


def apply_repeatable(site: Site, step: Migration) -> Generator[Event, None, Applied]:
    """Apply a repeatable, again if it meets a lock or a collision; None if another runner has applied it meanwhile."""
    return (yield from retry(site, step, lambda: _try(site, step)))


def _try(site: Site, step: Migration) -> Generator[Event, None, Applied]:
    table, timeouts = RepeatableTable(site.ledger), choose_timeouts(site, step)
    begun = yield from begin(site, timeouts)
    with in_transaction(site.connection):
        # Under the lock: of two runners that create it at once, one would fail.
        table.create_if_absent()
        if not table.find_pending([step]):
            return None
        run = yield from run_required(site, step, begun.pid, timeouts, lambda *done: _record(table, step, *done))
    return (yield from report(*run, site.tenant))


def _record(table: RepeatableTable, step: Migration, elapsed_ms: int, _: int, end: sql.SQL | None) -> None:
    """Reset the session, write the record, which does not count statements, and commit."""
    if end:
        table.connection.execute(compose_close(table.ledger))
    table.record(step, elapsed_ms=elapsed_ms)
    table.connection.execute("COMMIT")
