"""The lock of a runner: only one runner at a time works on a tenant."""

import random
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from psycopg import sql

from tenantry.model.errors import Blocked
from tenantry.model.events import LockAwaited
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# Arbitrary, but never to change: two versions of the runner must take the same lock. Advisory keys are counted per
# database, so that one key serves all tenants.
LOCK_KEY = 7_369_501_148_246_035_201


# Held by the session that runs a non-transactional file, which may keep working after its runner has died.
WORK_KEY = LOCK_KEY + 1


KEYS = {"key": sql.Literal(LOCK_KEY), "work_key": sql.Literal(WORK_KEY)}


_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


Taken = TypeVar("Taken")


def poll(
    attempt: Callable[[], Taken | None], connection: Connection, tenant: str, wait_ms: int
) -> Generator[LockAwaited, None, Taken]:
    """Call `attempt` until it returns a true value, which means that the lock is taken; pause longer each time.

    Polled, since a session blocked in a lock deadlocks with CREATE INDEX CONCURRENTLY. Raises Blocked after `wait_ms`.
    """
    started = time.monotonic()
    pause, waited_ms = _FIRST_PAUSE_S, 0
    while not (taken := attempt()):
        # Asked each time: the lock may have passed from one runner to the next meanwhile.
        holder = describe_holder(connection)
        if waited_ms >= wait_ms:
            raise Blocked(
                f"another session has held the migration lock for {_seconds(waited_ms)}: {holder or 'unknown'}",
                hint="wait for it to end and run the same command again, or wait longer with --lock-wait",
            )
        yield LockAwaited(tenant, waited_ms, holder)
        # Jitter, so that waiting runners do not try in step.
        time.sleep(min(pause * random.uniform(0.5, 1.5), max(0.0, wait_ms - waited_ms) / 1000))
        pause = min(pause * 2, _LONGEST_PAUSE_S)
        waited_ms = max(1, int((time.monotonic() - started) * 1000))
    return taken


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


def describe_holder(connection: Connection) -> str:
    """Return the holder of the migration lock of the connection's database, in words; empty if none is visible."""
    query = sql.SQL(read_sql("postgres", "lock_holder")).format(**KEYS)
    row = connection.execute(query).fetchone()
    if row is None:
        return ""
    pid, application, user, seconds = row
    # The server hides the rest of a session that belongs to another role.
    since = f", for {seconds} s" if seconds is not None else ""
    return f"pid {pid}, {application or 'no application name'}, user {user}{since}"


def try_session_lock(connection: Connection) -> bool:
    """Take the lock until the connection ends; False if another session holds it."""
    query = sql.SQL("SELECT pg_catalog.pg_try_advisory_lock({key})").format(key=sql.Literal(LOCK_KEY))
    return connection.execute(query).fetchone() == (True,)


def try_work_lock(connection: Connection) -> bool:
    """Mark the session that runs a non-transactional file; False while the session of a dead runner still runs one."""
    query = sql.SQL("SELECT pg_catalog.pg_try_advisory_lock({key})").format(key=sql.Literal(WORK_KEY))
    return connection.execute(query).fetchone() == (True,)


def release_session_lock(connection: Connection) -> None:
    """Release the lock that `try_session_lock` took."""
    connection.execute(sql.SQL("SELECT pg_catalog.pg_advisory_unlock({})").format(sql.Literal(LOCK_KEY)))
