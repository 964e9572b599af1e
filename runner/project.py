"""A project opened for one run: tenants.yaml, the tenants that were selected, their files, the way to their servers.

All input is read and checked before the first connection is made, and before the embedded server is started.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tenantry.config.model import Config
from tenantry.config.reading import read
from tenantry.config.rows import tenants_from_rows
from tenantry.files.checks import Check, read_checks
from tenantry.files.directory import Directory
from tenantry.files.repeatables import read_directory
from tenantry.files.texts import FOLDER, Texts
from tenantry.fleet.journal.form import list_files
from tenantry.fleet.journal.reading import find_runs
from tenantry.fleet.matching import Sources
from tenantry.fleet.missing import explain_missing
from tenantry.fleet.roster import query_tenants
from tenantry.fleet.selection import EVERYTHING, Selection, select
from tenantry.fleet.states import read_state
from tenantry.fleet.stop import Stop
from tenantry.ledger.guard import Guard
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.provenance import Provenance
from tenantry.model import Migration, Server, SetName, Tenant
from tenantry.model.errors import ConfigError, MigrationFileError, Problem, ServerError, Unreachable
from tenantry.model.events import DatabaseCreated, DatabaseOpened, ProjectDescribed, TenantsSelected, WarningRaised
from tenantry.model.migrations import FileMark
from tenantry.model.rollout import NO_ROLLOUT
from tenantry.model.tenants import DatabaseFacts
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.passwords import PasswordCommand
from tenantry.postgres.sessions import Connection, Sessions, Settings
from tenantry.postgres.waiting import NO_PATIENCE, Patience
from tenantry.state import Cache, find_cache_folder

_OWN_FOLDER = "a folder that only you write to"
_CORRECT = "correct its owner and mode"

# Arbitrary: as many names as fit on a line.
_FIRST = 8

DEFAULT_JOBS = 8
DEFAULT_LOCK_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to work, and how; `servers` wins over tenants.yaml, `jobs` is how many tenants at once on each server.

    `share` is how many processes divide the connections of a server among them, and `look_ms` as in `Settings`.
    """

    config_path: Path
    environment: Mapping[str, str]
    selection: Selection = EVERYTHING
    servers: Mapping[str, str] | None = None
    lock_wait_s: float = DEFAULT_LOCK_WAIT_S
    jobs: int = DEFAULT_JOBS
    create: bool = False
    share: int = 1
    look_ms: int = 0
    patience: Patience = NO_PATIENCE
    shows_values: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """What the verbs work on. `tenants` are the selected ones, master first, `known` all that are no master.

    `directories` are those that the selected ones need.
    """

    config: Config
    choice: Choice
    tenants: tuple[Tenant, ...]
    known: tuple[Tenant, ...]
    directories: Mapping[SetName, Directory]
    sessions: Sessions
    provenance: Provenance
    checks: Mapping[SetName, tuple[Check, ...]]
    stop: Stop
    texts: Texts = field(repr=False)
    cache: Cache = field(default_factory=Cache, repr=False)

    def begin(self, run_id: str) -> "Project":
        """Return this project for another run, with connections, marks and a stop that are that run's alone.

        The files are those that were read before.
        """
        provenance = replace(self.provenance, run_id=run_id)
        sessions, stop = _make_sessions(self.config, self.choice, self.tenants, provenance), Stop()
        stop.covers(sessions)
        texts = _make_texts(self.config, self.choice)
        return replace(
            self, provenance=provenance, sessions=sessions, stop=stop, texts=texts, cache=Cache(self.choice.environment)
        )

    def start_servers(self, *, makes: bool = False) -> None:
        """Start the embedded server if a selected tenant is on it. Raises ServerError.

        `makes`: one that was never made is made now.
        """
        _start_servers(self.config, self.choice, (tenant.server for tenant in self.tenants), makes=makes)

    @property
    def cache_folder(self) -> Path:
        """Return the folder of what is kept between runs, each kind in a folder of its own in it."""
        return find_cache_folder(self.config.state, self.choice.environment)

    def files(self, tenant: Tenant) -> tuple[Migration, ...]:
        """Return the migrations of the tenant's set, in order."""
        return self.directories[tenant.set_name].migrations

    def repeatables(self, tenant: Tenant) -> tuple[Migration, ...] | None:
        """Return the repeatables of the tenant's set, in order; None where the set has no folder of them."""
        return self.directories[tenant.set_name].repeatables

    def marks(self) -> tuple[FileMark, ...]:
        """Return the marks of all files that were read, repeatables last in each set."""
        return tuple(
            mark for name, directory in self.directories.items() for mark in list_files(name.value, directory.files)
        )

    def preface(self) -> Iterator[ProjectDescribed | TenantsSelected | WarningRaised]:
        """Yield what is worth saying before a run: who is selected, unless typed, warnings, and the databases."""
        if self.choice.selection.computed:
            names = tuple(tenant.name for tenant in self.tenants)
            yield TenantsSelected(self.choice.selection.words, len(names), names[:_FIRST])
        yield from self.warnings()
        yield ProjectDescribed(tuple(map(_describe, self.tenants)), self.marks())

    def warnings(self) -> Iterator[WarningRaised]:
        """Yield what is worth saying about the input."""
        problems = [*self.config.warnings, *(w for directory in self.directories.values() for w in directory.warnings)]
        for problem in problems:
            yield WarningRaised("", problem)

    def cache_warnings(self) -> Iterator[WarningRaised]:
        """Yield a warning for each folder in which nothing can be kept for later runs, and none of them again."""
        for folder, failure in self.cache.take_failures():
            message = f"{folder}: {failure}, expected {_OWN_FOLDER}: the next run starts from nothing"
            yield WarningRaised("", Problem(message, f"{_CORRECT}, or set TENANTRY_CACHE to another one"))
        for folder, failure in self.texts.cache.take_failures():
            message = f"{folder}: {failure}, expected {_OWN_FOLDER}: the texts that were applied are not kept here"
            yield WarningRaised("", Problem(message, f"{_CORRECT}, or commit each file to git as it ran"))

    def ledger(self, tenant: Tenant, connection: Connection, *, glances: bool = False, witness: str = "") -> Ledger:
        """Return the tenant's ledger on a connection; `glances` and `witness`: see `Guard`."""
        superuser = connection.info.parameter_status("is_superuser") == "on"
        guard = Guard(self.config.ledger_owner, glances=glances, pins=superuser, witness=witness)
        return Ledger(connection, self.config.ledger_schema, tenant, self.provenance, guard)

    def creates(self, tenant: Tenant) -> bool:
        """Return whether a database that does not exist is to be created: on a real server only where asked for."""
        return tenant.server.embedded or self.choice.create

    @contextmanager
    def reading(self, tenant: Tenant, *, glances: bool = False) -> Iterator[Ledger | None]:
        """Open the tenant's database to read; None where it does not exist yet and `migrate` would create it.

        `glances`: see `Guard`. Raises Unreachable.
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self.sessions.connect(tenant))
            except Unreachable as error:
                # False alone is a database that is missing: None is a server that does not say.
                if not self.creates(tenant) or self.sessions.exists(tenant) is not False:
                    raise explain_missing(self.sessions, tenant, error) from None
                yield None
            else:
                yield self.ledger(tenant, connection, glances=glances)

    def open_or_create(
        self, tenant: Tenant, stack: ExitStack
    ) -> Generator[DatabaseCreated | DatabaseOpened, None, Connection]:
        """Open the tenant's database, creating it where that is allowed; `stack` closes it. Raises Unreachable."""
        try:
            connection = stack.enter_context(self.sessions.connect(tenant))
        except Unreachable as error:
            if not self.creates(tenant):
                raise explain_missing(self.sessions, tenant, error) from None
            if self.sessions.create_database(tenant):
                yield DatabaseCreated(tenant.name, tenant.database)
            # Also where it is there by now: another runner may have created it meanwhile.
            connection = stack.enter_context(self.sessions.connect(tenant))
        version = connection.info.server_version
        yield DatabaseOpened(tenant.name, tenant.server.name, tenant.database, version, self.sessions.look(tenant))
        return connection


