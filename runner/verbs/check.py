"""`check`: what a commit must pass. No tenant's database is needed, and none is opened."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click

from tenantry.config.model import Config
from tenantry.files.checks import Check, read_checks
from tenantry.files.directory import Directory
from tenantry.files.merged import MergedChange, find_changes
from tenantry.files.repeatables import read_directory
from tenantry.fleet import run as fleet
from tenantry.fleet.turns import Job
from tenantry.model import Migration, Server, SetName, Tenant
from tenantry.model.errors import ConfigError, InputError, Problem, Refused, ServerError
from tenantry.model.events import DraftWritten, Event, FindingReported, Verdict, WarningRaised, drain
from tenantry.model.results import Result
from tenantry.model.rollout import Stage
from tenantry.model.words import count
from tenantry.project import Project
from tenantry.proof.checks import run_checks
from tenantry.schema.ddl.draft import render
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.differences import What, compare_schemas, explain
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.replay import Replay, describe_outside, open_replay
from tenantry.scratch.rollback_trial import describe_untried, replay_both_ways
from tenantry.scratch.schema_file import load_schema, read_schema_source
from tenantry.verbs.opening import open_files, refuse_idle
from tenantry.verbs.options import WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Test the migration files themselves: their names and headers, and that each one runs after those before it.

The files and the checks next to them run on a scratch database. A rollback file must restore the schema from before
its file. With --base, files that are merged there may not be edited, renamed or deleted, and new files must come after
them. With --schema-from, the files must produce the schema that the application expects; missing parts are printed as
SQL. tenantry never prompts. Exit code 1 if anything is found.

\b
  tenantry check
  tenantry check --base origin/main
  tenantry check --schema-from "npx drizzle-kit export" --sql
"""

