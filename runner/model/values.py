"""The values of a tenant, as settings of every session: files read them with current_setting, and stay as reviewed."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tenantry.model.migrations import Migration
from tenantry.model.reading import Reading
from tenantry.model.tenants import Server, SetName, Tenant

PREFIX = "tenantry."
# The server takes letters, digits and underscores after the dot, and does not tell capitals from small letters.
_STRANGE = re.compile(r"[^a-z0-9_]")
_LABEL = re.compile(rf"{re.escape(PREFIX)}label_([a-z0-9_]+)", re.IGNORECASE)
# Reads as text, as a number and as a boolean.
_ANY = "1"


def name_setting(label: str) -> str:
    """Return the setting that holds the value of a label."""
    return f"{PREFIX}label_{_STRANGE.sub('_', label.lower())}"


def list_values(tenant: Tenant) -> Reading:
    """Return the values of a tenant, as pairs of setting and value."""
    return (
        (f"{PREFIX}tenant", tenant.name),
        (f"{PREFIX}database", tenant.database),
        (f"{PREFIX}set", tenant.set_name.value),
        *((name_setting(label), value) for label, value in tenant.labels),
    )


@dataclass(frozen=True, slots=True)
class StandIns:
    """The values of every session in which files are replayed, where no tenant is: the same in each replay."""

    values: Reading = ()

    def describe(self, migrations: Iterable[Migration]) -> tuple[str, ...]:
        """Return the part of a key for a state after these files: nothing where they read no value."""
        return (json.dumps(self.values),) if any(PREFIX in file.sql.lower() for file in migrations) else ()


def make_stand_ins(known: Sequence[Tenant], database: str, texts: Iterable[str]) -> StandIns:
    """Return the values of the first tenant, and those labels that it lacks of the first that has them.

    Files convert values, so that an invented text would fail. Where no tenant is known, `database` names one, and its
    labels are those that the `texts` of files mention.
    """
    if not known:
        tenant = Tenant(_ANY, SetName.TENANT, Server("", None), database.replace("{id}", _ANY))
        labels = {label.lower() for text in texts for label in _LABEL.findall(text)}
        return StandIns(list_values(replace(tenant, labels=tuple((label, _ANY) for label in sorted(labels)))))
    found = {name: value for tenant in reversed(known) for name, value in list_values(tenant)}
    return StandIns(tuple(sorted(found.items())))
