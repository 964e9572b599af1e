"""The arguments that several verbs share, and what they mean."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from tenantry.config.place import find_tenants_file, seems_single
from tenantry.fleet.shards import EXPECTED_SHARD, Shard, parse_shard
from tenantry.model import SetName
from tenantry.model.durations import EXPECTED_SPAN, parse_span
from tenantry.model.rollout import EXPECTED_LIMIT, Limit, parse_limit
from tenantry.model.tenants import SINGLE
from tenantry.project import DEFAULT_JOBS, DEFAULT_LOCK_WAIT_S
from tenantry.verbs.completions import complete_servers, complete_tenants, complete_versions
from tenantry.verbs.production import YES

_T = TypeVar("_T")
# Versions are numbers of a bigint, with any zeros before them.
_VERSION = re.compile(r"^0*([0-9]{1,19})(?:_([a-z0-9_]+))?(?:\.sql)?$")


class NamedVersion(int):
    """A version as it was written: with the name of its file, or without (empty)."""

    name: str = ""


class Version(click.ParamType[int]):
    """A version, written as a number, a label or a file name: 12, 0012, 0012_rates, 0012_rates.sql."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fail with what was expected."""
        match = _VERSION.match(str(value))
        if not match:
            self.fail(
                f"{value!r} is not a version, expected a number or a file name, such as 12 or 0012_rates", param, ctx
            )
        version = NamedVersion(match[1])
        version.name = match[2] or ""
        return version

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the migrations of the project."""
        return [CompletionItem(name) for name in complete_versions(ctx, incomplete)]


class ServerOption(click.ParamType[tuple[str, str]]):
    """NAME=DSN: another connection string for a server, for one run."""

    name = "name=dsn"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return name and connection string; the message shows neither, since it may hold a password."""
        # click converts some values a second time, such as defaults.
        if isinstance(value, tuple):
            return value
        name, sign, dsn = str(value).partition("=")
        if not sign or not name or not dsn:
            self.fail("expected NAME=DSN, such as main=host=db.example.org", param, ctx)
        return name, dsn

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the servers of the project."""
        return [CompletionItem(name) for name in complete_servers(ctx, incomplete)]


class Seconds(click.FloatRange):
    """A number of seconds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fail for one that is none."""
        found = super().convert(value, param, ctx)
        # No bound holds for "nan".
        if math.isnan(found):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return found


class Parsed(click.ParamType[_T]):
    """A value that a parser makes of a text; one that it makes nothing of, or zero, is refused."""

    def __init__(self, name: str, kind: type[_T], parse: Callable[[str], _T | None], expected: str) -> None:
        self.name = name
        self._kind, self._parse, self._expected = kind, parse, expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _T:
        """Return the value; fail with what was expected."""
        found = value if isinstance(value, self._kind) else self._parse(str(value))
        if not found:
            self.fail(f"{value!r}, expected {self._expected}", param, ctx)
        return found


# How many tenants may fail, a time that a run may take in seconds, and one of M parts of the tenants.
LIMIT_TYPE = Parsed("limit", Limit, parse_limit, EXPECTED_LIMIT)
SPAN_TYPE = Parsed("time", float, parse_span, EXPECTED_SPAN)
SHARD_TYPE = Parsed("shard", Shard, parse_shard, EXPECTED_SHARD)


class _RequiredTenants(click.Option):
    """`--tenants` where there is no default; a project of one database has no other."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the tenants that were given. Raises MissingParameter where there is a choice."""
        path = ctx.params.get("config") or ctx.find_root().params.get("config")
        if self.value_is_missing(value) and seems_single(Path(path) if path else find_tenants_file()):
            return SINGLE
        return super().process_value(ctx, value)


def make_tenants_option(explanation: str, *, required: bool = False) -> click.Option:
    """Return `--tenants`, with what it means for a verb."""
    kind = _RequiredTenants if required else click.Option
    return kind(
        ["--tenants"],
        metavar="1,16|@LABEL|all",
        required=required,
        shell_complete=complete_tenants,
        help=explanation,
    )


TENANTS = make_tenants_option("Databases to work on; by default the master and every tenant.")
TENANTS_REQUIRED = make_tenants_option(
    "Databases to work on; all means every tenant, without the master. There is no default.", required=True
)
SHARD = click.Option(
    ["--shard"],
    type=SHARD_TYPE,
    metavar="N/M",
    help="Work on the Nth of M parts of these tenants, so that M machines share them; the master is in each part.",
)
SERVER = click.Option(
    ["--server", "servers"],
    metavar="NAME=DSN",
    type=ServerOption(),
    multiple=True,
    help="Another connection string for a server of tenants.yaml, for this run only.",
)
ENGINE = click.Option(
    ["--engine"],
    type=click.Choice(["threads", "procrastinate"]),
    default="threads",
    show_default=True,
    help="Work on tenants in this process, or have workers on other hosts do it: see tenantry worker.",
)
JOBS = click.Option(
    ["--jobs"],
    type=click.IntRange(min=1),
    metavar="N",
    default=DEFAULT_JOBS,
    show_default=True,
    help="Work on N tenants at a time on each server.",
)
# Arbitrary, and longer than anybody waits: without a bound, "nan" and "inf" would be numbers too.
_LONGEST_WAIT_S = 604_800
LOCK_WAIT = click.Option(
    ["--lock-wait"],
    type=Seconds(min=0, max=_LONGEST_WAIT_S),
    default=DEFAULT_LOCK_WAIT_S,
    show_default=True,
    metavar="SECONDS",
    help="Wait up to SECONDS for another run of tenantry, for locks on tables, and for a server that is full or "
    "went away.",
)
WAIT = click.Option(
    ["--wait", "wait_s"],
    type=Seconds(min=0, max=_LONGEST_WAIT_S),
    default=0.0,
    metavar="SECONDS",
    help="Wait up to SECONDS for servers that are starting; by default not at all.",
)
SET = click.Option(
    ["--set", "set_name"],
    type=click.Choice([name.value for name in SetName]),
    default=SetName.TENANT.value,
    show_default=True,
    help="Set of migrations to work on.",
)
REASON = click.Option(["--reason"], required=True, help="Reason for the change; kept in the log forever.")
FULL = click.Option(
    ["--full"], is_flag=True, help="Read every schema in full, even one that has not changed since it was last proven."
)
NO_VERIFY = click.Option(["--no-verify"], is_flag=True, help="Skip the proof that the schema matches the files.")
DRY_RUN = click.Option(["--dry-run"], is_flag=True, help="Show the changes without making them.")

SHOW_VALUES = click.Option(
    ["--show-values"],
    is_flag=True,
    help="Show the values of rows that failed, as in Key (email)=(...), on stdout alone: reports, journal and log "
    "leave them out.",
)

REPAIR_PARAMS = (
    click.Argument(["version"], type=Version()),
    TENANTS_REQUIRED,
    SHARD,
    REASON,
    DRY_RUN,
    YES,
    JOBS,
    LOCK_WAIT,
    SERVER,
    WAIT,
)
