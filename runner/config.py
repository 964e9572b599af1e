"""tenants.yaml and the environment, as a `Config`: every mistake is named at once, with its line and column.

`parse` is pure. No message, hint or repr shows a connection string, since it may hold a password.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from runner import dsn
from runner.document import (
    BROKEN,
    EXAMPLE,
    Document,
    Location,
    Mistake,
    Plain,
    Reading,
    compose,
    decode,
    join_location,
    stop,
)
from runner.dsn import VARIABLE_PREFIX, Connection, connect, expand, name_variable
from runner.errors import ConfigError, Problem
from runner.model import Server, SetName, Tenant
from runner.selection import ALL, MASTER, nearest, one_of, times

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# PostgreSQL cuts longer names without an error: two tenants could end up in one database.
MAX_NAME_BYTES = 63

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the tenants of a list or a query have in common.

    `endpoints` tells servers apart: two names with one endpoint are one server. `query_at` is where the query stands.
    """

    servers: Mapping[str, Server]
    endpoints: Mapping[str, tuple[str, ...]]
    server: str
    database: str
    query_at: str


@dataclass(frozen=True, slots=True)
class Config:
    """What tenants.yaml means in this environment. Paths are as relative as `path` is.

    `tenants` is empty where they come from `tenant_query`, to be run on the master: see `tenants_from_rows`.
    """

    path: Path
    root: Path
    servers: Mapping[str, Server]
    master: Tenant | None
    tenants: tuple[Tenant, ...]
    tenant_query: str | None
    master_migrations: Path | None
    tenant_migrations: Path
    ledger_schema: str
    warnings: tuple[Problem, ...]
    rules: Rules = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What of the file is sound: all of it, or what is left to look at beside the mistakes found so far."""

    servers: Mapping[str, str | None]
    master: "_Master | None"
    server: str
    database: str
    entries: Sequence[tuple[int, "_Entry"]]


def _write_number(value: object) -> object:
    """Return a number as it was written, since YAML 1.1 and 1.2 read it differently: 07 stays 07, 1_000 stays 1_000."""
    return value.text if isinstance(value, Plain) and value.kind == "number" else value


def _write_scalar(value: object) -> object:
    """Return a number, true or false as it was written."""
    return value.text if isinstance(value, Plain) and value.kind in ("number", "boolean") else value


def _expand_entry(value: object) -> object:
    """Return a bare id as the mapping that it is short for."""
    return value if isinstance(value, dict) or value is BROKEN else {"id": value}


_Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]

_PATTERN = r"^([^{}\x00-\x1f\x7f]|\{id\})+$"

_Pattern = Annotated[str, Field(pattern=_PATTERN)]

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]

_TextId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$")]

_Number = Annotated[int, Field(ge=0)]

_Id = Annotated[_TextId, BeforeValidator(_write_number, json_schema_input_type=_Number | _TextId)]

_Title = Annotated[_Text, BeforeValidator(_write_number, json_schema_input_type=float | _Text)]

_Label = Annotated[str, BeforeValidator(_write_scalar, json_schema_input_type=bool | float | str)]


class _Entry(BaseModel):
    """One tenant. A bare id is short for a mapping that holds `id` alone."""

    model_config = ConfigDict(title="tenant", extra="forbid", strict=True)

    id: _Id = Field(description="Names the tenant on the command line and in its database.", examples=[16])
    name: _Title | None = Field(None, description="Is shown beside the id.", examples=["Test Studio UI"])
    database: _Pattern | None = Field(None, description="Its database, where it is named otherwise than the others.")
    server: _Text | None = Field(None, description="Its server, where it is another one than that of the others.")
    labels: dict[_Text, _Label] | None = Field(None, description="Your own words.", examples=[{"tier": "internal"}])


_ListEntry = Annotated[_Entry, BeforeValidator(_expand_entry, json_schema_input_type=_Entry | _Id)]


class _Tenants(BaseModel):
    """The tenants: a list or a query."""

    model_config = ConfigDict(
        title="tenants",
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["list"]}, {"required": ["query"]}]},
    )

    migrations: _Text = Field(description="Folder of the tenants' migrations.", examples=["migrations/tenant"])
    server: _Text = Field(description="Name of the server that the tenants are on.", examples=["main"])
    database: _Pattern = Field("tenant_{id}", description="Name of their databases; {id} is the tenant's id.")
    entries: Annotated[list[_ListEntry], Field(min_length=1)] | None = Field(
        None, alias="list", description="The tenants, each an id or a mapping.", examples=[[1, 16]]
    )
    query: Annotated[str, Field(pattern=r"\S")] | None = Field(
        None,
        description="Is run on the master: a row a tenant, with id and, as needed, database, server, name and labels.",
        examples=["SELECT organization_id AS id, database_name AS database FROM tenant_databases ORDER BY 1"],
    )


class _Master(BaseModel):
    """The database that is migrated before all tenants."""

    model_config = ConfigDict(title="master", extra="forbid", strict=True)

    server: _Text = Field(description="Name of its server.", examples=["main"])
    database: str = Field(pattern=r"^[^{}\x00-\x1f\x7f]+$", description="Its name.", examples=["rsm_master"])
    migrations: _Text = Field(description="Folder of its migrations.", examples=["migrations/master"])


class _Ledger(BaseModel):
    """Where every database keeps the record of what was applied to it."""

    model_config = ConfigDict(title="ledger", extra="forbid", strict=True)

    schema_name: _Text = Field("public", alias="schema", description="Schema of the tables.")


class _File(BaseModel):
    """The servers, the master database and the tenants' databases that tenantry migrates."""

    model_config = ConfigDict(title="tenants.yaml", extra="forbid", strict=True)

    servers: Annotated[dict[_Name, str], Field(min_length=1)] = Field(
        description="Servers by name: embedded, or a libpq connection string; ${NAME} is taken from the environment.",
        examples=[{"main": "embedded"}, {"main": "host=db1 user=deploy password=${DB_PASSWORD}"}],
        json_schema_extra={"additionalProperties": False},
    )
    master: _Master | None = None
    tenants: _Tenants
    ledger: _Ledger | None = None