def _describe(tenant: Tenant) -> DatabaseFacts:
    labels = dict(tenant.labels)
    return DatabaseFacts(tenant.name, tenant.set_name.value, tenant.server.name, tenant.database, tenant.title, labels)


def open_project(
    choice: Choice,
    run_id: str,
    os_user: str,
    *,
    stop: Stop | None = None,
    makes_server: bool = False,
    confirm: Callable[[Iterable[Server]], None] | None = None,
    lenient: bool = False,
) -> Project:
    """Read and check everything, and select the tenants. No server is asked unless tenants come from a query.

    `lenient`: a migration that could not run is a warning, for verbs that run none.
    `makes_server`: an embedded server that was never made is made for that query. `confirm` is called with the servers
    that the run may write to, before one is asked; it may raise InputError. Raises InputError and ServerError.
    """
    stop = stop or Stop()
    config = read(choice.config_path, env=choice.environment, overrides=choice.servers or {})
    listed = config.tenant_query is None or choice.selection.master_alone
    known = config.tenants
    sources = Sources(find_state=partial(read_state, find_runs(config)))
    tenants = select(known, config.master, choice.selection, sources) if listed else ()
    sets = {tenant.set_name for tenant in tenants} if listed else set(SetName)
    directories = _read_directories(config, sets, lenient=lenient)
    checks = _read_checks(config, directories)
    provenance = Provenance(
        run_id,
        os_user,
        config.root.resolve(),
        keeps_values=config.keeps_values,
        shows_values=config.keeps_values or choice.shows_values,
    )
    sessions = _make_sessions(config, choice, tenants, provenance)
    # Before the query for tenants, so that a second Ctrl-C cancels that one as well.
    stop.covers(sessions)
    if confirm:
        # The query may name a tenant of any server, and before it is run, nobody knows which.
        confirm([tenant.server for tenant in tenants] if listed else config.servers.values())
    outside = [server.name for server in _list_used(config, tenants) if not server.embedded]
    choice.patience.await_servers(sessions, outside, lambda: stop.reason)
    # Last, since it asks a server: all other input has been read and checked by now.
    if not listed:
        _start_servers(config, choice, config.servers.values(), makes=makes_server)
        known = tuple(tenants_from_rows(config, query_tenants(config, sessions)))
        tenants = select(known, config.master, choice.selection, sources)
    _check_pins(config, known, directories)
    texts, cache = _make_texts(config, choice), Cache(choice.environment)
    return Project(config, choice, tenants, known, directories, sessions, provenance, checks, stop, texts, cache)


