"""Databases that are missing, told from servers that cannot be reached: for a missing one, a command creates it."""

from tenantry.model import Tenant
from tenantry.model.errors import NoDatabase, Unreachable
from tenantry.postgres.sessions import Sessions


def explain_missing(sessions: Sessions, tenant: Tenant, error: Unreachable) -> Unreachable:
    """Return the error with how to create the tenant's database, where that is what is missing."""
    if sessions.exists(tenant) is not False:
        return error
    create = "" if tenant.server.embedded else " --create"
    hint = f'run "tenantry migrate --tenants {tenant.name}{create}" to create the database {tenant.database!r}'
    return NoDatabase(str(error), hint=hint)