_IN_CLEAR = Mistake(
    "a password in clear, expected it from outside this file",
    "write password=${NAME}, or use a passfile or a service of libpq",
)

_SECTIONS: Mapping[str, type[BaseModel]] = {"master": _Master, "tenants": _Tenants, "ledger": _Ledger}

# NULL in these columns of the query is the same as no such column.
_OPTIONAL = frozenset({"name", "labels"})

# By the last names of a location, the longer one first; `*` is any name.
_EXPECTED = {
    "servers": "a mapping of names to connection strings",
    "servers.*": dsn.EXPECTED,
    "servers.[key]": "a name of letters, digits, _ and -",
    "master": "a mapping with server, database and migrations",
    "master.database": "the name of a database, without braces",
    "tenants": "a mapping with migrations, server, database and list or query",
    "ledger": "a mapping with schema",
    "migrations": "a folder",
    "server": "the name of a server",
    "database": "the name of a database, with no braces but {id}",
    "list": "a list of one tenant or more",
    "query": "a SELECT statement",
    "id": "an integer, or at most 63 letters, digits, _ and -",
    "name": "text on one line",
    "labels": "a mapping",
    "labels.*": "text",
    "labels.[key]": "text on one line",
    "schema": "the name of a schema",
}


def read(path: Path, *, env: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Config:
    """Read the file at `path`: see `parse`. Raises ConfigError also where there is no file, or none of text."""
    hint = "name a file with --config"
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        stop(f"{path}: not found, expected a file", f"name one with --config, or start with this one:\n{EXAMPLE}")
    except IsADirectoryError:
        stop(f"{path}: a folder, expected a file", hint)
    except OSError as error:
        stop(f"{path}: unreadable ({error.strerror}), expected a file", hint)
    return parse(decode(raw, path), path=path, env=env, overrides=overrides)


def parse(text: str, *, path: Path, env: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Config:
    """Return what `text` means. `path` is for messages and what relative paths start from; it is not opened.

    `overrides` are connection strings by name of server. They win over TENANTRY_SERVER_<NAME> in `env`, which wins
    over `text`. Raises ConfigError with all that is wrong, in the order of the file.
    """
    document = compose(text, path)
    data = Reading(document).read(document.root)
    file = _validate(document, data)
    parts = _take_parts(file) if file else _salvage_parts(data)
    rules = _read_rules(document, parts, env, overrides or {})
    _check_source(document, data)
    master, tenants = _make_all(document, parts, rules)
    if file is None or document.problems:
        raise ConfigError(document.problems)
    return Config(
        path=path,
        root=path.parent,
        servers=rules.servers,
        master=master,
        tenants=tenants,
        tenant_query=file.tenants.query,
        master_migrations=path.parent / file.master.migrations if file.master else None,
        tenant_migrations=path.parent / file.tenants.migrations,
        ledger_schema=file.ledger.schema_name if file.ledger else "public",
        warnings=document.warnings,
        rules=rules,
    )


def tenants_from_rows(config: Config, rows: Sequence[Mapping[str, object]]) -> tuple[Tenant, ...]:
    """Return the tenants of the rows of `config.tenant_query`, in their order.

    `id` is the one column that must be there; a NULL in `name` or `labels` is as good as no such column. Raises
    ConfigError with all that is wrong, by number of row from 1, and where there is no row.
    """
    at = f"{config.rules.query_at}: tenants.query"
    if not rows:
        stop(f"{at}: no row, expected one for each tenant", "select the master alone with --tenants master")
    problems = [Problem(f"{at}: {what}", hint) for what, hint in _check_columns(rows[0])]
    if problems:
        raise ConfigError(tuple(problems))
    tenants: list[tuple[int, Tenant]] = []
    for number, row in enumerate(rows, start=1):
        tenant, mistakes = _read_row(row, config.rules)
        problems += [Problem(f"{at}: row {number}: {what}", hint) for what, hint in mistakes]
        tenants += [(number, tenant)] if tenant else []
    problems += _find_row_clashes(at, config, tenants)
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(tenant for _, tenant in tenants)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of tenants.yaml, for editors."""
    schema = _drop_nulls(_File.model_json_schema())
    assert isinstance(schema, dict)
    return schema


def _validate(document: Document, data: object) -> _File | None:
    """Return the file as a model; None where something is wrong, which is noted."""
    if data is BROKEN:
        return None
    if not isinstance(data, dict):
        document.refuse((), Mistake(f"{_name_kind(data)}, expected a mapping with servers and tenants"))
        return None
    try:
        return _File.model_validate(data)
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if detail["input"] is not BROKEN]
    for detail in details:
        location = detail["loc"]
        if detail["type"] == "extra_forbidden":
            document.refuse(location, _explain(detail, _list_keys(location[:-1])), key=True)
        elif location[-1] == "[key]":
            document.refuse(location[:-1], _explain(detail), key=True)
        else:
            document.refuse(location, _explain(detail))
    return None


def _list_keys(location: Location) -> list[str]:
    """Return what may stand in the mapping at `location`."""
    model = _File if not location else _SECTIONS[str(location[0])] if len(location) == 1 else _Entry
    return [field.alias or name for name, field in model.model_fields.items()]


def _explain(detail: "ErrorDetails", keys: Sequence[str] = ()) -> Mistake:
    """Return one of pydantic's findings in words of our own. `keys` are those that may stand where one may not."""
    location, value = detail["loc"], detail["input"]
    if detail["type"] == "extra_forbidden":
        return Mistake(f"unknown key {location[-1]!r}, expected {one_of(keys)}", nearest(str(location[-1]), keys))
    expected = _expect(location)
    if detail["type"] in ("missing", "too_short"):
        return Mistake(f"{'missing' if detail['type'] == 'missing' else 'empty'}, expected {expected}")
    found = _name_kind(value) if location[0] == "servers" and location[-1] != "[key]" else _name_value(value)
    quotable = isinstance(value, Plain) and value.kind in ("number", "boolean") and detail["type"] == "string_type"
    return Mistake(f"{found}, expected {expected}", "put it in quotes if it is meant as text" if quotable else "")


def _expect(location: Location) -> str:
    *_, above, parent, name = ("", "", *map(str, location))
    parent = above if name == "[key]" else parent
    keys = (f"{parent}.{name}", f"{parent}.*", name)
    return next((_EXPECTED[key] for key in keys if key in _EXPECTED), "something else")


def _name_kind(value: object) -> str:
    """Return what `value` is without showing it."""
    match value:
        case Plain("nothing" | "NULL" as kind, _):
            return kind
        case Plain(kind, _):
            return f"a {kind}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "text"
    return f"a value of type {type(value).__name__}"


def _name_value(value: object) -> str:
    match value:
        case Plain("number" | "boolean" as kind, text):
            return f"the {kind} {text}"
        case str():
            return repr(value)
    return _name_kind(value)


def _take_parts(file: _File) -> _Parts:
    return _Parts(
        servers=file.servers,
        master=file.master,
        server=file.tenants.server,
        database=file.tenants.database,
        entries=list(enumerate(file.tenants.entries or ())),
    )


def _salvage_parts(data: object) -> _Parts:
    """Return what is sound in `data`, so that the mistakes of one part do not hide those of another."""
    file = _as_mapping(data)
    tenants = _as_mapping(file.get("tenants"))
    server, database, entries = tenants.get("server"), tenants.get("database"), tenants.get("list")
    found = [_attempt(_Entry, _expand_entry(entry)) for entry in entries] if isinstance(entries, list) else []
    return _Parts(
        servers={
            name: text if isinstance(text, str) else None for name, text in _as_mapping(file.get("servers")).items()
        },
        master=_attempt(_Master, file.get("master")),
        server=server if isinstance(server, str) else "",
        database=database if isinstance(database, str) and re.match(_PATTERN, database) else "tenant_{id}",
        entries=[(index, entry) for index, entry in enumerate(found) if entry],
    )


def _as_mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _attempt(model: type[_Model], value: object) -> _Model | None:
    """Return what `value` is without its bad keys; None where it is nothing without them."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        bad = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
    try:
        return model.model_validate({key: part for key, part in _as_mapping(value).items() if key not in bad})
    except ValidationError:
        return None


def _read_rules(document: Document, parts: _Parts, env: Mapping[str, str], overrides: Mapping[str, str]) -> Rules:
    """Return the servers as they are in this environment, and what tenants are made by."""
    if parts.servers:
        _check_overrides(document, parts.servers, env, overrides)
    connections = {
        name: _read_server(document, name, text, env, _find_override(name, env, overrides))
        for name, text in parts.servers.items()
    }
    return Rules(
        servers={name: connection.server for name, connection in connections.items()},
        endpoints={name: connection.endpoint for name, connection in connections.items()},
        server=parts.server,
        database=parts.database,
        query_at=document.at(("tenants", "query")),
    )


def _check_overrides(
    document: Document, names: Iterable[str], env: Mapping[str, str], overrides: Mapping[str, str]
) -> None:
    names = list(names)
    for name in overrides:
        if name not in names:
            # A connection string given without its name would arrive here as the name.
            shown = f" {name}" if re.fullmatch(r"[\w-]+", name) else ""
            mistake = Mistake(f"unknown server, expected {one_of(names)}", nearest(name, names) if shown else "")
            document.refuse_argument(f"--server{shown}", mistake)
    variables = [name_variable(name) for name in names]
    for variable in env:
        if variable.startswith(VARIABLE_PREFIX) and variable not in variables:
            mistake = Mistake(f"unknown server, expected {one_of(variables)}", nearest(variable, variables))
            document.refuse_argument(variable, mistake)
    for same in _group(variables):
        what = f"{' and '.join(repr(names[index]) for index in same)} share the variable {variables[same[0]]}"
        mistake = Mistake(f"{what}, expected names that differ in more than case, - and _")
        document.refuse(("servers", names[same[1]]), mistake, key=True)


def _find_override(name: str, env: Mapping[str, str], overrides: Mapping[str, str]) -> tuple[str, str] | None:
    """Return where the connection string of the server comes from, and the string; None: from the file."""
    if name in overrides:
        return f"--server {name}", overrides[name]
    variable = name_variable(name)
    return (variable, env[variable]) if variable in env else None


def _read_server(
    document: Document, name: str, text: str | None, env: Mapping[str, str], override: tuple[str, str] | None
) -> Connection:
    """Return the server; one that is like no other where it has no usable connection string, which is noted."""
    found: Connection | Mistake | None = None
    if override:
        found = connect(name, override[1], env)
    elif text is not None:
        found = expand(name, text, env)
    match found:
        case Connection():
            if found.in_clear and not override:
                document.warn(("servers", name), _IN_CLEAR)
            return found
        case Mistake() if override:
            document.refuse_argument(override[0], found)
        case Mistake():
            document.refuse(("servers", name), found)
    return Connection(Server(name, None), ("unknown", name))


def _check_source(document: Document, data: object) -> None:
    """Note where it is not said, or said twice, where the tenants come from."""
    file = _as_mapping(data)
    tenants = file.get("tenants")
    if not isinstance(tenants, dict):
        return
    if "list" in tenants and "query" in tenants:
        document.refuse(("tenants", "query"), Mistake("both list and query, expected one of them"), key=True)
    elif "list" not in tenants and "query" not in tenants:
        document.refuse(("tenants",), Mistake("neither list nor query, expected one of them"))
    elif "query" in tenants and "master" not in file:
        document.refuse(("tenants", "query"), Mistake("query without a master to run it on, expected one"), key=True)


def _make_all(document: Document, parts: _Parts, rules: Rules) -> tuple[Tenant | None, tuple[Tenant, ...]]:
    """Return the master and the tenants of the list; what is wrong with them is noted."""
    master = _make_master(document, parts.master, rules)
    if rules.server and _is_unknown(rules.server, rules):
        document.refuse(("tenants", "server"), _explain_server(rules.server, rules))
    locations: list[Location] = [("master",)] if master else []
    tenants = [master] if master else []
    for index, entry in parts.entries:
        tenant = _make_tenant(entry, rules)
        for key, mistake in _check_tenant(entry, tenant, rules):
            document.refuse(("tenants", "list", index, key), mistake)
        locations.append(("tenants", "list", index))
        tenants.append(tenant)
    for index, mistake in _find_clashes(tenants, rules, lambda index: document.line(locations[index])):
        document.refuse(locations[index], mistake)
    return master, tuple(tenants[1:] if master else tenants)


def _make_master(document: Document, section: _Master | None, rules: Rules) -> Tenant | None:
    if section is None:
        return None
    if _is_unknown(section.server, rules):
        document.refuse(("master", "server"), _explain_server(section.server, rules))
    if mistake := _check_length(section.database):
        document.refuse(("master", "database"), mistake)
    return Tenant(MASTER, SetName.MASTER, _get_server(section.server, rules), section.database)


def _make_tenant(entry: _Entry, rules: Rules) -> Tenant:
    return Tenant(
        name=entry.id,
        set_name=SetName.TENANT,
        server=_get_server(entry.server or rules.server, rules),
        database=(entry.database or rules.database).replace("{id}", entry.id),
        title=entry.name or "",
        labels=tuple((entry.labels or {}).items()),
    )


def _get_server(name: str, rules: Rules) -> Server:
    """Return the server, or a stand-in for an unknown one, which is a mistake that is noted elsewhere."""
    return rules.servers.get(name) or Server(name, None)


def _check_tenant(entry: _Entry, tenant: Tenant, rules: Rules) -> Iterator[tuple[str, Mistake]]:
    """Yield what is wrong with one tenant by itself, with the key that it is under."""
    if entry.id.lower() in (MASTER, ALL):
        yield "id", Mistake(f"{entry.id!r} is reserved, expected another id")
    if entry.server and _is_unknown(entry.server, rules):
        yield "server", _explain_server(entry.server, rules)
    if mistake := _check_length(tenant.database):
        yield "database", mistake


def _is_unknown(server: str, rules: Rules) -> bool:
    """Return whether there are servers and this is none of them: that there are none is a mistake of its own."""
    return bool(rules.servers) and server not in rules.servers


def _explain_server(name: str, rules: Rules) -> Mistake:
    return Mistake(f"unknown server {name!r}, expected {one_of(rules.servers)}", nearest(name, rules.servers))


def _check_length(database: str) -> Mistake | None:
    length = len(database.encode())
    if length <= MAX_NAME_BYTES:
        return None
    return Mistake(f"{database!r} has {length} bytes, expected at most {MAX_NAME_BYTES}")


def _find_clashes(
    tenants: Sequence[Tenant], rules: Rules, locate: Callable[[int], str]
) -> Iterator[tuple[int, Mistake]]:
    """Yield which tenants are one tenant, and which share a database, at the index of the second of them."""
    ids = [_normalize_id(tenant.name) for tenant in tenants]
    for same in _group(ids):
        listed = _list_some(f"{tenants[index].name} ({locate(index)})" for index in same)
        yield same[1], Mistake(f"one tenant is given {times(len(same))}: {listed}")
    homes = [(rules.endpoints.get(tenant.server.name, (tenant.server.name,)), tenant.database) for tenant in tenants]
    for same in _group(homes):
        # A tenant that is given twice has been named already.
        distinct = list({ids[index]: index for index in reversed(same)}.values())[::-1]
        if len(distinct) > 1:
            places = [locate(index) for index in distinct]
            yield distinct[1], _explain_sharing([tenants[index] for index in distinct], places, rules)


def _explain_sharing(tenants: Sequence[Tenant], places: Sequence[str], rules: Rules) -> Mistake:
    servers = list(dict.fromkeys(tenant.server.name for tenant in tenants))
    listed = _list_some(
        f"{tenant.name} on {tenant.server.name!r} ({place})" for tenant, place in zip(tenants, places, strict=True)
    )
    hint = "" if "{id}" in rules.database else "put {id} into tenants.database"
    if len(servers) > 1:
        hint = f"{' and '.join(repr(name) for name in servers)} are one server, by host and port"
    return Mistake(f"database {tenants[0].database!r} is used {times(len(tenants))}: {listed}", hint)


def _normalize_id(name: str) -> Hashable:
    """Return what two spellings of a number have in common: 1 and 01 would be a trap on the command line."""
    return int(name) if name.isdigit() else name


def _group(keys: Iterable[Hashable]) -> list[list[int]]:
    """Return the indexes of equal keys, for each key that is there more than once."""
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    return [indexes for indexes in groups.values() if len(indexes) > 1]


def _list_some(names: Iterable[str]) -> str:
    """Return the first few of many names."""
    names = list(names)
    shown = 5  # arbitrary
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _check_columns(row: Mapping[str, object]) -> Iterator[Mistake]:
    columns = _list_keys(("tenants", "list", 0))
    for column in row:
        if column not in columns:
            yield Mistake(f"unknown column {column!r}, expected {one_of(columns)}", nearest(column, columns))
    if "id" not in row:
        yield Mistake("no column 'id', expected it", "write SELECT ... AS id")


def _read_row(row: Mapping[str, object], rules: Rules) -> tuple[Tenant | None, list[Mistake]]:
    """Return the tenant of a row, and what is wrong with it."""
    try:
        entry = _Entry.model_validate(_convert_row(row))
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [Mistake(f"{join_location(detail['loc'])}: {_explain(detail).what}") for detail in details]
    tenant = _make_tenant(entry, rules)
    found = _check_tenant(entry, tenant, rules)
    return tenant, [Mistake(f"{column}: {mistake.what}", mistake.hint) for column, mistake in found]


def _convert_row(row: Mapping[str, object]) -> dict[str, object]:
    return {
        column: _convert_cell(value) for column, value in row.items() if value is not None or column not in _OPTIONAL
    }


def _convert_cell(value: object) -> object:
    """Return a value from the database as one from YAML."""
    from uuid import UUID

    match value:
        case None:
            return Plain("NULL", "")
        case bool():
            return Plain("boolean", str(value).lower())
        case int() | float():
            return Plain("number", str(value))
        case UUID():
            return str(value)
        case dict():
            return {key: _convert_cell(cell) for key, cell in value.items()}
    return value


def _find_row_clashes(at: str, config: Config, found: Sequence[tuple[int, Tenant]]) -> list[Problem]:
    rows = [("tenants.yaml", config.master)] if config.master else []
    rows += [(f"row {number}", tenant) for number, tenant in found]
    clashes = _find_clashes([tenant for _, tenant in rows], config.rules, lambda index: rows[index][0])
    return [Problem(f"{at}: {rows[index][0]}: {mistake.what}", mistake.hint) for index, mistake in clashes]


def _drop_nulls(schema: object) -> object:
    """Return the schema without null: absent is what optional means here, and nothing may be null."""
    if isinstance(schema, list):
        return [_drop_nulls(part) for part in schema if part != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _drop_nulls(part) for key, part in schema.items() if not (key == "default" and part is None)}
    match kept.get("anyOf"):
        case [dict(alone)]:
            del kept["anyOf"]
            kept |= alone
    return kept
