"""The checks of tenants.yaml against its schema: every mistake at its place, in the words of `explain`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from tenantry.config.document import BROKEN, Document, Location, join_location
from tenantry.config.explain import explain, name_kind
from tenantry.config.model import Mistake, Rules
from tenantry.config.schema import (
    MAPPING,
    SECTIONS,
    TEXT,
    FreezeEntry,
    IgnoredEntry,
    ServerEntry,
    StageEntry,
    TenantEntry,
    TenantsFile,
)
from tenantry.model import Tenant

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

TENANT_KEYS = tuple(TenantEntry.model_fields[name].alias or name for name in TenantEntry.model_fields)


def validate(document: Document, data: object) -> TenantsFile | None:
    """Return `data` as a model without its unknown keys, or None if it does not fit, and note all mistakes."""
    if not isinstance(data, dict):
        if data is not BROKEN:
            document.refuse((), Mistake(f"{name_kind(data)}, expected a mapping with servers and tenants"))
        return None
    try:
        return TenantsFile.model_validate(data)
    except ValidationError as error:
        details = [_untag(detail) for detail in error.errors(include_url=False)]
    for detail in details:
        if detail["input"] is not BROKEN:
            _refuse(document, detail)
    return _validate_rest(data, details)


def validate_row(row: Mapping[str, object], rules: Rules) -> Tenant | list[Mistake]:
    """Return a row as a tenant, by the rules for an entry of the list, or else all of its mistakes."""
    try:
        return TenantEntry.model_validate(row).make_tenant(rules)
    except ValidationError as error:
        details = error.errors(include_url=False)
    return [_explain_row(detail) for detail in details]


def _explain_row(detail: "ErrorDetails") -> Mistake:
    what, hint = explain(detail, TENANT_KEYS)
    # Quotes, which other hints advise, are YAML's.
    return Mistake(f"{join_location(detail['loc'])}: {what}", hint if detail["type"] == "extra_forbidden" else "")


def _untag(detail: "ErrorDetails") -> "ErrorDetails":
    """Return one of pydantic's findings with a location in the file."""
    detail["loc"] = tuple(name for name in detail["loc"] if name not in (TEXT, MAPPING))
    return detail


def _refuse(document: Document, detail: "ErrorDetails") -> None:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        what, hint = explain(detail, _list_keys(location[:-1]))
        document.refuse(location, Mistake(what, _find_home(str(location[-1])) or hint), key=True)
    elif location[-1] == "[key]":
        document.refuse(location[:-1], explain(detail), key=True)
    else:
        document.refuse(location, explain(detail))


def _find_home(key: str) -> str:
    """Return where a key belongs that is a word of another section; empty if it is none, or one of several."""
    if key in {field.alias or name for name, field in TenantsFile.model_fields.items()}:
        return f"write {key!r} at the top of the file, without indentation"
    homes = [name for name in SECTIONS if key in _list_keys((name,))]
    return f"write {key!r} below {homes[0]!r}, indented" if len(homes) == 1 else ""


def _list_keys(location: Location) -> list[str]:
    """Return the keys allowed in the mapping at `location`."""
    entry: type[BaseModel] = IgnoredEntry if location[:2] == ("drift", "ignore") else TenantEntry
    entry = StageEntry if location[:2] == ("rollout", "stages") else entry
    entry = ServerEntry if location[:1] == ("servers",) else entry
    entry = FreezeEntry if location[-1:] == ("freeze",) and location[:1] == ("tenants",) else entry
    model = TenantsFile if not location else SECTIONS[str(location[0])] if len(location) == 1 else entry
    keys = [field.alias or name for name, field in model.model_fields.items()]
    return keys if location else [*keys, "database"]


def _validate_rest(data: dict[str, object], details: list["ErrorDetails"]) -> TenantsFile | None:
    """Return the file without those bad keys that nothing else needs, so that they do not hide other mistakes."""
    for detail in details:
        *path, name = (part for part in detail["loc"] if part != "[key]")
        if detail["type"] != "extra_forbidden" and detail["loc"][3:4] not in (("name",), ("labels",)):
            return None
        around: Any = data
        try:
            for part in path:
                around = around[part]
        except KeyError:  # The key is gone already, through an alias of the same mapping.
            return None
        around.pop(name, None)
    try:
        return TenantsFile.model_validate(data)
    except ValidationError:
        return None
