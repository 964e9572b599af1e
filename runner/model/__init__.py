"""The vocabulary of tenantry: tenants, migrations, records, plans, and every event of a run. Pure.

Its nouns are re-exported here. It stays small, because every module imports it.
"""

from tenantry.model.migrations import NO_VERSION, Allowance, Assertion, Batch, Directives, Migration, label
from tenantry.model.plans import MigrationStatus, Note, Plan, State
from tenantry.model.records import AppliedMigration, Origin, Progress, RowState
from tenantry.model.tenants import Server, SetName, Tenant

__all__ = [
    "NO_VERSION",
    "Allowance",
    "AppliedMigration",
    "Assertion",
    "Batch",
    "Directives",
    "Migration",
    "MigrationStatus",
    "Note",
    "Origin",
    "Plan",
    "Progress",
    "RowState",
    "Server",
    "SetName",
    "State",
    "Tenant",
    "label",
]
