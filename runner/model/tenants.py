"""Tenants: the databases of a fleet, and the servers that they are on."""

from dataclasses import dataclass, field
from enum import StrEnum


class SetName(StrEnum):
    """Which family of migrations a database belongs to."""

    MASTER = "master"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server as tenants.yaml names it.

    `dsn` is a libpq connection string, or None for the embedded server. It may hold a password: it is in no repr.
    `lock_timeout_ms` is for its tenants that have none of their own; None: as a file's statements are.
    `direct` leads past a pooler that `dsn` leads to: for what needs a session of its own.
    """

    name: str
    dsn: str | None = field(repr=False)
    lock_timeout_ms: int | None = None
    direct: str | None = field(default=None, repr=False)

    @property
    def embedded(self) -> bool:
        """Return whether the server is the one that tenantry runs itself."""
        return self.dsn is None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One database to migrate. The master is a tenant too, with the name `master` and a set of its own.

    `lock_timeout_ms` None: as its server has it.
    """

    name: str
    set_name: SetName
    server: Server
    database: str
    title: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    lock_timeout_ms: int | None = None


MASTER = "master"


ALL = "all"
