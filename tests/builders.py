"""Values for the tests, in short: each builder takes what a test is about and makes up the rest."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from hypothesis import HealthCheck, settings

from tenantry.model import AppliedMigration, Migration, Origin, RowState, Server, SetName, Tenant
from tenantry.model.checksum import checksum

# For tests of properties: how fast this machine is at the moment is none.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def migration(
    name: str = "0001_rooms",
    sql: str = "SELECT 1;\n",
    *,
    transactional: bool = True,
    depends: tuple[int, ...] = (),
    folder: str = "migrations/tenant",
) -> Migration:
    """Return the file `NNNN_name` of a folder, with its text."""
    version, _, rest = name.partition("_")
    path = f"{folder}/{name}.sql"
    return Migration(int(version), rest, path, checksum(sql), sql, sql, transactional, depends)


def applied(
    name: str = "0001_rooms",
    sql: str = "SELECT 1;\n",
    *,
    state: RowState = RowState.APPLIED,
    origin: Origin = Origin.APPLIED,
    done: int = 1,
    statements: int = 1,
    tenant: str = "16",
) -> AppliedMigration:
    """Return the row of `NNNN_name`, as recorded when its file had the text `sql`."""
    version, _, rest = name.partition("_")
    return AppliedMigration(
        version=int(version),
        name=rest,
        checksum=checksum(sql),
        origin=origin,
        state=state,
        set_name="tenant",
        tenant=tenant,
        finished_at=NOON if state is RowState.APPLIED else None,
        elapsed_ms=12 if state is RowState.APPLIED else None,
        statements=statements,
        statements_done=done,
        applied_by="ann@studio",
    )


def tenant(name: str = "16", *, server: str = "main") -> Tenant:
    """Return the tenant of this name on an embedded server; `master` is the master."""
    if name == "master":
        return Tenant(name, SetName.MASTER, Server(server, None), "rsm_master")
    return Tenant(name, SetName.TENANT, Server(server, None), f"tenant_{name}")


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files by name, text as UTF-8 with its line ends as they are; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


class Clock(SimpleNamespace):
    """A clock that goes when it is told to, in place of the module `time`."""

    now = 0.0

    def monotonic(self) -> float:
        """Return the time, in seconds."""
        return self.now
