"""The findings in one tenant, in words: each difference between files and ledger, and the next step."""

import difflib
from collections.abc import Iterator, Sequence

from tenantry.ledger.ledger import Ledger
from tenantry.ledger.repeatables import RepeatableTable
from tenantry.model import NO_VERSION, Migration, MigrationStatus, Note, Origin, State, Tenant, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, WarningRaised
from tenantry.model.records import REPEATABLE_TABLE
from tenantry.planning.steps import can_resume
from tenantry.planning.words import advise, explain

# Recorded because of what was found there, and not because the file ran.
_UNRUN = frozenset({Origin.BASELINE, Origin.IMPORTED})


def find(statuses: Sequence[MigrationStatus], tenant: Tenant, ledger: Ledger) -> Iterator[FindingReported]:
    """Yield a finding for every version that is not applied as its file says. Edited ones come with a diff."""
    yield from find_in([s for s in statuses if s.state is not State.APPLIED], statuses, tenant, ledger)
    for status in statuses:
        if status.state is State.APPLIED and status.renamed:
            yield FindingReported(tenant.name, describe_renamed(status, tenant))


def warn(statuses: Sequence[MigrationStatus], tenant: Tenant) -> Iterator[WarningRaised]:
    """Yield a warning for every version whose file was edited in a way that changes nothing."""
    for status in statuses:
        if status.note is Note.COSMETIC:
            yield WarningRaised(tenant.name, _describe_cosmetic(status, tenant))


def find_in(
    chosen: Sequence[MigrationStatus], statuses: Sequence[MigrationStatus], tenant: Tenant, ledger: Ledger
) -> Iterator[FindingReported]:
    """Yield a finding for each of the `chosen`; a file that was renumbered is one finding, not two."""
    moved = {status.version: _find_moved(status, statuses) for status in statuses}
    adopted = max((s.version for s in statuses if s.row and s.row.origin in _UNRUN), default=-1)
    targets = {target.version for target in moved.values() if target}
    late = [status.version for status in statuses if status.state is State.OUT_OF_ORDER]
    for status in chosen:
        target = moved[status.version]
        if target:
            yield FindingReported(tenant.name, _describe_moved(status, target))
        elif status.version not in targets:
            yield _report(status, tenant, ledger, late, adopted=status.version < adopted)


def find_altered(ledger: Ledger, repeatables: Sequence[Migration] | None) -> Iterator[FindingReported]:
    """Yield a finding for every recorded text that was changed below its checksum."""
    again = RepeatableTable(ledger).find_altered() if repeatables else []
    for version, name in (*ledger.find_altered(), *again):
        message = f"{label(version, name)}: its recorded text does not have its recorded checksum"
        hint = f"find out who changed it: nobody but tenantry should write to the tables of {ledger.shown}"
        yield FindingReported(ledger.tenant.name, Problem(message, hint))


def describe_renamed(status: MigrationStatus, tenant: Tenant) -> Problem:
    """Return the finding for a file that was applied under another name."""
    before = status.row.name if status.row else ""
    return Problem(
        f"{label(status.version, status.name)}: applied as {label(status.version, before)}, since renamed",
        f'rename it back, or run "tenantry accept {status.version} --tenants {tenant.name} --reason ..."',
    )


def describe_repeatable(file: Migration, tenant: Tenant) -> Problem:
    """Return the finding for a repeatable whose text is not the one that ran last."""
    return Problem(
        f"{label(file.version, file.name)}: pending: its current text has not been applied",
        f'run "tenantry migrate --tenants {tenant.name}"',
    )


def describe_gone(name: str) -> Problem:
    """Return the finding for a repeatable that ran and whose file is gone."""
    return Problem(
        f"{label(NO_VERSION, name)}: its file is gone, and the objects it created may still be in the database",
        f"drop them in a migration, with DROP ... IF EXISTS; then delete its row in {REPEATABLE_TABLE}",
    )


def _describe_cosmetic(status: MigrationStatus, tenant: Tenant) -> Problem:
    return Problem(
        f"{label(status.version, status.name)}: only comments or white space have changed since it was applied",
        f'nothing needs to be done; "tenantry accept {status.version} --tenants {tenant.name} --reason ..." records it',
    )


def _report(
    status: MigrationStatus, tenant: Tenant, ledger: Ledger, late: Sequence[int], *, adopted: bool
) -> FindingReported:
    hint = advise(status, tenant.name, late)
    if (
        status.state is State.MISSING
        and status.row
        and checksum(ledger.read_text(status.version)) != status.row.checksum
    ):
        # The command that prints the recorded text refuses one that was changed.
        hint = f"restore the file as it was applied, from git history; or {hint.partition('; or ')[2]}"
    if adopted and status.state is State.OUT_OF_ORDER:
        # Running it may repeat or undo work that was done before there was a record.
        hint = (
            f'if it ran before the tenant was taken over, run "tenantry adopt --tenants {tenant.name} '
            f'--assume {status.version} --write"; check the database first'
        )
    problem = Problem(explain(status), hint)
    edited = status.state is State.CHANGED or (status.state is State.INCOMPLETE and not can_resume(status))
    detail = _compare_texts(status, ledger) if edited else ""
    return FindingReported(tenant.name, problem, detail)


def _describe_moved(status: MigrationStatus, target: MigrationStatus) -> Problem:
    before, now = label(status.version, status.name), label(target.version, target.name)
    return Problem(
        f"{before}: applied to this database, but its file is now {now}",
        "give the file its old number back: an applied migration keeps its number",
    )


def _find_moved(status: MigrationStatus, statuses: Sequence[MigrationStatus]) -> MigrationStatus | None:
    """Return the unapplied file that has the text of a missing one: it was renumbered."""
    if status.state is not State.MISSING or status.row is None:
        return None
    checksum = status.row.checksum
    return next((s for s in statuses if s.row is None and s.file and s.file.checksum == checksum), None)


def _compare_texts(status: MigrationStatus, ledger: Ledger) -> str:
    """Return a unified diff of the text that was applied against the file as it is."""
    if status.file is None or status.row is None:
        return ""
    text = ledger.read_text(status.version)
    if checksum(text) != status.row.checksum:
        return "the recorded text does not have the recorded checksum, so it is not compared with the file"
    before = text.splitlines()
    after = status.file.text.splitlines()
    done = "as applied" if status.state is State.CHANGED else "as begun"
    applied = f"{label(status.version, status.row.name)} {done}"
    return "\n".join(difflib.unified_diff(before, after, applied, status.file.path, lineterm=""))
