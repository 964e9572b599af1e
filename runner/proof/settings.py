"""Settings of the connected role that tenantry does not use: its sessions read SQL alike, whatever a role is set to."""

from collections.abc import Iterator

from tenantry.model.errors import Problem
from tenantry.model.reading import Reading
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection


def describe_unused(connection: Connection, reading: Reading) -> Iterator[Problem]:
    """Yield a warning for each setting of the role, on all databases, that has another value in every session of ours.

    Those of a database are part of its schema, and differences there.
    """
    ours = {name.lower(): value for name, value in reading}
    for role, name, value in connection.execute(read_sql("proof", "role_settings")).fetchall():
        # Names are written in any case, and so are the values of switches.
        used = ours.get(str(name).lower(), str(value))
        if used.lower() != str(value).lower():
            yield Problem(
                f"role {role}: {name} is {value}, expected {used}: tenantry sets it in each session",
                "reset it, or choose its value under session in tenants.yaml: other programs read SQL differently",
            )
