"""The arguments that several verbs share, and what they mean."""

import math
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from tenantry.config.model import Config
from tenantry.config.place import find_tenants_file, seems_single
from tenantry.config.reading import read
from tenantry.config.stand_ins import stand_in
from tenantry.files.directory import Directory
from tenantry.fleet import run as fleet
from tenantry.fleet.selection import parse_selection
from tenantry.fleet.shards import EXPECTED_SHARD, Shard, parse_shard
from tenantry.fleet.turns import Engine, Job
from tenantry.fleet.workers import threads
from tenantry.model import SetName, Tenant, label
from tenantry.model.durations import EXPECTED_SPAN, parse_span
from tenantry.model.errors import ConfigError, Problem, Refused
from tenantry.model.events import Event, Verdict
from tenantry.model.rollout import EXPECTED_LIMIT, UNBOUNDED, Limit, Stage, parse_limit
from tenantry.model.tenants import SINGLE
from tenantry.planning.policy import describe_freeze, today
from tenantry.planning.rollout import make_stages
from tenantry.postgres.waiting import Patience
from tenantry.project import DEFAULT_JOBS, DEFAULT_LOCK_WAIT_S, Choice, Project, open_offline, open_project
from tenantry.verbs.completions import complete_servers, complete_tenants, complete_versions
from tenantry.verbs.notice import notify_at_end
from tenantry.verbs.production import YES, confirm_production
from tenantry.verbs.recording import Record, record_run
from tenantry.verbs.staging import Course
from tenantry.verbs.states import check_states
from tenantry.verbs.verb import Events, Request

Settle = Callable[[Event], Iterator[Event]]
_T = TypeVar("_T")
_VERSION = re.compile(r"^([0-9]+)(?:_([a-z0-9_]+))?(?:\.sql)?$")


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


def open_request(
    request: Request, *, makes_server: bool = False, writes: bool = False, lenient: bool = False
) -> Project:
    """Open the project that a request is about. Raises InputError and ServerError.

    `writes`: the run changes databases, so that those in production have to be confirmed. `lenient`: it runs no
    migration, so that one that could not run is a warning.
    """
    confirm = partial(confirm_production, sure=request.options.get("yes", False), asks=True) if writes else None
    return open_project(
        _choose(request),
        request.run_id,
        request.os_user,
        stop=request.stop,
        makes_server=makes_server,
        confirm=confirm,
        lenient=lenient,
    )


def refuse_idle(request: Request, options: Mapping[str, str], why: str) -> None:
    """Raise ConfigError for options, by name, that were given and would be ignored: `why` says in what company."""
    found = [word for name, word in options.items() if name in request.given]
    if found:
        raise ConfigError(tuple(Problem(f"{word}: has no effect {why}") for word in found))


def check_name(version: int, known: Iterable[str]) -> None:
    """Raise Refused where a version was written with a name, and it has only others: `known`, as labels."""
    written, found = getattr(version, "name", ""), list(dict.fromkeys(known))
    if written and found and label(version, written) not in found:
        raise Refused(f"there is no {label(version, written)}; version {int(version)} is {' and '.join(found)}")


def open_files(request: Request) -> Project:
    """Open the project that a request is about for work on its files alone. Raises InputError."""
    return open_offline(_choose(request), request.run_id, request.os_user, stop=request.stop)


def read_request(request: Request) -> Config:
    """Read the tenants.yaml that a request is about, for work that asks no server of it. Raises ConfigError."""
    path = Path(request.options["config"])
    return read(path, env=stand_in(path, request.environment))


def read_config(request: Request) -> Config:
    """Read the tenants.yaml that a request is about, with the servers of its options. Raises ConfigError."""
    return read(Path(request.options["config"]), env=request.environment, overrides=_list_servers(request))


def _list_servers(request: Request) -> dict[str, str]:
    names = [name for name, _dsn in request.options.get("servers", ())]
    if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ConfigError(tuple(Problem(f"--server: {name!r} is given more than once") for name in repeated))
    return dict(request.options.get("servers", ()))


def _choose(request: Request) -> Choice:
    options = request.options
    return Choice(
        config_path=Path(options["config"]),
        environment=request.environment,
        selection=replace(parse_selection(options.get("tenants")), shard=_choose_shard(options)),
        servers=_list_servers(request),
        lock_wait_s=options.get("lock_wait", DEFAULT_LOCK_WAIT_S),
        jobs=options.get("jobs", DEFAULT_JOBS),
        create=options.get("create", False),
        patience=make_patience(request),
        shows_values=options.get("show_values", False),
    )


