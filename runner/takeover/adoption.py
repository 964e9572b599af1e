"""The adoption of a database that has a schema but no ledger: only files that the catalog confirms are recorded.

A proposal is shown before it is written, and written under the lock.
"""

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, replace

from tenantry import sqltext
from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import record_allowed
from tenantry.ledger.statuses import read_statuses
from tenantry.ledger.writing import record_known
from tenantry.model import Migration, Origin, RowState, State, Tenant, label
from tenantry.model.errors import Refused
from tenantry.model.events import Event, FindingReported, RepairMade, RepairProposed, RowReported, Verdict, drain
from tenantry.model.results import Result, Standing
from tenantry.model.scope import Ignored
from tenantry.postgres.runner_lock import poll
from tenantry.postgres.sessions import find_major
from tenantry.postgres.transaction import in_transaction, try_transaction_lock
from tenantry.project import Project
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.differences import count_differences
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import make_expected
from tenantry.takeover.evidence import FileEvidence, Presence, weigh
from tenantry.takeover.examined import Examined, find_faults, list_cells


@dataclass(frozen=True, slots=True)
class Proposal:
    """The files to record as present, and the files to allow although newer files are present."""

    origin: Origin
    known: tuple[Migration, ...]
    allowed: tuple[Migration, ...]


# Yields the findings about one tenant, and returns its proposal.
DecideProposal = Callable[[Examined], Generator[Event, None, Proposal]]


