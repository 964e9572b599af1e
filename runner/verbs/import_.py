"""`import`: take over what another tool recorded, or its files."""

import shlex
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import click

from tenantry.config.model import Config
from tenantry.files.directory import next_version
from tenantry.model import Migration, Origin, SetName, label
from tenantry.model.errors import ConfigError, Problem, Refused
from tenantry.model.events import Event, FindingReported, LinePrinted, WarningRaised
from tenantry.project import Project
from tenantry.takeover.adoption import Proposal, make_adoption_job, propose
from tenantry.takeover.evidence import Presence, TenantStanding
from tenantry.takeover.examined import Examined
from tenantry.takeover.files.conversions import (
    CONVERSIONS,
    Converted,
    PartlyConverted,
    Place,
    load_conversion,
    name_unconverted,
    parse_source,
    plan_files,
    read_sources,
    write_files,
)
from tenantry.takeover.matching import find_migrations, is_by_number
from tenantry.takeover.records.histories import HISTORIES, Claim, ClaimStanding, History, load_history
from tenantry.verbs.jobs import refuse_frozen, run_job
from tenantry.verbs.opening import open_request, read_request, refuse_idle
from tenantry.verbs.options import JOBS, LOCK_WAIT, SERVER, SET, SHARD, TENANTS, WAIT
from tenantry.verbs.production import YES
from tenantry.verbs.recording import Record
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Take over the records of another tool in every selected tenant; or, with --files, its migration files.

DIR is that tool's folder of migrations. Each record is compared with its file, by the tool's own hash if it keeps one,
and then with the catalog: a record whose effects are missing is shown, and not taken over. Nothing is written without
--write, and the other tool's tables stay as they are.

With --files, DIR is translated to NNNN_name.sql files in the folder of --set. A file that cannot be translated is
listed and keeps its number, and the exit code is 1; the next call translates those that are left.

\b
  tenantry import --from drizzle drizzle/ --tenants 1,16
  tenantry import --from drizzle drizzle/ --tenants all --write
  tenantry import --files --from goose db/migrations
"""

_PARAMS = (
    click.Option(
        ["--from", "tool"],
        required=True,
        type=click.Choice(sorted(HISTORIES)),
        metavar="TOOL",
        help=f"Tool to take over from: {', '.join(sorted(HISTORIES))}.",
    ),
    click.Argument(["folder"], metavar="DIR", type=click.Path(path_type=Path)),
    click.Option(["--files", "wants_files"], is_flag=True, help="Take over the files, not the records."),
    SET,
    click.Option(["--write"], is_flag=True, help="Write the proposal; without it, nothing is changed."),
    TENANTS,
    SHARD,
    click.Option(
        ["--reason"], default="imported", show_default=True, help="Reason for the change; kept in the log forever."
    ),
    YES,
    JOBS,
    LOCK_WAIT,
    SERVER,
    WAIT,
)


# They are about tenants, which files are not.
_FOR_RECORDS = {
    "tenants": "--tenants",
    "shard": "--shard",
    "reason": "--reason",
    "jobs": "--jobs",
    "lock_wait": "--lock-wait",
    "yes": "--yes",
    "servers": "--server",
    "wait_s": "--wait",
}


@dataclass(frozen=True, slots=True)
class _Source:
    """What is taken over: the tool, its folder of migrations, and how its records are read."""

    tool: str
    folder: Path
    history: History


def start(project: Project, *, tool: str, folder: Path, reason: str = "imported", write: bool = False) -> Events:
    """Compare the records of another tool in every selected tenant with the catalog; with `write`, take them over.

    `folder` holds that tool's files. Raises InputError where they cannot be read; ServerError where the embedded server
    cannot be started.
    """
    history = load_history(tool)
    files = history.list_files(folder)

    def decide(found: Examined) -> Generator[Event, None, Proposal]:
        records = history.read(found.ledger.connection)
        if records is None:
            raise _explain_none(history.title, found)
        claims = _leave_repeatables(tool, history.match(records, files), project.repeatables(found.tenant))
        ids = [claim.id for claim in claims]
        migrations = find_migrations(tool, ids, project.files(found.tenant))
        true = yield from _judge(_Source(tool, folder, history), claims, migrations, found)
        proposal = propose(found, Origin.IMPORTED, assumed={migration.version for migration in true})
        known = tuple(migration for migration in proposal.known if migration in true)
        # The proposal also has files that only the catalog shows; import records those alone that the other tool ran.
        newest = max((m.version for m in known), default=-1)
        return Proposal(Origin.IMPORTED, known, tuple(m for m in proposal.allowed if m.version < newest))

    record = Record({"tool": tool, "folder": str(folder), "reason": reason, "write": True}) if write else None
    job = make_adoption_job(project, decide, reason, write=write, known=history.own)
    notes = _note_own(project, history) if write else ()
    return run_job(project, "import", refuse_frozen(job) if write else job, record=record, preface=notes)


def _note_own(project: Project, history: History) -> Iterator[WarningRaised]:
    """Yield what is to be done about the other tool's tables: import knows them, and verify does not."""
    ignored = [one.pattern for one in project.config.drift_ignored if one.kind == "*"]
    if left := [name for name in history.own if not any(fnmatchcase(name, pattern) for pattern in ignored)]:
        entries = ", ".join(f'{{name: "{name}"}}' for name in left)
        message = f"{history.title}: its own tables stay, and verify will report them as unexpected"
        hint = f"add the line `drift: {{ignore: [{entries}]}}` to tenants.yaml; or drop them when nobody needs them"
        yield WarningRaised("", Problem(message, hint))