def open_offline(choice: Choice, run_id: str, os_user: str, *, stop: Stop | None = None) -> Project:
    """Open a project for work on its files alone: no tenant is selected, and no server is asked. Raises InputError."""
    config = read(choice.config_path, env=choice.environment)
    provenance = Provenance(run_id, os_user, config.root.resolve(), keeps_values=config.keeps_values)
    sessions = Sessions({}, _make_settings(config, choice, provenance))
    texts, cache = _make_texts(config, choice), Cache(choice.environment)
    return Project(config, choice, (), config.tenants, {}, sessions, provenance, {}, stop or Stop(), texts, cache)


def open_database(choice: Choice, run_id: str, os_user: str, tenant: Tenant, state: Path) -> Project:
    """Open a project for a database of no tenant of its own, which gets the migrations of a set all the same.

    Neither the servers nor the rollout of tenants.yaml apply to it, and its runs are kept in the folder `state`. Raises
    InputError.
    """
    read_config = read(choice.config_path, env=choice.environment, overrides=choice.servers or {})
    config = replace(
        read_config, master=None, tenants=(tenant,), tenant_query=None, rollout=NO_ROLLOUT, state_folder=state
    )
    directories = _read_directories(read_config, {tenant.set_name}, lenient=False)
    checks = _read_checks(read_config, directories)
    provenance = Provenance(run_id, os_user, config.root.resolve())
    sessions, stop = _make_sessions(config, choice, (tenant,), provenance), Stop()
    stop.covers(sessions)
    texts, cache = _make_texts(config, choice), Cache(choice.environment)
    chosen = (tenant,)
    return Project(config, choice, chosen, chosen, directories, sessions, provenance, checks, stop, texts, cache)


def embedded_server(config: Config) -> EmbeddedServer:
    """Return the embedded server that belongs to tenants.yaml, running or not."""
    return EmbeddedServer(config.state)