def make_adoption_job(
    project: Project, decide: DecideProposal, reason: str, *, write: bool, known: Sequence[str] = ()
) -> Job:
    """Return the job that examines a tenant, reports its evidence, and with `write` records the proposal.

    `known` are patterns of names that no file has to create, such as those of another tool's own tables.
    """

    def adopt(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with project.reading(tenant) as ledger:
            if ledger is None:
                raise Refused(
                    f"the database {tenant.database!r} does not exist", hint="correct its name in tenants.yaml"
                )
            found = look(project, tenant, ledger, known)
            yield RowReported(tenant.name, list_cells(found))
            proposal, doubts = yield from _count(decide(found))
            for finding in find_faults(found):
                doubts += 1
                yield finding
            if changes := _describe(proposal, "to" if write else "would"):
                yield RepairProposed(tenant.name, changes)
            if write and changes:
                # Locked only now: to examine a tenant takes long, and _write compares the ledger again under the lock.
                wait_ms = project.sessions.settings.lock_wait_ms
                connection = ledger.connection
                yield from poll(lambda: try_transaction_lock(connection), connection, tenant.name, wait_ms)
                project.texts.keep(proposal.known)
                _write(found, proposal, reason)
                for migration in proposal.known:
                    yield RepairMade(tenant.name, migration.version)
        return _conclude(found, doubts, changes=bool(changes), write=write)

    return adopt


def _count(deciding: Generator[Event, None, Proposal]) -> Generator[Event, None, tuple[Proposal, int]]:
    """Pass events on, and return the proposal with the number of findings among the events."""
    findings, draining = 0, drain(deciding)
    for event in draining:
        findings += isinstance(event, FindingReported)
        yield event
    return draining.result, findings


def look(project: Project, tenant: Tenant, ledger: Ledger, known: Sequence[str] = ()) -> Examined:
    """Read a tenant's schema and ledger, and weigh its files. Raises Refused if these cannot be replayed."""
    files = project.files(tenant)
    statuses = read_statuses(files, ledger)
    chain, schema = _read_schemas(project, ledger, files, known)
    return Examined(tenant, ledger, statuses, chain, schema, weigh(files, chain, schema))


def look_for(project: Project, ledger: Ledger, files: Sequence[Migration], version: int) -> FileEvidence:
    """Return the evidence of one of these files in a tenant. Raises Refused if the files cannot be replayed."""
    evidence = weigh(files, *_read_schemas(project, ledger, files))
    return next(file for file in evidence.files if file.migration.version == version)


def _read_schemas(
    project: Project, ledger: Ledger, files: Sequence[Migration], known: Sequence[str] = ()
) -> tuple[tuple[Snapshot, ...], Snapshot]:
    """Return the schemas before and after each of the files, and the one that the tenant has."""
    tenant, connection = ledger.tenant, ledger.connection
    major = find_major(connection)
    chain = make_expected(project).after_each(project.sessions, tenant, major, files, project.config.scope())
    scope = project.config.scope(tenant)
    ignored = (*scope.ignored, *(Ignored("*", pattern) for pattern in known))
    return chain, read_snapshot(connection, replace(scope, ignored=ignored))


def propose(found: Examined, origin: Origin, *, assumed: Collection[int] = frozenset()) -> Proposal:
    """Return the files without a row that the catalog confirms; `assumed` are versions that it cannot show.

    A partly applied file is neither recorded nor allowed: it would fail, or repeat half of its work.
    """
    evidence = found.evidence
    recorded = {status.version for status in found.statuses if status.row}
    known = tuple(
        file.migration
        for file in evidence.files
        if file.migration.version not in recorded
        and (
            file.presence is Presence.PRESENT
            or (file.presence is Presence.UNSEEN and file.migration.version in assumed)
        )
    )
    pending = {status.version for status in found.statuses if status.state is State.PENDING}
    before = max(recorded, default=-1)
    newest = max((before, *(migration.version for migration in known)))
    allowed = tuple(
        migration
        for migration in evidence.having(Presence.ABSENT)
        # Pending although older than a recorded one: it is allowed already.
        if migration.version < newest
        and migration.version not in recorded
        and not (migration.version < before and migration.version in pending)
    )
    return Proposal(origin, known, allowed)


def _describe(proposal: Proposal, mood: str) -> tuple[str, ...]:
    """Return the changes in words; `mood` is `to`, or `would` where nothing is written."""
    origin = proposal.origin.value
    lines = [f"{label(m.version, m.name)}: {mood} be recorded as {origin}{_name_rows(m)}" for m in proposal.known]
    late = f"{mood} be allowed although newer ones are present"
    return (*lines, *(f"{label(m.version, m.name)}: {late}" for m in proposal.allowed))


def _name_rows(migration: Migration) -> str:
    """Return the end of a sentence about a file that writes rows: no schema shows whether they were written."""
    tables = sqltext.find_written(migration.sql)
    return f", whether or not it changed the rows of {', '.join(tables)}" if tables else ""


def _write(found: Examined, proposal: Proposal, reason: str) -> None:
    """Write the rows in the transaction that holds the lock. Raises Refused if another runner changed the ledger."""
    ledger = found.ledger
    rows = {status.version: status.row for status in found.statuses if status.row}
    with in_transaction(ledger.connection):
        # In this transaction, so that a refusal below leaves no table behind.
        if not rows:
            ledger.create_if_absent()
        # Statuses have no row for a version that was rolled back, so the comparison must not have one either.
        now = {row.version: row for row in ledger.read() if row.state is not RowState.ROLLED_BACK}
        if now != rows:
            raise Refused("another runner changed the ledger in the meantime", hint="run the same command again")
        for migration in proposal.known:
            record_known(ledger, migration, proposal.origin, reason)
        for migration in proposal.allowed:
            record_allowed(ledger, migration, reason)
        ledger.connection.execute("COMMIT")


def _conclude(found: Examined, doubts: int, *, changes: bool, write: bool) -> Verdict:
    """Return the verdict on a tenant; `doubts` is the number of findings."""
    said = found.evidence.standing.value
    if doubts:
        taken = "complete files are recorded, but " if changes and write else ""
        return Verdict(Result.FINDING, f"{taken}{said}: {count_differences(doubts)}")
    if changes and write:
        return Verdict(Result.APPLIED, said)
    return Verdict(Result.OK, said, standing=Standing.TO_CHANGE if changes else Standing.NO_CHANGE)
