"""The arguments that several verbs share, and what they mean."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from runner import fleet
from runner.errors import ConfigError, Problem
from runner.fleet import Job
from runner.model import Migration, Tenant, label
from runner.project import Choice, Project, open_project
from runner.repair import Case, Repair, make_repair_job
from runner.verbs import Events, Request

_VERSION = re.compile(r"^([0-9]+)(?:_[a-z0-9_]+)?(?:\.sql)?$")


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
        return int(match[1])


class ServerOption(click.ParamType[tuple[str, str]]):
    """NAME=DSN: another connection string for a server, for one run."""

    name = "name=dsn"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return name and connection string; the message shows neither, since it may hold a password."""
        if isinstance(value, tuple):
            return value
        name, sign, dsn = str(value).partition("=")
        if not sign or not name or not dsn:
            self.fail("expected NAME=DSN, such as main=host=db.example.org", param, ctx)
        return name, dsn


def _complete_tenants(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the ids of tenants.yaml after the last comma, for completion in a shell."""
    import os

    from runner.config import read
    from runner.errors import RunnerError

    given, comma, last = incomplete.rpartition(",")
    path = ctx.params.get("config") or ctx.find_root().params.get("config") or "tenants.yaml"
    try:
        config = read(Path(path), env=os.environ)
    except RunnerError:
        return []
    names = [tenant.name for tenant in (*filter(None, (config.master,)), *config.tenants)]
    if not given:
        names.insert(0, "all")
    return [f"{given}{comma}{name}" for name in names if name.startswith(last) and name not in given.split(",")]


TENANTS = click.Option(
    ["--tenants"],
    metavar="1,16|all|master",
    shell_complete=_complete_tenants,
    help="Which databases; by default the master and every tenant.",
)
TENANTS_REQUIRED = click.Option(
    ["--tenants"],
    metavar="1,16|all|master",
    required=True,
    shell_complete=_complete_tenants,
    help="Which databases; there is no default.",
)
SERVER = click.Option(
    ["--server", "servers"],
    metavar="NAME=DSN",
    type=ServerOption(),
    multiple=True,
    help="Another connection string for a server of tenants.yaml, for this run.",
)
JOBS = click.Option(
    ["--jobs"],
    type=click.IntRange(min=1),
    metavar="N",
    default=8,
    show_default=True,
    help="How many tenants at once on each server.",
)
LOCK_WAIT = click.Option(
    ["--lock-wait"],
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another runner on the same tenant.",
)
REASON = click.Option(["--reason"], required=True, help="Why; it is kept in the log for ever.")
DRY_RUN = click.Option(["--dry-run"], is_flag=True, help="Show what would be done, and do nothing.")

REPAIR_PARAMS = (
    click.Argument(["version"], type=Version()),
    TENANTS_REQUIRED,
    REASON,
    DRY_RUN,
    JOBS,
    LOCK_WAIT,
    SERVER,
)


def open_request(request: Request, *, makes_server: bool = False) -> Project:
    """Open the project that a request is about. Raises InputError and ServerError."""
    options = request.options
    choice = Choice(
        config_path=Path(options["config"]),
        environment=request.environment,
        tenants=options.get("tenants"),
        servers=dict(options.get("servers", ())),
        lock_wait_s=options.get("lock_wait", 30.0),
        create=options.get("create", False),
    )
    project = open_project(choice, request.run_id, request.os_user, makes_server=makes_server)
    request.stop.on_cancel(project.sessions.cancel)
    return project


def run_job(request: Request, project: Project, job: Job, *, staged: bool = False) -> Events:
    """Run a job on the selected tenants; `staged`: no tenant starts unless the master got through."""
    stages = project.stages() if staged else [list(project.tenants)]
    jobs = request.options.get("jobs", 8)
    return fleet.run(
        request.verb, request.run_id, stages, job, jobs=jobs, stop=request.stop, preface=project.warnings()
    )


def find_version(project: Project, version: int, option: str) -> None:
    """Raise ConfigError unless some selected set has a file of this version."""
    files = {file.version: file for directory in project.directories.values() for file in directory.migrations}
    if version in files:
        return
    newest = files[max(files)]
    message = f"{option}: there is no migration {version}, the newest one is {label(newest.version, newest.name)}"
    raise ConfigError((Problem(message),))


def file_of(project: Project, tenant: Tenant, version: int) -> Migration | None:
    """Return the tenant's file of this version, None where there is none."""
    return next((file for file in project.files(tenant) if file.version == version), None)


def run_repair(request: Request, decide: Callable[[Case, str], Repair], *, needs_file: bool = True) -> Events:
    """Run a change of the ledger by hand, decided for each tenant from its case and the reason given."""
    version, reason = request.options["version"], request.options["reason"].strip()
    if not reason:
        raise ConfigError((Problem("--reason: empty, expected why the ledger is changed by hand"),))
    project = open_request(request)
    if needs_file:
        find_version(project, version, "VERSION")
    dry_run = request.options["dry_run"]
    return run_job(request, project, make_repair_job(project, version, lambda c: decide(c, reason), dry_run=dry_run))
