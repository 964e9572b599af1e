"""`init`: a project of one's own: tenants.yaml, folders, a first migration and a check. Nothing is overwritten."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from tenantry.config.dsn import EMBEDDED, ServerConnection, connect
from tenantry.config.model import Mistake
from tenantry.config.starter import (
    PASSWORD,
    adopt_fleet,
    adopt_single,
    make_fleet,
    make_single,
    name_databases,
    write_dsn,
)
from tenantry.model.errors import ConfigError, Problem, RunError, ServerError, Unreachable
from tenantry.model.events import CommandsAdvised, Event, LinePrinted, RepairMade
from tenantry.model.outcome import Outcome
from tenantry.model.records import LEDGER_TABLE
from tenantry.model.scope import Scope
from tenantry.postgres.embedded.programs import find_binaries
from tenantry.postgres.sessions import Sessions, Settings, find_major
from tenantry.project import Choice, open_offline, open_project
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.replay import open_replay
from tenantry.verbs import adopt
from tenantry.verbs.draft import write_drafts
from tenantry.verbs.opening import make_patience, refuse_idle
from tenantry.verbs.options import WAIT
from tenantry.verbs.scaffold import delete, writing
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Create a project in DIR, by default the current folder: tenants.yaml, folders, a first migration and a check.

Nothing is asked, and nothing is overwritten. --single is for one database without a fleet. --from writes the first
migration from the schema of a database that exists, and records it there as applied: the password is not written down.

\b
  tenantry init
  tenantry init bookings --single
  tenantry init --from "host=db.example.org dbname=tenant_1 user=deploy"
"""

_PARAMS = (
    click.Argument(["folder"], metavar="DIR", default=".", required=False),
    click.Option(["--single"], is_flag=True, help="Create a project of one database, without a fleet."),
    click.Option(
        ["--from", "source"], metavar="DSN", help="Write the first migration from this database, and adopt it."
    ),
    WAIT,
)
_URL = "DATABASE_URL"
_HAS_RECORD = f"SELECT pg_catalog.to_regclass('{Scope().ledger_schema}.{LEDGER_TABLE}') IS NOT NULL"


def start(request: Request, folder: Path, *, single: bool = False, source: str | None = None) -> Events:
    """Create a project and report its files; with `source`, from the database of that connection string.

    Raises ConfigError for files that exist; Unreachable and others where the database cannot be read.
    """
    if source is not None:
        yield from _start_from(request, folder, source, single=single)
        return
    name = name_databases(folder.resolve().name)
    dsn, needed = _choose_server(request.environment, single=single)
    starter = (make_single if single else make_fleet)(name, dsn)
    with writing(folder, starter) as written:
        pass
    yield from map(LinePrinted, _tell(written))
    # On a server of their own, databases are created only where that is asked for.
    migrate = "migrate --create" if dsn == f"${{{_URL}}}" else "migrate"
    yield CommandsAdvised((*needed, *_advise(folder, migrate, "status")))


def _start(request: Request) -> Events:
    options = request.options
    if options["source"] is None:
        refuse_idle(request, {"wait_s": "--wait"}, "without --from")
    return start(request, Path(options["folder"]), single=options["single"], source=options["source"])


def _choose_server(environment: Mapping[str, str], *, single: bool) -> tuple[str, list[str]]:
    """Return the connection string to write, and the commands that are needed before it works."""
    try:
        find_binaries()
    except ServerError:
        given = [] if environment.get(_URL) else [f"export {_URL}=postgresql://USER:PASSWORD@HOST/DATABASE"]
        return f"${{{_URL}}}", given
    if not single:
        return EMBEDDED, []
    return (f"${{{_URL}}}" if environment.get(_URL) else f"${{{_URL}:-{EMBEDDED}}}"), []


def _advise(folder: Path, *verbs: str) -> list[str]:
    """Return the next commands: they work from here, wherever the project is."""
    where = "" if folder.resolve() == Path.cwd() else f" --config {shlex.quote(str(folder / 'tenants.yaml'))}"
    return [f"tenantry {verb}{where}" for verb in (*verbs, 'new "rates per room"')]


def _tell(written: Sequence[Path]) -> Iterator[str]:
    yield from (f"created {path}" for path in written)


class _Read(NamedTuple):
    """A schema, and the major of its server."""

    schema: Snapshot
    major: int


