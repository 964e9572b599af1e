"""What is to be done: files and ledger rows in, statuses and a plan out. Pure, and used by every verb alike."""

from collections.abc import Collection, Iterable, Sequence

from tenantry import sqltext
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Note, Plan, RowState, State, label
from tenantry.model.checksum import hash_prefix

_LOOK = "look at the database,"
_BLOCKING = (State.INCOMPLETE, State.CHANGED, State.MISSING, State.OUT_OF_ORDER)


def compare(
    files: Iterable[Migration],
    rows: Iterable[AppliedMigration],
    allowed: Collection[int] = frozenset(),
    cosmetic: Collection[int] = frozenset(),
) -> tuple[MigrationStatus, ...]:
    """Return one status for each version that a file or a row has, in ascending order. One rolled back has no row.

    `allowed` are versions of this tenant that are pending although newer ones are recorded, `cosmetic` are those whose
    file says what was applied in other comments and white space.
    """
    by_version = {file.version: file for file in files}
    by_row = {row.version: row for row in rows}
    recorded = {version: row for version, row in by_row.items() if row.state is not RowState.ROLLED_BACK}
    newest = max(recorded, default=-1)
    statuses: list[MigrationStatus] = []
    for version in sorted(by_version.keys() | recorded.keys()):
        file, row = by_version.get(version), by_row.get(version)
        note = _note(file, row, cosmetic)
        row = recorded.get(version)
        state = _state(version, file, row, -1 if version in allowed else newest)
        excused = state is State.CHANGED and note is not None
        statuses.append(MigrationStatus(version, State.APPLIED if excused else state, file, row, note))
    return tuple(statuses)


def _note(file: Migration | None, row: AppliedMigration | None, cosmetic: Collection[int]) -> Note | None:
    if row and row.state is RowState.ROLLED_BACK:
        return Note.ROLLED_BACK
    if file is None or row is None or row.state is not RowState.APPLIED or file.checksum == row.checksum:
        return None
    if row.checksum in file.directives.replaces:
        return Note.REPLACED
    return Note.COSMETIC if row.version in cosmetic else None


def _state(version: int, file: Migration | None, row: AppliedMigration | None, newest: int) -> State:
    if row is None:
        return State.PENDING if version > newest else State.OUT_OF_ORDER
    if row.state is not RowState.APPLIED:
        return State.INCOMPLETE
    if file is None:
        return State.MISSING
    return State.APPLIED if file.checksum == row.checksum else State.CHANGED


def make_plan(
    statuses: Iterable[MigrationStatus], *, target: int | None = None, allow: Collection[int] = frozenset()
) -> Plan:
    """Return the files to apply, in order, up to and including version `target`, and what forbids it.

    `allow` names versions that may be applied although newer ones are recorded. A file that was begun is a step where
    it can go on, and forbids all else where it cannot or is beyond `target`.
    """
    steps: list[Migration] = []
    blockers: list[MigrationStatus] = []
    for status in statuses:
        wanted = target is None or status.version <= target
        late = status.state is State.OUT_OF_ORDER and status.version in allow
        begun = wanted and can_resume(status)
        if status.state in _BLOCKING and not late and not begun:
            blockers.append(status)
        elif status.file and (status.state is State.PENDING or late or begun) and wanted:
            steps.append(status.file)
    return Plan(tuple(steps), tuple(blockers))


def can_resume(status: MigrationStatus) -> bool:
    """Return whether a file that was begun can go on: what is done of it stands in it as it was.

    Its other statements may have been edited meanwhile, and what lies between statements as well. A change of which
    batches are done goes on in batches alone: sent whole, it would change their rows once more.
    """
    file, row = status.file, status.row
    if status.state is not State.INCOMPLETE or file is None or row is None or row.progress is None:
        return False
    if file.transactional or row.state is RowState.ROLLED_BACK or _lost_batches(file, row):
        return False
    done = [statement.text for statement in sqltext.split(file.sql)[: row.statements_done]]
    return len(done) == row.statements_done and hash_prefix(done) == row.progress.prefix


def count_done(row: AppliedMigration) -> str:
    """Return how much of a file is done that is not finished, in words."""
    if row.progress and row.progress.rows:
        return f"{row.progress.rows} rows"
    return f"{row.statements_done} of {row.statements} statements"


def _lost_batches(file: Migration, row: AppliedMigration) -> bool:
    return row.progress is not None and row.progress.rows > 0 and file.directives.batch is None


def head(statuses: Sequence[MigrationStatus]) -> str:
    """Return the newest version that is recorded as applied, by its label; empty where there is none."""
    applied = [s for s in statuses if s.row and s.row.state is RowState.APPLIED]
    return label(applied[-1].version, applied[-1].name) if applied else ""


def summarise(statuses: Iterable[MigrationStatus]) -> str:
    """Return a tenant's state in words: what blocks it, else whether something is pending."""
    by_state: dict[State, list[str]] = {}
    for status in statuses:
        by_state.setdefault(status.state, []).append(label(status.version, status.name))
    blocking = [f"{state.value}: {', '.join(by_state[state])}" for state in _BLOCKING if state in by_state]
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
            if status.file and status.row and _lost_batches(status.file, status.row):
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
    if _lost_batches(status.file, row):
        return f"{done}, and the file has no batches any more"
    return f"{done}, and they were edited since"


def _advise_by_hand(version: int, repair: str) -> str:
    return (
        f'finish or undo the file by hand, then run "tenantry mark {version} {repair}" (it is done) '
        f'or "tenantry forget {version} {repair}" (it is to run again)'
    )
