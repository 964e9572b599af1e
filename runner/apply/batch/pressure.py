"""The pressure on a database and its standbys, and when a change has to wait for them.

Between two batches we hold no locks, so nobody waits for us: the sessions counted here wait for one another.
"""

from dataclasses import dataclass

from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# All arbitrary. A standby that is further behind is useless for reading, and for a failover.
_MOST_LAG_S = 10
_MOST_LAG_BYTES = 256 * 1024**2
# In any database with writers, a few sessions wait briefly.
_MOST_WAITING = 5


@dataclass(frozen=True, slots=True)
class Pressure:
    """The pressure that was measured; 0 also if the role may not see it.

    `lag_s` and `lag_bytes` are those of the slowest standby, `waiting` counts sessions.
    """

    lag_s: float = 0
    lag_bytes: int = 0
    waiting: int = 0


def read_pressure(connection: Connection) -> Pressure:
    """Read the pressure from the server."""
    row = connection.execute(read_sql("apply/batch", "pressure")).fetchone()
    lag_s, lag_bytes, waiting = row or (None, None, None)
    return Pressure(float(lag_s or 0), int(lag_bytes or 0), int(waiting or 0))


def judge(pressure: Pressure) -> str:
    """Return why a change has to wait, in words; empty if it may continue."""
    if pressure.lag_s > _MOST_LAG_S:
        return f"a standby is {pressure.lag_s:.0f} s behind"
    if pressure.lag_bytes > _MOST_LAG_BYTES:
        return f"a standby is {pressure.lag_bytes // 1024**2} MB behind"
    if pressure.waiting > _MOST_WAITING:
        return f"{pressure.waiting} sessions are waiting for locks"
    return ""
