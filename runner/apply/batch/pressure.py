"""How hard a database and its standbys are pressed, and when a change has to wait for them.

Between two batches nobody waits for us, who hold no lock then: what is counted are those who wait for one another.
"""

from dataclasses import dataclass

from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# All arbitrary. A standby that is further behind is of no use to those who read from it, or take over.
_MOST_LAG_S = 10
_MOST_LAG_BYTES = 256 * 1024**2
# A few wait for a moment in any database that is written to.
_MOST_WAITING = 5


@dataclass(frozen=True, slots=True)
class Pressure:
    """What is read of it; 0 also where the role may not see it.

    `lag_s` and `lag_bytes` are those of the standby that is furthest behind, `waiting` counts sessions.
    """

    lag_s: float = 0
    lag_bytes: int = 0
    waiting: int = 0


def read_pressure(connection: Connection) -> Pressure:
    """Ask the server."""
    row = connection.execute(read_sql("apply/batch", "pressure")).fetchone()
    lag_s, lag_bytes, waiting = row or (None, None, None)
    return Pressure(float(lag_s or 0), int(lag_bytes or 0), int(waiting or 0))


def judge(pressure: Pressure) -> str:
    """Return why a change has to wait, in words; empty where it may go on."""
    if pressure.lag_s > _MOST_LAG_S:
        return f"a standby is {pressure.lag_s:.0f} s behind"
    if pressure.lag_bytes > _MOST_LAG_BYTES:
        return f"a standby is {pressure.lag_bytes // 1024**2} MB behind"
    if pressure.waiting > _MOST_WAITING:
        return f"{pressure.waiting} sessions are waiting for locks"
    return ""
