"""`drift`: what is in a database and was not meant to be, or is not and was."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import click

from tenantry.fleet.selection import name_tenant
from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.statuses import read_statuses
from tenantry.model import Tenant
from tenantry.model.errors import ConfigError, Problem, Refused
from tenantry.model.events import DraftWritten, Event, FindingReported, RowReported, Verdict
from tenantry.model.results import Result
from tenantry.model.words import nearest, one_of
from tenantry.postgres.sessions import find_major
from tenantry.project import Project, open_project
from tenantry.proof.prover import make_prover
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.ddl.draft import render
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.differences import compare_schemas, count_differences, describe_unnamed, explain
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import make_expected
from tenantry.scratch.schema_file import load_schema, read_schema_source
from tenantry.verbs.jobs import run_job
from tenantry.verbs.opening import open_request, refuse_idle, without_master
from tenantry.verbs.options import JOBS, SERVER, SHARD, TENANTS, WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Compare the schema of every selected tenant with its files, another tenant, a file of SQL, or the majority.

With files, each tenant is compared with the schema that its own record implies: pending files are not drift. With
--consensus, tenants are grouped by schema, and the smaller groups are compared with the largest one: no record is
needed. Reads only; exit code 1 if anything differs. --sql prints a draft of the statements that make a tenant match.

\b
  tenantry drift
  tenantry drift --tenants 16 --against tenant:1
  tenantry drift --against schema.sql --sql
  tenantry drift --consensus
"""

_PARAMS = (
    TENANTS,
    SHARD,
    click.Option(
        ["--against"],
        default="files",
        show_default=True,
        metavar="files|tenant:ID|FILE.sql",
        help="Reference to compare the tenants with.",
    ),
    click.Option(["--consensus"], is_flag=True, help="Compare the tenants with the schema that most of them have."),
    click.Option(["--sql", "format"], flag_value="sql", help="Print a draft of statements that make a tenant match."),
    JOBS,
    SERVER,
    WAIT,
)

# Returns what a tenant is compared with.
Reference = Callable[[Tenant, Ledger], Snapshot]


@dataclass(frozen=True, slots=True)
class _Group:
    """Tenants with one schema. `name` is A for the largest group, `size` how many there are in it."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class _Consensus:
    """The groups by fingerprint and the schema of A, None where there is nothing to compare.

    `tie` names the groups that are as large as A, and A; it is empty where A is the largest. `roles` are those that
    tenants are read as.
    """

    groups: Mapping[str, _Group]
    schema: Snapshot | None = None
    tie: str = ""
    roles: Collection[str] = ()


def start(project: Project, *, against: str = "files", consensus: bool = False) -> Events:
    """Compare the schema of every selected tenant with a reference, and report each difference.

    `against` is `files`, `tenant:ID` or the path of a file of SQL. With `consensus`, the reference is the schema that
    most of the tenants have. Raises InputError where there is no such reference, or the master is selected next to
    tenants; TenantError where the tenant of the reference cannot be read; ServerError where the embedded server cannot
    be started.
    """
    if consensus and against != "files":
        raise ConfigError((Problem("--consensus together with --against, expected one of them"),))
    if consensus:
        project = _leave_out_master(project)
        if len(project.tenants) < 2:
            chosen = "1 tenant is" if project.tenants else "no tenant is"
            raise ConfigError((Problem(f"--consensus: {chosen} selected, expected two or more to compare"),))
        return run_job(project, "drift", _make_consensus_job(project))
    if against != "files":
        project = _leave_out_master(project)
    return run_job(project, "drift", _make_job(project, _find_reference(project, against)))


def _start(request: Request) -> Events:
    options = request.options
    if options["consensus"]:
        refuse_idle(request, {"against": "--against"}, "with --consensus")
    return start(open_request(request), against=options["against"], consensus=options["consensus"])


def _leave_out_master(project: Project) -> Project:
    """Return the project for tenants, unless the master alone is selected. Raises ConfigError where both are named."""
    # The files of both sets stay: their warnings are about the input, whoever is compared.
    return replace(project, tenants=without_master(project, "their schemas differ by design").tenants)


def _make_job(project: Project, refer: Reference) -> Job:
    def compare(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with _open(project, tenant) as ledger:
            return (yield from _compare(project, ledger, refer(tenant, ledger)))

    return compare


@contextmanager
def _open(project: Project, tenant: Tenant) -> Iterator[Ledger]:
    with project.reading(tenant) as ledger:
        if ledger is None:
            raise Refused(
                f"the database {tenant.database!r} does not exist",
                hint=f'run "tenantry migrate --tenants {tenant.name}" to create it',
            )
        yield ledger


def _compare(project: Project, ledger: Ledger, expected: Snapshot) -> Generator[Event, None, Verdict]:
    """Say how a tenant differs from a schema: its fingerprint first, details only where that is another one."""
    tenant, scope = ledger.tenant, project.config.scope(ledger.tenant)
    if read_fingerprint(ledger.connection, scope, expected) == expected.fingerprint:
        return Verdict(Result.OK)
    found = read_snapshot(ledger.connection, scope)
    problems = [Problem(explain(difference)) for difference in compare_schemas(expected, found)] or [describe_unnamed()]
    for problem in problems:
        yield FindingReported(tenant.name, problem)
    yield DraftWritten(tenant.name, render(write_ddl(expected, found, major=find_major(ledger.connection))))
    return Verdict(Result.FINDING, count_differences(len(problems)))


def _find_reference(project: Project, against: str) -> Reference:
    """Return what gives the schema that a tenant is compared with; read once where it is the same for all."""
    if against == "files":
        return lambda tenant, ledger: _expect(project, ledger)
    kind, _, name = against.partition(":")
    snapshot = _read_tenant(project, name) if kind == "tenant" and name else _read_file(project, against)
    return lambda tenant, ledger: snapshot


def _expect(project: Project, ledger: Ledger) -> Snapshot:
    """Return the schema that a tenant's own record stands for. Raises Refused where it has none."""
    statuses = read_statuses(project.files(ledger.tenant), ledger)
    if not any(status.row for status in statuses):
        raise Refused(
            "no record of migrations, so the expected schema is unknown",
            hint=f'run "tenantry adopt --tenants {ledger.tenant.name}", or compare with --consensus or --against',
        )
    return make_prover(project).expect(ledger, statuses)


