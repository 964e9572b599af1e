"""Which versions of a tenant are to be undone, and what forbids it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenantry.model import AppliedMigration, MigrationStatus, State, label
from tenantry.model.errors import Refused
from tenantry.plan.words import advise


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be undone: version `version`, or with `above` all versions that are newer than it.

    `late`: also where newer versions stay. `from_files`: by the files as they are, and not as they were recorded.
    `prove`: the schema is held afterwards against the files that are left.
    """

    version: int
    reason: str
    above: bool = False
    late: bool = False
    from_files: bool = False
    dry_run: bool = False
    prove: bool = True


def choose(statuses: Sequence[MigrationStatus], wanted: Wanted, tenant: str) -> tuple[MigrationStatus, ...]:
    """Return the versions to undo, newest first; none where none of them is applied.

    Raises Refused where one is not finished, or where what stays was applied after it or depends on it.
    """
    recorded = [status for status in statuses if status.row]
    chosen = [s for s in recorded if (s.version > wanted.version if wanted.above else s.version == wanted.version)]
    stay = [status for status in recorded if status not in chosen]
    for status in chosen:
        name = label(status.version, status.name)
        if status.state is State.INCOMPLETE:
            raise Refused(f"{name}: not finished, so that it cannot be undone", hint=advise(status, tenant))
        dependent = [s for s in stay if s.file and status.version in s.file.depends]
        if dependent:
            raise Refused(f"{name}: {_list(dependent)} depends on it", hint=_advise_all(status, tenant))
        later = [s for s in stay if s.version > status.version]
        if later and not wanted.late:
            hint = f"{_advise_all(status, tenant)}; or give --out-of-order, if none of them relies on it"
            raise Refused(f"{name}: newer files are applied: {_list(later)}", hint=hint)
    return tuple(reversed(chosen))


def _list(statuses: Sequence[MigrationStatus]) -> str:
    return ", ".join(label(status.version, status.name) for status in statuses)


def _advise_all(status: MigrationStatus, tenant: str) -> str:
    if not status.version:
        return "roll these back first"
    command = f"tenantry rollback --to {status.version - 1} --tenants {tenant} --reason ..."
    return f'run "{command}" to undo all of them, newest first'


def check_known(
    rows: Sequence[AppliedMigration], statuses: Sequence[MigrationStatus], wanted: Wanted, tenant: str
) -> None:
    """Raise Refused for a version that neither a file nor a row has: it was mistyped."""
    known = {row.version for row in rows} | {status.version for status in statuses}
    if not wanted.above and wanted.version not in known:
        hint = f'see "tenantry status --tenants {tenant}"'
        raise Refused(f"version {wanted.version} is not recorded here, and no file has it", hint=hint)
