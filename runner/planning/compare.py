"""Migration files compared with ledger rows, version by version. Pure; every verb starts from this comparison."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from tenantry.model import AppliedMigration, Migration, MigrationStatus, Note, RowState, State


def compare(files: Iterable[Migration], rows: Iterable[AppliedMigration]) -> tuple[MigrationStatus, ...]:
    """Return one status for each version that has a file or a row, in ascending order.

    The status of a version that was rolled back has no row.
    """
    by_version = {file.version: file for file in files}
    by_row = {row.version: row for row in rows}
    recorded = {version: row for version, row in by_row.items() if row.state is not RowState.ROLLED_BACK}
    # Below version 0: where nothing is recorded, no file is late.
    newest = max(recorded, default=-1)
    statuses: list[MigrationStatus] = []
    for version in sorted(by_version.keys() | recorded.keys()):
        file, row = by_version.get(version), by_row.get(version)
        note = _note(file, row)
        # Only the note may know of a row that was rolled back: the file is to run like any other that has no row.
        row = recorded.get(version)
        state = _state(version, file, row, newest)
        # A `-- replaces:` line vouches for the text that was applied.
        excused = state is State.CHANGED and note is not None
        statuses.append(MigrationStatus(version, State.APPLIED if excused else state, file, row, note))
    return tuple(statuses)


def excuse(
    statuses: Iterable[MigrationStatus], *, allowed: Collection[int] = (), cosmetic: Collection[int] = ()
) -> tuple[MigrationStatus, ...]:
    """Return the statuses, excusing those that the tenant's own record excuses.

    `allowed` are versions that may be applied to this tenant although newer ones are recorded. `cosmetic` are versions
    whose file differs from the applied text only in comments and white space.
    """
    return tuple(_excuse(status, allowed, cosmetic) for status in statuses)


def _excuse(status: MigrationStatus, allowed: Collection[int], cosmetic: Collection[int]) -> MigrationStatus:
    if status.state is State.OUT_OF_ORDER and status.version in allowed:
        return replace(status, state=State.PENDING)
    if status.state is State.CHANGED and status.version in cosmetic:
        return replace(status, state=State.APPLIED, note=Note.COSMETIC)
    return status


def _note(file: Migration | None, row: AppliedMigration | None) -> Note | None:
    if row and row.state is RowState.ROLLED_BACK:
        return Note.ROLLED_BACK
    # The text of an unfinished file is judged statement by statement, when it is resumed.
    if file is None or row is None or row.state is not RowState.APPLIED or file.checksum == row.checksum:
        return None
    return Note.REPLACED if row.checksum in file.directives.replaces else None


def _state(version: int, file: Migration | None, row: AppliedMigration | None, newest: int) -> State:
    if row is None:
        return State.PENDING if version > newest else State.OUT_OF_ORDER
    # Before MISSING: a deleted file does not finish the statements that it left undone.
    if row.state is not RowState.APPLIED:
        return State.INCOMPLETE
    if file is None:
        return State.MISSING
    return State.APPLIED if file.checksum == row.checksum else State.CHANGED
