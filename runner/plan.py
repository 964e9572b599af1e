"""What is to be done: files and ledger rows in, statuses and a plan out. Pure, and used by every verb alike."""

from collections.abc import Collection, Iterable, Sequence

from runner.model import AppliedMigration, Migration, MigrationStatus, Plan, RowState, State, label

_BLOCKING = (State.INCOMPLETE, State.CHANGED, State.MISSING, State.OUT_OF_ORDER)


def compare(
    files: Iterable[Migration], rows: Iterable[AppliedMigration], allowed: Collection[int] = frozenset()
) -> tuple[MigrationStatus, ...]:
    """Return one status for each version that a file or a row has, in ascending order.

    `allowed` are versions of this tenant that are pending although newer ones are recorded.
    """
    by_version = {file.version: file for file in files}
    recorded = {row.version: row for row in rows}
    newest = max(recorded, default=-1)
    return tuple(
        _status(version, by_version.get(version), recorded.get(version), -1 if version in allowed else newest)
        for version in sorted(by_version.keys() | recorded.keys())
    )


def _status(version: int, file: Migration | None, row: AppliedMigration | None, newest: int) -> MigrationStatus:
    return MigrationStatus(version, _state(version, file, row, newest), file, row)


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

    `allow` names versions that may be applied although newer ones are recorded.
    """
    steps: list[Migration] = []
    blockers: list[MigrationStatus] = []
    for status in statuses:
        late = status.state is State.OUT_OF_ORDER and status.version in allow
        if status.state in _BLOCKING and not late:
            blockers.append(status)
        elif status.file and (status.state is State.PENDING or late) and (target is None or status.version <= target):
            steps.append(status.file)
    return Plan(tuple(steps), tuple(blockers))


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
            row = status.row
            return f"{name}: not finished, {row.statements_done} of {row.statements} statements are done"
        case state:
            return f"{name}: {state.value}"


def advise(status: MigrationStatus, tenant: str) -> str:
    """Return what to type next about a blocking status."""
    repair = f"--tenants {tenant} --reason ..."
    version = status.version
    match status.state:
        case State.CHANGED:
            return (
                f'undo the edit and put it into a new file; or run "tenantry accept {version} {repair}" '
                "if what the file says now is what the database has"
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
        case State.INCOMPLETE:
            return advise_unfinished(version, tenant)
        case State.PENDING | State.APPLIED:
            return ""


def advise_unfinished(version: int, tenant: str) -> str:
    """Return what to type next about a non-transactional file that was begun and not finished."""
    repair = f"--tenants {tenant} --reason ..."
    return (
        f'look at the database, finish or undo the file by hand, then run "tenantry mark {version} {repair}" '
        f'(it is done) or "tenantry forget {version} {repair}" (it is to run again)'
    )
