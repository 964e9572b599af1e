"""`lint`: what each file would do to a live database, measured on a scratch database. No tenant is changed."""

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import click

from tenantry.config.model import Config
from tenantry.files.directory import Directory
from tenantry.files.repeatables import read_directory
from tenantry.fleet import run as fleet
from tenantry.lint.linter import make_linter, show
from tenantry.lint.sizes import describe_size, pick_largest, read_sizes
from tenantry.lint.weighing import Scale
from tenantry.model import NO_VERSION, Migration, Server, SetName, Tenant, label
from tenantry.model.errors import ConfigError, MigrationFileError, Problem
from tenantry.model.events import Event, HazardFound, RowReported, RunFinished, RunStarted, Verdict, WarningRaised
from tenantry.model.hazards import Hazard, Level
from tenantry.model.results import Result, Standing, TableSize
from tenantry.model.rollout import Stage
from tenantry.project import Project
from tenantry.verbs.opening import open_files, open_request, refuse_idle
from tenantry.verbs.options import JOBS, SERVER, SHARD, WAIT, Version, make_tenants_option
from tenantry.verbs.verb import Events, Request, Verb
from tenantry.verbs.versions import find_file

_HELP = """Report the effects of each migration file on a live database: locks, rewrites and full scans.

Repeatables are linted after the migrations, unless a VERSION is named. The files run on a scratch database whose tables
have rows, and each statement is measured there. A danger makes the application fail, or wait longer the larger a table
is; a caution is less severe. Each comes with its safe form. Those that a file's header allows,
"-- lint: allow RULE because REASON", are counted, and shown with --verbose. With --tenants, findings show the sizes of
the tables in those databases. Exit code 1 if anything is found, or could not be measured.

\b
  tenantry lint
  tenantry lint --from 12 --tenants all
  tenantry lint 0012_rates --format github
"""

_PARAMS = (
    click.Argument(["versions"], type=Version(), nargs=-1, metavar="[VERSION]..."),
    click.Option(["--from", "since"], type=Version(), metavar="VERSION", help="Lint this file and all later ones."),
    click.Option(
        ["--set", "set_name"],
        type=click.Choice([name.value for name in SetName]),
        help="Lint only this set; by default both.",
    ),
    make_tenants_option("Databases to read table sizes from; by default none."),
    SHARD,
    JOBS,
    SERVER,
    WAIT,
)


SizesBySet = Mapping[SetName, list[TableSize]]
# For each tenant that was read, the dangers that do no harm to its small tables.
SpareBySet = Mapping[SetName, list[frozenset[Hazard]]]


