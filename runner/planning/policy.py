"""The policy of a tenant: the newest version that it may get, and whether it may change now. Pure but for `today`."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from tenantry.model import Migration, MigrationStatus, State, Tenant, label


def today() -> date:
    """Return the day of now, in UTC."""
    return datetime.now(UTC).date()


def describe_freeze(tenant: Tenant, today: date) -> str:
    """Return why nothing may change in a tenant today; empty if it is not frozen, or not any more."""
    freeze = tenant.freeze
    # The day itself is a part of it.
    return f"frozen until {freeze.until}: {freeze.reason}" if freeze and today <= freeze.until else ""


def limit_target(tenant: Tenant, files: Iterable[Migration], target: int | None) -> int | None:
    """Return the newest version that a tenant may get in a run up to `target`; None: all of the files."""
    # A pin that leaves nothing out changes nothing: repeatables run, as for every tenant that gets all files.
    if tenant.pin is None or not any(file.version > tenant.pin for file in files):
        return target
    return tenant.pin if target is None else min(target, tenant.pin)


def find_held(
    tenant: Tenant, statuses: Iterable[MigrationStatus], today: date, target: int | None = None
) -> list[MigrationStatus]:
    """Return the pending versions, up to `target`, that the policy keeps from a tenant."""
    frozen = describe_freeze(tenant, today) != ""
    return [
        status
        for status in statuses
        if status.state is State.PENDING
        and (target is None or status.version <= target)
        and (frozen or (tenant.pin is not None and status.version > tenant.pin))
    ]


def describe_held(tenant: Tenant, statuses: Iterable[MigrationStatus], today: date, target: int | None = None) -> str:
    """Return why a tenant does not get some pending versions up to `target`; empty if it gets all of them."""
    held = find_held(tenant, statuses, today, target)
    if not held:
        return ""
    first, more = label(held[0].version, held[0].name), len(held) - 1
    names = f"{first} and {more} more" if more else first
    return f"{describe_policy(tenant, today)}; left out: {names}"


def describe_policy(tenant: Tenant, today: date) -> str:
    """Return the policy that applies to a tenant today; empty if none does."""
    if frozen := describe_freeze(tenant, today):
        return frozen
    return "" if tenant.pin is None else f"pinned to {tenant.pin:04}"
