"""The state of each of a tenant's migrations: its files against its ledger."""

import re
from collections.abc import Sequence

from tenantry import sqltext
from tenantry.files.cosmetic import is_cosmetic
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import read_allowed
from tenantry.model import AppliedMigration, Migration, MigrationStatus, State
from tenantry.model.checksum import checksum
from tenantry.model.errors import Refused
from tenantry.model.records import LEDGER_TABLES
from tenantry.model.words import count
from tenantry.planning.compare import compare, excuse

_CREATED = re.compile(
    r"^CREATE TABLE (?:IF NOT EXISTS )?([a-z_]\w*(?:\.[a-z_]\w*)?)\s*\(", re.IGNORECASE | re.MULTILINE | re.ASCII
)


def read_statuses(files: Sequence[Migration], ledger: Ledger | None) -> tuple[MigrationStatus, ...]:
    """Return the status of each version, by files and ledger; the ledger is None if there is no database yet."""
    return compare_rows(files, ledger.read(), ledger) if ledger else compare(files, ())


def compare_rows(
    files: Sequence[Migration], rows: Sequence[AppliedMigration], ledger: Ledger
) -> tuple[MigrationStatus, ...]:
    """Return the status of each version, by files and rows, with the exceptions that the ledger grants.

    The ledger is asked again only if a version is late or changed: most tenants cost one round trip.
    """
    statuses = compare(files, rows)
    changed = [status for status in statuses if status.state is State.CHANGED]
    late = any(status.state is State.OUT_OF_ORDER for status in statuses)
    if not late and not changed:
        return statuses
    allowed = read_allowed(ledger) if late else frozenset()
    return excuse(statuses, allowed=allowed, cosmetic=_find_cosmetic(changed, ledger) if changed else ())


def find_witness(files: Sequence[Migration]) -> str:
    """Return the name of a table that files create, empty if none is plainly written: see `Guard.witness`.

    A guess is enough: the server says whether there is such a table, and if there is none, it is asked for any.
    """
    named = (found[1].lower() for file in files for found in _CREATED.finditer(file.sql))
    return next((name for name in named if name.rpartition(".")[2] not in LEDGER_TABLES), "")


def refuse_bare(statuses: Sequence[MigrationStatus], ledger: Ledger | None) -> None:
    """Raise Refused for a ledger that claims files which create tables, in a database that has none but its own.

    Its tables were copied there, or all others were lost. Files that also drop something are left to the proof.
    """
    rows = [status.row for status in statuses if status.row]
    if ledger is None or not rows or not ledger.is_alone():
        return
    files = [status.file.sql for status in statuses if status.file and status.state is State.APPLIED]
    if sqltext.leave_relations(files):
        raise Refused(
            f"database {ledger.tenant.database!r} is empty, but its ledger has {count(len(rows), 'migration')}: it was "
            "copied there, or everything else was dropped",
            hint="restore the whole database; or drop the ledger's tables there to apply all files from the start",
        )


def _find_cosmetic(changed: Sequence[MigrationStatus], ledger: Ledger) -> frozenset[int]:
    """Return the changed versions that differ in comments and white space alone. One round trip."""
    before = ledger.read_texts([status.version for status in changed])
    return frozenset(
        status.version
        for status in changed
        if status.file and status.row and status.version in before
        # If a recorded text does not match its own checksum, nobody knows which text was applied.
        if checksum(text := before[status.version]) == status.row.checksum and is_cosmetic(text, status.file.text)
    )