def make_patience(request: Request) -> Patience:
    """Return how long this command waits for servers that are starting."""
    return Patience(request.options.get("wait_s", 0.0), request.tell)


def _choose_shard(options: Mapping[str, Any]) -> Shard | None:
    given = options.get("shard")
    # A journal keeps it as text.
    return parse_shard(given) if isinstance(given, str) else given


def run_job(
    project: Project,
    verb: str,
    job: Job,
    *,
    staged: bool = False,
    course: Course | None = None,
    makes_server: bool = False,
    record: Record | None = None,
    preface: Iterable[Event] = (),
    settle: Settle | None = None,
    engine: Engine = threads.carry,
) -> Events:
    """Run a job on the selected tenants, after starting the embedded server where one is meant. Raises ServerError.

    `staged`: no tenant starts unless the master got through, and who is blocked has a second turn. `course`: the way
    through the tenants, which are all of the project, is given. `makes_server`: an embedded server that was never made
    is made now. `record`: the run writes, and has a journal. `preface` is yielded before the first tenant starts.
    `settle` is called with each event before it is yielded, and keeps what the tenants' jobs have left to it.
    `engine` carries the tenants.
    """
    project.start_servers(makes=makes_server)
    stages = make_stages(project.tenants) if staged else [Stage(project.tenants)]
    run = fleet.run(
        verb,
        project.provenance.run_id,
        course.stages if course else stages,
        job,
        jobs=project.choice.jobs,
        stop=project.stop,
        preface=chain(project.preface(), preface),
        revisit=staged,
        bounds=course.bounds if course else UNBOUNDED,
        engine=engine,
    )
    events = check_states(project, _add_warnings(run, project, settle))
    if record and project.config.notify:
        events = notify_at_end(project, project.config.notify, events)
    return record_run(project, verb, record, events) if record else events


def refuse_frozen(job: Job) -> Job:
    """Return a job that refuses tenants in which nothing may change now."""

    def run(tenant: Tenant) -> Generator[Event, None, Verdict]:
        if frozen := describe_freeze(tenant, today()):
            raise Refused(frozen, hint="leave it out, or end its freeze in tenants.yaml")
        return (yield from job(tenant))

    return run


def _add_warnings(run: Events, project: Project, settle: Settle | None) -> Events:
    """Yield the events of a run, and once, whichever tenant comes upon it first, that nothing can be kept."""
    with closing(run) as events:
        for event in events:
            if settle:
                yield from settle(event)
            yield from project.cache_warnings()
            yield event


def find_version(project: Project, version: int, option: str) -> None:
    """Raise ConfigError unless some selected set has a file of this version."""
    find_file(project.directories.values(), version, option)


def find_file(directories: Iterable[Directory], version: int, option: str) -> None:
    """Raise ConfigError unless some directory has a file of this version; its name, where one is written, counts."""
    files = [file for directory in directories for file in directory.migrations]
    found = [label(file.version, file.name) for file in files if file.version == version]
    if not found:
        newest = max(files, key=lambda file: file.version)
        message = f"{option}: there is no migration {version}; the newest is {label(newest.version, newest.name)}"
        raise ConfigError((Problem(message),))
    written = label(version, getattr(version, "name", ""))
    if written not in (label(version, ""), *found):
        raise ConfigError((Problem(f"{option}: there is no {written}; version {version} is {' and '.join(found)}"),))


def without_master(project: Project, why: str = "their files differ") -> Project:
    """Return the project for tenants alone, unless the master alone is selected. `why` says what sets them apart.

    By default it is that the same number is another file in the master's set. Raises ConfigError where the master was
    asked for by name: to leave it out then would pass for having looked at it.
    """
    tenants = tuple(tenant for tenant in project.tenants if tenant.set_name is SetName.TENANT)
    if len(tenants) in (0, len(project.tenants)):
        return project
    if project.choice.selection.names_master:
        raise ConfigError((Problem(f"--tenants: master together with tenants, expected one or the other: {why}"),))
    directories = {SetName.TENANT: project.directories[SetName.TENANT]}
    return replace(project, tenants=tenants, directories=directories)