_PARAMS = (
    click.Option(["--base"], metavar="REF", help="Branch or commit of git that holds the merged files."),
    click.Option(
        ["--schema-from"],
        metavar="COMMAND|FILE.sql",
        help="Schema that the application expects: a file, or a command that prints DDL.",
    ),
    click.Option(
        ["--set", "set_name"],
        type=click.Choice([name.value for name in SetName]),
        help="Check only this set; by default both, and the tenants' with --schema-from.",
    ),
    click.Option(["--allow-extra"], is_flag=True, help="With --schema-from, let the files create more than it has."),
    click.Option(["--sql", "format"], flag_value="sql", help="Print the missing parts as a draft of SQL."),
    WAIT,
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The schema that the files of a set are to make, and how messages call it; with `extra` they make nothing else."""

    schema: Snapshot
    source: str
    set_name: SetName
    extra: bool


def start(
    project: Project,
    *,
    base: str | None = None,
    schema_from: str | None = None,
    set_name: SetName | None = None,
    allow_extra: bool = False,
) -> Events:
    """Run the migration files of one set, or of both, on a scratch database, and report each fault.

    No tenant is opened. `base` is a branch or commit of git: files that are merged there may not be edited.
    `schema_from` is a file of SQL, or a command that prints it, whose schema the files must produce; with `allow_extra`
    they may produce more. Raises InputError where one of these cannot be read; ServerError and Refused where the schema
    of `schema_from` cannot be built.
    """
    for option, value in (("--base", base), ("--schema-from", schema_from)):
        # As an unset variable of a script leaves it: it must not pass for a check that was made.
        if value is not None and not value.strip():
            raise ConfigError((Problem(f"{option}: empty, expected a value or no {option} at all"),))
    config = project.config
    sets = [set_name] if set_name else [name for name in SetName if name is SetName.TENANT or config.master_migrations]
    directories = _read_all(config, sets)
    # What is wrong with these two is an error of the command, not a finding: it is told before anything else.
    compared = set_name or SetName.TENANT
    wanted = _load_wanted(project, schema_from, compared, extra=not allow_extra) if schema_from else None
    changes = {name: tuple(find_changes(config.folder(name), base)) for name in sets if base}
    # Each set stands where a tenant does: what is found is said of its folder.
    stand_ins = [Tenant(str(config.folder(name)), name, Server("scratch", None), "") for name in sets]
    job = _make_job(project, directories, changes, wanted)
    warnings = [WarningRaised("", warning) for found, _ in directories.values() for warning in found.warnings]
    untried = [one for found, _ in directories.values() for one in describe_untried(found.migrations)]
    outside = [one for found, _ in directories.values() for one in describe_outside(found.files)]
    warnings += [WarningRaised("", one) for one in (*untried, *outside)]
    warnings += [WarningRaised("", one.problem) for found in changes.values() for one in found if one.excused]
    run_id = project.provenance.run_id
    return fleet.run("check", run_id, [Stage(tuple(stand_ins))], job, jobs=1, stop=project.stop, preface=warnings)


def _start(request: Request) -> Events:
    options = request.options
    if options["schema_from"] is None:
        refuse_idle(request, {"allow_extra": "--allow-extra"}, "without --schema-from")
        if options["format"] == "sql":
            raise ConfigError((Problem("--sql: has no effect without --schema-from"),))
    return start(
        open_files(request),
        base=options["base"],
        schema_from=options["schema_from"],
        set_name=SetName(options["set_name"]) if options["set_name"] else None,
        allow_extra=options["allow_extra"],
    )


def _read_all(config: Config, sets: Sequence[SetName]) -> dict[SetName, tuple[Directory, tuple[Check, ...]]]:
    """Return migrations and checks of each set. Raises InputError with all that is wrong in them."""
    found: dict[SetName, tuple[Directory, tuple[Check, ...]]] = {}
    problems: list[Problem] = []
    for name in sets:
        folder = config.folder(name)
        try:
            directory = read_directory(folder, str(folder))
            found[name] = directory, read_checks(folder, str(folder), directory.migrations)
        except InputError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return found


def _load_wanted(project: Project, schema_from: str, set_name: SetName, *, extra: bool) -> _Wanted:
    """Return the schema that the files of a set are to make. Raises InputError, ServerError and Refused."""
    text, shown = read_schema_source(schema_from, project.config.root, project.choice.environment)
    # On a database of its own: the objects of the target schema have the same names as those of the files.
    with open_replay(project) as replay:
        return _Wanted(load_schema(replay.scratch, text, shown, project.config.scope()), shown, set_name, extra)


def _make_job(
    project: Project,
    directories: Mapping[SetName, tuple[Directory, tuple[Check, ...]]],
    changes: Mapping[SetName, Sequence[MergedChange]],
    wanted: _Wanted | None,
) -> Job:
    def check(tenant: Tenant) -> Generator[Event, None, Verdict]:
        name = tenant.set_name
        directory, checks = directories[name]
        done = [change.problem for change in changes.get(name, ()) if not change.excused]
        yield from (FindingReported(tenant.name, problem) for problem in done)
        found = len(done)
        # A scratch database for each set: master and tenants may both have a table of the same name.
        with _refusing(), open_replay(project) as replay:
            repeatables = directory.repeatables or ()
            schema, wrong = yield from _replay(replay, tenant, (*directory.migrations, *repeatables))
            found += wrong
            versions = {migration.version for migration in directory.migrations}
            for complaint in run_checks(replay.scratch.connection, checks, versions):
                found += 1
                yield FindingReported(tenant.name, Problem(complaint.message), complaint.excerpt)
            for problem in replay.repeat(repeatables, schema):
                found += 1
                yield FindingReported(tenant.name, problem)
        if wanted and name is wanted.set_name:
            found += yield from _compare(tenant, wanted, schema, replay.major)
        return Verdict(Result.FINDING, count(found, "problem")) if found else Verdict(Result.OK)

    return check


def _replay(replay: Replay, tenant: Tenant, files: Sequence[Migration]) -> Generator[Event, None, tuple[Snapshot, int]]:
    """Run the files, and say of each rollback among them what it leaves; return the schema, and how much that was."""
    found, steps = 0, drain(replay_both_ways(replay, files))
    for problem in steps:
        found += 1
        yield FindingReported(tenant.name, problem)
    return steps.result, found


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what a set of files has no scratch server for into what its run ends with."""
    try:
        yield
    except ServerError as error:
        raise Refused(str(error), hint=error.hint) from None


def _compare(tenant: Tenant, wanted: _Wanted, found: Snapshot, origin: int) -> Generator[Event, None, int]:
    """Say how the schema that the files make differs from the one that they are to make; return in how much."""
    differences = [one for one in compare_schemas(wanted.schema, found) if wanted.extra or one.what is not What.EXTRA]
    for difference in differences:
        yield FindingReported(tenant.name, Problem(f"{explain(difference)} (compared with {wanted.source})"))
    if differences:
        # For every major: that of the scratch server need not be that of the tenants.
        yield DraftWritten(tenant.name, render(write_ddl(wanted.schema, found, origin=origin)))
    return len(differences)


VERB = Verb(_HELP, _PARAMS, _start, formats=("table", "jsonl", "sql"))
