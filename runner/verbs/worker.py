"""`worker`: work on tenants for the runs of `migrate --engine procrastinate`, on a host that reaches their servers."""

import os
import socket
import uuid
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tenantry.config.model import Config
from tenantry.fleet.descriptors import limit_jobs
from tenantry.fleet.selection import parse_selection
from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Job, Load
from tenantry.fleet.workers.rights import Part
from tenantry.ledger.log import read_log
from tenantry.model import NO_VERSION, SetName, Tenant
from tenantry.model.errors import ConfigError, FilesDiffer, Problem
from tenantry.model.events import Event, LinePrinted, MigrationApplied, RunFinished, RunStarted, Verdict
from tenantry.model.words import nearest, one_of
from tenantry.project import Choice, Project, embedded_server, open_project
from tenantry.verbs.carrying import check_control, list_digests, make_control, name_queue, read_files, require_extra
from tenantry.verbs.migrating import make_job_of
from tenantry.verbs.opening import make_patience, read_config, refuse_idle
from tenantry.verbs.options import SERVER, WAIT
from tenantry.verbs.verb import Events, Request, Verb
from tenantry.version import __version__

if TYPE_CHECKING:
    from tenantry.fleet.workers.attempt import Assignment
    from tenantry.fleet.workers.control import Control, WorkerSign
    from tenantry.fleet.workers.messages import TenantBatch

_HELP = """Work on tenants for runs of "migrate --engine procrastinate", until SIGTERM or Ctrl-C.

Start it on any host that reaches the control database and some of the servers; a run divides its tenants among all
workers that have the same files and the same version. If a worker dies, another one takes over its tenants. --set-up
creates the tables of the control database, once.

\b
  tenantry worker --set-up
  tenantry worker --servers eu1,eu2
"""

_PARAMS = (
    click.Option(
        ["--servers", "served"], metavar="NAME,NAME", help="Servers to work on; by default all of tenants.yaml."
    ),
    click.Option(["--set-up"], is_flag=True, help="Create the tables of the control database, and end."),
    SERVER,
    WAIT,
)
# Arbitrary: whoever takes the tenants of a dead worker over finds them free, or nearly.
_LOOK_MS = 2_000
# The words of a tenant's log for a file that ran to its end.
_RAN = frozenset({"applied", "repeated"})


def _start(request: Request) -> Events:
    require_extra("worker")
    config = read_config(request)
    control = make_control(config, make_patience(request), request.stop)
    if request.options["set_up"]:
        refuse_idle(request, {"served": "--servers"}, "with --set-up")
        _start_embedded(config)
        return _set_up(control, request.run_id)
    names = _choose_servers(config, request.options["served"])
    digests = read_files(config)
    _start_embedded(config)
    from tenantry.fleet.workers import procrastinate

    check_control(control, Part.WORKER, library=procrastinate.VERSION)
    return _serve(request, control, _make_sign(config, control, names, digests))


def _choose_servers(config: Config, text: str | None) -> list[str]:
    """Return the names of the servers to work on. Raises ConfigError."""
    if text is None:
        return list(config.servers)
    names = list(dict.fromkeys(part.strip() for part in text.split(",")))
    problems = tuple(
        Problem(f"--servers: unknown server {name!r}, expected {one_of(config.servers)}", nearest(name, config.servers))
        for name in names
        if name not in config.servers
    )
    if problems:
        raise ConfigError(problems)
    return names


def _start_embedded(config: Config) -> None:
    """Start the embedded server if there is one, and it was created."""
    server = embedded_server(config)
    if any(one.embedded for one in config.servers.values()) and server.exists():
        server.start()


def _make_sign(
    config: Config, control: "Control", names: Sequence[str], digests: Mapping[SetName, str]
) -> "WorkerSign":
    from tenantry.fleet.workers.control import WorkerSign

    queues = [
        name_queue(control.schema, name, set_name, digest) for name in names for set_name, digest in digests.items()
    ]
    files = ", ".join(f"{set_name} {digest[:12]}" for set_name, digest in digests.items())
    return WorkerSign(socket.gethostname(), os.getpid(), tuple(names), tuple(queues), __version__, files)


