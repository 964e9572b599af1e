"""What the configuration is made of: `Config`, the `Rules` that tenants are made by, and `Mistake`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from runner.errors import Problem
from runner.model import Server, Tenant


class Mistake(NamedTuple):
    """What is wrong at a place that the caller knows."""

    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the tenants of a list or a query have in common.

    `endpoints` tells servers apart: two names with one endpoint are one server. `query_at` is where the query stands.
    """

    servers: Mapping[str, Server]
    endpoints: Mapping[str, tuple[str, ...]]
    server: str
    database: str
    query_at: str


@dataclass(frozen=True, slots=True)
class Config:
    """What tenants.yaml means in this environment. Paths are as relative as `path` is.

    `tenants` is empty where they come from `tenant_query`, to be run on the master: see `tenants_from_rows`.
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
    warnings: tuple[Problem, ...]
    rules: Rules = field(repr=False)
