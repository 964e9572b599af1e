"""Hazards and measured effects, as people read them in a report, a plan and a script."""

from dataclasses import replace

import pytest

from tenantry.model import Plan
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.model.events import Event, MigrationMeasured, TenantPlanned, TenantStarted
from tenantry.model.results import MeasuredStatement, Result
from tenantry.reports import plan, table
from tenantry.reports import sql as script
from tenantry.reports.hazards import describe_effect
from tests.builders import migration
from tests.unit.reports.hazards import FILE, MEASURED, hazard
from tests.unit.reports.story import end, render, run_on

ROOMS = Lock("public.rooms", LockMode.ACCESS_EXCLUSIVE)

EFFECTS = {
    "nothing": (Measured(0, ""), ""),
    "lock": (Measured(0, "", (ROOMS,)), "ACCESS EXCLUSIVE on rooms"),
    "rewrite": (Measured(0, "", (ROOMS,), ("public.rooms",)), "ACCESS EXCLUSIVE on rooms, rewrites it"),
    "both": (
        Measured(0, "", (ROOMS,), ("public.rooms",), ("public.rooms",)),
        "ACCESS EXCLUSIVE on rooms, rewrites it, scans it",
    ),
    "two tables": (
        Measured(0, "", (ROOMS, Lock("ops.rates", LockMode.SHARE)), scanned=("ops.rates",)),
        "ACCESS EXCLUSIVE on rooms; SHARE on ops.rates, scans it",
    ),
    "no lock": (Measured(0, "", (), ("public.rooms",), ("public.rooms",)), "rewrites and scans rooms"),
    "rewrite without a lock": (Measured(0, "", rewritten=("public.rooms",)), "rewrites rooms"),
    "not measured": (Measured(0, "", unmeasured="it ends the session"), "not measured: it ends the session"),
}


@pytest.mark.parametrize(("effect", "expected"), EFFECTS.values(), ids=EFFECTS)
def test_effect(effect: Measured, expected: str) -> None:
    """An effect names each table once, with its lock and what is done to it."""
    assert describe_effect(effect) == expected


def test_report() -> None:
    """A hazard is shown with place, level, rule, message, excerpt and the safe form; one that is allowed is not."""
    folder = "migrations/tenant"
    found = [hazard(), hazard("nobody books at night")]
    events: list[Event] = [TenantStarted(folder), *found, end(folder, Result.FINDING, "1 danger")]
    assert render(table.make_sink, run_on((folder,), *events, verb="lint")).splitlines()[2:] == [
        "migrations/tenant  finding  90 ms",
        "migrations/tenant/0002_rates.sql:2:1: danger: table-rewrite: ACCESS EXCLUSIVE on rooms: reads and writes wait",
        "  1 | -- Rates, per hour",
        "  2 | ALTER TABLE rooms",
        "    | ^",
        "  help: add a new column instead:",
        "        ALTER TABLE rooms ADD COLUMN rate_new bigint;",
        "migrations/tenant: finding: 1 danger",
        "1 folder: 1 finding in 2.3 s",
    ]


def test_report_on_tenants() -> None:
    """A hazard for which several tenants are refused is shown once, with all of them as they were selected."""
    found = [hazard(tenant="16"), replace(hazard(tenant="2"), fingerprint="6f"), hazard(tenant="1")]
    lines = render(table.make_sink, run_on(("1", "2", "16"), *found)).splitlines()
    assert [line.split(":")[0] for line in lines if "danger" in line] == ["tenants 1, 16", "tenant 2"]


def test_report_of_effects() -> None:
    """Each statement of a file has a line: place, beginning, effect, in columns."""
    lines = render(table.make_sink, run_on(("1",), MEASURED)).splitlines()
    assert lines[:3] == [
        "0002_rates.sql:2  ALTER TABLE rooms ADD hourly_rate numeric(10,2) NOT NULL  ACCESS EXCLUSIVE on rooms, "
        "rewrites it; SHARE ROW EXCLUSIVE on ops.rates, scans it",
        "0002_rates.sql:4  SELECT 1",
        "0002_rates.sql:4  CREATE INDEX ON rooms (hourly_rate)                       not measured: it ends the session",
    ]


def test_long_statement() -> None:
    """A statement is cut where it is longer than what tells it from others."""
    long = MigrationMeasured(FILE, (MeasuredStatement(1, 1, Measured(0, f"SELECT {'x' * 100}")),))
    assert render(table.make_sink, run_on(("1",), long)).splitlines()[0] == f"0002_rates.sql:1  SELECT {'x' * 49} ..."


def planned() -> list[Event]:
    """Return a plan of two files, of which one was measured."""
    plan_of_two = Plan((FILE, migration("0003_names", "SELECT 2;\n")))
    return run_on(
        ("1",), TenantPlanned("1", plan_of_two), end("1", Result.OK), MEASURED, hazard(tenant=""), verb="plan"
    )


def test_plan() -> None:
    """In a plan, each file that was measured has its statements below it, and a danger in it comes last."""
    lines = render(plan.make_sink, planned()).splitlines()
    assert [line.split("  ALTER")[0] for line in lines[1:5]] == [
        "  0002_rates  migrations/tenant/0002_rates.sql",
        "    0002_rates.sql:2",
        "    0002_rates.sql:4  SELECT 1",
        lines[4],
    ]
    assert lines[5] == "  0003_names  migrations/tenant/0003_names.sql"
    place = "migrations/tenant/0002_rates.sql:2:1"
    message = "danger: table-rewrite: ACCESS EXCLUSIVE on rooms: reads and writes wait"
    assert lines[6] == f"migrate would refuse {place}: {message}"


def test_script() -> None:
    """In a script, an effect is a comment before its statement, on a line of its own where the statement begins one."""
    lines = render(script.make_sink, planned()).splitlines()
    start = lines.index("BEGIN;")
    assert lines[start : start + 8] == [
        "BEGIN;",
        "-- Rates, per hour",
        "-- ACCESS EXCLUSIVE on rooms, rewrites it; SHARE ROW EXCLUSIVE on ops.rates, scans it",
        "ALTER TABLE rooms",
        "  ADD hourly_rate numeric(10,2) NOT NULL;",
        "SELECT 1; /* not measured: it ends the session */ CREATE INDEX ON rooms (hourly_rate);",
        "-- tenantry writes its row to _migrations here",
        "COMMIT;",
    ]


def test_script_keeps_the_comment_closed() -> None:
    """A name that would end the comment does not: nothing but a comment is added."""
    sql = "SELECT 1; SELECT 2;\n"
    file = migration("0001_x", sql)
    effect = Measured(10, "SELECT 2", scanned=("public.a*/DROP\nTABLE b/*",))
    measured = MigrationMeasured(file, (MeasuredStatement(1, 11, effect),))
    events = run_on(("1",), TenantPlanned("1", Plan((file,))), measured, end("1", Result.OK), verb="plan")
    assert "SELECT 1; /* scans a* /DROP TABLE b/ * */ SELECT 2;" in render(script.make_sink, events).splitlines()
