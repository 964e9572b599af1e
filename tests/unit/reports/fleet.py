"""A made-up run on a large fleet, for reports: 40 versions, some failures, labels, stages, proofs."""

import random
from collections.abc import Iterator
from dataclasses import replace

from tenantry.model import Migration
from tenantry.model.events import (
    DatabaseOpened,
    Event,
    MigrationApplied,
    MigrationFailed,
    MigrationStarted,
    ProjectDescribed,
    RunFinished,
    RunStarted,
    SchemaProven,
    StagePlanned,
    StageStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    TenantStarted,
    Verdict,
)
from tenantry.model.migrations import FileMark
from tenantry.model.results import Result
from tenantry.model.tenants import DatabaseFacts
from tenantry.planning.compare import compare
from tenantry.planning.steps import make_plan
from tests.builders import NOON, applied, migration
from tests.unit.reports.story import FAILURE, RUN_ID

VERSIONS = 40
NAMES = ("rates", "rooms", "sessions", "deposits", "bookings")
FILES = tuple(
    migration(f"{number:04d}_{NAMES[number % 5]}", f"SELECT {number};\n") for number in range(1, VERSIONS + 1)
)
MARKS = tuple(FileMark("tenant", file.version, file.name, file.checksum) for file in FILES)
_ROWS = tuple(applied(f"{file.version:04d}_{file.name}", file.text) for file in FILES)


def tell_fleet(size: int) -> Iterator[Event]:
    """Yield a run of migrate on so many tenants, most of which get the last two files; one in 97 fails.

    The same number gives the same run.
    """
    chance = random.Random(size)
    names = tuple(str(number) for number in range(1, size + 1))
    canary, rest = names[: size // 10], names[size // 10 :]
    yield RunStarted("migrate", RUN_ID, names, NOON)
    yield ProjectDescribed(tuple(map(_describe, names)), MARKS)
    yield StagePlanned("canary", canary, "max-failures 0")
    yield StagePlanned("rest", rest, "")
    yield StageStarted("canary", 1, len(canary))
    at_ms = 0
    for number, name in enumerate(names):
        if number == len(canary):
            yield StageStarted("rest", 2, len(rest))
        elapsed_ms = int(chance.lognormvariate(5, 0.6))
        at_ms += elapsed_ms // 8
        for event in _migrate(name, VERSIONS - 2 if number % 3 else VERSIONS, fails=number % 97 == 50):
            if isinstance(event, TenantFinished):
                yield replace(event, elapsed_ms=elapsed_ms, at_ms=at_ms + elapsed_ms)
            else:
                yield event
    yield RunFinished(at_ms + 500)


def _describe(name: str) -> DatabaseFacts:
    tier = "internal" if int(name) % 10 == 1 else "trial"
    return DatabaseFacts(name, "tenant", f"eu{int(name) % 3}", f"tenant_{name}", f"Studio {name}", {"tier": tier})


def _migrate(name: str, have: int, *, fails: bool) -> Iterator[Event]:
    statuses = compare(FILES, _ROWS[:have])
    yield TenantStarted(name)
    yield DatabaseOpened(name, f"eu{int(name) % 3}", f"tenant_{name}", 170010, f"tenantry db psql {name}")
    yield TenantCompared(name, statuses)
    yield TenantPlanned(name, make_plan(statuses))
    pending: tuple[Migration, ...] = FILES[have:]
    for file in pending:
        yield MigrationStarted(name, file)
        if fails:
            yield MigrationFailed(name, file, FAILURE)
            yield TenantFinished(name, Verdict(Result.FAILED), 0)
            return
        yield MigrationApplied(name, file, 12 + int(name) % 40)
    if fails:
        yield TenantFinished(name, Verdict(Result.BLOCKED, "another runner holds the lock: deploy, pid 4711"), 0)
        return
    yield SchemaProven(name, f"{VERSIONS:04d}_{NAMES[VERSIONS % 5]}", "ab" * 32, "cd" * 32, f"17-{name}-42", NOON)
    yield TenantFinished(name, Verdict(Result.APPLIED if pending else Result.UP_TO_DATE), 0)
