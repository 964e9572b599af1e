"""`log`: who did what when, in every selected tenant; or the text of a file as it was applied."""

from collections.abc import Generator, Mapping, Sequence

import click

from tenantry.fleet.turns import Job
from tenantry.ledger.log import LogEntry, read_log
from tenantry.model import AppliedMigration, Tenant, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import ConfigError, Problem, Refused
from tenantry.model.events import Event, LinePrinted, RowReported, Verdict
from tenantry.model.results import Cell, Result, Standing
from tenantry.project import Project
from tenantry.verbs.jobs import run_job
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import JOBS, SERVER, SHARD, TENANTS, WAIT, Version
from tenantry.verbs.verb import Events, Request, Verb
from tenantry.verbs.versions import check_name

_HELP = """Show the log of each selected tenant: every attempt, failure and manual change, oldest first.

With --sql, print only the text of one version, as it was applied to one tenant.

\b
  tenantry log --tenants 16
  tenantry log --tenants 16 --version 12 --sql
"""

_PARAMS = (
    TENANTS,
    SHARD,
    click.Option(["--version"], type=Version(), metavar="VERSION", help="Show only entries about this version."),
    click.Option(["--sql"], is_flag=True, help="Print the text of --version as it was applied."),
    JOBS,
    SERVER,
    WAIT,
)


def start(project: Project, *, version: int | None = None, sql: bool = False) -> Events:
    """Report the log of every selected tenant; with `sql`, the text of one version as it was applied to one tenant.

    Raises ConfigError where `sql` comes without a version or with several tenants; ServerError where the embedded
    server cannot be started.
    """
    if not sql:
        return run_job(project, "log", _make_job(project, version))
    if version is None:
        raise ConfigError((Problem("--sql: --version is missing, expected the version to print"),))
    if len(project.tenants) != 1:
        message = f"--sql: {len(project.tenants)} tenants are selected, expected one"
        raise ConfigError((Problem(message, f"choose one with --tenants {project.tenants[0].name}"),))
    return run_job(project, "log", _make_text_job(project, version))


def _start(request: Request) -> Events:
    options = request.options
    return start(open_request(request, lenient=True), version=options["version"], sql=options["sql"])


def _make_job(project: Project, version: int | None) -> Job:
    def log(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            # The ledger is read also for what reading it proves: that it is ours, and this tenant's.
            rows = ledger.read() if ledger else ()
            entries = read_log(ledger, version) if ledger else ()
        if version is not None:
            _check_known(project, tenant, version, rows, known=bool(entries))
        for entry in entries:
            yield RowReported(tenant.name, _cells(entry))
        found = Standing.WITH_LOG if entries else Standing.WITHOUT_LOG if ledger else Standing.NO_DATABASE
        return Verdict(Result.OK, standing=found)

    return log


def _check_known(
    project: Project, tenant: Tenant, version: int, rows: Sequence[AppliedMigration], *, known: bool
) -> None:
    """Raise Refused for a version that was mistyped: `known` says that the log has it. No file, and no row does."""
    names = [label(version, row.name) for row in rows if row.version == version]
    names += [label(version, file.name) for file in project.files(tenant) if file.version == version]
    if not names and not known:
        hint = f'run "tenantry log --tenants {tenant.name}" to see its versions'
        raise Refused(f"version {version}: not recorded here, and no file has it", hint=hint)
    check_name(version, names)


def _make_text_job(project: Project, version: int) -> Job:
    def print_text(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            row = next((row for row in ledger.read() if row.version == version), None) if ledger else None
            if row:
                check_name(version, [label(version, row.name)])
            text = ledger.read_text(version) if ledger and row else ""
        if row is None or not text:
            raise Refused(
                f"version {version} is not recorded",
                hint=f'run "tenantry log --tenants {tenant.name}" to see its versions',
            )
        if checksum(text) != row.checksum:
            raise Refused(
                f"{label(version, row.name)}: the recorded text does not have the recorded checksum {row.checksum}, "
                "so it is not what was applied",
                hint="look for the text with that checksum in git history, and find out who changed the record",
            )
        yield LinePrinted(text.removesuffix("\n"))
        return Verdict(Result.OK)

    return print_text


def _cells(entry: LogEntry) -> Mapping[str, Cell]:
    return {
        "at": entry.at,
        "version": entry.version,
        "event": entry.event,
        "by": entry.applied_by,
        "reason": entry.reason or describe_entry(entry),
        "run": entry.run_id,
    }


def describe_entry(entry: LogEntry) -> str:
    """Return what the detail of an entry comes to in one line."""
    # A repeatable has no version to tell it by.
    name = f"{entry.detail.get('name', '')}: " if entry.version is None else ""
    message, state = entry.detail.get("message"), entry.detail.get("sqlstate")
    if message:
        place = f"line {entry.detail['line']}: " if entry.detail.get("line") else ""
        return f"{name}{place}{message}{f' (SQLSTATE {state})' if state else ''}"
    elapsed_ms = entry.detail.get("elapsed_ms")
    return f"{name}{elapsed_ms} ms" if elapsed_ms is not None else ""


VERB = Verb(_HELP, _PARAMS, _start)
