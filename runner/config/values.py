"""The labels of a tenant as settings of its sessions: each has a name of its own, and together they fit."""

from collections.abc import Iterator

from tenantry.config.model import Mistake
from tenantry.model import Tenant
from tenantry.model.values import name_setting

# Arbitrary: poolers take a start-up packet of 4 kB and more, and the settings of tenantry need a part of it.
_MAX_BYTES = 2_000


def check_values(tenant: Tenant) -> Iterator[tuple[str, Mistake]]:
    """Yield the mistakes in a tenant's labels, each with the key that holds it."""
    if not tenant.labels:
        return
    names: dict[str, str] = {}
    for label, value in tenant.labels:
        setting = name_setting(label)
        first = names.setdefault(setting, label)
        if first != label:
            what = f"{first!r} and {label!r} are both the setting {setting}"
            yield "labels", Mistake(f"{what}, expected names that differ in letters, digits and _")
        if "\0" in value:
            yield "labels", Mistake(f"the value of {label!r} holds a NUL character, expected text")
    size = sum(len(name_setting(label)) + len(value.encode()) for label, value in tenant.labels)
    if size > _MAX_BYTES:
        yield "labels", Mistake(f"{size} bytes, expected at most {_MAX_BYTES}: every session starts with them")
