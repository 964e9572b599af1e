"""Runs as the outputs see them: made-up events, golden files, and streams that are a terminal or not."""

import io
import os
import re
from collections.abc import Iterable, Iterator

from tenantry.model import AppliedMigration
from tenantry.model.errors import Problem
from tenantry.model.events import (
    DatabaseCreated,
    DatabaseOpened,
    Event,
    FindingReported,
    LockAwaited,
    MigrationApplied,
    MigrationFailed,
    MigrationRetried,
    MigrationStarted,
    NoticeRaised,
    RunFinished,
    RunStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    TenantStarted,
    Verdict,
    WarningRaised,
)
from tenantry.model.results import Blocker, Failure, LockWait, Result
from tenantry.planning.compare import compare
from tenantry.planning.steps import make_plan
from tenantry.planning.words import advise, explain, summarise
from tenantry.postgres.failures import describe_wait
from tenantry.reports.formats import Call, MakeSink
from tenantry.reports.output import Output
from tests.builders import applied, migration
from tests.places import DATA

REPORTS = DATA / "reports"
RUN_ID = "5e1f0c3a-8d5b-4a7e-9a52-2f9f4d0c6b11"
PROGRAM = ".venv/bin/tenantry"
CALL = Call(PROGRAM, f"{PROGRAM} migrate --to 3", "1,2,many more")

ROOMS = migration("0001_rooms", "CREATE TABLE rooms (id serial PRIMARY KEY, name text NOT NULL);\n")
RATES = migration("0002_rates", "-- Rates, per hour\nALTER TABLE rooms\n  ADD hourly_rate numeric(10,2) NOT NULL;\n")
INDEX = migration(
    "0003_room_names",
    "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_name ON rooms (name);\n",
    transactional=False,
)
FILES = (ROOMS, RATES, INDEX)
HAS_ROOMS = (applied("0001_rooms", ROOMS.text),)
HAS_RATES = (*HAS_ROOMS, applied("0002_rates", RATES.text))
HAS_EDITED_ROOMS = (applied("0001_rooms", "CREATE TABLE rooms (id serial PRIMARY KEY);\n"),)

FAILURE = Failure(
    message='column "hourly_rate" of relation "rooms" contains null values',
    sqlstate="23502",
    line=2,
    column=1,
    excerpt="1 | -- Rates, per hour\n2 | ALTER TABLE rooms\n  | ^\n3 |   ADD hourly_rate numeric(10,2) NOT NULL;",
    detail="Two rows have no rate.",
    hint="Give the column a default.",
    context='SQL statement "ALTER TABLE rooms"',
)
DIFF = """\
--- 0001_rooms as applied
+++ migrations/tenant/0001_rooms.sql
@@ -1 +1 @@
-CREATE TABLE rooms (id serial PRIMARY KEY);
+CREATE TABLE rooms (id serial PRIMARY KEY, name text NOT NULL);"""


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Return true."""
        return True


def render(make_sink: MakeSink, events: Iterable[Event], stream: io.StringIO | None = None) -> str:
    """Return what an output writes about these events."""
    stream = stream or io.StringIO()
    sink = make_sink(Output(stream), CALL)
    for event in events:
        sink(event)
    return stream.getvalue()


def strip_colours(text: str) -> str:
    """Return what was written to a terminal without the codes for colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def check_golden(name: str, text: str) -> None:
    """Compare an output with its golden file; with GOLDEN=write in the environment, write the file instead."""
    path = REPORTS / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


# What another session held, as the server shows it and as the failure says it.
WAIT = LockWait("ACCESS EXCLUSIVE", "public.rooms", (Blocker(4711, "psql", "ann", 12, "SELECT * FROM rooms"),))
MISSED = Failure("canceling statement due to lock timeout", "55P03", 2, 1, detail=describe_wait(WAIT))


def run_on(names: Iterable[str], *events: Event, verb: str = "migrate", stopped_by: str = "") -> list[Event]:
    """Return the events of a whole run on these tenants."""
    return [RunStarted(verb, RUN_ID, tuple(names)), *events, RunFinished(2345, stopped_by)]


def begin(name: str, rows: tuple[AppliedMigration, ...] = ()) -> Iterator[Event]:
    """Yield how a tenant's turn begins: its database is opened and its ledger read."""
    statuses = compare(FILES, rows)
    yield TenantStarted(name)
    yield DatabaseOpened(name, "main", f"tenant_{name}", 170010, f"tenantry db psql tenant_{name}")
    yield TenantCompared(name, statuses)
    yield TenantPlanned(name, make_plan(statuses))


