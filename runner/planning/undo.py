"""The versions of a tenant to undo, and the reasons to refuse. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenantry.model import AppliedMigration, MigrationStatus, State, label
from tenantry.model.errors import Refused
from tenantry.planning.words import advise


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request to undo `version`, or with `above` all newer versions; `name` is the name it was written with, if any.

    `late` permits it although newer versions stay. Where a rollback file is not the text that was recorded,
    `from_files` runs the file, and `recorded` what the database holds. `prove` compares the schema afterwards with the
    remaining files.
    """

    version: int
    reason: str
    above: bool = False
    late: bool = False
    from_files: bool = False
    recorded: bool = False
    dry_run: bool = False
    prove: bool = True
    name: str = ""


def choose(statuses: Sequence[MigrationStatus], wanted: Wanted, tenant: str) -> tuple[MigrationStatus, ...]:
    """Return the versions to undo, newest first; none if none of them is applied.

    Raises Refused if one is not finished, or if a version that stays was applied after it or depends on it.
    """
    # Without a row there is nothing to undo: the file was never applied, or was rolled back already.
    recorded = [status for status in statuses if status.row]
    chosen = [s for s in recorded if (s.version > wanted.version if wanted.above else s.version == wanted.version)]
    stay = [status for status in recorded if status not in chosen]
    for status in chosen:
        name = label(status.version, status.name)
        if status.state is State.INCOMPLETE:
            raise Refused(f"{name}: not finished, so it cannot be undone", hint=advise(status, tenant))
        # Refused with --out-of-order too: `-- depends:` is the author's word that the newer one needs it.
        dependent = [s for s in stay if s.file and status.version in s.file.depends]
        if dependent:
            raise Refused(f"{name}: required by {_list(dependent)}", hint=_advise_all(status, statuses, tenant))
        later = [s for s in stay if s.version > status.version]
        if later and not wanted.late:
            hint = f"{_advise_all(status, statuses, tenant)}; or add --out-of-order if none of them depends on it"
            raise Refused(f"{name}: newer migrations are applied: {_list(later)}", hint=hint)
    return tuple(reversed(chosen))


def _list(statuses: Sequence[MigrationStatus]) -> str:
    return ", ".join(label(status.version, status.name) for status in statuses)


def _advise_all(status: MigrationStatus, statuses: Sequence[MigrationStatus], tenant: str) -> str:
    older = [one.version for one in statuses if one.version < status.version]
    # There is no version below 0 to pass to --to.
    if not status.version:
        return "roll these back first"
    command = f"tenantry rollback --to {max(older, default=0)} --tenants {tenant} --reason ..."
    return f'run "{command}" to roll all of them back, newest first'


def check_known(
    rows: Sequence[AppliedMigration], statuses: Sequence[MigrationStatus], wanted: Wanted, tenant: str
) -> None:
    """Raise Refused for a version that has neither a file nor a row, or another name: it was mistyped."""
    # Rows as well as statuses: a version that was rolled back and whose file is gone has a row, but no status.
    names = [label(row.version, row.name) for row in rows if row.version == wanted.version]
    names += [label(status.version, status.name) for status in statuses if status.version == wanted.version]
    hint = f'run "tenantry status --tenants {tenant}" to see its version'
    # With --to 0, everything is undone, whether there is a file of that number or not.
    if not names and not (wanted.above and wanted.version == 0):
        raise Refused(f"version {wanted.version}: not recorded here, and no file has it", hint=hint)
    if names and wanted.name and label(wanted.version, wanted.name) not in names:
        written, found = label(wanted.version, wanted.name), " and ".join(dict.fromkeys(names))
        raise Refused(f"there is no {written}; version {wanted.version} is {found}", hint=hint)
