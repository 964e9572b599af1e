"""What the configuration is made of: `Config`, the `Rules` that tenants are made by, and `Mistake`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tenantry.config.expected_columns import ExpectedColumn
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.scope import Ignored, Scope
from tenantry.state import STATE_FOLDER


class Mistake(NamedTuple):
    """What is wrong at a place that the caller knows."""

    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the tenants of a list or a query have in common.

    `endpoints` tells servers apart: two names with one endpoint are one server. `query_at` is where the query stands.
    `lock_timeout_ms` is of tenants that have none of their own.
    """

    servers: Mapping[str, Server]
    endpoints: Mapping[str, tuple[str, ...]]
    server: str
    database: str
    query_at: str
    lock_timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What tenants.yaml means in this environment. Paths are as relative as `path` is.

    `tenants` is empty where they come from `tenant_query`, to be run on the master: see `tenants_from_rows`.
    `drift_roles` are role names with `{id}`, each with the word that stands for it; see `Config.scope`.
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
    drift_ignored: tuple[Ignored, ...]
    drift_roles: tuple[tuple[str, str], ...]
    expected_columns: tuple[ExpectedColumn, ...]
    warnings: tuple[Problem, ...]
    rules: Rules = field(repr=False)

    @property
    def state(self) -> Path:
        """Return the folder beside the file that holds what this machine alone needs."""
        return (self.root / STATE_FOLDER).resolve()

    def folder(self, set_name: SetName) -> Path:
        """Return the folder of a set's migrations. Raises ConfigError where there is no such set."""
        folder = self.master_migrations if set_name is SetName.MASTER else self.tenant_migrations
        if folder is None:
            raise ConfigError((Problem(f"{self.path}: there is no master, so that it has no migrations"),))
        return folder

    def scope(self, tenant: Tenant | None = None) -> Scope:
        """Return what of a tenant's catalog counts; None: of a database that is no tenant's."""
        roles = [
            (role.replace("{id}", tenant.name) if tenant else role, word)
            for role, word in self.drift_roles
            if tenant or "{id}" not in role
        ]
        return Scope(self.ledger_schema, self.drift_ignored, tuple(roles))
