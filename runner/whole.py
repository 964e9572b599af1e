"""Apply a transactional file: sent whole, in one transaction with its row in the ledger."""

import random
import time
from collections.abc import Generator

import psycopg
from psycopg import sql

from runner.attempt import (
    Broken,
    Outcome,
    Site,
    Stale,
    States,
    gather_notices,
    is_stale,
    locate,
    make_broken,
    measure_since,
    report,
)
from runner.events import Event, MigrationApplied, MigrationRetried, MigrationStarted
from runner.failure import Kind
from runner.model import Migration
from runner.transaction import clean, compose_end, in_transaction, keeps_transaction, send, try_transaction_lock

# Arbitrary: eight tenants that grant on one role at once need two or three.
_ATTEMPTS = 8
_RETRY_PAUSE_S = 0.05


def apply_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, Outcome]:
    """Apply a transactional file, again where it collided with another session."""
    for attempt in range(1, _ATTEMPTS + 1):
        outcome = yield from _try_whole(site, step, states)
        if not isinstance(outcome, Broken) or outcome.kind is not Kind.COLLISION or attempt == _ATTEMPTS:
            return outcome
        yield MigrationRetried(site.tenant.name, step, outcome.failure, attempt, _ATTEMPTS)
        # Jitter, so that tenants which collided do not do so again; longer each time.
        time.sleep(_RETRY_PAUSE_S * attempt * random.uniform(0.5, 1.5))
        clean(site.connection)
    raise AssertionError("unreachable: the last attempt returns")


def _try_whole(site: Site, step: Migration, states: States) -> Generator[Event, None, Outcome]:
    connection, query = site.connection, site.ledger.compose_states() if states else None
    answer = yield from site.await_lock(lambda: try_transaction_lock(connection, query), connection)
    with in_transaction(connection):
        if is_stale(site.ledger, states, answer):
            return Stale(site.ledger.read())
        yield MigrationStarted(site.tenant.name, step)
        with gather_notices(connection) as notices:
            outcome = _run_whole(site, step)
    return (yield from report(outcome, notices, site.tenant))


def _run_whole(site: Site, step: Migration) -> MigrationApplied | Broken:
    """Send the file, put the session back, write the row, commit."""
    connection = site.connection
    started = time.monotonic()
    sent = send(connection, step.sql)
    if sent.error:
        return make_broken(sent.error, site, step, locate(sent, step), ended=not keeps_transaction(connection))
    elapsed_ms = measure_since(started)
    try:
        end: sql.SQL | None = compose_end()
        if connection.info.encoding != "utf-8":
            # The file has set another one, which the file's text in the row may not fit.
            connection.execute(compose_end())
            end = None
        site.ledger.record_applied(step, elapsed_ms=elapsed_ms, statements=sent.statements, after=end)
        connection.execute("COMMIT")
    except psycopg.Error as error:
        return make_broken(error, site, step, None)
    return MigrationApplied(site.tenant.name, step, elapsed_ms)
