"""The values of the configuration: `Config`, the `Rules` for making tenants, and `Mistake`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tenantry.config.expected_columns import ExpectedColumn
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.reading import Reading
from tenantry.model.rollout import NO_ROLLOUT, Rollout
from tenantry.model.scope import CONNECTED, Ignored, Scope
from tenantry.state import STATE_FOLDER

# Without a name of its own in tenants.yaml.
WORKERS_SCHEMA = "tenantry_workers"


class Mistake(NamedTuple):
    """A mistake at a place that the caller knows."""

    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that the tenants of a list or a query share.

    `endpoints` tells servers apart: two names with one endpoint are one server. `query_at` locates the query.
    `lock_timeout_ms` applies to tenants without one of their own.
    """

    servers: Mapping[str, Server]
    endpoints: Mapping[str, tuple[str, ...]]
    server: str
    database: str
    query_at: str
    lock_timeout_ms: int | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class TenantFile:
    """The file that lists the tenants; `at` is where tenants.yaml names it."""

    path: Path
    at: str


@dataclass(frozen=True, slots=True)
class Notify:
    """Whom a run that writes tells how it ended: a command, a URL, or both.

    `url` may have references to the environment, which is looked up when the run is over. `failures_only`: a run that
    ended well is not told.
    """

    command: tuple[str, ...] = field(default=(), repr=False)
    # It may hold a secret of its own, as that of a chat does.
    url: str = field(default="", repr=False)
    timeout_s: float = 10
    failures_only: bool = False


@dataclass(frozen=True, slots=True)
class ControlPlace:
    """Where runs and their workers know each other; `dsn` is empty for the connection to the master's database.

    `in_master`: it is that database, whoever connects to it.
    """

    schema: str
    # May hold a password.
    dsn: str = field(default="", repr=False)
    in_master: bool = True


@dataclass(frozen=True, slots=True)
class Config:
    """The meaning of tenants.yaml in this environment. Paths are relative if `path` is.

    `tenants` is empty if they come from `tenant_query`, which runs on the master: see `tenants_from_rows`.
    `reading` are the settings that decide how SQL is read.
    `small_table_bytes`: a table below this size is small, see `lint.gate`.
    `shares_proofs`: proofs are kept in the master as well, for every machine.
    `drift_roles` are role names with `{id}`, each with the word that replaces it; see `Config.scope`.
    """

    path: Path
    root: Path
    servers: Mapping[str, Server]
    master: Tenant | None
    tenants: tuple[Tenant, ...]
    tenant_query: str | None
    master_migrations: Path | None
    tenant_migrations: Path
    ledger_schema: str
    ledger_owner: str
    reading: Reading
    small_table_bytes: int
    drift_ignored: tuple[Ignored, ...]
    drift_roles: tuple[tuple[str, str], ...]
    expected_columns: tuple[ExpectedColumn, ...]
    warnings: tuple[Problem, ...]
    rules: Rules = field(repr=False)
    # By tenant, where its pin stands.
    pins_at: Mapping[str, str] = field(default_factory=dict)
    rollout: Rollout = NO_ROLLOUT
    notify: Notify | None = None
    # None: no workers.
    control: ControlPlace | None = None
    # `read` has read it by now; `parse` alone leaves `tenants` empty.
    tenant_file: TenantFile | None = None
    shares_proofs: bool = False
    # Of scratch databases: settings, and a file of SQL that is run before the first migration.
    scratch_settings: tuple[tuple[str, str], ...] = ()
    scratch_before: str = ""
    # None: next to the file.
    state_folder: Path | None = None
    # For the schema of the tenants' files, after they were applied.
    dump: Path | None = None
    # Whether the log keeps values of rows that failed.
    keeps_values: bool = False
    # Whether it is one database without a fleet, whose only tenant is `SINGLE`.
    single: bool = False

    @property
    def state(self) -> Path:
        """Return the folder for data that only this machine needs."""
        return self.shown_state.resolve()

    @property
    def shown_state(self) -> Path:
        """Return that folder as messages show it: relative where it is next to a file that was named so."""
        return self.state_folder or self.root / STATE_FOLDER

    def folder(self, set_name: SetName) -> Path:
        """Return the folder of a set's migrations. Raises ConfigError if there is no such set."""
        folder = self.master_migrations if set_name is SetName.MASTER else self.tenant_migrations
        if folder is None:
            raise ConfigError((Problem(f"{self.path}: no master, expected one for its migrations"),))
        return folder

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of all sets' migrations."""
        return tuple(folder for folder in (self.master_migrations, self.tenant_migrations) if folder)

    def scope(self, tenant: Tenant | None = None) -> Scope:
        """Return the part of a tenant's catalog that counts; None: of a database that belongs to no tenant."""
        roles = [
            (role.replace("{id}", tenant.name) if tenant else role, word)
            for role, word in self.drift_roles
            if tenant or "{id}" not in role
        ]
        # The role that migrates, where another one looks: what is its own is as it should be.
        if self.ledger_owner and self.ledger_owner not in dict(roles):
            roles.append((self.ledger_owner, CONNECTED))
        return Scope(self.ledger_schema, (*self.drift_ignored, *self._list_control(tenant)), tuple(roles))

    def _list_control(self, tenant: Tenant | None) -> tuple[Ignored, ...]:
        """Return what is tenantry's own in the master's database, and made by no file: the schema for workers."""
        if not (self.control and self.control.in_master) or tenant is None or tenant.set_name is not SetName.MASTER:
            return ()
        # Names are quoted only where they have to be: this one never is.
        return Ignored("schema", self.control.schema), Ignored("*", f"{self.control.schema}.*")
