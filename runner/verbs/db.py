"""`db`: the embedded server."""

import os
import shutil
from pathlib import Path
from typing import Literal, get_args

import click

from tenantry.config.model import Config
from tenantry.model.errors import ConfigError, Problem, ServerError
from tenantry.model.events import LinePrinted, WarningRaised
from tenantry.model.words import nearest, one_of
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.project import embedded_server, scratch_servers
from tenantry.state import STATE_FOLDER, find_state_folder
from tenantry.verbs.completions import complete_databases
from tenantry.verbs.opening import read_request
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Start, stop, open or destroy the embedded PostgreSQL, whose data is in .tenantry next to tenants.yaml.

`prune` deletes what earlier runs kept there to save work: scratch databases, schemas, measurements and proofs.

DATABASE is the id of a tenant, master, or the name of a database. Arguments after -- go to psql.

\b
  tenantry db start
  tenantry db url 16
  tenantry db psql 16 -- -c '\\d sessions'
  tenantry db stop
  tenantry db prune
  tenantry db destroy --yes
"""

_DEFAULT_DATABASE = "postgres"
# The folders with what earlier runs kept to save work.
_KEPT = ("expected", "measured", "proven", "scratch")
_EVERYWHERE = frozenset({_DEFAULT_DATABASE, "template1"})
Action = Literal["start", "stop", "url", "psql", "prune", "destroy"]
_PARAMS = (
    click.Argument(["action"], type=click.Choice(get_args(Action))),
    click.Argument(["database"], required=False, shell_complete=complete_databases),
    click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED),
    click.Option(["--yes"], is_flag=True, help="Confirm destroy, which deletes all databases of the server."),
)


def start(
    config: Config, *, action: Action, database: str | None = None, arguments: tuple[str, ...] = (), sure: bool = False
) -> Events:
    """Start, stop, open or destroy the embedded server, or report the URL of one of its databases; or prune.

    `database` is a tenant's id or a database's own name, and `arguments` go to psql. Nothing is destroyed without
    `sure`. Raises ConfigError where no server is embedded; ServerError where it cannot be started, stopped or found.
    """
    if action == "prune":
        yield from _prune(config)
        return
    if not any(server.embedded for server in config.servers.values()):
        raise ConfigError((Problem(f'{config.path}: no server is set to "embedded", expected at least one'),))
    name = _find_database(config, database)
    match action:
        case "start":
            yield from _start_server(config)
        case "stop":
            yield from _stop(config.state)
        case "url":
            yield LinePrinted(embedded_server(config).url(name))
        case "psql":
            _open_psql(config, name, arguments, database)
        case "destroy":
            yield from _destroy(config, sure=sure)


def _stop(state: Path) -> Events:
    # A list, not a generator: any() would leave the servers after the first one running.
    stopped = [server.stop() for server in (EmbeddedServer(state), *scratch_servers(state))]
    yield LinePrinted("stopped" if any(stopped) else "was not running")


def _stop_unread(request: Request, error: ConfigError) -> Events:
    """Stop the servers of a tenants.yaml that cannot be read: where they are does not depend on what is in it."""
    folder = Path(request.options["config"]).parent
    state = find_state_folder(folder, request.environment) or folder / STATE_FOLDER
    # Without a server there is nothing to stop, and the fault is all that matters.
    if not state.is_dir():
        raise error
    yield from (WarningRaised("", problem) for problem in error.problems)
    yield from _stop(state.resolve())


def _start(request: Request) -> Events:
    options = request.options
    _refuse_words(options["action"], options["database"], options["arguments"], sure=options["yes"])
    try:
        config = read_request(request)
    except ConfigError as error:
        if options["action"] != "stop":
            raise
        return _stop_unread(request, error)
    return start(
        config,
        action=options["action"],
        database=options["database"],
        arguments=options["arguments"],
        sure=options["yes"],
    )


def _refuse_words(action: Action, database: str | None, arguments: tuple[str, ...], *, sure: bool) -> None:
    """Raise ConfigError for words that an action would ignore."""
    extra = list(arguments) if action != "psql" else []
    if database is not None and action not in ("url", "psql"):
        extra.insert(0, database)
    if extra:
        raise ConfigError((Problem(f"db {action}: unexpected {' '.join(map(repr, extra))}, expected nothing more"),))
    if sure and action != "destroy":
        raise ConfigError((Problem(f"--yes: has no effect with db {action}"),))


def _find_database(config: Config, text: str | None) -> str:
    """Return the database that a word stands for: a tenant's name, or a database's own. Raises ConfigError.

    A database that is in tenants.yaml, or that every server has, counts; where the tenants come from a query, any does.
    """
    if text is None:
        return config.tenants[0].database if config.single else _DEFAULT_DATABASE
    tenants = (*filter(None, (config.master,)), *config.tenants)
    named = {tenant.name: tenant for tenant in tenants}
    if text in named:
        tenant = named[text]
        if not tenant.server.embedded:
            message = f"db: tenant {text!r} is on server {tenant.server.name!r}, expected one of the embedded server"
            raise ConfigError((Problem(message),))
        return tenant.database
    databases = {tenant.database for tenant in tenants if tenant.server.embedded} | _EVERYWHERE
    if text not in databases and config.tenant_query is None:
        known = [*named, *sorted(databases)]
        raise ConfigError((Problem(f"db: unknown database {text!r}, expected {one_of(known)}", nearest(text, known)),))
    return text


def _start_server(config: Config) -> Events:
    server = embedded_server(config)
    started = server.start()
    yield LinePrinted(f"{'started' if started else 'already running'}: {server.url('postgres')}")


def _open_psql(config: Config, database: str, arguments: tuple[str, ...], named: str | None) -> None:
    """Become psql. Raises ServerError where the server was never made; starts it where it is stopped."""
    server = embedded_server(config)
    if not server.exists():
        is_tenant = named in {tenant.name for tenant in (*config.tenants, *filter(None, (config.master,)))}
        creates = f"tenantry migrate --tenants {named}" if is_tenant else "tenantry db start"
        raise ServerError(
            f"{config.shown_state}: the embedded server has not been created",
            hint=f'run "{creates}" to create it',
        )
    server.start()
    command = [*server.psql(database), *arguments]
    # psql replaces this process: Ctrl-C, the terminal and the exit code are psql's own.
    os.execvp(command[0], command)


def _prune(config: Config) -> Events:
    """Delete what can be computed again: nothing of a tenant."""
    # Slow to load, and of no use to the other actions.
    from tenantry.postgres.sessions import Settings
    from tenantry.scratch.places import ScratchPlace

    kept = [config.state / name for name in _KEPT]
    # Another run may be at work there: it ends first.
    with ScratchPlace(config.state / "scratch", Settings("tenantry/db")).alone(None):
        size = sum(path.stat().st_size for folder in kept for path in folder.rglob("*") if path.is_file())
        for server in scratch_servers(config.state):
            server.destroy()
        for folder in kept:
            shutil.rmtree(folder, ignore_errors=True)
    yield LinePrinted(f"deleted {size / 1e6:.0f} MB of {config.shown_state}: later runs compute it again")


def _destroy(config: Config, *, sure: bool) -> Events:
    server = embedded_server(config)
    if not server.exists():
        yield LinePrinted("nothing to destroy")
        return
    if not sure:
        raise ConfigError(
            (
                Problem(
                    f"{config.shown_state}: destroying the embedded server deletes all of its databases",
                    'run "tenantry db destroy --yes" to confirm',
                ),
            )
        )
    for each in (server, *scratch_servers(config.state)):
        each.destroy()
    yield LinePrinted("destroyed")


VERB = Verb(_HELP, _PARAMS, _start, formats=("table",), reports=False)
