"""`verify`: files against ledger, in every selected tenant."""

import difflib
from collections.abc import Generator, Iterator

from runner.errors import Problem, Refused
from runner.events import Event, FindingReported, Result, TenantCompared, Verdict
from runner.fleet import Job
from runner.ledger import Ledger
from runner.model import MigrationStatus, State, Tenant, label
from runner.plan import advise, compare, explain
from runner.project import Project
from runner.verbs import Request, Verb
from runner.verbs.options import JOBS, SERVER, TENANTS, open_request, run_job

_HELP = """Compare files and ledger of every selected tenant, and show every difference.

An edited file is shown with both checksums and a diff of the text that was applied. Reads only; exit code 1 when
something differs or is pending.

\b
  tenantry verify
  tenantry verify --tenants 16
"""


def _start(request: Request) -> Iterator[Event]:
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
            findings = [finding for status in statuses for finding in _check(status, ledger, tenant)]
            yield from findings
        if not findings:
            return Verdict(Result.OK)
        return Verdict(Result.FINDING, f"{len(findings)} {'difference' if len(findings) == 1 else 'differences'}")

    return verify


def _check(status: MigrationStatus, ledger: Ledger, tenant: Tenant) -> Iterator[FindingReported]:
    name = label(status.version, status.name)
    if status.state is State.PENDING:
        hint = f'run "tenantry migrate --tenants {tenant.name}"'
        yield FindingReported(tenant.name, Problem(f"{name}: pending", hint))
    elif status.state is not State.APPLIED:
        detail = show_difference(status, ledger) if status.state is State.CHANGED else ""
        yield FindingReported(tenant.name, Problem(explain(status), advise(status, tenant.name)), detail)
    if status.renamed and status.row:
        message = f"{name}: applied as {label(status.version, status.row.name)}, the file was renamed since"
        hint = f'rename it back, or run "tenantry accept {status.version} --tenants {tenant.name} --reason ..."'
        yield FindingReported(tenant.name, Problem(message, hint))


def show_difference(status: MigrationStatus, ledger: Ledger) -> str:
    """Return a unified diff of the text that was applied against the file as it is."""
    if status.file is None or status.row is None:
        return ""
    before = ledger.read_text(status.version).splitlines()
    after = status.file.text.splitlines()
    old = f"{label(status.version, status.row.name)} as applied to {status.row.tenant}"
    return "\n".join(difflib.unified_diff(before, after, old, status.file.path, lineterm=""))


VERB = Verb(_HELP, (TENANTS, JOBS, SERVER), _start)
