"""The state of a tenant and of its migrations in words, and the command to type next. Pure."""

from collections.abc import Iterable, Sequence

from tenantry.model import AppliedMigration, MigrationStatus, Note, State, label
from tenantry.model.words import count
from tenantry.planning.steps import BLOCKING, can_resume, lost_batches

_LOOK = "inspect the database,"


def count_done(row: AppliedMigration) -> str:
    """Return the completed part of an unfinished file, in words: `1 of 3 statements`, or `600 rows`."""
    if row.progress and row.progress.rows:
        return count(row.progress.rows, "row")
    return f"{row.statements_done} of {count(row.statements, 'statement')}"


def summarise(statuses: Iterable[MigrationStatus]) -> str:
    """Return a tenant's state in words: the versions that block it, otherwise `pending` or `up to date`."""
    by_state: dict[State, list[str]] = {}
    for status in statuses:
        by_state.setdefault(status.state, []).append(label(status.version, status.name))
    # With a blocker, pending files are not mentioned: none of them runs before it is out of the way.
    blocking = [f"{state.value}: {', '.join(by_state[state])}" for state in BLOCKING if state in by_state]
    return "; ".join(blocking) or ("pending" if State.PENDING in by_state else "up to date")


def annotate(statuses: Iterable[MigrationStatus]) -> str:
    """Return the notes on a tenant's versions, in words; empty if there are none."""
    by_note: dict[Note, list[str]] = {}
    for status in statuses:
        if status.note:
            by_note.setdefault(status.note, []).append(label(status.version, status.name))
    return "; ".join(f"{note.value}: {', '.join(by_note[note])}" for note in Note if note in by_note)


def add_repeatables(state: str, pending: int) -> str:
    """Return a tenant's state in words, with the number of pending repeatables added."""
    if not pending:
        return state
    words = f"{count(pending, 'repeatable')} pending"
    return words if state == "up to date" else f"{state}; {words}"


def explain(status: MigrationStatus) -> str:
    """Return the reason why a status blocks, in one line that names file and row."""
    name = label(status.version, status.name)
    match status.state:
        case State.CHANGED if status.file and status.row:
            was, now = status.row.checksum, status.file.checksum
            return f"{name}: edited after it was applied, expected {was}, found {now}"
        case State.MISSING:
            return f"{name}: applied to this database, but the file is gone"
        case State.OUT_OF_ORDER:
            return f"{name}: not applied, although newer migrations are: the file arrived late"
        case State.INCOMPLETE if status.row:
            return f"{name}: not finished, {_explain_unfinished(status, status.row)}"
        case state:
            return f"{name}: {state.value}"


def _advise_replacing(status: MigrationStatus) -> str:
    if status.row is None:
        return ""
    line = f"-- replaces: {status.row.checksum}"
    return f'; or add the line "{line}" at the top of the file to accept the edit for every tenant that ran that text'


def advise(status: MigrationStatus, tenant: str, late: Sequence[int] = ()) -> str:
    """Return the hint for a blocking status: the command to type next.

    `late` are all versions that are out of order: the command has to name each of them to get any further.
    """
    repair = f"--tenants {tenant} --reason ..."
    version = status.version
    match status.state:
        case State.CHANGED:
            return (
                f'undo the edit and move it to a new file; or run "tenantry accept {version} {repair}" '
                "if the database already matches the edited file"
                f"{_advise_replacing(status)}"
            )
        case State.MISSING:
            # With an equals sign, this one tenant stays when a report joins the hints of several: the text is the same.
            return (
                f'restore the file ("tenantry log --version {version} --sql --tenants={tenant}" prints its text); '
                f'or run "tenantry forget {version} {repair}" if its effects have been undone'
            )
        case State.OUT_OF_ORDER:
            orders = " ".join(f"--out-of-order {one}" for one in late or [version])
            return (
                f'give the file the next free number if no database has it yet; or run "tenantry migrate '
                f'--tenants {tenant} {orders}" if it can run after the newer ones'
            )
        case State.INCOMPLETE if can_resume(status):
            return f'run "tenantry migrate --tenants {tenant}" to resume it'
        case State.INCOMPLETE if status.file is None:
            return f'restore its file; or undo its statements by hand, then run "tenantry forget {version} {repair}"'
        case State.INCOMPLETE:
            known = status.row is not None and status.row.progress is not None
            first = "restore the completed statements in the file and edit only the others; or" if known else _LOOK
            if status.file and status.row and lost_batches(status.file, status.row):
                first = 'restore its line "-- batch: ..."; or'
            return f"{first} {_advise_by_hand(version, repair)}"
        case State.PENDING | State.APPLIED:
            return ""


def advise_unfinished(version: int, tenant: str) -> str:
    """Return the hint for a non-transactional file that was begun and not finished."""
    return (
        f'correct the file or the database, then run "tenantry migrate --tenants {tenant}" to resume at this '
        f"statement; or {_advise_by_hand(version, f'--tenants {tenant} --reason ...')}"
    )


def advise_in_doubt(version: int, tenant: str, number: int) -> str:
    """Return the hint for a file whose statement `number`, counted from 1, may have taken effect or not."""
    again = f"tenantry migrate --tenants {tenant} --resume-at"
    return (
        f'inspect the database, then run "{again} {number}" to run it again, or "{again} {number + 1}" to skip it as '
        f'done; or "tenantry mark {version} --tenants {tenant} --reason ..." if the whole file is done'
    )


def _explain_unfinished(status: MigrationStatus, row: AppliedMigration) -> str:
    done = f"{count_done(row)} done"
    if can_resume(status) or row.progress is None:
        return done
    if status.file is None:
        return f"{done}, but the file is gone"
    if status.file.transactional:
        return f"{done}, but the file is now transactional"
    if lost_batches(status.file, row):
        return f"{done}, but the file no longer runs in batches"
    return f"{done}, but edited since"


def _advise_by_hand(version: int, repair: str) -> str:
    return (
        f'finish or undo the file by hand, then run "tenantry mark {version} {repair}" if it is finished, '
        f'or "tenantry forget {version} {repair}" if it is to run again'
    )
