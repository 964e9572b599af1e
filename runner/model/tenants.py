"""Tenants: the databases of a fleet, and their servers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class SetName(StrEnum):
    """The set of migrations that a database gets."""

    MASTER = "master"
    TENANT = "tenant"


def name_folder(folder: str) -> str:
    """Return the name of a folder where it stands among tenants: it contains a slash, as no id of a tenant does."""
    return folder if "/" in folder else f"{folder}/"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server of tenants.yaml.

    `dsn` is a libpq connection string, or None for the embedded server. It may contain a password, so no repr shows it.
    `lock_timeout_ms` applies to tenants without one of their own; None keeps the default.
    `direct` is a connection string that bypasses the pooler of `dsn`, for work that needs a session of its own.
    `environment` is `production` where a verb that writes must be confirmed; empty elsewhere.
    `connections` is the most that a run may have at once; None for as many as the server has free.
    `password_from` names the environment variable that holds the password; empty if that is not known.
    """

    name: str
    dsn: str | None = field(repr=False)
    lock_timeout_ms: int | None = None
    direct: str | None = field(default=None, repr=False)
    environment: str = field(default="", repr=False)
    # Its arguments may hold a secret as well.
    password_command: tuple[str, ...] = field(default=(), repr=False)
    password_ttl_ms: int | None = field(default=None, repr=False)
    connections: int | None = field(default=None, repr=False)
    # No secret, but nothing that a program that reads the events needs either: what has no repr is not in them.
    password_from: str = field(default="", compare=False, repr=False)

    @property
    def embedded(self) -> bool:
        """Return whether it is the server that tenantry runs itself."""
        return self.dsn is None


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which a tenant gets no files: up to the end of the day `until`, in UTC."""

    until: date
    reason: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """One database to migrate. The master is also a tenant, with the name `master` and a set of its own.

    `lock_timeout_ms` is None if its server's value applies. `pin` is the newest version that it may get,
    `role` the one that its sessions work as; empty if it is the one that logs in.
    """

    name: str
    set_name: SetName
    server: Server
    database: str
    title: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    lock_timeout_ms: int | None = None
    # Without a repr, and so in no event: the verdict tells what came of them.
    role: str = field(default="", repr=False)
    pin: int | None = field(default=None, repr=False)
    freeze: Freeze | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What tenants.yaml says of a database, for those who read a report."""

    name: str
    set_name: str
    server: str = ""
    database: str = ""
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


# No tenant may have one of these names, so that --tenants is never ambiguous.
MASTER = "master"
ALL = "all"
# The only tenant of a project with one database.
SINGLE = "database"
# Where the last run left a tenant.
STATES = ("behind", "failed", "blocked", "unproven")
RESERVED = frozenset({MASTER, ALL, *STATES})
