"""`verify`: files against ledger, in every selected tenant."""

from collections.abc import Generator

from runner.errors import Refused
from runner.events import Event, Result, TenantCompared, Verdict
from runner.findings import find
from runner.fleet import Job
from runner.model import Tenant
from runner.plan import compare
from runner.project import Project
from runner.verbs import Events, Request, Verb
from runner.verbs.options import JOBS, SERVER, TENANTS, open_request, run_job

_HELP = """Compare files and ledger of every selected tenant, and show every difference.

An edited file is shown with both checksums and a diff of the text that was applied. Reads only; exit code 1 when
something differs or is pending.

\b
  tenantry verify
  tenantry verify --tenants 16
"""


def _start(request: Request) -> Events:
    project = open_request(request)
    return run_job(request, project, _make_job(project))


def _make_job(project: Project) -> Job:
    def verify(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            if ledger is None:
                raise Refused(
                    f"the database {tenant.database!r} does not exist",
                    hint=f'run "tenantry migrate --tenants {tenant.name}" to create it',
                )
            statuses = compare(project.files(tenant), ledger.read())
            yield TenantCompared(tenant.name, statuses)
            findings = list(find(statuses, tenant, ledger))
            yield from findings
        if not findings:
            return Verdict(Result.OK)
        return Verdict(Result.FINDING, f"{len(findings)} {'difference' if len(findings) == 1 else 'differences'}")

    return verify


VERB = Verb(_HELP, (TENANTS, JOBS, SERVER), _start)
