"""The adoption of a database that has a schema but no ledger: only files that the catalog confirms are recorded.

A proposal is shown before it is written, and written under the lock.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from tenantry import sqltext
from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import record_allowed
from tenantry.ledger.statuses import read_statuses
from tenantry.ledger.writing import record_known
from tenantry.model import Migration, MigrationStatus, Origin, RowState, State, Tenant, label
from tenantry.model.errors import Problem, Refused
from tenantry.model.events import Event, FindingReported, RepairMade, RepairProposed, RowReported, Verdict, drain
from tenantry.model.results import Result, Standing
from tenantry.model.scope import Ignored
from tenantry.planning.words import advise, explain
from tenantry.postgres.runner_lock import poll
from tenantry.postgres.sessions import find_major
from tenantry.postgres.transaction import in_transaction, try_transaction_lock
from tenantry.project import Project
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.ddl.draft import render
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.differences import count_differences
from tenantry.schema.snapshot import SchemaObject, Snapshot, shorten
from tenantry.scratch.expected import make_expected
from tenantry.takeover.evidence import Evidence, FileEvidence, Presence, SchemaChange, TenantStanding, weigh


@dataclass(frozen=True, slots=True)
class Examined:
    """One tenant: its ledger, the schemas before and after each of its files, its actual schema, and the evidence."""

    tenant: Tenant
    ledger: Ledger
    statuses: tuple[MigrationStatus, ...]
    chain: tuple[Snapshot, ...]
    schema: Snapshot
    evidence: Evidence


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
            yield RowReported(tenant.name, _cells(found))
            proposal, doubts = yield from _count(decide(found))
            for finding in _report(found):
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


def explain_half(file: FileEvidence) -> str:
    """Return the present part of a file, by kind of object: `0004_x: partly applied: 3 of 14 columns`."""
    counts = ", ".join(f"{there} of {total} {_plural(kind, total)}" for kind, there, total in file.counts)
    return f"{label(file.migration.version, file.migration.name)}: partly applied: {counts}"


def name_versions(migrations: Sequence[Migration]) -> str:
    """Return versions as a person lists them, with runs shortened: `0000, 0003 and 0005-0007`."""
    runs: list[list[Migration]] = []
    for migration in migrations:
        if runs and migration.version == runs[-1][-1].version + 1:
            runs[-1].append(migration)
        else:
            runs.append([migration])
    words = [word for run in runs for word in _name_run(run)]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _name_run(run: Sequence[Migration]) -> list[str]:
    names = [f"{migration.version:04}" for migration in run]
    return names if len(run) < 3 else [f"{names[0]}-{names[-1]}"]


def _plural(kind: str, number: int) -> str:
    if number == 1:
        return kind
    return {"index": "indexes", "policy": "policies", "statistics": kind}.get(kind, f"{kind}s")


def _cells(found: Examined) -> dict[str, str]:
    evidence = found.evidence
    present = evidence.having(Presence.PRESENT)
    at = f" {present[-1].version:04}" if evidence.standing is TenantStanding.MATCH and present else ""
    return {
        "is": f"{evidence.standing.value}{at}",
        "there": name_versions(present),
        "half": name_versions(evidence.having(Presence.PARTIAL)),
        "not there": name_versions(evidence.having(Presence.ABSENT)),
        "cannot be seen": name_versions(evidence.having(Presence.UNSEEN)),
    }


def _report(found: Examined) -> Iterator[FindingReported]:
    """Yield the findings that prevent the adoption of the whole tenant."""
    tenant = found.tenant.name
    for status in found.statuses:
        if status.row and status.state is State.INCOMPLETE:
            yield FindingReported(tenant, Problem(explain(status), advise(status, tenant)))
    recorded = {status.version for status in found.statuses if status.row}
    for file in found.evidence.files:
        if file.migration.version in recorded and file.presence in (Presence.ABSENT, Presence.PARTIAL):
            yield FindingReported(tenant, _explain_lie(file, tenant))
        elif file.presence is Presence.PARTIAL:
            hint = "review the SQL, run it with psql and adopt again: a partly applied file is never recorded"
            yield FindingReported(tenant, Problem(explain_half(file), hint), _repair(found, file))
    for effect in found.evidence.foreign:
        hint = "drop it, write a migration for it, or list it under drift: ignore: in tenants.yaml"
        yield FindingReported(tenant, Problem(_explain_foreign(effect), hint))


def _explain_lie(file: FileEvidence, tenant: str) -> Problem:
    version, name = file.migration.version, label(file.migration.version, file.migration.name)
    effects = "some of its effects" if file.presence is Presence.PARTIAL else "its effects"
    return Problem(
        f"{name}: recorded as applied, but {effects} are missing",
        f'run "tenantry verify --tenants {tenant}" to see the differences; or run "tenantry forget {version} '
        f'--tenants {tenant} --reason ..." if it never ran',
    )


def _explain_foreign(effect: SchemaChange) -> str:
    kind, name = effect.key
    shown = shorten(name) if kind in ("table", "column") else f"{kind} {shorten(name)}"
    if effect.fact:
        return f"{shown}: {effect.fact} {effect.value or 'absent'}, which matches no file"
    return f"{shown}: no file creates it"


def _repair(found: Examined, file: FileEvidence) -> str:
    """Return the SQL that adds the missing part of a file, as a draft."""
    index = next(i for i, other in enumerate(found.evidence.files) if other is file)
    after = found.chain[index + 1]
    # The goal is the tenant's own schema plus this file: the draft leaves the differences of other files alone.
    objects = dict(found.schema.objects)
    names = {name for _, name in (*objects, *(effect.key for effect in file.missing if not effect.fact))}
    homeless = [effect for effect in file.missing if effect.parent and effect.parent not in names]
    for effect in file.missing:
        # A part of a table that does not exist cannot be added: it comes with the file that creates the table.
        if effect in homeless:
            continue
        if effect.gone:
            objects.pop(effect.key, None)
        elif effect.fact:
            objects[effect.key] = _with_fact(objects.get(effect.key, after.objects[effect.key]), effect)
        else:
            objects[effect.key] = after.objects[effect.key]
    tables = sorted({shorten(effect.parent) for effect in homeless})
    major = find_major(found.ledger.connection)
    absent = "".join(f"-- {table} does not exist: apply the file that creates it first\n" for table in tables)
    return f"{absent}{render(write_ddl(Snapshot('', objects), found.schema, major=major))}".rstrip()


def _with_fact(before: SchemaObject, effect: SchemaChange) -> SchemaObject:
    facts = {name: value for name, value in before.facts.items() if name != effect.fact}
    if effect.value is not None:
        facts[effect.fact] = effect.value
    return SchemaObject(before.kind, before.name, facts, before.parent, before.position)


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
