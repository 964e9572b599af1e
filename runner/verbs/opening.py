"""The project or the configuration that a request is about, opened with the options that it was given."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tenantry.config.model import Config
from tenantry.config.reading import read
from tenantry.fleet.selection import parse_selection
from tenantry.fleet.shards import Shard, parse_shard
from tenantry.model import SetName
from tenantry.model.errors import ConfigError, Problem
from tenantry.postgres.waiting import Patience
from tenantry.project import DEFAULT_JOBS, DEFAULT_LOCK_WAIT_S, Choice, Project, open_offline, open_project
from tenantry.verbs.production import confirm_production
from tenantry.verbs.verb import Request


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


def open_files(request: Request) -> Project:
    """Open the project that a request is about for work on its files alone. Raises InputError."""
    return open_offline(_choose(request), request.run_id, request.os_user, stop=request.stop)


def read_request(request: Request) -> Config:
    """Read the tenants.yaml that a request is about, and nothing else. Raises ConfigError."""
    return read(Path(request.options["config"]), env=request.environment)


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


def refuse_idle(request: Request, options: Mapping[str, str], why: str) -> None:
    """Raise ConfigError for options, by name, that were given and would be ignored: `why` says in what company."""
    found = [word for name, word in options.items() if name in request.given]
    if found:
        raise ConfigError(tuple(Problem(f"{word}: has no effect {why}") for word in found))


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
