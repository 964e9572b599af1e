"""The order in which a run takes its tenants. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from tenantry.model import SetName, Tenant
from tenantry.model.rollout import NOBODY, Limit, Rollout, Stage


def make_stages(tenants: Iterable[Tenant]) -> list[Stage]:
    """Return the tenants in the order in which a run migrates them: the master alone first, if it is selected."""
    tenants = list(tenants)
    # The tenants' files may depend on objects of the master: the tenant query in tenants.yaml reads its tables.
    stages = [
        tuple(tenant for tenant in tenants if tenant.set_name is name) for name in (SetName.MASTER, SetName.TENANT)
    ]
    return [Stage(stage) for stage in stages if stage]


def divide(
    tenants: Sequence[Tenant], rollout: Rollout, matches: Sequence[Collection[str]], limit: Limit | None
) -> list[Stage]:
    """Return the stages of a rollout, after one for the master; stages that would be empty are left out.

    `matches` are the names that each stage of the rollout matches; a tenant is in the first stage that matches it, and
    in the last one if none does. `limit` is that of stages without one of their own.
    """
    left = {tenant.name: tenant for tenant in tenants if tenant.set_name is SetName.TENANT}
    stages = [Stage(tuple(tenant for tenant in tenants if tenant.set_name is SetName.MASTER))]
    for rule, names in zip(rollout.stages, matches, strict=True):
        chosen = tuple(tenant for name, tenant in left.items() if name in names)
        for tenant in chosen:
            del left[tenant.name]
        stages.append(
            Stage(
                chosen,
                rule.name,
                rule.limit or limit,
                verified=rule.verify,
                pause_s=rule.pause_s,
                gate_timeout_s=rule.gate_timeout_s,
                jobs=rule.jobs,
            )
        )
    # Without stages there is no rest either, but all of them.
    name = name_rest(rollout) if rollout.stages else ""
    stages.append(Stage(tuple(left.values()), name, limit))
    return _close([stage for stage in stages if stage.tenants])


def name_rest(rollout: Rollout) -> str:
    """Return the name of the stage of those that no stage matches."""
    return "others" if any(rule.name == "rest" for rule in rollout.stages) else "rest"


def _close(stages: list[Stage]) -> list[Stage]:
    """Return the stages with a limit each, but for the last: whoever has stages does not want one to fail unnoticed."""
    return [
        replace(stage, limit=NOBODY) if stage.name and stage.limit is None else stage for stage in stages[:-1]
    ] + stages[-1:]