def _read_tenant(project: Project, name: str) -> Snapshot:
    known = {tenant.name: tenant for tenant in (*project.known, project.config.master) if tenant}
    if name not in known:
        message = f"--against: unknown tenant {name!r}, expected {one_of(known)}"
        raise ConfigError((Problem(message, nearest(name, known)),))
    # On a project of its own: it may be on a server that no selected tenant is on.
    choice, by = replace(project.choice, selection=name_tenant(name)), project.provenance
    reference = open_project(choice, by.run_id, by.os_user, stop=project.stop)
    reference.start_servers()
    with _open(reference, known[name]) as ledger:
        return read_snapshot(ledger.connection, project.config.scope(known[name]))


def _read_file(project: Project, name: str) -> Snapshot:
    root = project.config.root
    if not (root / name).is_file():
        message = f"--against: {name!r} is not a file, expected files, tenant:ID or a file of SQL"
        raise ConfigError((Problem(message),))
    text, shown = read_schema_source(name, root, project.choice.environment)
    with make_expected(project).place.open_embedded() as scratch:
        return load_schema(scratch, text, shown, project.config.scope())


def _make_consensus_job(project: Project) -> Job:
    """Return the job that says of a tenant whether it has what most have. All fingerprints are read before."""
    consensus = _group(project)

    def compare(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with _open(project, tenant) as ledger:
            if consensus.schema is None:
                raise Refused("no other tenant could be read, expected two or more to compare")
            fingerprint = read_fingerprint(ledger.connection, project.config.scope(tenant))
            group = consensus.groups.get(fingerprint)
            if group is None:
                raise Refused("its schema changed during the comparison", hint="run the same command again")
            # What the connected role owns is compared as its own, whoever it is: two roles are one group.
            role = {"role": _name_role(ledger)} if len(consensus.roles) > 1 else {}
            yield RowReported(tenant.name, {"group": group.name, "tenants": group.size, **role})
            verdict = yield from _compare(project, ledger, consensus.schema)
            if consensus.tie:
                hint = "choose the tenant that is right with --against tenant:ID"
                return Verdict(Result.FINDING, consensus.tie, hint)
            return verdict

    return compare


def _name_role(ledger: Ledger) -> str:
    """Return the role as which a tenant is read."""
    return ledger.tenant.role or ledger.connection.info.user


def _group(project: Project) -> _Consensus:
    """Read all fingerprints and return the groups, by size, with the schema of the first one."""
    found: dict[str, str] = {}
    roles: set[str] = set()

    def read(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with _open(project, tenant) as ledger:
            found[tenant.name] = read_fingerprint(ledger.connection, project.config.scope(tenant))
            roles.add(_name_role(ledger))
        yield RowReported(tenant.name, {})
        return Verdict(Result.OK)

    # Who cannot be read now is asked again, and reported, in the run itself.
    deque(run_job(project, "drift", read), maxlen=0)
    # In the order of the tenants, not of the threads: groups of one size get the same letters in every run.
    sizes = Counter(found[tenant.name] for tenant in project.tenants if tenant.name in found).most_common()
    groups = {fingerprint: _Group(_letter(index), size) for index, (fingerprint, size) in enumerate(sizes)}
    if len(found) < 2:
        return _Consensus(groups, roles=roles)
    largest = [group for group in groups.values() if group.size == sizes[0][1]]
    tie = f"no majority: {', '.join(f'{one.name} {one.size}' for one in largest)}" if len(largest) > 1 else ""
    first = next(tenant for tenant in project.tenants if found.get(tenant.name) == sizes[0][0])
    with project.sessions.connect(first) as connection:
        return _Consensus(groups, read_snapshot(connection, project.config.scope(first)), tie, roles)


def _letter(index: int) -> str:
    """Return A to Z, then A1 and so on."""
    return chr(ord("A") + index % 26) + (str(index // 26) if index >= 26 else "")


VERB = Verb(_HELP, _PARAMS, _start, formats=("table", "jsonl", "sql"))
