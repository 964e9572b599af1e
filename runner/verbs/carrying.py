"""`--engine procrastinate`: the control database of a project, and what a run and its workers must have in common."""

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tenantry.config.model import Config
from tenantry.files.checks import Check, read_checks
from tenantry.files.directory import Directory
from tenantry.files.repeatables import read_directory
from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Engine
from tenantry.fleet.workers import threads
from tenantry.fleet.workers.rights import Part
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import ConfigError, Problem, TenantError
from tenantry.model.events import Event, WarningRaised
from tenantry.postgres.passwords import PasswordCommand
from tenantry.postgres.sessions import Sessions, Settings
from tenantry.postgres.waiting import Patience
from tenantry.project import Project, embedded_server
from tenantry.verbs.verb import Events
from tenantry.version import __version__

if TYPE_CHECKING:
    from tenantry.fleet.workers.control import Control
    from tenantry.fleet.workers.coordinator import Coordinator

THREADS, PROCRASTINATE = ENGINES = "threads", "procrastinate"

_OWN = "workers"
_SET_UP = 'run "tenantry worker --set-up"'


class Carrier:
    """The engine of a run, by name. `options` are those that a worker needs to make the job of a tenant."""

    def __init__(self, project: Project, name: str, options: Mapping[str, Any], carried: Sequence[str] = ()) -> None:
        """Look whether there can be workers. Raises ConfigError and Unreachable; nothing was touched then.

        `carried` are the runs that this one resumes, as far as workers may still be at work on them: they must not.
        """
        self._project = project
        self._carried = carried
        self._coordinator = _make_coordinator(project, options) if name == PROCRASTINATE else None

    @property
    def engine(self) -> Engine:
        """Return what carries the tenants of a stage."""
        return self._coordinator.carry if self._coordinator else threads.carry

    def preface(self) -> Iterator[Event]:
        """Yield the events of what comes before the first tenant: the workers of the runs before are told to stop."""
        if not self._carried:
            return
        from tenantry.fleet.workers.closing import end_runs

        try:
            control = self._coordinator.control if self._coordinator else _find_control(self._project)
        except (ConfigError, TenantError) as error:
            # By threads, the run needs no control database: what keeps two runners apart is the tenants' own locks.
            message = f"the workers of the run being resumed could not be told to stop: {error}"
            yield WarningRaised("", Problem(message, "end them, so that this run need not wait for their locks"))
        else:
            if control:
                yield from end_runs(control, self._carried, self._project.stop, self._project.choice.lock_wait_s)

    def watch(self, events: Events) -> Events:
        """Yield the events of the run, whose end is the end of its workers' work."""
        return self._coordinator.watch(events) if self._coordinator else events


def require_extra(subject: str) -> None:
    """Raise ConfigError if the library whose queue carries batches is not installed."""
    if importlib.util.find_spec("procrastinate") is None:
        message = f"{subject}: the package procrastinate is not installed, expected the extra `workers`"
        raise ConfigError((Problem(message, "install it with `pip install 'tenantry[workers]'`"),))


def make_control(config: Config, patience: Patience, stop: Stop) -> "Control":
    """Return the control database of a project, whose server may be starting. Raises ConfigError."""
    from tenantry.fleet.workers.control import Control

    place = config.control
    if place is None:
        message = f"{config.path}: no workers, expected the key: it says where runs and workers meet"
        line = "`workers: {}` to have it in the master's database" if config.master else "`workers: {database: DSN}`"
        raise ConfigError((Problem(message, f"add the line {line}"),))
    settings = Settings(f"tenantry/{__version__} workers")
    if place.dsn:
        sessions = Sessions({_OWN: place.dsn}, settings, written={_OWN: "workers.database in tenants.yaml"})
        patience.await_servers(sessions, [_OWN], lambda: stop.reason)
        return Control(sessions, _OWN, sessions.maintenance(_OWN), place.schema)
    master = config.master
    assert master is not None, "tenants.yaml is refused without one"
    name = master.server.name
    sessions = Sessions({name: _find_dsn(config, master.server)}, settings, commands=_list_commands(master.server))
    if not master.server.embedded:
        patience.await_servers(sessions, [name], lambda: stop.reason)
    return Control(sessions, name, master.database, place.schema)


def _find_dsn(config: Config, server: Server) -> str:
    """Return the way past the server's pooler: a lease needs a session, which a pooler would give to others."""
    return server.direct or server.dsn or embedded_server(config).dsn()


def _list_commands(server: Server) -> dict[str, PasswordCommand]:
    if not server.password_command:
        return {}
    ttl_s = server.password_ttl_ms / 1000 if server.password_ttl_ms else None
    return {server.name: PasswordCommand(server.name, server.password_command, ttl_s)}


