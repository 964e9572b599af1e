"""Whether a connection has a session of its own: a pooler in transaction mode gives each transaction another one.

There, the settings and locks of a session belong to another client a moment later: a file that runs outside a
transaction needs both.
"""

from tenantry.model import Migration, Tenant, label
from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import in_transaction

_PID = "SELECT pg_catalog.pg_backend_pid()"
# Arbitrary: a pooler with other clients may give out the same session once by chance.
_TRIES = 3


def refuse_pooled(worker: Connection, keeper: Connection, step: Migration, tenant: Tenant) -> None:
    """Raise Refused if either connection shares its session with others. No lock may be held yet.

    Nothing is set or left behind: another client's session must not notice.
    """
    if not any(_shares(worker, keeper) for _ in range(_TRIES)):
        return
    name, server = label(step.version, step.name), tenant.server.name
    raise Refused(
        f"{name}: runs outside a transaction and needs a session of its own, but server {server!r} is a pooler that "
        "gives each transaction another one",
        hint=f"add a direct connection, which only such files use, to the server in tenants.yaml:\n"
        f"{server}: {{dsn: ..., direct: ...}}",
    )


def _shares(worker: Connection, keeper: Connection) -> bool:
    """Return whether one connection gets the session of the other, or loses its own when that one is busy.

    A pooler gives out the session that was used last, so the first round trip tells if there are no other clients.
    """
    first = worker.execute(_PID).fetchone()
    with in_transaction(keeper):
        # An open transaction keeps its session busy, so that a pooler has to give the other connection another one.
        keeper.execute("BEGIN")
        if keeper.execute(_PID).fetchone() == first:
            return True
        return worker.execute(_PID).fetchone() != first
