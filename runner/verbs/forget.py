"""`forget`: delete the record of a version, where its effects are not in the database."""

from collections.abc import Iterator

from tenantry.ledger.writing import record_forgotten
from tenantry.model import AppliedMigration, State, label
from tenantry.model.errors import Refused
from tenantry.planning.words import count_done
from tenantry.project import Project
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import REPAIR_PARAMS
from tenantry.verbs.repair import Case, Repair, run_repair
from tenantry.verbs.verb import Events, Request, Verb
from tenantry.verbs.versions import check_name

_HELP = """Delete the record of a version. Its file is pending again; if it is gone, it no longer counts as missing.

Nothing is undone in the database. The change is shown first, and the deleted row stays in the log with its text.

\b
  tenantry forget 12 --tenants 16 --reason "dropped by hand, see ticket 812"
"""


def start(project: Project, *, version: int, reason: str, dry_run: bool = False) -> Events:
    """Delete the record of a version in every selected tenant.

    Raises ConfigError where the reason is empty or the master is selected next to tenants; ServerError where the
    embedded server cannot be started.
    """
    # A record whose file is gone blocks its tenant, and forgetting it is the way out.
    return run_repair(project, "forget", _decide, version=version, reason=reason, dry_run=dry_run, needs_file=False)


def _start(request: Request) -> Events:
    options = request.options
    return start(
        open_request(request, writes=not options["dry_run"], lenient=True),
        version=options["version"],
        reason=options["reason"],
        dry_run=options["dry_run"],
    )


def _decide(case: Case, reason: str) -> Repair:
    row = case.status.row if case.status else None
    if row is None:
        raise Refused(
            f"version {case.version} is not recorded",
            hint=f'run "tenantry status --tenants {case.tenant.name}" to see its version',
        )
    check_name(case.version, [label(row.version, name) for name in (row.name, case.status.name if case.status else "")])
    newer = any(other.row and other.version > row.version for other in case.statuses)
    again = f"its file {case.becomes} {'out of order' if newer else 'pending'}"
    after = again if case.status and case.status.file else "there is no file for it"
    record = f"the record ({row.state.value}, by {row.applied_by})"
    change = f"{label(row.version, row.name)}: {record} {case.being} deleted; {after}"
    return Repair((change, *_warn(case, row)), lambda ledger: record_forgotten(ledger, row, reason))


def _warn(case: Case, row: AppliedMigration) -> Iterator[str]:
    """Yield what happens twice where a file that was begun runs from its start again."""
    status, done = case.status, row.statements_done or (row.progress and row.progress.rows)
    if done and status and status.file and status.state is State.INCOMPLETE:
        yield f"its completed part {'would' if case.dry_run else 'will'} run again: {count_done(row)}"


VERB = Verb(_HELP, REPAIR_PARAMS, _start)
