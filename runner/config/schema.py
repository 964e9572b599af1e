"""The shape of tenants.yaml as pydantic models, and the JSON schema by which editors complete it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from tenantry.config.document import BROKEN
from tenantry.config.expected_columns import EXPECTED_PATTERN
from tenantry.config.model import WORKERS_SCHEMA, Rules
from tenantry.config.patterns import URL_PATTERN
from tenantry.config.scalars import (
    Boolean,
    Count,
    Day,
    Duration,
    LabelValue,
    LimitValue,
    Name,
    Pattern,
    SettingValue,
    Size,
    Span,
    Switch,
    TenantId,
    Text,
    Title,
    VersionText,
)
from tenantry.model import Server, SetName, Tenant
from tenantry.model.tenants import MASTER, Freeze


def _choose_form(value: object) -> str:
    """Return the form of a server, as the tag of its type."""
    return MAPPING if isinstance(value, dict) else TEXT


def _expand_entry(value: object) -> object:
    """Return a bare id as the mapping that it abbreviates."""
    return value if isinstance(value, dict) or value is BROKEN else {"id": value}


# Tags of the forms of a server; pydantic puts them into its locations.
TEXT, MAPPING = "[text]", "[mapping]"

# Arbitrary: read or rewritten within some milliseconds.
SMALL_TABLE = 2**20

_LOCK_TIMEOUT = "How long a statement waits for a table lock, unless its file says otherwise."

_ROLE = (
    "Role that each session works as, unless it is the login role. It owns new objects. {id} becomes the tenant's id."
)

_CONNECTIONS = "Maximum number of connections of one run to the server, if fewer than the server has free."


class FreezeEntry(BaseModel):
    """A time in which a tenant gets no files."""

    model_config = ConfigDict(title="freeze", extra="forbid", strict=True)

    until: Day = Field(description="Last day of the freeze, which includes it, in UTC.", examples=["2026-12-31"])
    reason: Text = Field(description="Shown wherever the tenant is skipped.", examples=["year-end closing"])


class TenantEntry(BaseModel):
    """One tenant. A bare id is short for a mapping with only `id`."""

    model_config = ConfigDict(title="tenant", extra="forbid", strict=True)

    id: TenantId = Field(description="Names the tenant on the command line and fills in {id}.", examples=[16])
    name: Title | None = Field(None, description="Shown next to the id.", examples=["Test Studio UI"])
    database: Pattern | None = Field(None, description="Name of its database, if it differs from tenants.database.")
    server: Text | None = Field(None, description="Name of its server, if it differs from tenants.server.")
    labels: dict[Text, LabelValue] | None = Field(
        None,
        description="Labels of your own; files read them as tenantry.label_NAME.",
        examples=[{"tier": "internal"}],
    )
    lock_timeout: Duration | None = Field(None, alias="lock-timeout", description=_LOCK_TIMEOUT, examples=["10s"])

    role: Pattern | None = Field(None, description=_ROLE, examples=["studio_{id}"])
    pin: VersionText | None = Field(None, description="Newest version that it may get.", examples=[11])
    freeze: FreezeEntry | None = Field(None, description="Skips it for a time: it gets no files.")

    def make_tenant(self, rules: Rules) -> Tenant:
        """Return the tenant; an unknown server gets a stand-in, and is reported later."""
        return Tenant(
            name=self.id,
            set_name=SetName.TENANT,
            server=_get_server(self.server or rules.server, rules),
            database=(self.database or rules.database).replace("{id}", self.id),
            title=self.name or "",
            labels=tuple((self.labels or {}).items()),
            lock_timeout_ms=self.lock_timeout or rules.lock_timeout_ms,
            role=(self.role or rules.role).replace("{id}", self.id),
            pin=None if self.pin is None else int(self.pin),
            freeze=Freeze(self.freeze.until, self.freeze.reason) if self.freeze else None,
        )


_ListEntry = Annotated[TenantEntry, BeforeValidator(_expand_entry, json_schema_input_type=TenantEntry | TenantId)]


class _Tenants(BaseModel):
    """The tenants: a list, a query or a file."""

    model_config = ConfigDict(
        title="tenants",
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["list"]}, {"required": ["query"]}, {"required": ["file"]}]},
    )

    migrations: Text = Field(description="Folder with the tenants' migrations.", examples=["migrations/tenant"])
    server: Text = Field(description="Name of the server with the tenants' databases.", examples=["main"])
    database: Pattern = Field(
        "tenant_{id}", description="Name of each tenant's database; {id} is replaced with its id."
    )
    role: Pattern | None = Field(None, description=_ROLE, examples=["owner_{id}"])
    entries: Annotated[list[_ListEntry], Field(min_length=1)] | None = Field(
        None, alias="list", description="The tenants, each as an id or a mapping.", examples=[[1, 16]]
    )
    lock_timeout: Duration | None = Field(None, alias="lock-timeout", description=_LOCK_TIMEOUT, examples=["3s"])
    query: Annotated[str, Field(pattern=r"\S")] | None = Field(
        None,
        description=(
            "Runs on the master and returns one row per tenant, with id and, optionally, database, server, name,"
            " labels, lock-timeout, role, pin and freeze."
        ),
        examples=["SELECT organization_id AS id, database_name AS database FROM tenant_databases ORDER BY 1"],
    )
    file: Text | None = Field(
        None,
        description="A .csv or .jsonl file with one tenant in each row, for large fleets; relative to tenants.yaml.",
        examples=["tenants.csv"],
    )


class _Master(BaseModel):
    """The database that is migrated before all tenants."""

    model_config = ConfigDict(title="master", extra="forbid", strict=True)

    server: Text = Field(description="Name of the server that holds it.", examples=["main"])
    database: str = Field(
        pattern=r"^[^{}\x00-\x1f\x7f]+$", description="Name of the database.", examples=["rsm_master"]
    )
    migrations: Text = Field(description="Folder with its migrations.", examples=["migrations/master"])
    role: str | None = Field(
        None, pattern=r"^[^{}\x00-\x1f\x7f]+$", description="Role that its sessions work as.", examples=["owner"]
    )

    def make_tenant(self, rules: Rules) -> Tenant:
        """Return the database as a tenant; an unknown server gets a stand-in, and is reported later."""
        return Tenant(MASTER, SetName.MASTER, _get_server(self.server, rules), self.database, role=self.role or "")


class ServerEntry(BaseModel):
    """A server. A bare connection string is short for a mapping with only `dsn`."""

    model_config = ConfigDict(title="server", extra="forbid", strict=True)

    dsn: str = Field(description="embedded, or a libpq connection string.", examples=["service=live"])
    direct: str | None = Field(
        None,
        description="Bypasses the pooler that dsn leads to; only files that run outside a transaction use it.",
        examples=["host=db1 user=deploy"],
    )
    lock_timeout: Duration | None = Field(None, alias="lock-timeout", description=_LOCK_TIMEOUT, examples=["3s"])
    password_command: Annotated[list[Text], Field(min_length=1)] | None = Field(
        None,
        alias="password-command",
        description="Prints the password: a program and its arguments, which no shell reads. It runs again if the "
        "server refuses the password.",
        examples=[["aws", "rds", "generate-db-auth-token", "--hostname", "db1"]],
    )
    password_ttl: Duration | None = Field(
        None,
        alias="password-ttl",
        description="How long a password from password-command is valid. By default, until the server refuses it.",
        examples=["10min"],
    )
    environment: Literal["production"] | None = Field(
        None,
        description="production: a verb that writes there needs --yes, or the word production typed on a terminal.",
    )
    connections: Count | None = Field(None, description=_CONNECTIONS, examples=[20])


_Server = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[ServerEntry, Tag(MAPPING)],
    Discriminator(_choose_form),
]


class _Ledger(BaseModel):
    """The record of applied migrations that every database keeps."""

    model_config = ConfigDict(title="ledger", extra="forbid", strict=True)

    schema_name: Text = Field("public", alias="schema", description="Schema of its tables.")
    owner: Text | None = Field(
        None,
        description="Role that owns its tables, if that is neither the role that connects nor one granted to it. "
        "Whoever owns them can make tenantry believe anything about a database, so name no role of a tenant.",
        examples=["deploy"],
    )
    values: Boolean = Field(
        False, description="Whether the log keeps the values of rows that failed, as in Key (email)=(...)."
    )


class _Session(BaseModel):
    """How the servers read SQL and show values in every session of tenantry, whatever they or their roles are set to.

    standard_conforming_strings is always on.
    """

    model_config = ConfigDict(title="session", extra="forbid", strict=True)

    array_nulls: Switch | None = Field(None, description="Whether NULL in an array's text is a null. Default on.")
    backslash_quote: SettingValue | None = Field(
        None, description="Whether a quote may be written as \\'. Default safe_encoding."
    )
    bytea_output: SettingValue | None = Field(None, description="How bytes are cast to text. Default hex.")
    check_function_bodies: Switch | None = Field(
        None, description="Whether CREATE FUNCTION checks the body. Default on."
    )
    date_style: SettingValue | None = Field(
        None, alias="DateStyle", description="How dates are read and shown. Default ISO, MDY.", examples=["ISO, DMY"]
    )
    extra_float_digits: int | None = Field(
        None, description="Digits of floating-point numbers that are cast to text. Default 1, all of them."
    )
    interval_style: SettingValue | None = Field(
        None, alias="IntervalStyle", description="How intervals are read and shown. Default postgres."
    )
    time_zone: SettingValue | None = Field(
        None, alias="TimeZone", description="Time zone of times without one. Default UTC.", examples=["Europe/Berlin"]
    )
    transform_null_equals: Switch | None = Field(None, description="Whether = NULL means IS NULL. Default off.")
    xmlbinary: SettingValue | None = Field(None, description="How XML shows bytes. Default base64.")
    xmloption: SettingValue | None = Field(
        None, description="Whether XML is read as content or as a document. Default content."
    )

    def choose(self) -> dict[str, str]:
        """Return the settings that are chosen, by their names on the server."""
        return {name: str(value) for name, value in self.model_dump(by_alias=True, exclude_none=True).items()}


class _Lint(BaseModel):
    """When `migrate` refuses what lint finds."""

    model_config = ConfigDict(title="lint", extra="forbid", strict=True)

    small_table: Size = Field(
        SMALL_TABLE,
        alias="small-table",
        description="Size of a table's rows, without its indexes, below which nobody waits long for it: migrate "
        "refuses dangers that grow with a table only from this size on. 0 refuses them for every table. Default 1 MB.",
        examples=["10 MB"],
    )


class _Scratch(BaseModel):
    """How scratch databases are before the first migration runs there, as tenants are without any file."""

    model_config = ConfigDict(title="scratch", extra="forbid", strict=True)

    settings: dict[Text, Text] = Field(
        {},
        description="Settings of the database, by their names, as ALTER DATABASE ... SET gives them to tenants.",
        examples=[{"search_path": "app, public"}],
    )
    before: Text | None = Field(
        None,
        description="File of SQL that runs first, such as one that creates the extensions that tenants have.",
        examples=["migrations/scratch.sql"],
    )


class IgnoredEntry(BaseModel):
    """Objects that comparisons ignore."""

    model_config = ConfigDict(title="ignored", extra="forbid", strict=True)

    kind: Text = Field("*", description="Kind of the objects, as in messages; * matches any kind.", examples=["index"])
    name: Text = Field(
        description="Their names with the schema; * and ? match as in a shell.", examples=["public.dba_*"]
    )


class _Drift(BaseModel):
    """Exceptions when schemas are compared."""

    model_config = ConfigDict(title="drift", extra="forbid", strict=True)

    ignore: list[IgnoredEntry] = Field(
        [], description="Objects that comparisons ignore.", examples=[[{"name": "public.dba_*"}]]
    )
    roles: dict[Pattern, Text] = Field(
        {},
        description="Roles that differ between tenants, each with the word that comparisons use for it.",
        examples=[{"app_{id}": "app"}],
    )


_MAX_FAILURES = "How many tenants may fail, as a number or a percentage; after more, no other tenant starts."


class StageEntry(BaseModel):
    """A part of the fleet that is migrated before the next one starts."""

    model_config = ConfigDict(title="stage", extra="forbid", strict=True)

    name: Name = Field(description="Name of the stage.", examples=["canary"])
    match: Text | None = Field(
        None,
        description="Selects its tenants as --tenants does, except those of earlier stages; without it, all others.",
        examples=["@tier=internal", "5%"],
    )
    max_failures: LimitValue | None = Field(None, alias="max-failures", description=_MAX_FAILURES, examples=[0, "1%"])
    verify: Boolean = Field(False, description="Whether a tenant that is not proven counts as failed.")
    pause: Span | None = Field(None, description="Time to wait before the next stage.", examples=["10m"])
    gate: Annotated[str, Field(pattern=r"\S")] | None = Field(
        None,
        description="A query on the master that must be true before the next stage; asked again until gate-timeout.",
        examples=["SELECT count(*) = 0 FROM app_errors WHERE at > now() - interval '10 min'"],
    )
    gate_command: Annotated[list[SettingValue], Field(min_length=1)] | None = Field(
        None,
        alias="gate-command",
        description="A command, without a shell, that must exit with 0 before the next stage, instead of gate.",
        examples=[["./healthy", "--since", "10m"]],
    )
    gate_timeout: Span | None = Field(
        None, alias="gate-timeout", description="How long to keep asking the gate. Default 10m.", examples=["30m"]
    )
    jobs: Count | None = Field(
        None, description="Tenants at a time on each server, if it differs from --jobs.", examples=[16]
    )


class _Rollout(BaseModel):
    """The order in which `migrate` goes through the fleet, and when it stops."""

    model_config = ConfigDict(title="rollout", extra="forbid", strict=True)

    max_failures: LimitValue | None = Field(None, alias="max-failures", description=_MAX_FAILURES, examples=["1%"])
    stages: Annotated[list[StageEntry], Field(min_length=1)] | None = Field(
        None, description="The stages in order; tenants that no stage matches come last."
    )


class _Notify(BaseModel):
    """Whom a run that writes to databases notifies when it is over. The result of the run never depends on it."""

    model_config = ConfigDict(title="notify", extra="forbid", strict=True)

    command: Annotated[list[SettingValue], Field(min_length=1)] | None = Field(
        None,
        description="A command, without a shell, that gets the result as JSON on its standard input.",
        examples=[["./notify", "--channel", "deployments"]],
    )
    url: Annotated[str, Field(pattern=URL_PATTERN)] | None = Field(
        None,
        description="An address that the result is posted to as JSON; ${NAME} comes from the environment.",
        examples=["${OPS_WEBHOOK}"],
    )
    timeout: Span | None = Field(
        None, description="How long a notification may take before it is abandoned. Default 10s.", examples=["30s"]
    )
    failures_only: Boolean = Field(
        False, alias="failures-only", description="Whether only a run that did not end well sends a notification."
    )


class WorkersEntry(BaseModel):
    """The control database, where runs of `migrate --engine procrastinate` and their workers meet."""

    model_config = ConfigDict(title="workers", extra="forbid", strict=True)

    database: Text | None = Field(
        None,
        description="Connection string of the database, with dbname; ${NAME} comes from the environment. By default, "
        "the master.",
        examples=["host=db1 dbname=control user=tenantry password=${CONTROL_PASSWORD}"],
    )
    schema_name: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = Field(
        WORKERS_SCHEMA,
        alias="schema",
        description="Schema of its tables; each project needs its own.",
        examples=["studio_workers"],
    )


_Expected = Annotated[str, Field(pattern=EXPECTED_PATTERN)]


class TenantsFile(BaseModel):
    """The servers, the master database and the tenants' databases that tenantry migrates."""

    model_config = ConfigDict(title="tenants.yaml", extra="forbid", strict=True)

    servers: Annotated[dict[Name, _Server], Field(min_length=1)] = Field(
        description="Servers by name, each embedded or a libpq connection string; ${NAME} comes from the environment.",
        examples=[
            {"main": "embedded"},
            {"main": "host=db1 user=deploy password=${DB_PASSWORD}"},
            {"main": {"dsn": "service=live", "lock-timeout": "3s"}},
        ],
        json_schema_extra={"additionalProperties": False},
    )
    master: _Master | None = None
    tenants: _Tenants
    ledger: _Ledger | None = None
    session: _Session | None = None
    lint: _Lint | None = None
    drift: _Drift | None = None
    scratch: _Scratch | None = None
    rollout: _Rollout | None = None
    dump: Text | None = Field(
        None,
        description="File for the schema of the tenants' files, written after a migrate without failures.",
        examples=["schema.sql"],
    )
    notify: _Notify | None = None
    proofs: Literal["master", "state"] | None = Field(
        None,
        description="Where migrate keeps its proofs: in a table of the master as well, so that every machine has them, "
        "or in the state folder of its machine alone. Default master if there is a master, otherwise state.",
        examples=["state"],
    )
    workers: WorkersEntry | None = None
    connections: Count | None = Field(
        None,
        description="Maximum number of connections of one run to each server that has no number of its own.",
        examples=[20],
    )
    expect: list[_Expected] = Field(
        [],
        description="Columns that every tenant must have: table.column, optionally followed by its type and not null.",
        examples=[["sessions.deposit_amount numeric(10,2)", "sessions.deposit_paid boolean not null"]],
    )


def _get_server(name: str, rules: Rules) -> Server:
    return rules.servers.get(name) or Server(name, None)


SECTIONS: Mapping[str, type[BaseModel]] = {
    "master": _Master,
    "tenants": _Tenants,
    "ledger": _Ledger,
    "session": _Session,
    "lint": _Lint,
    "drift": _Drift,
    "scratch": _Scratch,
    "rollout": _Rollout,
    "notify": _Notify,
    "workers": WorkersEntry,
}


def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, for editors."""
    schema = _drop_nulls(model.model_json_schema())
    assert isinstance(schema, dict)
    return schema


def _drop_nulls(schema: object) -> object:
    """Return the schema without null: optional means absent here, and nothing may be null."""
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
