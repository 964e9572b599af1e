"""`verify`: files against ledger, and the catalog against both, in every selected tenant."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress

from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger, find_ledger_faults
from tenantry.ledger.repeatables import find_gone, find_pending
from tenantry.ledger.statuses import read_statuses
from tenantry.model import MigrationStatus, Tenant
from tenantry.model.errors import Refused
from tenantry.model.events import Event, FindingReported, SchemaProven, TenantCompared, Verdict, WarningRaised
from tenantry.model.results import Result
from tenantry.planning.policy import describe_held, find_held, today
from tenantry.project import Project
from tenantry.proof.findings import describe_gone, describe_repeatable, find, find_altered, warn
from tenantry.proof.prover import ProofState, Prover, make_prover
from tenantry.proof.settings import describe_unused
from tenantry.schema.differences import count_differences
from tenantry.verbs.jobs import run_job
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import FULL, JOBS, SERVER, SHARD, TENANTS, WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Prove for every selected tenant that its record matches the files, and that its schema matches its record.

The files are replayed once on a scratch database. A tenant's tables, columns, indexes, functions, grants and other
objects must match the replayed ones, and the checks next to the migrations must hold. Each difference is named, and an
edited file is shown as a diff. A schema that has not changed since it was last proven is not read again, unless with
--full. Reads only; exit code 1 if anything differs or is pending.

\b
  tenantry verify
  tenantry verify --tenants 16
  tenantry verify --full
"""


def start(project: Project, *, full: bool = False) -> Events:
    """Compare the files, the ledger and the schema of every selected tenant, and report each difference.

    With `full`, also the schemas that have not changed since they were last proven are read. Raises ServerError where
    the embedded server cannot be started.
    """
    # One for all tenants: what one of them was refused for is the next one's answer as well.
    prover = make_prover(project, full=full)
    return run_job(project, "verify", _make_job(project, prover), settle=prover.proofs.settle)


def _start(request: Request) -> Events:
    return start(open_request(request), full=request.options["full"])


def _make_job(project: Project, prover: Prover) -> Job:
    def verify(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant, glances=True) as ledger:
            if ledger is None:
                raise Refused(
                    f"the database {tenant.database!r} does not exist",
                    hint=f'run "tenantry migrate --tenants {tenant.name}" to create it',
                )
            statuses, standing = _look(project, prover, ledger)
            yield TenantCompared(tenant.name, statuses)
            yield from warn(statuses, tenant)
            for problem in describe_unused(ledger.connection, project.config.reading):
                yield WarningRaised(tenant.name, problem)
            for name in find_gone(project.repeatables(tenant), ledger):
                yield WarningRaised(tenant.name, describe_gone(name))
            found = 0
            # One by one: what is found must not be lost where the rest cannot be read.
            for event in _find_all(project, prover, ledger, statuses, standing):
                found += isinstance(event, FindingReported)
                yield event
            held = describe_held(tenant, statuses, today())
        if found:
            return Verdict(Result.FINDING, count_differences(found))
        return Verdict(Result.SKIPPED, held) if held else Verdict(Result.OK)

    return verify


def _look(project: Project, prover: Prover, ledger: Ledger) -> tuple[tuple[MigrationStatus, ...], ProofState | None]:
    """Return the statuses of a tenant, and what is known of its schema; None where that cannot be told."""
    files, standing = project.files(ledger.tenant), None
    statuses = read_statuses(files, ledger)
    if any(status.row for status in statuses):
        # Its turn comes after all that can be found without it.
        with suppress(Refused):
            standing = prover.look(ledger, statuses)
    if standing is None or not standing.ledger:
        # A glance does not see all that may be wrong with the ledger.
        ledger.guard.glances = False
        statuses = read_statuses(files, ledger)
    return statuses, standing


def _find_all(
    project: Project,
    prover: Prover,
    ledger: Ledger,
    statuses: Sequence[MigrationStatus],
    standing: ProofState | None,
) -> Iterator[FindingReported | SchemaProven]:
    held = find_held(ledger.tenant, statuses, today())
    yield from find([status for status in statuses if status not in held], ledger.tenant, ledger)
    # They wait for the files that are left out.
    for file in () if held else find_pending(project.repeatables(ledger.tenant), ledger):
        yield FindingReported(ledger.tenant.name, describe_repeatable(file, ledger.tenant))
    faults = [] if standing and standing.ledger else list(find_ledger_faults(ledger))
    yield from (FindingReported(ledger.tenant.name, problem) for problem in faults)
    if any(status.row for status in statuses):
        yield from find_altered(ledger, project.repeatables(ledger.tenant))
        yield from prover.prove(ledger, statuses, standing=standing, clean=not faults)


VERB = Verb(_HELP, (TENANTS, SHARD, FULL, JOBS, SERVER, WAIT), _start)
