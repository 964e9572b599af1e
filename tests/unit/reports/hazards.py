"""A made-up file with what lint says of it, as the outputs see it."""

from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.model.events import HazardFound, MigrationMeasured
from tenantry.model.hazards import Hazard, Level
from tenantry.model.results import MeasuredStatement, TableSize
from tests.builders import migration

FILE = migration(
    "0002_rates",
    "-- Rates, per hour\nALTER TABLE rooms\n  ADD hourly_rate numeric(10,2) NOT NULL;\n"
    "SELECT 1; CREATE INDEX ON rooms (hourly_rate);\n",
)
MEASURED = MigrationMeasured(
    FILE,
    (
        MeasuredStatement(
            2,
            1,
            Measured(
                19,
                "ALTER TABLE rooms\n  ADD hourly_rate numeric(10,2) NOT NULL",
                (
                    Lock("public.rooms", LockMode.ACCESS_EXCLUSIVE),
                    Lock("ops.rates", LockMode.SHARE_ROW_EXCLUSIVE),
                ),
                rewritten=("public.rooms",),
                scanned=("ops.rates",),
            ),
        ),
        MeasuredStatement(4, 1, Measured(79, "SELECT 1")),
        MeasuredStatement(
            4, 11, Measured(89, "CREATE INDEX ON rooms (hourly_rate)", unmeasured="it ends\nthe session")
        ),
    ),
)


def hazard(
    allowed: str = "",
    *,
    level: Level = Level.DANGER,
    rule: str = "table-rewrite",
    tenant: str = "migrations/tenant",
    path: str = FILE.path,
    message: str = "ACCESS EXCLUSIVE on rooms: reads and writes wait",
    advice: str = "add a new column instead:\nALTER TABLE rooms ADD COLUMN rate_new bigint;",
    sizes: tuple[TableSize, ...] = (),
) -> HazardFound:
    """Return what lint finds in the second line of the file."""
    relations = ("public.rooms",)
    found = Hazard(rule, level, 2, path, 2, 1, message, advice, relations, allowed)
    return HazardFound(tenant, found, "1 | -- Rates, per hour\n2 | ALTER TABLE rooms\n  | ^", "5f", sizes)