def scratch_servers(state: Path) -> list[EmbeddedServer]:
    """Return the servers that files were replayed on, one for each major; a killed run may have left one running."""
    folder = state / "scratch"
    return [EmbeddedServer(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def _read_directories(config: Config, sets: set[SetName], *, lenient: bool = False) -> dict[SetName, Directory]:
    folders = {SetName.MASTER: config.master_migrations, SetName.TENANT: config.tenant_migrations}
    directories: dict[SetName, Directory] = {}
    problems: list[Problem] = []
    for name, folder in folders.items():
        if folder is None or name not in sets:
            continue
        try:
            directories[name] = read_directory(folder, str(folder), lenient=lenient)
        except MigrationFileError as error:
            problems += error.problems
    if problems:
        raise MigrationFileError(tuple(problems))
    return directories


def _check_pins(config: Config, known: Iterable[Tenant], directories: Mapping[SetName, Directory]) -> None:
    """Raise ConfigError for a tenant that is pinned to a version which no file has."""
    if SetName.TENANT not in directories:
        return
    versions = {file.version for file in directories[SetName.TENANT].migrations}
    problems = tuple(
        Problem(
            f"{config.pins_at.get(tenant.name, config.rules.query_at)}: tenant {tenant.name!r}: pin: there is no"
            f" migration {tenant.pin}, expected one up to {max(versions, default=0)}"
        )
        for tenant in known
        if tenant.pin is not None and tenant.pin not in versions
    )
    if problems:
        raise ConfigError(problems)


def _read_checks(config: Config, directories: Mapping[SetName, Directory]) -> dict[SetName, tuple[Check, ...]]:
    folders = {SetName.MASTER: config.master_migrations, SetName.TENANT: config.tenant_migrations}
    return {
        name: read_checks(folder, str(folder), directories[name].migrations)
        for name, folder in folders.items()
        if folder and name in directories
    }


def _make_texts(config: Config, choice: Choice) -> Texts:
    folders = (config.master_migrations, config.tenant_migrations)
    # Those of earlier runs may be in the state folder, and that may be read-only.
    homes = dict.fromkeys((find_cache_folder(config.state, choice.environment), config.state))
    return Texts([home / FOLDER for home in homes], [folder for folder in folders if folder])


def _list_used(config: Config, tenants: Iterable[Tenant]) -> list[Server]:
    """Return the servers of the tenants; all of them where none is selected yet."""
    return list({tenant.server.name: tenant.server for tenant in tenants}.values()) or list(config.servers.values())


def _make_sessions(config: Config, choice: Choice, tenants: tuple[Tenant, ...], provenance: Provenance) -> Sessions:
    # With tenants from a query, the query itself needs the way to the master's server.
    used = {server.name: server for server in _list_used(config, tenants)}
    if config.master and (config.shares_proofs or any(rule.gate for rule in config.rollout.stages)):
        # Whether or not the master is selected.
        used.setdefault(config.master.server.name, config.master.server)
    # Where the embedded server will be reached is known before it runs.
    embedded = embedded_server(config)
    dsns = {name: embedded.dsn() if server.dsn is None else server.dsn for name, server in used.items()}
    directs = {name: server.direct for name, server in used.items() if server.direct is not None}
    variables = {name: server.password_from for name, server in used.items()}
    commands = {
        name: PasswordCommand(
            name, server.password_command, server.password_ttl_ms / 1000 if server.password_ttl_ms else None
        )
        for name, server in used.items()
        if server.password_command
    }
    caps = {name: server.connections for name, server in used.items()}
    settings = _make_settings(config, choice, provenance)
    return Sessions(dsns, settings, directs, variables, commands, caps=caps, share=choice.share)


def _make_settings(config: Config, choice: Choice, provenance: Provenance) -> Settings:
    lock_wait_ms = int(choice.lock_wait_s * 1000)
    name, reading, look_ms = provenance.application_name, config.reading, choice.look_ms
    return Settings(name, lock_wait_ms=lock_wait_ms, reading=reading, look_ms=look_ms)


def _start_servers(config: Config, choice: Choice, servers: Iterable[Server], *, makes: bool) -> None:
    if not any(server.embedded for server in servers):
        return
    server = embedded_server(config)
    if not makes and not server.exists():
        raise ServerError(
            f"{config.shown_state}: the embedded server has not been created",
            # Never more than was asked for: without --tenants, this command would work on every tenant.
            hint=f'run "tenantry migrate --tenants {choice.selection.typed}" to create it and its databases',
        )
    server.start()