def _set_up(control: "Control", run_id: str) -> Events:
    from tenantry.fleet.workers import procrastinate

    yield RunStarted("worker", run_id, ())
    where = f"schema {control.schema} of database {control.database}"
    if control.set_up(procrastinate.read_schema(), procrastinate.VERSION):
        yield LinePrinted(f"created {where}")
    else:
        check_control(control, None, library=procrastinate.VERSION)
        yield LinePrinted(f"{where} is there already")
    yield RunFinished(0)


def _serve(request: Request, control: "Control", sign: "WorkerSign") -> Events:
    from tenantry.fleet.workers import procrastinate
    from tenantry.fleet.workers.service import Service

    def prepare(assignment: "Assignment", batch: "TenantBatch") -> Load:
        return _open_batch(request, assignment, batch)

    yield RunStarted("worker", request.run_id, ())
    yield LinePrinted(f"worker {sign.name} serves {', '.join(sign.servers)} with the files {sign.files}")
    service = Service(control, str(uuid.uuid4()), sign, prepare, request.stop)
    for line in service.run(procrastinate.work):
        yield LinePrinted(line)
    yield LinePrinted(f"worker {sign.name} ends: {request.stop.reason}")
    yield RunFinished(0)


def _open_batch(request: Request, assignment: "Assignment", batch: "TenantBatch") -> Load:
    """Open the project of this host for a batch. Raises RunError: FilesDiffer if its files are not those of the run."""
    from tenantry.fleet.brake import make_brake

    about, stop = assignment.request, Stop()
    choice = Choice(
        config_path=Path(request.options["config"]),
        environment=request.environment,
        selection=parse_selection(",".join(name for name, _ in batch.tenants)),
        servers=dict(request.options["servers"]),
        lock_wait_s=about["lock_wait_s"],
        jobs=batch.jobs,
        create=about["create"],
        share=batch.share,
        look_ms=_LOOK_MS,
    )
    # Whoever started the run has confirmed that it may write to production.
    project = open_project(choice, assignment.run, about["os_user"], stop=stop)
    _check_files(project, assignment)
    _check_databases(project, batch)
    project.start_servers(makes=True)
    job = make_job_of(project, about["options"])
    brake = make_brake(batch.budget, project.tenants)
    jobs, _ = limit_jobs(batch.jobs, 1)
    return Load(project.tenants, _tell_before(project, job) if batch.again else job, jobs, stop, brake)


def _check_files(project: Project, assignment: "Assignment") -> None:
    for set_name, digest in list_digests(project).items():
        if assignment.request["files"].get(set_name.value) != digest:
            message = f"the files of set {set_name} are not those of run {assignment.run[:8]}, nor those of the start"
            hint = "start the worker again, with the files of the run"
            raise FilesDiffer((Problem(message, hint),))


def _check_databases(project: Project, batch: "TenantBatch") -> None:
    """Raise ConfigError unless the tenants are in this project where they are in the run's."""
    found = {tenant.name: tenant.database for tenant in project.tenants}
    problems = tuple(
        Problem(f"tenant {name}: in database {found.get(name)!r} here, in {database!r} by the run, expected the same")
        for name, database in batch.tenants
        if found.get(name) != database
    )
    if problems:
        raise ConfigError(problems)


def _tell_before(project: Project, job: Job) -> Job:
    """Return a job that first tells the files that the run has applied already: by a worker that died after it."""

    def run(tenant: Tenant) -> Generator[Event, None, Verdict]:
        files = {
            (file.version, file.checksum): file
            for file in (*project.files(tenant), *(project.repeatables(tenant) or ()))
        }
        with project.reading(tenant) as ledger:
            entries = read_log(ledger) if ledger else ()
        for entry in entries:
            key = (NO_VERSION if entry.version is None else entry.version, entry.checksum)
            if entry.run_id == project.provenance.run_id and entry.event in _RAN and key in files:
                yield MigrationApplied(tenant.name, files[key], 0)
        return (yield from job(tenant))

    return run


VERB = Verb(_HELP, _PARAMS, _start)
