"""`database`: a project of one database, as the short form of a server and its only tenant."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tenantry.config.document import BROKEN, Document
from tenantry.config.dsn import ServerConnection
from tenantry.config.explain import explain, name_kind
from tenantry.config.model import Mistake
from tenantry.config.patterns import DATABASE_PATTERN, TEXT_PATTERN
from tenantry.config.schema import ServerEntry, TenantsFile, model_schema
from tenantry.model.tenants import SINGLE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# The name that the server has in the examples of a fleet, and in the variable that overrides it.
SERVER = "main"
_KEY = "database"
_FLEET_ALONE = ("servers", "master", "tenants")
_FOLDER = "migrations"
_UNNAMED = Mistake(
    "no database, expected its name in the connection string",
    "write dbname=NAME, or the key name, which counts where the connection string names none",
)


def _expand(value: object) -> object:
    """Return a bare connection string as the mapping that it abbreviates."""
    return {"dsn": value} if isinstance(value, str) else value


class _Database(ServerEntry):
    """The one database of a project without a fleet. A connection string alone is short for a mapping with `dsn`."""

    model_config = ConfigDict(title="database", extra="forbid", strict=True)

    dsn: str = Field(
        "${DATABASE_URL}", description="embedded, or a libpq connection string.", examples=["${DATABASE_URL:-embedded}"]
    )
    name: Annotated[str, Field(pattern=r"^[^{}\x00-\x1f\x7f]+$")] | None = Field(
        None, description="Name of the database, if the connection string names none.", examples=["bookings"]
    )
    migrations: Annotated[str, Field(pattern=TEXT_PATTERN)] = Field(
        _FOLDER, description="Folder with its migrations.", examples=["db/migrations"]
    )
    role: Annotated[str, Field(pattern=DATABASE_PATTERN)] | None = Field(
        None, description="Role that its sessions work as.", examples=["owner"]
    )


class _SinglePart(BaseModel):
    """The part of tenants.yaml that is read here."""

    database: Annotated[_Database, BeforeValidator(_expand, json_schema_input_type=_Database | str)] = Field(
        description="The one database of a project without a fleet, instead of servers, master and tenants.",
        examples=["${DATABASE_URL}"],
    )


def is_single(data: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a file has the key of a project with one database."""
    return isinstance(data, dict) and _KEY in data


def spread(document: Document, data: Mapping[str, object]) -> dict[str, object] | None:
    """Return the file as one with a server and a tenant, and note its mistakes; None where it has too many."""
    for key in _FLEET_ALONE:
        if key in data:
            document.refuse((key,), Mistake(f"{key} together with {_KEY}, expected one or the other"), key=True)
    rest = {key: value for key, value in data.items() if key not in (_KEY, *_FLEET_ALONE)}
    try:
        entry = _SinglePart.model_validate({_KEY: data[_KEY]}).database
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["input"] is not BROKEN:
                _refuse(document, detail)
        return None
    if document.problems:
        return None
    _move(document, bare=isinstance(data[_KEY], str))
    kept = entry.model_fields_set & ServerEntry.model_fields.keys() if isinstance(data[_KEY], dict) else set()
    server = {ServerEntry.model_fields[name].alias or name: _find(data[_KEY], name) for name in kept}
    tenant = {"id": SINGLE, "database": entry.name or _KEY} | ({"role": entry.role} if entry.role else {})
    return rest | {
        "servers": {SERVER: {**server, "dsn": entry.dsn}},
        "tenants": {"migrations": entry.migrations, "server": SERVER, "database": entry.name or _KEY, "list": [tenant]},
    }


def name_database(
    document: Document, data: Mapping[str, Any], file: TenantsFile, connections: dict[str, ServerConnection]
) -> None:
    """Give the only tenant the database that its connection string names, or else the file; note where none does.

    The server is left with a connection string that names none: its database may not exist yet.
    """
    found, entry = connections[SERVER], (file.tenants.entries or [])[0]
    written = data[_KEY].get("name") if isinstance(data[_KEY], dict) else None
    if found.database:
        entry.database = found.database
        connections[SERVER] = found._replace(server=replace(found.server, dsn=_without_database(found.server.dsn)))
    elif not written and not document.problems:
        document.refuse((_KEY,), _UNNAMED)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of tenants.yaml in both forms, for editors."""
    fleet, single = model_schema(TenantsFile), model_schema(_SinglePart)
    required = fleet.pop("required")
    others = [{"required": [key]} for key in _FLEET_ALONE]
    return fleet | {
        "properties": {**fleet["properties"], **single["properties"]},
        "$defs": {**fleet["$defs"], **single["$defs"]},
        "oneOf": [{"required": required}, {"required": [_KEY], "not": {"anyOf": others}}],
    }


def _find(entry: Any, name: str) -> object:
    """Return the value of a key as it was written, for the model that reads it a second time."""
    return entry[ServerEntry.model_fields[name].alias or name]


def _move(document: Document, *, bare: bool) -> None:
    document.move(("servers", SERVER), (_KEY,))
    if bare:
        document.move(("servers", SERVER, "dsn"), (_KEY,))
    document.move(("tenants",), (_KEY,))
    document.move(("tenants", "list", 0), (_KEY,))
    for key in ("database", "server"):
        document.move(("tenants", "list", 0, key), (_KEY, "name"))


def _refuse(document: Document, detail: "ErrorDetails") -> None:
    # As one of a server: no message shows a value, since it may be a connection string.
    detail["loc"] = location = ("servers", SERVER, *detail["loc"][1:])
    if location == ("servers", SERVER):
        expected = "a connection string, or a mapping with dsn, name and migrations"
        document.refuse((_KEY,), Mistake(f"{name_kind(detail['input'])}, expected {expected}"))
    elif detail["type"] == "extra_forbidden":
        keys = [field.alias or name for name, field in _Database.model_fields.items()]
        document.refuse((_KEY, *location[2:]), explain(detail, keys), key=True)
    else:
        document.refuse((_KEY, *location[2:]), explain(detail))


def _without_database(dsn: str | None) -> str | None:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    return dsn and make_conninfo("", **{key: value for key, value in conninfo_to_dict(dsn).items() if key != "dbname"})
