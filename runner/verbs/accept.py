"""`accept`: record what an edited or renamed file says now, where its effects are in the database already."""

from tenantry.ledger.writing import record_accepted
from tenantry.model import State, label
from tenantry.model.errors import Refused
from tenantry.project import Project
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import REPAIR_PARAMS
from tenantry.verbs.repair import Case, Repair, run_repair
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Record the current checksum, name and text of an applied file. Nothing is run.

Use it for an edit that changes nothing in the database, such as a comment or a licence header. The change is shown
first, and the old text stays in the log.

\b
  tenantry accept 12 --tenants all --reason "licence header added"
"""


def start(project: Project, *, version: int, reason: str, dry_run: bool = False) -> Events:
    """Record what the file of a version says now as what was applied, in every selected tenant.

    Raises ConfigError where the reason is empty, no file has this version, or the master is selected next to tenants;
    ServerError where the embedded server cannot be started.
    """
    return run_repair(project, "accept", _decide, version=version, reason=reason, dry_run=dry_run)


def _start(request: Request) -> Events:
    options = request.options
    return start(
        open_request(request, writes=not options["dry_run"]),
        version=options["version"],
        reason=options["reason"],
        dry_run=options["dry_run"],
    )


def _decide(case: Case, reason: str) -> Repair:
    status = case.status
    # An unfinished file is not applied yet: mark or forget has to decide about it first.
    if status is None or status.row is None or status.file is None or status.state is State.INCOMPLETE:
        raise Refused(
            f"version {case.version} is not applied, so it has no record to change",
            hint=f'run "tenantry status --tenants {case.tenant.name}" to see its version',
        )
    file, row = status.file, status.row
    changes = []
    if file.checksum != row.checksum:
        changes.append(f"{label(row.version, row.name)}: checksum {row.checksum} {case.becomes} {file.checksum}")
    if file.name != row.name:
        changes.append(f"{label(row.version, row.name)}: name {case.becomes} {label(file.version, file.name)}")
    return Repair(tuple(changes), lambda ledger: record_accepted(ledger, file, reason, row))


VERB = Verb(_HELP, REPAIR_PARAMS, _start)