def _start_from(request: Request, folder: Path, source: str, *, single: bool) -> Events:
    found = _read_source(source)
    # Before anything is written: where it cannot be read, nothing is left behind.
    read = _read_schema(request, source, found.database)
    dsn, needed = _keep_source(request.environment, source)
    starter = (adopt_single if single else adopt_fleet)(found.database, dsn)
    environment = {**request.environment, PASSWORD: "unused", _URL: source}
    choice = Choice(folder / "tenants.yaml", environment, servers={"main": source})
    with writing(folder, starter) as written:
        drafted: list[Event] = []
        try:
            drafted = _draft(request, choice, folder / starter.migrations, read, found.database)
            adopted = list(_adopt(request, choice))
        except RunError:
            delete(sorted((folder / starter.migrations).glob("*.sql")))
            raise
    # Only now: where nobody reads on, the files stay, since the database has their record.
    yield from map(LinePrinted, _tell(written))
    yield from drafted
    yield from adopted
    yield CommandsAdvised((*needed, *_advise(folder, "status", "verify")))


def _read_source(source: str) -> ServerConnection:
    """Return where a connection string leads to. Raises ConfigError; its message does not show the string."""
    found = connect("main", source)
    if isinstance(found, Mistake):
        raise ConfigError((Problem(f"--from: {found.what}", found.hint),))
    if found.server.embedded or not found.database:
        raise ConfigError((Problem("--from: no database, expected a connection string with dbname"),))
    return found


def _keep_source(environment: Mapping[str, str], source: str) -> tuple[str, list[str]]:
    """Return the connection string to write, and the commands that set the variables in it."""
    from psycopg.conninfo import conninfo_to_dict

    if environment.get(_URL) == source:
        return f"${{{_URL}}}", []
    options = {key: str(value) for key, value in conninfo_to_dict(source).items()}
    given = [f"export {PASSWORD}=..."] if options.get("password") and PASSWORD not in environment else []
    return write_dsn(options), given


def _read_schema(request: Request, source: str, database: str) -> _Read:
    """Return the schema of a database and the major of its server. Raises ConfigError, Unreachable and TenantError."""
    sessions = Sessions({"main": source}, Settings("tenantry/init"))
    request.stop.covers(sessions)
    make_patience(request).await_servers(sessions, ["main"], lambda: request.stop.reason)
    try:
        with sessions.connect_to("main", database) as connection:
            if connection.execute(_HAS_RECORD).fetchone() == (True,):
                message = f"--from: the database {database!r} has a record of migrations, expected one without"
                raise ConfigError((Problem(message, "work with the project whose files those are"),))
            return _Read(read_snapshot(connection, Scope()), find_major(connection))
    except Unreachable as error:
        # Its hint is about tenants.yaml, which is not there yet.
        raise Unreachable(f"--from: {error}", hint="correct the connection string, or start the server") from None


def _draft(request: Request, choice: Choice, folder: Path, read: _Read, database: str) -> list[Event]:
    """Write the statements that create a schema as the first migration. Raises ConfigError for an empty schema."""
    project = open_offline(choice, request.run_id, request.os_user, stop=request.stop)
    with open_replay(project) as replay:
        empty = replay.run(())
    drafts = write_ddl(read.schema, empty, origin=read.major)
    if not drafts:
        message = f"--from: the database {database!r} has no tables, expected a schema to start from"
        raise ConfigError((Problem(message, "leave --from out"),))
    return list(write_drafts(folder, "first_tables", drafts, f"The schema of the database {database}."))


def _adopt(request: Request, choice: Choice) -> Iterator[Event]:
    """Record the first migration where its schema comes from, and yield one line, or all events of a failure."""
    project = open_project(choice, request.run_id, request.os_user, stop=request.stop)
    outcome, events = Outcome(), []
    for event in adopt.start(project, reason="tenantry init --from", write=True):
        outcome.add(event)
        events.append(event)
    # Exit code 0 alone could also mean that there was nothing to record.
    if outcome.exit_code == 0 and any(isinstance(event, RepairMade) for event in events):
        yield LinePrinted(f"recorded in the database {project.tenants[0].database}: it has these files already")
    else:
        yield from events


VERB = Verb(_HELP, _PARAMS, _start, formats=("table",))
