"""The words that a shell offers for `--tenants`."""

from collections.abc import Iterator, Sequence

from tenantry.fleet.terms import SERVER
from tenantry.model import Tenant
from tenantry.model.tenants import ALL, STATES


def complete(incomplete: str, tenants: Sequence[Tenant], master: Tenant | None) -> list[str]:
    """Return the selections that begin with `incomplete`: what may stand after its last comma."""
    given, comma, last = incomplete.rpartition(",")
    sign = "!" if last.startswith("!") else ""
    before = {part.strip() for part in given.split(",")}
    words = [*_list_names(tenants, master, first=not given), *(_list_others(tenants) if last else ())]
    return [
        f"{given}{comma}{sign}{word}"
        for word in dict.fromkeys(words)
        if word.startswith(last[len(sign) :]) and f"{sign}{word}" not in before
    ]


def _list_names(tenants: Sequence[Tenant], master: Tenant | None, *, first: bool) -> Iterator[str]:
    if first:
        yield ALL
    if master:
        yield master.name
    yield from (tenant.name for tenant in tenants)


def _list_others(tenants: Sequence[Tenant]) -> Iterator[str]:
    """Yield the words that are offered once they are begun: for an empty one, the names alone are many."""
    yield from STATES
    for tenant in tenants:
        yield from (f"@{key}={value}" for key, value in tenant.labels)
    yield from (f"@{SERVER}={tenant.server.name}" for tenant in tenants)