def _explain_none(title: str, found: Examined) -> Refused:
    """Return the refusal of a database without records of the other tool, by the schema that it has all the same."""
    name, said = found.tenant.name, f"{title}: no records in this database"
    if found.evidence.standing is TenantStanding.MATCH:
        adopt = f'run "tenantry adopt --tenants {name}" instead'
        return Refused(f"{said}, but its schema matches the files", hint=f"{adopt}: it needs only the schema")
    if found.evidence.standing is TenantStanding.EMPTY:
        return Refused(
            f"{said}, and none of the files' objects",
            hint="correct the name of the database in tenants.yaml, or --from",
        )
    return Refused(said, hint=f'correct --from; or run "tenantry adopt --tenants {name}" to compare the schema alone')


def _leave_repeatables(
    tool: str, claims: Sequence[Claim], repeatables: Sequence[Migration] | None
) -> tuple[Claim, ...]:
    """Return the claims but for those of repeatables: these run again with the next `migrate`, and have no version."""
    sources = {parse_source(file.text) for file in repeatables or ()}
    return tuple(claim for claim in claims if (tool, claim.id) not in sources)


def _judge(
    source: _Source, claims: tuple[Claim, ...], migrations: Mapping[str, Migration], found: Examined
) -> Generator[Event, None, list[Migration]]:
    """Say what is wrong with each claim, and return the migrations of those that hold."""
    presence = {file.migration.version: file.presence for file in found.evidence.files}
    true: list[Migration] = []
    for claim in claims:
        migration = migrations.get(claim.id)
        tenant = found.tenant.name
        problem = _find_fault(source, claim, migration, presence, tenant)
        problem = problem or _find_doubt(source.tool, claim, migration, presence, tenant)
        if problem:
            yield FindingReported(tenant, problem)
        elif migration and claim.record:
            true.append(migration)
    return true


def _find_fault(
    source: _Source, claim: Claim, migration: Migration | None, presence: Mapping[int, Presence], tenant: str
) -> Problem | None:
    """Return why a record is not taken over; None if it is, or if there is none to take over."""
    subject = f"{source.history.title} {claim.id}: {claim.standing.value}"
    note = f": {claim.note}" if claim.note else ""
    state = presence.get(migration.version) if migration else None
    if claim.record is None:
        if state is Presence.PRESENT:
            return Problem(
                f"{subject}{note}, but its effects are in the schema",
                f'run "tenantry adopt --tenants {tenant}" to see the files that the catalog confirms',
            )
        return Problem(f"{subject}{note}") if claim.note else None
    if claim.standing is ClaimStanding.NO_FILE:
        return Problem(f"{subject}{note}", "restore its file in DIR, or leave the record as it is")
    if migration is None:
        return Problem(f"{subject}{note}, but no migration corresponds to its file", _advise_files(source))
    if claim.standing is ClaimStanding.MISMATCH:
        return Problem(
            f"{subject}{note or ': the file was edited after it ran'}",
            f'undo the edit; or run "tenantry adopt --tenants {tenant}" to see the files that the catalog confirms',
        )
    if state in (Presence.ABSENT, Presence.PARTIAL):
        name = label(migration.version, migration.name)
        return Problem(f"{subject}{note}: recorded, but the effects of {name} are {_missing(state)}; not taken over")
    return None


