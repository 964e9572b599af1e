"""`mark`: record a version as applied without running it, where its effects are in the database already."""

from tenantry.ledger.writing import record_marked
from tenantry.model import State, label
from tenantry.model.errors import Refused
from tenantry.planning.words import advise, count_done
from tenantry.project import Project
from tenantry.verbs.options import REPAIR_PARAMS, open_request, run_repair
from tenantry.verbs.repair import Case, Repair
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Record a version as applied without running it, because its effects are already in the database.

It also completes an unfinished non-transactional file, after you have finished its statements by hand. The change is
shown first.

\b
  tenantry mark 12 --tenants 16 --reason "typed into psql on 3 March"
"""


def start(project: Project, *, version: int, reason: str, dry_run: bool = False) -> Events:
    """Record a version as applied without running it, in every selected tenant.

    Raises ConfigError where the reason is empty, no file has this version, or the master is selected next to tenants;
    ServerError where the embedded server cannot be started.
    """
    return run_repair(project, "mark", _decide, version=version, reason=reason, dry_run=dry_run)


def _start(request: Request) -> Events:
    options = request.options
    return start(
        open_request(request), version=options["version"], reason=options["reason"], dry_run=options["dry_run"]
    )


def _decide(case: Case, reason: str) -> Repair:
    status = case.status
    if status is None or status.file is None:
        raise Refused(f"the set of this tenant has no migration {case.version}")
    file, row = status.file, status.row
    # Marking would overwrite the text that ran; accept does so as well, but keeps the old text in the log.
    if status.state is State.CHANGED:
        raise Refused(
            f"{label(file.version, file.name)}: recorded with a different checksum",
            hint=advise(status, case.tenant.name),
        )
    if status.state is State.APPLIED:
        return Repair((), lambda ledger: None)
    name = label(file.version, file.name)
    if row is None:
        changes = [f"{name}: recorded as applied, origin marked, without being run"]
    else:
        changes = [f"{name}: {count_done(row)} done, recorded as applied, origin marked"]
    if row and row.progress and row.progress.running:
        number = row.statements_done + 1
        changes.append(f"it is not known whether statement {number} took effect: {row.progress.running}")
    older = [label(s.version, s.name) for s in case.statuses if s.state is State.PENDING and s.version < file.version]
    if older:
        changes.append(f"older pending files become out of order: {', '.join(older)}")
    return Repair(tuple(changes), lambda ledger: record_marked(ledger, file, reason, row))


VERB = Verb(_HELP, REPAIR_PARAMS, _start)