@dataclass(frozen=True, slots=True)
class _Set:
    """The files of one set up to the newest that is linted, the versions of these, and what was found in them."""

    name: SetName
    folder: str
    files: tuple[Migration, ...]
    versions: frozenset[int]
    hazards: tuple[Hazard, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def chosen(self) -> list[Migration]:
        """Return the files that are linted; those before them are only applied."""
        return [file for file in self.files if file.version in self.versions]


def start(
    project: Project,
    *,
    versions: Sequence[int] = (),
    since: int | None = None,
    set_name: SetName | None = None,
) -> Events:
    """Report the locks, rewrites and scans that the files of one set, or of both, would cost a live database.

    By default all files are examined; `versions` names them one by one, `since` is the first of them. The sizes of
    tables are read from the selected tenants, of which there may be none.
    Raises InputError where the files cannot be read or no file has one of the versions; ServerError where the embedded
    server cannot be started.
    """
    found = _choose(_read_all(project.config, set_name, lenient=bool(versions)), versions, since)
    project.start_servers()
    sets = [_lint(project, one) for one in found]
    # Added to by the threads of the fleet, each in one step.
    sizes: SizesBySet = {one.name: [] for one in sets}
    spared: SpareBySet = {one.name: [] for one in sets}
    runs = [_run_sizes(project, sets, sizes, spared)] if project.tenants else []
    runs.append(_run_findings(project, sets, sizes, spared))
    names = [*(tenant.name for tenant in project.tenants), *(one.folder for one in sets)]
    warnings = [WarningRaised("", problem) for problem in (*project.config.warnings, *_list_warnings(sets))]
    return _join(project, runs, names, [*warnings, *project.cache_warnings()])


def _start(request: Request) -> Events:
    options = request.options
    if options["tenants"] is None:
        refuse_idle(request, {"shard": "--shard", "jobs": "--jobs", "servers": "--server"}, "without --tenants")
    return start(
        open_files(request) if options["tenants"] is None else open_request(request),
        versions=options["versions"],
        since=options["since"],
        set_name=SetName(options["set_name"]) if options["set_name"] else None,
    )


def _read_all(config: Config, chosen: SetName | None, *, lenient: bool) -> list[tuple[SetName, str, Directory]]:
    """Return the files of each set that is meant. Raises MigrationFileError with all that is wrong in them.

    `lenient`: a file may be faulty if it is not linted, and runs after those that are.
    """
    names = [chosen] if chosen else [n for n in SetName if n is SetName.TENANT or config.master_migrations]
    found, problems = [], list[Problem]()
    for name in names:
        folder = config.folder(name)
        try:
            found.append((name, str(folder), read_directory(folder, str(folder), lenient=lenient)))
        except MigrationFileError as error:
            problems += error.problems
    if problems:
        raise MigrationFileError(tuple(problems))
    return found


def _choose(found: Sequence[tuple[SetName, str, Directory]], versions: Sequence[int], since: int | None) -> list[_Set]:
    """Return the sets in which a file is meant. Raises ConfigError where a version is that of no file."""
    if versions and since is not None:
        raise ConfigError((Problem("--from together with a VERSION, expected one of them"),))
    for version in (*versions, *(() if since is None else (since,))):
        find_file([directory for _, _, directory in found], version, "VERSION" if versions else "--from")
    sets = []
    for name, folder, directory in found:
        wanted = {f.version for f in directory.migrations if not versions or f.version in versions}
        wanted = {version for version in wanted if since is None or version >= since}
        if wanted:
            files = tuple(file for file in directory.migrations if file.version <= max(wanted))
            _refuse_faulty(directory, max(wanted))
            # They run after all the others, and again with every edit.
            if directory.repeatables and not versions:
                files, wanted = (*files, *directory.repeatables), wanted | {NO_VERSION}
            sets.append(_Set(name, folder, files, frozenset(wanted), warnings=directory.warnings))
    return sets


def _refuse_faulty(directory: Directory, newest: int) -> None:
    """Raise MigrationFileError for the files up to a version that cannot run."""
    faults = [fault for version, of_one in directory.faults.items() if version <= newest for fault in of_one]
    if faults:
        raise MigrationFileError(tuple(faults))


def _lint(project: Project, one: _Set) -> _Set:
    """Return the set with what was found in its files."""
    linted = make_linter(project).lint(one.files, one.versions)
    return replace(one, hazards=linted.hazards)


def _run_sizes(project: Project, sets: Sequence[_Set], sizes: SizesBySet, spared: SpareBySet) -> Events:
    """Look the tables of all findings up in the selected tenants."""
    scale, schema = Scale(project.config.small_table_bytes), project.config.ledger_schema
    dangers = {one.name: [hazard for hazard in one.hazards if hazard.level is Level.DANGER] for one in sets}
    relations = {one.name: sorted({name for hazard in one.hazards for name in hazard.relations}) for one in sets}

    def look_up(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            if ledger and tenant.set_name in relations:
                sizes[tenant.set_name].extend(read_sizes(ledger.connection, tenant.name, relations[tenant.set_name]))
                found = dangers[tenant.set_name]
                counting = scale.weigh(ledger.connection, tenant.name, schema, found, {})
                spared[tenant.set_name].append(frozenset(found) - {one.hazard for one in counting})
        yield from ()
        return Verdict(Result.OK, standing=Standing.CONNECTED if ledger else Standing.NO_DATABASE)

    run_id, jobs = project.provenance.run_id, project.choice.jobs
    return fleet.run("lint", run_id, [Stage(project.tenants)], look_up, jobs=jobs, stop=project.stop)


def _run_findings(project: Project, sets: Sequence[_Set], sizes: SizesBySet, spared: SpareBySet) -> Events:
    """Say what was found. Each set stands where a tenant does, as its folder."""
    stand_ins = [Tenant(one.folder, one.name, Server("scratch", None), "") for one in sets]
    by_folder = {one.folder: one for one in sets}

    def report(folder: Tenant) -> Generator[Event, None, Verdict]:
        one = by_folder[folder.name]
        yield RowReported(one.folder, {"files": _name_files(one.chosen), **_count(one.hazards)})
        largest = pick_largest(sizes[one.name])
        asked = sum(tenant.set_name is one.name for tenant in project.tenants)
        # A tenant that could not be read may have any size.
        small = frozenset.intersection(*spared[one.name]) if 0 < asked == len(spared[one.name]) else frozenset()
        for found in show(one.folder, one.hazards, one.files):
            yield _add_sizes(found, largest, small)
        return _judge(one)

    return fleet.run("lint", project.provenance.run_id, [Stage(tuple(stand_ins))], report, jobs=1, stop=project.stop)


def _list_warnings(sets: Iterable[_Set]) -> list[Problem]:
    return [problem for one in sets for problem in one.warnings]


def _join(project: Project, runs: Sequence[Events], names: Sequence[str], warnings: Iterable[WarningRaised]) -> Events:
    """Make one run of several, which do not depend on how the ones before them ended."""
    yield RunStarted("lint", project.provenance.run_id, tuple(names))
    yield from warnings
    elapsed_ms = 0
    for run in runs:
        with closing(run) as events:
            for event in events:
                if isinstance(event, RunFinished):
                    elapsed_ms += event.elapsed_ms
                elif not isinstance(event, RunStarted):
                    yield event
    yield RunFinished(elapsed_ms, project.stop.reason)


def _name_files(files: Sequence[Migration]) -> str:
    names = [label(file.version, file.name) for file in files]
    return names[0] if len(names) == 1 else f"{len(names)}: {names[0]} to {names[-1]}"


def _count(hazards: Iterable[Hazard]) -> dict[str, int]:
    """Return how many there are of each level, and how many are allowed."""
    counts = Counter("allowed" if hazard.allowed else hazard.level.value for hazard in hazards)
    return {word: counts[word] for word in (*(level.value for level in Level), "allowed")}


def _judge(one: _Set) -> Verdict:
    """Return how a set ends: with a finding where one is not allowed; a file that could not be measured is one."""
    counts = _count(hazard for hazard in one.hazards if not hazard.allowed)
    said = [f"{number} {word}{'' if number == 1 else 's'}" for word, number in counts.items() if number]
    return Verdict(Result.FINDING, ", ".join(said)) if said else Verdict(Result.OK)


def _add_sizes(found: HazardFound, largest: Mapping[str, TableSize], small: Collection[Hazard]) -> HazardFound:
    """Return a finding with how large its tables are where they are largest; `small` do no harm anywhere."""
    sizes = tuple(largest[relation] for relation in found.hazard.relations if relation in largest)
    if not sizes:
        return found
    message = f"{found.hazard.message}; {', '.join(map(describe_size, sizes))}"
    if found.hazard in small:
        message += ", so small that migrate applies it"
    return replace(found, hazard=replace(found.hazard, message=message), sizes=sizes)


VERB = Verb(_HELP, _PARAMS, _start, formats=("table", "jsonl", "github", "sarif"))
