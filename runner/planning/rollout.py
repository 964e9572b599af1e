"""The order in which a run takes its tenants. Pure."""

from collections.abc import Iterable

from tenantry.model import SetName, Tenant


def make_stages(tenants: Iterable[Tenant]) -> list[list[Tenant]]:
    """Return the tenants in the order in which a run migrates them: the master alone first, if it is selected."""
    tenants = list(tenants)
    # The tenants' files may depend on objects of the master: the tenant query in tenants.yaml reads its tables.
    stages = [[tenant for tenant in tenants if tenant.set_name is name] for name in (SetName.MASTER, SetName.TENANT)]
    return [stage for stage in stages if stage]
