"""`mark`: record a version as applied without running it, where its effects are in the database already."""

import click

from tenantry.ledger.writing import record_marked
from tenantry.model import Migration, State, label
from tenantry.model.errors import Refused
from tenantry.planning.words import advise, count_done
from tenantry.project import Project
from tenantry.takeover.adoption import look_for
from tenantry.takeover.evidence import Presence
from tenantry.takeover.examined import explain_half
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import REPAIR_PARAMS
from tenantry.verbs.repair import Case, Repair, run_repair
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Record a version as applied without running it, because its effects are already in the database.

The files are replayed on a scratch database, and a version whose effects are missing in the schema is refused, unless
--force is given. It also completes an unfinished non-transactional file, after you have finished its statements by
hand. The change is shown first.

\b
  tenantry mark 12 --tenants 16 --reason "typed into psql on 3 March"
"""


# How the schema denies a file.
_DENIED = {Presence.ABSENT: "its effects are missing in the schema", Presence.PARTIAL: "partly applied"}
_FORCE = click.Option(["--force"], is_flag=True, help="Record it even if the schema shows that it is not applied.")


def start(project: Project, *, version: int, reason: str, force: bool = False, dry_run: bool = False) -> Events:
    """Record a version as applied without running it, in every selected tenant whose schema does not deny it.

    With `force`, also where the schema denies it. Raises ConfigError where the reason is empty, no file has this
    version, or the master is selected next to tenants; ServerError where the embedded server cannot be started.
    """

    def decide(case: Case, reason: str) -> Repair:
        return _decide(case, reason, force=force)

    return run_repair(project, "mark", decide, version=version, reason=reason, dry_run=dry_run)


def _start(request: Request) -> Events:
    options = request.options
    return start(
        open_request(request, writes=not options["dry_run"]),
        version=options["version"],
        reason=options["reason"],
        force=options["force"],
        dry_run=options["dry_run"],
    )


def _decide(case: Case, reason: str, *, force: bool) -> Repair:
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
        changes = [f"{name}: {case.being} recorded as applied, origin marked, without being run"]
    else:
        changes = [f"{name}: {count_done(row)} done, {case.being} recorded as applied, origin marked"]
    if row and row.progress and row.progress.running:
        number = row.statements_done + 1
        changes.append(f"it is not known whether statement {number} took effect: {row.progress.running}")
    older = [label(s.version, s.name) for s in case.statuses if s.state is State.PENDING and s.version < file.version]
    if older:
        become = case.becomes.removesuffix("s")
        changes.append(f"older pending files {become} out of order: {', '.join(older)}")
    changes += _ask_catalog(case, file, force=force)
    return Repair(tuple(changes), lambda ledger: record_marked(ledger, file, reason, row))


def _ask_catalog(case: Case, file: Migration, *, force: bool) -> list[str]:
    """Return what the schema says of a file, none if it shows the file's effects. Raises Refused if it denies them.

    `force` is the word of a person that the file counts as applied all the same.
    """
    name = label(file.version, file.name)
    # Only those that the tenant has: a later file may be one that is still being written.
    newest = max((status.version for status in case.statuses if status.row), default=file.version)
    files = [one for one in case.project.files(case.tenant) if one.version <= max(newest, file.version)]
    try:
        found = look_for(case.project, case.ledger, files, file.version)
        denied = _DENIED.get(found.presence, "")
        if denied and found.presence is Presence.PARTIAL:
            denied = explain_half(found).removeprefix(f"{name}: ")
    except Refused as error:
        denied = f"the schema cannot be asked: {error}"
    else:
        if found.presence is Presence.UNSEEN:
            return ["its effects are data or none, so the schema cannot confirm it"]
    if denied and not force:
        command = f"tenantry mark {file.version} --tenants {case.tenant.name} --reason ... --force"
        raise Refused(
            f"{name}: {denied}, expected it to be applied",
            hint=f'apply it first; or run "{command}" to record it all the same',
        )
    return [denied] if denied else []


VERB = Verb(_HELP, (*REPAIR_PARAMS, _FORCE), _start)
