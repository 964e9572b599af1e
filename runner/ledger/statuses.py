"""The state of each of a tenant's migrations: its files against its ledger."""

from collections.abc import Sequence

from tenantry.files.cosmetic import is_cosmetic
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import read_allowed
from tenantry.model import AppliedMigration, Migration, MigrationStatus, State
from tenantry.model.checksum import checksum
from tenantry.plan.compare import compare, excuse


def read_statuses(files: Sequence[Migration], ledger: Ledger | None) -> tuple[MigrationStatus, ...]:
    """Return files against what the ledger holds; None: there is no database yet."""
    return compare_rows(files, ledger.read(), ledger) if ledger else compare(files, ())


def compare_rows(
    files: Sequence[Migration], rows: Sequence[AppliedMigration], ledger: Ledger
) -> tuple[MigrationStatus, ...]:
    """Return files against rows that were read, with the versions excused that the ledger excuses.

    The ledger is asked again only where a version is late or changed: most tenants cost one round trip.
    """
    statuses = compare(files, rows)
    changed = [status for status in statuses if status.state is State.CHANGED]
    late = any(status.state is State.OUT_OF_ORDER for status in statuses)
    if not late and not changed:
        return statuses
    allowed = read_allowed(ledger) if late else frozenset()
    return excuse(statuses, allowed=allowed, cosmetic=_find_cosmetic(changed, ledger) if changed else ())


def _find_cosmetic(changed: Sequence[MigrationStatus], ledger: Ledger) -> frozenset[int]:
    """Return the versions whose file says in other comments and white space what was applied. One round trip."""
    before = ledger.read_texts([status.version for status in changed])
    return frozenset(
        status.version
        for status in changed
        if status.file and status.row and status.version in before
        # A text that its own checksum does not fit is not known to be what was applied.
        if checksum(text := before[status.version]) == status.row.checksum and is_cosmetic(text, status.file.text)
    )
