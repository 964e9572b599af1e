"""Who is in the way of a statement: asked while it waits, since the server does not know it any more afterwards.

Its rule: nothing is asked of what is quick, and nothing that goes wrong here is of any concern to the statement.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import sql

from tenantry.apply.site import Site
from tenantry.model.errors import TenantError
from tenantry.model.results import Blocker, LockWait
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import LOCK_TIMEOUT_MS, Connection
from tenantry.postgres.transaction import Timeouts

# Seldom: pg_blocking_pids locks the server's whole table of locks for a moment.
# Who comes after the first one was not there at the start; what comes after the second is much the same.
_SIGHTINGS = 2
# libpq takes no shorter time. The statement may have its lock meanwhile, and must not keep it for our sake.
_CONNECT_TIMEOUT_S = 2
# Arbitrary: what fits on a line of a report.
_LONGEST_QUERY = 80
_TARGETS = {
    "advisory": "an advisory lock",
    "transactionid": "the end of a transaction",
    "virtualxid": "the end of a transaction",
}


class Watch:
    """Looks at what a statement waits for; `wait` is what was seen last."""

    def __init__(self, site: Site, pid: int, timeout_ms: int, stack: ExitStack) -> None:
        """Take the server's process to watch, and how long it waits; `stack` closes what is opened here."""
        self.wait: LockWait | None = None
        # So that no wait which is as long as the timeout is missed, however late it begins.
        self.every_s = timeout_ms / 2000
        self._site = site
        self._pid = pid
        self._stack = stack
        self._connection: Connection | None = None
        self._due = time.monotonic() + self.every_s
        self._left = _SIGHTINGS

    def look(self) -> None:
        """Ask the server, if it is time to. Raises nothing."""
        if not self._left or time.monotonic() < self._due:
            return
        try:
            if self._connection is None:
                opening = self._site.sessions.connect(self._site.tenant, connect_timeout=_CONNECT_TIMEOUT_S)
                self._connection = self._stack.enter_context(opening)
            seen = read_wait(self._connection, self._pid)
        except (psycopg.Error, TenantError):
            # Not again: a server that takes no more connections would cost the statement a timeout at every look.
            self._left = 0
            return
        if seen:
            self.wait = seen
            self._left -= 1
        self._due = time.monotonic() + self.every_s


@contextmanager
def watching(site: Site, pid: int, timeouts: Timeouts) -> Iterator[Watch]:
    """Watch a process of the server, on a connection that is opened when there is something to see."""
    with ExitStack() as stack:
        # Closed with the statement: a second connection for each tenant would be a lot for the server.
        yield Watch(site, pid, timeouts.lock_ms or LOCK_TIMEOUT_MS, stack)


def read_wait(connection: Connection, pid: int) -> LockWait | None:
    """Return what a process of the server waits for; None where it does not. Asks on another connection than its own.

    In one message, so that a pooler sends all of it to one session.
    """
    query = sql.SQL(read_sql("apply", "wait")).format(pid=sql.Literal(pid))
    cursor = connection.execute(query)
    while cursor.description is None and cursor.nextset():
        pass
    rows = cursor.fetchall()
    if not rows:
        return None
    kind, mode, relation = (str(cell) for cell in rows[0][:3])
    blockers = tuple(
        Blocker(blocker, application, user, age_s, _first_line(query))
        for *_, blocker, application, user, age_s, query in rows
    )
    return LockWait(_spell(mode), relation or _TARGETS.get(kind, kind), blockers)


def _spell(mode: str) -> str:
    """Return a mode of pg_locks as LOCK TABLE has it: AccessExclusiveLock is ACCESS EXCLUSIVE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()


def _first_line(query: str) -> str:
    line = query.strip().partition("\n")[0].rstrip()
    return line if len(line) <= _LONGEST_QUERY else f"{line[: _LONGEST_QUERY - 1]}…"
