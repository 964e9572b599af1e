"""A tenant as an adoption has examined it, in words: its row in the report, and what keeps it from being adopted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tenantry.ledger.ledger import Ledger
from tenantry.model import Migration, MigrationStatus, State, Tenant, label
from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported
from tenantry.planning.words import advise, explain
from tenantry.postgres.sessions import find_major
from tenantry.schema.ddl.draft import render
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.snapshot import SchemaObject, Snapshot, shorten
from tenantry.takeover.evidence import Evidence, FileEvidence, Presence, SchemaChange, TenantStanding


@dataclass(frozen=True, slots=True)
class Examined:
    """One tenant: its ledger, the schemas before and after each of its files, its actual schema, and the evidence."""

    tenant: Tenant
    ledger: Ledger
    statuses: tuple[MigrationStatus, ...]
    chain: tuple[Snapshot, ...]
    schema: Snapshot
    evidence: Evidence


def list_cells(found: Examined) -> dict[str, str]:
    """Return the row of a tenant in the report, by column."""
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


def find_faults(found: Examined) -> Iterator[FindingReported]:
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
