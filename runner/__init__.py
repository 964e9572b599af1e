"""tenantry: brings every tenant database to the same, proven schema.

The names below are everything a program needs, and the only ones promised to it. Each is loaded on first use, so
importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from tenantry.version import __version__

if TYPE_CHECKING:
    from tenantry.api import OpenProject, Run, check, drift, migrate, open, plan, status, verify  # noqa: A004
    from tenantry.application import assert_migrated
    from tenantry.model.effects import Measured
    from tenantry.model.errors import (
        ConfigError,
        InputError,
        MigrationFileError,
        NotMigrated,
        Problem,
        Refused,
        RunError,
        ServerError,
        TenantError,
        Unreachable,
    )
    from tenantry.model.events import (
        BatchProgressed,
        CommandsAdvised,
        DatabaseCreated,
        DatabaseOpened,
        DraftWritten,
        Event,
        FindingReported,
        HazardFound,
        LinePrinted,
        LockAwaited,
        MigrationApplied,
        MigrationFailed,
        MigrationMeasured,
        MigrationRetried,
        MigrationRolledBack,
        MigrationStarted,
        NoticeRaised,
        RepairMade,
        RepairProposed,
        RowReported,
        RunFinished,
        RunStarted,
        StageHeld,
        StagePlanned,
        StageStarted,
        TenantCompared,
        TenantFinished,
        TenantPlanned,
        TenantPostponed,
        TenantsSelected,
        TenantStarted,
        TimePassed,
        Verdict,
        WarningRaised,
    )
    from tenantry.model.hazards import Hazard, Level
    from tenantry.model.migrations import Migration
    from tenantry.model.outcome import Outcome, TenantOutcome
    from tenantry.model.plans import MigrationStatus, Note, Plan, State
    from tenantry.model.records import AppliedMigration, Origin, RowState
    from tenantry.model.results import Blocker, Failure, LockWait, MeasuredStatement, Result, Standing, TableSize
    from tenantry.model.tenants import Server, SetName, Tenant

__all__ = [
    "AppliedMigration",
    "BatchProgressed",
    "Blocker",
    "CommandsAdvised",
    "ConfigError",
    "DatabaseCreated",
    "DatabaseOpened",
    "DraftWritten",
    "Event",
    "Failure",
    "FindingReported",
    "Hazard",
    "HazardFound",
    "InputError",
    "Level",
    "LinePrinted",
    "LockAwaited",
    "LockWait",
    "Measured",
    "MeasuredStatement",
    "Migration",
    "MigrationApplied",
    "MigrationFailed",
    "MigrationFileError",
    "MigrationMeasured",
    "MigrationRetried",
    "MigrationRolledBack",
    "MigrationStarted",
    "MigrationStatus",
    "NotMigrated",
    "Note",
    "NoticeRaised",
    "OpenProject",
    "Origin",
    "Outcome",
    "Plan",
    "Problem",
    "Refused",
    "RepairMade",
    "RepairProposed",
    "Result",
    "RowReported",
    "RowState",
    "Run",
    "RunError",
    "RunFinished",
    "RunStarted",
    "Server",
    "ServerError",
    "SetName",
    "StageHeld",
    "StagePlanned",
    "StageStarted",
    "Standing",
    "State",
    "TableSize",
    "Tenant",
    "TenantCompared",
    "TenantError",
    "TenantFinished",
    "TenantOutcome",
    "TenantPlanned",
    "TenantPostponed",
    "TenantStarted",
    "TenantsSelected",
    "TimePassed",
    "Unreachable",
    "Verdict",
    "WarningRaised",
    "__version__",
    "assert_migrated",
    "check",
    "drift",
    "migrate",
    "open",
    "plan",
    "status",
    "verify",
]

# Where each public name is found. The pure modules come first: whoever wants an event's class alone pays for no driver.
_HOMES = (
    "tenantry.model.errors",
    "tenantry.model.events",
    "tenantry.model.effects",
    "tenantry.model.hazards",
    "tenantry.model.migrations",
    "tenantry.model.outcome",
    "tenantry.model.plans",
    "tenantry.model.records",
    "tenantry.model.results",
    "tenantry.model.tenants",
    "tenantry.api",
    "tenantry.application",
)

# Type checkers see the imports above instead: with this function, they would take any misspelt name for one of ours.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a public name when it is first asked for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        for home in map(import_module, _HOMES):
            if hasattr(home, name):
                globals()[name] = getattr(home, name)
                return globals()[name]
        raise AttributeError(name)

    def __dir__() -> list[str]:
        """Return the public names, loaded or not."""
        return sorted({*globals(), *__all__})
