"""The state of a tenant and of its migrations in words, and what to type next. Pure."""

from collections.abc import Iterable

from tenantry.model import AppliedMigration, MigrationStatus, Note, State, label
from tenantry.plan.steps import BLOCKING, can_resume, lost_batches

_LOOK = "look at the database,"


def count_done(row: AppliedMigration) -> str:
    """Return how much of a file is done that is not finished, in words."""
    if row.progress and row.progress.rows:
        return f"{row.progress.rows} rows"
    return f"{row.statements_done} of {row.statements} statements"


def summarise(statuses: Iterable[MigrationStatus]) -> str:
    """Return a tenant's state in words: what blocks it, else whether something is pending."""
    by_state: dict[State, list[str]] = {}
    for status in statuses:
        by_state.setdefault(status.state, []).append(label(status.version, status.name))
    blocking = [f"{state.value}: {', '.join(by_state[state])}" for state in BLOCKING if state in by_state]
    return "; ".join(blocking) or ("pending" if State.PENDING in by_state else "up to date")


def annotate(statuses: Iterable[MigrationStatus]) -> str:
    """Return what else is to be said of a tenant's versions, in words; empty where nothing is."""
    by_note: dict[Note, list[str]] = {}
    for status in statuses:
        if status.note:
            by_note.setdefault(status.note, []).append(label(status.version, status.name))
    return "; ".join(f"{note.value}: {', '.join(by_note[note])}" for note in Note if note in by_note)


def add_repeatables(state: str, pending: int) -> str:
    """Return a tenant's state in words, with how many repeatables are pending beside its migrations."""
    if not pending:
        return state
    words = f"{pending} {'repeatable' if pending == 1 else 'repeatables'} pending"
    return words if state == "up to date" else f"{state}; {words}"


def explain(status: MigrationStatus) -> str:
    """Return in one line what is wrong with a blocking status, file and row named."""
    name = label(status.version, status.name)
    match status.state:
        case State.CHANGED if status.file and status.row:
            was, now = status.row.checksum, status.file.checksum
            return f"{name}: edited after it was applied, expected {was}, the file has {now}"
        case State.MISSING:
            return f"{name}: applied to this database, but the file is gone"
        case State.OUT_OF_ORDER:
            return f"{name}: not applied, although newer migrations are: it arrived late"
        case State.INCOMPLETE if status.row:
            return f"{name}: not finished, {_explain_unfinished(status, status.row)}"
        case state:
            return f"{name}: {state.value}"


def _advise_replacing(status: MigrationStatus) -> str:
    if status.row is None:
        return ""
    line = f"-- replaces: {status.row.checksum}"
    return f'; or put the line "{line}" at its top, which says so of every tenant that ran that text'


def advise(status: MigrationStatus, tenant: str) -> str:
    """Return what to type next about a blocking status."""
    repair = f"--tenants {tenant} --reason ..."
    version = status.version
    match status.state:
        case State.CHANGED:
            return (
                f'undo the edit and put it into a new file; or run "tenantry accept {version} {repair}" '
                "if what the file says now is what the database has"
                f"{_advise_replacing(status)}"
            )
        case State.MISSING:
            return (
                f'bring the file back ("tenantry log --version {version} --sql --tenants={tenant}" prints its text); '
                f'or run "tenantry forget {version} {repair}" if its effects were undone'
            )
        case State.OUT_OF_ORDER:
            return (
                f'give the file the next free number if no database has it yet; or run "tenantry migrate '
                f'--tenants {tenant} --out-of-order {version}" if it may run after the newer ones'
            )
        case State.INCOMPLETE if can_resume(status):
            return f'run "tenantry migrate --tenants {tenant}", which goes on there'
        case State.INCOMPLETE:
            known = status.row is not None and status.row.progress is not None
            first = "bring back what is done of the file, and edit what comes after; or" if known else _LOOK
            if status.file and status.row and lost_batches(status.file, status.row):
                first = 'put its line "-- batch: ..." back; or'
            return f"{first} {_advise_by_hand(version, repair)}"
        case State.PENDING | State.APPLIED:
            return ""


def advise_unfinished(version: int, tenant: str) -> str:
    """Return what to type next about a non-transactional file that was begun and is not finished."""
    return (
        f'correct the file or what it met in the database, and run "tenantry migrate --tenants {tenant}", which goes '
        f"on at this statement; or {_advise_by_hand(version, f'--tenants {tenant} --reason ...')}"
    )


def _explain_unfinished(status: MigrationStatus, row: AppliedMigration) -> str:
    done = f"{count_done(row)} are done"
    if can_resume(status) or row.progress is None:
        return done
    if status.file is None:
        return f"{done}, and the file is gone"
    if status.file.transactional:
        return f"{done}, and the file is transactional now"
    if lost_batches(status.file, row):
        return f"{done}, and the file has no batches any more"
    return f"{done}, and they were edited since"


def _advise_by_hand(version: int, repair: str) -> str:
    return (
        f'finish or undo the file by hand, then run "tenantry mark {version} {repair}" (it is done) '
        f'or "tenantry forget {version} {repair}" (it is to run again)'
    )
