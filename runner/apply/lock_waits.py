"""Who blocks a statement: asked while it waits, since the server does not know it afterwards.

The rule: a quick statement causes no query, and no error here affects the statement.
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
# The second sighting shows who came later; further ones would hardly differ.
_SIGHTINGS = 2
# libpq accepts no shorter time. The statement may get its lock meanwhile, and must not hold it for our sake.
_CONNECT_TIMEOUT_S = 2
# Arbitrary: fits on a line of a report.
_LONGEST_QUERY = 80
_TARGETS = {
    "advisory": "an advisory lock",
    "transactionid": "the end of a transaction",
    "virtualxid": "the end of a transaction",
}


class Watch:
    """Looks for the lock that a statement waits for; `wait` is the last one seen."""

    def __init__(self, site: Site, pid: int, timeout_ms: int, stack: ExitStack) -> None:
        """Watch a process of the server, which waits `timeout_ms`; `stack` closes the connection opened here."""
        self.wait: LockWait | None = None
        # Half the timeout, so that no full wait is missed, however late it begins.
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
                opening = self._site.sessions.connect(
                    self._site.tenant, waits=False, connect_timeout=_CONNECT_TIMEOUT_S
                )
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
    """Watch a process of the server, on a connection that is only opened once there is a wait."""
    with ExitStack() as stack:
        # Closed with the statement: a second connection for each tenant would be a lot for the server.
        yield Watch(site, pid, timeouts.lock_ms or LOCK_TIMEOUT_MS, stack)


def read_wait(connection: Connection, pid: int) -> LockWait | None:
    """Return the lock that a process of the server waits for; None if it waits for none. Needs a second connection.

    Sent in one message, so that a pooler passes all of it to one session.
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
    """Return a mode of pg_locks as LOCK TABLE spells it: AccessExclusiveLock is ACCESS EXCLUSIVE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()


def _first_line(query: str) -> str:
    line = query.strip().partition("\n")[0].rstrip()
    return line if len(line) <= _LONGEST_QUERY else f"{line[: _LONGEST_QUERY - 1]}…"