def _advise_files(source: _Source) -> str:
    """Return how to get the migrations of another tool's files."""
    if source.tool not in CONVERSIONS:
        return "write its migration first, with the statements of that file"
    command = f"tenantry import --files --from {source.tool} {shlex.quote(str(source.folder))}"
    return f'import its file first: "{command}" shows the files, and --write writes them'


def _find_doubt(
    tool: str, claim: Claim, migration: Migration | None, presence: Mapping[int, Presence], tenant: str
) -> Problem | None:
    """Return why a record is not taken over that neither the catalog nor a name bears out."""
    if migration is None or claim.record is None or presence.get(migration.version) is not Presence.UNSEEN:
        return None
    if not is_by_number(tool, claim.id, claim.file.path if claim.file else "", migration):
        return None
    name = label(migration.version, migration.name)
    return Problem(
        f"{claim.id}: cannot verify: only its number is that of {name}, whose effects no schema shows",
        f'run "tenantry adopt --tenants {tenant} --assume {migration.version} --write" if it is the same migration',
    )


def _missing(state: Presence | None) -> str:
    return "missing" if state is Presence.ABSENT else "partly missing"


def start_files(config: Config, *, tool: str, folder: Path, set_name: SetName, write: bool = False) -> Events:
    """Translate the files of another tool; with `write`, add them after the files of a set.

    Those that are there already are left out. Raises ConfigError where files of the tool cannot be translated,
    InputError where none of these can be, and at the end PartlyConverted where some cannot: those keep their versions.
    """
    if tool not in CONVERSIONS:
        message = f"--from: files of {tool} cannot be translated, expected {', '.join(sorted(CONVERSIONS))}"
        raise ConfigError((Problem(message),))
    target = config.folder(set_name)
    places, failed = _convert(tool, folder)
    first = next_version(target) if target.is_dir() else 0
    new = [path for path, _ in plan_files(places, target, first)]
    by_hand = name_unconverted(places, target, first)
    done = read_sources(target)
    if write:
        write_files(places, target, first)
    yield from (LinePrinted(str(path) if write else f"would write {path}") for path in new)
    yield from (LinePrinted(f"note: {note}") for note in _list_notes(places, done))
    if not new:
        yield LinePrinted("nothing to write: the files that can be translated are there already")
    elif not write:
        yield LinePrinted("nothing was written: add --write to write the files")
    for source, path in by_hand.items():
        yield LinePrinted(f'left: {source}: write {path}NAME.sql by hand, with "-- source: {source}" as its first line')
    # Those that a person has written are as good as translated.
    if failed and (left := failed.leave_out(done)).problems:
        raise left


def _convert(tool: str, folder: Path) -> tuple[Sequence[Place], PartlyConverted | None]:
    """Return the migrations of a folder in order, and the error where some of them cannot be converted."""
    try:
        return load_conversion(tool)(folder), None
    except PartlyConverted as error:
        return error.places, error


def _list_notes(places: Sequence[Place], done: Collection[str]) -> list[str]:
    """Return the notes about the files that are new here."""
    new = [place for place in places if isinstance(place, Converted) and place.source not in done]
    return [f"{place.source}: {note}" for place in new for note in place.notes]


def _start(request: Request) -> Events:
    options = request.options
    tool, folder, write = options["tool"], options["folder"], options["write"]
    if not options["wants_files"]:
        refuse_idle(request, {"set_name": "--set"}, "without --files")
        return start(
            open_request(request, writes=write), tool=tool, folder=folder, reason=options["reason"], write=write
        )
    refuse_idle(request, _FOR_RECORDS, "with --files")
    set_name = SetName(options["set_name"])
    return start_files(read_request(request), tool=tool, folder=folder, set_name=set_name, write=write)


VERB = Verb(_HELP, _PARAMS, _start)