def check_control(control: "Control", part: Part | None, *, library: str) -> None:
    """Raise ConfigError unless the control database has the tables of this version, and the role its rights for a part.

    Raises Unreachable if it is away.
    """
    from tenantry.fleet.workers.control import LAYOUT

    _check_rights(control, part)
    found = control.check()
    if found is None:
        where = f"workers: schema {control.schema!r} of database {control.database!r}"
        raise ConfigError((Problem(f"{where}: not found, expected the tables of workers", _SET_UP),))
    layout, queue = found
    if layout != LAYOUT or queue.split(".")[0] != library.split(".", maxsplit=1)[0]:
        raise ConfigError((_describe_layout(control, found, f"{LAYOUT} and {library}"),))


def read_files(config: Config) -> dict[SetName, str]:
    """Return the digest of the files of each set. Raises MigrationFileError."""
    folders = {SetName.MASTER: config.master_migrations, SetName.TENANT: config.tenant_migrations}
    digests = {}
    for name, folder in folders.items():
        if folder is not None:
            directory = read_directory(folder, str(folder), apart=config.folders)
            digests[name] = digest_files(directory, read_checks(folder, str(folder), directory.migrations))
    return digests


def list_digests(project: Project) -> dict[SetName, str]:
    """Return the digests of the files that a project has read."""
    return {name: digest_files(files, project.checks.get(name, ())) for name, files in project.directories.items()}


def digest_files(directory: Directory, checks: Iterable[Check]) -> str:
    """Return a digest of the files of a set: two hosts with the same one apply and prove the same."""
    parts = [[file.version, file.name, file.checksum] for file in directory.files] + [[check.text] for check in checks]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def name_queue(schema: str, server: str, set_name: SetName, digest: str) -> str:
    """Return the queue of a server's tenants: only workers with the same files and the same version listen to it.

    The library's bells are those of the whole database, and take 40 characters: the name is unlike anybody's.
    """
    text = json.dumps([schema, server, set_name.value, digest, __version__])
    return f"tenantry:{hashlib.sha256(text.encode()).hexdigest()[:30]}"


def _find_control(project: Project) -> "Control | None":
    """Return the control database, None where no run can have workers. Raises ConfigError and Unreachable."""
    from tenantry.fleet.workers.control import LAYOUT

    control = make_control(project.config, project.choice.patience, project.stop)
    _check_rights(control, Part.RUN)
    found = control.check()
    if found and found[0] != LAYOUT:
        raise ConfigError((_describe_layout(control, found, f"{LAYOUT}"),))
    return control if found else None


def _describe_layout(control: "Control", found: tuple[int, str], expected: str) -> Problem:
    layout, queue = found
    where = f"workers: schema {control.schema!r} of database {control.database!r}"
    message = f"{where}: of layout {layout} and procrastinate {queue}, expected {expected}"
    return Problem(message, f"drop the schema while no run and no worker is active, then {_SET_UP}")


def _check_rights(control: "Control", part: Part | None) -> None:
    if missing := control.list_missing(part):
        whose = f"that {part.value} needs" if part else "that are needed to find its tables"
        message = f"workers: the role for schema {control.schema!r} lacks rights {whose}: {', '.join(missing)}"
        hint = "connect as a role that has them, or have the owner of the schema grant them"
        raise ConfigError((Problem(message, hint),))


def _make_coordinator(project: Project, options: Mapping[str, Any]) -> "Coordinator":
    require_extra(f"--engine {PROCRASTINATE}")
    if project.choice.servers:
        words = ", ".join(f"--server {name}=..." for name in project.choice.servers)
        message = f"{words}: has no effect with --engine {PROCRASTINATE}: workers have connection strings of their own"
        raise ConfigError((Problem(message, "give it to the workers"),))
    if project.choice.shows_values:
        message = f"--show-values: has no effect with --engine {PROCRASTINATE}: workers send no values of rows"
        raise ConfigError((Problem(message),))
    control = make_control(project.config, project.choice.patience, project.stop)
    _start_embedded(project)
    from tenantry.fleet.workers import procrastinate
    from tenantry.fleet.workers.coordinator import Coordinator

    check_control(control, Part.RUN, library=procrastinate.VERSION)
    digests = list_digests(project)

    def name(tenant: Tenant) -> str:
        return name_queue(control.schema, tenant.server.name, tenant.set_name, digests[tenant.set_name])

    request = {
        "options": dict(options),
        "lock_wait_s": project.choice.lock_wait_s,
        "create": project.choice.create,
        "os_user": project.provenance.os_user,
        "files": {set_name.value: digest for set_name, digest in digests.items()},
    }
    return Coordinator(control, project.provenance.run_id, request, name, procrastinate.defer)


def _start_embedded(project: Project) -> None:
    """Start the embedded server if the control database is on it."""
    server = embedded_server(project.config)
    master = project.config.master
    if project.config.control and not project.config.control.dsn and master and master.server.embedded:
        if not server.exists():
            message = f"{project.config.shown_state}: the embedded server of the master has not been created"
            raise ConfigError((Problem(message, 'run "tenantry migrate --tenants master" to create it'),))
        server.start()
