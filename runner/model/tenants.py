"""Tenants: the databases of a fleet, and their servers."""

from dataclasses import dataclass, field
from enum import StrEnum


class SetName(StrEnum):
    """The set of migrations that a database gets."""

    MASTER = "master"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server of tenants.yaml.

    `dsn` is a libpq connection string, or None for the embedded server. It may contain a password, so no repr shows it.
    `lock_timeout_ms` applies to tenants without one of their own; None keeps the default.
    `direct` is a connection string that bypasses the pooler of `dsn`, for work that needs a session of its own.
    `password_from` names the environment variable that holds the password; empty if that is not known.
    """

    name: str
    dsn: str | None = field(repr=False)
    lock_timeout_ms: int | None = None
    direct: str | None = field(default=None, repr=False)
    # No secret, but nothing that a program that reads the events needs either: what has no repr is not in them.
    password_from: str = field(default="", compare=False, repr=False)

    @property
    def embedded(self) -> bool:
        """Return whether it is the server that tenantry runs itself."""
        return self.dsn is None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One database to migrate. The master is also a tenant, with the name `master` and a set of its own.

    `lock_timeout_ms` is None if its server's value applies.
    """

    name: str
    set_name: SetName
    server: Server
    database: str
    title: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    lock_timeout_ms: int | None = None


# No tenant may have one of these names, so that --tenants is never ambiguous.
MASTER = "master"
ALL = "all"
# Where the last run left a tenant.
STATES = ("behind", "failed", "blocked", "unproven")
RESERVED = frozenset({MASTER, ALL, *STATES})
