"""`adopt`: take over databases that have a schema and no record of it."""

from collections.abc import Collection, Generator

import click

from tenantry import sqltext
from tenantry.model import Migration, Origin, label
from tenantry.model.errors import Problem
from tenantry.model.events import Event, FindingReported
from tenantry.project import Project
from tenantry.takeover.adoption import Proposal, make_adoption_job, propose
from tenantry.takeover.evidence import Presence, TenantStanding
from tenantry.takeover.examined import Examined
from tenantry.verbs.jobs import refuse_frozen, run_job
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import JOBS, LOCK_WAIT, SERVER, SHARD, TENANTS, WAIT, Version
from tenantry.verbs.production import YES
from tenantry.verbs.recording import Record
from tenantry.verbs.verb import Events, Request, Verb
from tenantry.verbs.versions import find_version

_HELP = """Find the files whose effects are in databases without a record of migrations, and record these files.

The files are replayed once on a scratch database. Each selected tenant is then searched for the objects that a file
adds, alters and drops. Nothing is written without --write. A partly applied file is never recorded: its missing
statements are shown for review. Missing files that are older than an applied one are marked as allowed, so that an
ordinary migrate brings the tenant to the newest version.

\b
  tenantry adopt --tenants 1,16
  tenantry adopt --tenants 1,16 --write
  tenantry adopt --tenants 16 --assume 12 --write
"""

_NOT_VISIBLE = "not visible in the schema, its effects are data or none"
_PARAMS = (
    TENANTS,
    SHARD,
    click.Option(["--write"], is_flag=True, help="Record the proposed files; without it, nothing is changed."),
    click.Option(
        ["--assume"],
        type=Version(),
        multiple=True,
        metavar="VERSION",
        help="Also record this file, whose effects are data in no schema; may be repeated.",
    ),
    click.Option(
        ["--reason"], default="adopted", show_default=True, help="Reason for the change; kept in the log forever."
    ),
    YES,
    JOBS,
    LOCK_WAIT,
    SERVER,
    WAIT,
)


def start(project: Project, *, assume: Collection[int] = (), reason: str = "adopted", write: bool = False) -> Events:
    """Find out which files' effects are in every selected tenant, and record these files with `write`.

    `assume` are versions to record as well, because no schema shows their effects. Raises ConfigError where no file has
    one of them; ServerError where the embedded server cannot be started.
    """
    assumed = frozenset(assume)
    for version in sorted(assumed):
        find_version(project, version, "--assume")

    def decide(found: Examined) -> Generator[Event, None, Proposal]:
        # Nothing was ever run where there is nothing.
        vouched = frozenset() if found.evidence.standing is TenantStanding.EMPTY else assumed
        proposal = propose(found, Origin.BASELINE, assumed=vouched)
        for migration in _list_unseen(found, proposal):
            yield FindingReported(found.tenant.name, _explain_unseen(migration, found))
        for file in found.evidence.files:
            if file.migration.version in vouched and file.presence in (Presence.ABSENT, Presence.PARTIAL):
                yield FindingReported(found.tenant.name, _explain_denied(file.migration))
        return proposal

    record = Record({"assume": sorted(assumed), "reason": reason, "write": True}) if write else None
    job = make_adoption_job(project, decide, reason, write=write)
    return run_job(project, "adopt", refuse_frozen(job) if write else job, record=record)


def _start(request: Request) -> Events:
    options = request.options
    project = open_request(request, writes=options["write"])
    return start(project, assume=options["assume"], reason=options["reason"], write=options["write"])


def _list_unseen(found: Examined, proposal: Proposal) -> list[Migration]:
    """Return the files that nothing shows and nobody vouches for, where there is a schema at all."""
    if found.evidence.standing is TenantStanding.EMPTY:
        return []
    recorded = {status.version for status in found.statuses if status.row}
    return [m for m in found.evidence.having(Presence.UNSEEN) if m not in proposal.known and m.version not in recorded]


def _explain_unseen(migration: Migration, found: Examined) -> Problem:
    part = ", ".join(sqltext.find_unseen(migration.sql))
    what = f"not all of it is visible in the schema: {part}" if part else _NOT_VISIBLE
    return Problem(
        f"{label(migration.version, migration.name)}: {what}",
        f'run "tenantry adopt --tenants {found.tenant.name} --assume {migration.version} --write" if it has run',
    )


def _explain_denied(migration: Migration) -> Problem:
    name = label(migration.version, migration.name)
    return Problem(f"{name}: not assumed, its effects belong in the schema and are missing")


VERB = Verb(_HELP, _PARAMS, _start)