def end(name: str, result: Result, reason: str = "", hint: str = "", *, elapsed_ms: int = 90) -> TenantFinished:
    """Return how a tenant's turn ends."""
    return TenantFinished(name, Verdict(result, reason, hint), elapsed_ms)


def apply_all(name: str) -> Iterator[Event]:
    """Yield a tenant that is new and gets all files."""
    yield DatabaseCreated(name, f"tenant_{name}")
    yield from begin(name)
    for file in FILES:
        yield MigrationStarted(name, file)
        yield MigrationApplied(name, file, 12)
    yield end(name, Result.APPLIED, elapsed_ms=1234)


def fail(name: str) -> Iterator[Event]:
    """Yield a tenant whose second file fails, behind a collision, a notice, another runner and a lock on a table."""
    yield from begin(name)
    yield LockAwaited(name, 0, "ann@studio, pid 4711")
    yield LockAwaited(name, 1500, "ann@studio, pid 4711")
    yield MigrationStarted(name, ROOMS)
    yield MigrationRetried(name, ROOMS, Failure("tuple concurrently updated", "XX000"), 1, 8)
    yield MigrationApplied(name, ROOMS, 12)
    yield NoticeRaised(name, "NOTICE", 'relation "rooms" already exists, skipping')
    yield MigrationStarted(name, RATES)
    yield MigrationRetried(name, RATES, MISSED, 1, 0, WAIT)
    yield MigrationStarted(name, RATES)
    yield MigrationFailed(name, RATES, FAILURE)
    yield end(name, Result.FAILED, f"{FAILURE.message}, 0002_rates was rolled back", FAILURE.hint)


def refuse(name: str) -> Iterator[Event]:
    """Yield a tenant to which a file was applied that has been edited since."""
    statuses = compare(FILES, HAS_EDITED_ROOMS)
    yield from begin(name, HAS_EDITED_ROOMS)
    yield FindingReported(name, Problem(explain(statuses[0]), advise(statuses[0], name)), DIFF)
    yield end(name, Result.REFUSED, summarise(statuses[:1]))


def miss(name: str) -> Iterator[Event]:
    """Yield a tenant whose server does not answer."""
    yield TenantStarted(name)
    hint = "start the server, or correct 'main' under servers: in tenants.yaml; then run the same command again"
    yield end(name, Result.UNREACHABLE, "server 'main': connection refused", hint, elapsed_ms=3)


def stop(name: str) -> Iterator[Event]:
    """Yield a tenant that was stopped behind its first file."""
    yield from begin(name)
    yield MigrationStarted(name, ROOMS)
    yield MigrationApplied(name, ROOMS, 12)
    yield end(name, Result.STOPPED, "SIGTERM", "run the same command again to resume")


def tell() -> list[Event]:
    """Return a run of `migrate` in which tenants end in many ways."""
    return run_on(
        ("master", "1", "2", "3", "4", "5", "6", "7"),
        WarningRaised(
            "", Problem("tenants.yaml:3:9: a password in clear", "take it from the environment: ${PASSWORD}")
        ),
        *begin("master", (*HAS_RATES, applied("0003_room_names", INDEX.text))),
        end("master", Result.UP_TO_DATE, elapsed_ms=4),
        *apply_all("1"),
        *fail("3"),
        *refuse("4"),
        *apply_all("2"),
        *miss("5"),
        *stop("6"),
        end("7", Result.NOT_STARTED, "SIGTERM", elapsed_ms=0),
        stopped_by="SIGTERM",
    )


def tell_plan() -> list[Event]:
    """Return a run of `plan`: two plans, one of them for two tenants, one tenant that needs none, and troubles."""
    return run_on(
        ("master", "1", "2", "3", "4", "5", "6"),
        *begin("master", (*HAS_RATES, applied("0003_room_names", INDEX.text))),
        end("master", Result.UP_TO_DATE),
        *begin("1", HAS_RATES),
        end("1", Result.OK),
        # Whoever is read first does not come first.
        *begin("3"),
        end("3", Result.OK),
        *begin("2"),
        end("2", Result.OK),
        *refuse("4"),
        *miss("5"),
        end("6", Result.NOT_STARTED, "SIGINT", elapsed_ms=0),
        verb="plan",
        stopped_by="SIGINT",
    )
