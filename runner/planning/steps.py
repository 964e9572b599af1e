"""The files that a tenant gets, in order, and the statuses that block them. Pure."""

from collections.abc import Collection, Iterable

from tenantry import sqltext
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Plan, RowState, State
from tenantry.model.checksum import hash_prefix

# The gravest first: a summary names them in this order.
BLOCKING = (State.INCOMPLETE, State.CHANGED, State.MISSING, State.OUT_OF_ORDER)


def make_plan(
    statuses: Iterable[MigrationStatus], *, target: int | None = None, allow: Collection[int] = frozenset()
) -> Plan:
    """Return the files to apply, in order, up to and including version `target`, and the statuses that block them.

    `allow` names versions that may be applied although newer ones are recorded. An unfinished file is a step if it can
    be resumed and is not beyond `target`; otherwise it blocks.
    """
    steps: list[Migration] = []
    blockers: list[MigrationStatus] = []
    for status in statuses:
        wanted = target is None or status.version <= target
        late = status.state is State.OUT_OF_ORDER and status.version in allow
        begun = wanted and can_resume(status)
        if status.state in BLOCKING and not late and not begun:
            blockers.append(status)
        elif status.file and (status.state is State.PENDING or late or begun) and wanted:
            steps.append(status.file)
    return Plan(tuple(steps), tuple(blockers))


def can_resume(status: MigrationStatus) -> bool:
    """Return whether an unfinished file can be resumed: its completed statements are still in it, unchanged.

    The remaining statements may have been edited, and so may the text between statements. A partly completed batch
    change can be resumed only in batches: sent whole, it would change the completed rows a second time.
    """
    file, row = status.file, status.row
    # Rows of earlier versions of tenantry have no progress: nothing says which statements completed.
    if status.state is not State.INCOMPLETE or file is None or row is None or row.progress is None:
        return False
    if file.transactional or row.state is RowState.ROLLED_BACK or lost_batches(file, row):
        return False
    done = [statement.text for statement in sqltext.split(file.sql)[: row.statements_done]]
    return len(done) == row.statements_done and hash_prefix(done) == row.progress.prefix


def lost_batches(file: Migration, row: AppliedMigration) -> bool:
    """Return whether a file that has changed some of its rows in batches no longer asks for batches."""
    return row.progress is not None and row.progress.rows > 0 and file.directives.batch is None
