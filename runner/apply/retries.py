"""Waiting for locks on tables: how long, and how often again. Always with an end.

A strong lock that is waited for blocks every later session, so the wait is brief, and repeated often.
`retry` is for everything that can start again: a whole transactional file, or one statement or batch of another.
"""

import random
import time
from collections.abc import Callable, Generator
from itertools import count
from typing import TypeVar

from psycopg import sql

from tenantry import sqltext
from tenantry.apply.attempt import Broken
from tenantry.apply.site import Site
from tenantry.model import Migration
from tenantry.model.events import Event, MigrationRetried
from tenantry.postgres.failures import FailureKind
from tenantry.postgres.sessions import LOCK_TIMEOUT_MS
from tenantry.postgres.transaction import Timeouts, clean

# A waiting statement blocks the application for at most this long; then the application has its turn.
STRONG_TIMEOUT_MS = 2_000
# Arbitrary: eight tenants that grant on one role at once need two or three attempts.
_COLLISIONS = 8
_COLLISION_PAUSE_S = 0.05
# Arbitrary: the first is about as long as a short query, the last leaves several attempts within `--lock-wait`.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0

Answer = TypeVar("Answer")


def choose_timeouts(site: Site, step: Migration, statement: str = "") -> Timeouts:
    """Return how long the statements of a file may wait, or one `statement` of a file without a transaction.

    The first of these that sets a limit counts: the file's header, the tenant, its server, the connection string, the
    locks that the statements take. A statement that waits for transactions to end gets all the time of the run: it
    blocks nobody, and leaves remains if it is cut short. Nor does the role's `statement_timeout` apply to it.
    """
    header, sessions = step.directives, site.sessions
    # The file sets its own in its session, which a limit around each statement would override.
    if statement and sqltext.sets_lock_timeout(step.sql):
        return Timeouts(None, header.statement_timeout_ms)
    if statement and sqltext.classify(statement) is sqltext.LockClass.PATIENT:
        patience_ms = max(sessions.settings.lock_wait_ms, LOCK_TIMEOUT_MS)
        return Timeouts(header.lock_timeout_ms or patience_ms, header.statement_timeout_ms or 0)
    server = site.tenant.server
    told = header.lock_timeout_ms or site.tenant.lock_timeout_ms or server.lock_timeout_ms
    told = told or sessions.settings.lock_timeout_ms
    if told or sessions.is_told_timeout(server.name):
        return Timeouts(told, header.statement_timeout_ms)
    strong = sqltext.is_strong(statement or step.sql)
    return Timeouts(STRONG_TIMEOUT_MS if strong else LOCK_TIMEOUT_MS, header.statement_timeout_ms)


def compose_limits(timeouts: Timeouts) -> list[sql.Composed]:
    """Return the statements that set a transaction's limits, except those that tenantry leaves as they are."""
    wanted = (("lock_timeout", timeouts.lock_ms), ("statement_timeout", timeouts.statement_ms))
    return [
        sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in wanted
        if value is not None
    ]


def retry(
    site: Site, step: Migration, attempt: Callable[[], Generator[Event, None, Answer]], *, cleans: bool = True
) -> Generator[Event, None, Answer]:
    """Make an attempt, and repeat it after a lock, until `--lock-wait` is over, and after a collision, a few times.

    Returns the result of the last one. An attempt that is Broken must have left nothing behind. `cleans`: the session
    is reset before each repetition.
    """
    started, collisions = time.monotonic(), 0
    for number in count(1):
        outcome = yield from attempt()
        if not isinstance(outcome, Broken):
            return outcome
        collided = outcome.kind is FailureKind.COLLISION
        # Counted apart: a lock is waited for until --lock-wait is over, but a deadlock that recurs is the file's fault.
        collisions += collided
        left_s = site.sessions.settings.lock_wait_ms / 1000 - (time.monotonic() - started)
        if not (0 < collisions < _COLLISIONS if collided else outcome.kind is FailureKind.LOCKED and left_s > 0):
            return outcome
        limit = _COLLISIONS if collided else 0
        yield MigrationRetried(site.tenant.name, step, outcome.failure, number, limit, outcome.wait)
        # Other sessions get their turn before the lock is requested again.
        time.sleep(_choose_pause(collisions) if collided else min(_choose_wait(number - collisions), left_s))
        if cleans:
            clean(site.connection)
    raise AssertionError("unreachable: there is always another attempt")


def _choose_pause(collisions: int) -> float:
    """Return the seconds to wait after a collision, with jitter, so that the same tenants do not collide again."""
    return _COLLISION_PAUSE_S * collisions * random.uniform(0.5, 1.5)


def _choose_wait(misses: int) -> float:
    """Return the seconds to wait before a lock is requested again: longer each time, and with jitter as above."""
    # 2 to the 30th exceeds the longest pause, and does not overflow.
    pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(misses - 1, 30), _LONGEST_PAUSE_S)
    return pause_s * random.uniform(0.5, 1.0)
