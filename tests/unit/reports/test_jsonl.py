"""`jsonl`: lines for programs, which hold no SQL and no secret."""

import io
import json
from typing import Any, get_args

from tenantry.model import Server, SetName, Tenant
from tenantry.model.codec import encode
from tenantry.model.errors import Problem
from tenantry.model.events import (
    BatchProgressed,
    CommandsAdvised,
    DraftWritten,
    Event,
    LinePrinted,
    MigrationRolledBack,
    ProjectDescribed,
    RepairMade,
    RepairProposed,
    RowReported,
    SchemaProven,
    StageHeld,
    StagePlanned,
    StageStarted,
    TenantFinished,
    TenantPostponed,
    TenantsSelected,
    TimePassed,
    Verdict,
    WarningRaised,
)
from tenantry.model.migrations import FileMark
from tenantry.model.results import Result, TableSize
from tenantry.model.tenants import DatabaseFacts
from tenantry.reports.jsonl import make_sink
from tenantry.reports.output import Output
from tests.builders import NOON, migration
from tests.unit.reports.hazards import MEASURED, hazard
from tests.unit.reports.story import CALL, FILES, RUN_ID, check_golden, render, run_on, tell, tell_plan

MARK = FileMark("tenant", 12, "rates", "sha256:12")
OTHERS: tuple[Event, ...] = (
    RowReported("16", {"name": "Stüdio 16", "pending": 3, "rate": 1.5, "late": False, "at": NOON, "by": None}),
    hazard(),
    MEASURED,
    DraftWritten("16", "DROP TABLE public.x;\n"),
    RepairProposed("16", ("0012_rates: deleted",)),
    RepairMade("16", 12),
    LinePrinted("migrations/tenant/0012_rates.sql"),
    CommandsAdvised(("tenantry status",)),
    MigrationRolledBack("16", migration("0012_rates.rollback"), 12),
    TenantPostponed("16", "held by pid 7", 2100),
    BatchProgressed("16", migration("0012_rates"), 5000, 20_000, 2500, 2000),
    TenantsSelected("@tier=trial", 12, ("1", "16")),
    StagePlanned("canary", ("1", "16"), "max-failures 0, verified"),
    StageStarted("canary", 2, 2),
    StageHeld("canary", "its gate: the query returned false", 2100),
    ProjectDescribed((DatabaseFacts("16", "tenant", "main", "t_16", "Studio", {"tier": "a"}),), (MARK,)),
    SchemaProven("16", "0012_rates", "ab12", "cd34", "17-42", NOON),
    TimePassed(10_000),
)


def lines(*events: Event) -> list[dict[str, Any]]:
    """Return the lines for these events, read back."""
    return [json.loads(line) for line in render(make_sink, events).splitlines()]


def test_run() -> None:
    """A run is written whole, in a form that stays."""
    check_golden("run.jsonl", render(make_sink, tell()))


def test_one_line_each() -> None:
    """Every event of every kind is one line of JSON that names it."""
    events = [*tell(), *tell_plan(), *OTHERS]
    assert {type(event) for event in events} == set(get_args(Event))
    written = lines(*tell(), *OTHERS)
    assert len(written) == len([*tell(), *OTHERS])
    assert [line["event"] for line in written[-len(OTHERS) :]] == [
        "row_reported",
        "hazard_found",
        "migration_measured",
        "draft_written",
        "repair_proposed",
        "repair_made",
        "line_printed",
        "commands_advised",
        "migration_rolled_back",
        "tenant_postponed",
        "batch_progressed",
        "tenants_selected",
        "stage_planned",
        "stage_started",
        "stage_held",
        "project_described",
        "schema_proven",
        "time_passed",
    ]
    assert {type(line["event"]) for line in written} == {str}


def test_values() -> None:
    """Numbers, truth and nothing stay what they are, times are ISO 8601 with their zone, letters are themselves."""
    (line,) = lines(OTHERS[0])
    assert line == {
        "event": "row_reported",
        "tenant": "16",
        "cells": {
            "name": "Stüdio 16",
            "pending": 3,
            "rate": 1.5,
            "late": False,
            "at": "2026-03-03T12:00:00+00:00",
            "by": None,
        },
    }
    assert "Stüdio" in render(make_sink, OTHERS)


def test_hazard() -> None:
    """A hazard is an object with all that is known of it, the sizes of its tables beside it."""
    (line,) = lines(hazard("nobody books at night", sizes=(TableSize("public.rooms", "7", 8192, -1),)))
    assert line == {
        "event": "hazard_found",
        "tenant": "migrations/tenant",
        "hazard": {
            "rule": "table-rewrite",
            "level": "danger",
            "version": 2,
            "path": "migrations/tenant/0002_rates.sql",
            "line": 2,
            "column": 1,
            "message": "ACCESS EXCLUSIVE on rooms: reads and writes wait",
            "help": "add a new column instead:\nALTER TABLE rooms ADD COLUMN rate_new bigint;",
            "relations": ["public.rooms"],
            "allowed": "nobody books at night",
            "harm": "always",
            "weighed": [],
        },
        "excerpt": "1 | -- Rates, per hour\n2 | ALTER TABLE rooms\n  | ^",
        "fingerprint": "5f",
        "sizes": [{"relation": "public.rooms", "tenant": "7", "bytes": 8192, "rows": -1}],
    }


def test_measured_file() -> None:
    """A lock is written as PostgreSQL writes it, and each statement has its place."""
    (line,) = lines(MEASURED)
    assert line["migration"]["version"] == 2
    assert [(one["line"], one["column"]) for one in line["statements"]] == [(2, 1), (4, 1), (4, 11)]
    assert line["statements"][0]["effect"] == {
        "start": 19,
        "text": "ALTER TABLE rooms\n  ADD hourly_rate numeric(10,2) NOT NULL",
        "locks": [
            {"relation": "public.rooms", "mode": "ACCESS EXCLUSIVE"},
            {"relation": "ops.rates", "mode": "SHARE ROW EXCLUSIVE"},
        ],
        "rewritten": ["public.rooms"],
        "scanned": ["ops.rates"],
        "unmeasured": "",
        "hint": "",
        "created": [],
        "renamed": [],
        "rebuilt": [],
        "emptied": [],
        "dropped": [],
        "partitions": [],
        "deferred": [],
        "secured": [],
        "required": [],
        "pending": False,
    }


def test_end() -> None:
    """The last line has the totals, which add up to the number of tenants, and the exit code."""
    last = lines(*tell())[-1]
    ends = {
        "applied": 2,
        "up to date": 1,
        "failed": 1,
        "refused": 1,
        "unreachable": 1,
        "stopped": 1,
        "not started": 1,
    }
    assert last == {
        "event": "run_finished",
        "elapsed_ms": 2345,
        "stopped_by": "SIGTERM",
        "tenants": 8,
        "totals": ends,
        "standings": ends,
        "exit_code": 3,
    }
    assert sum(last["totals"].values()) == last["tenants"]


def test_at_once() -> None:
    """A line is written when its event comes."""
    stream = io.StringIO()
    sink = make_sink(Output(stream), CALL)
    for number, event in enumerate(run_on(("1",), TenantFinished("1", Verdict(Result.OK), 3)), 1):
        sink(event)
        assert stream.getvalue().count("\n") == number


def test_lines_in_a_value() -> None:
    """A value of several lines is one line of output."""
    text = render(make_sink, [WarningRaised("1", Problem("one\ntwo\u2028three\x0bfour"))])
    assert text.count("\n") == 1
    assert text.endswith("\n")


def keys(value: Any) -> set[str]:
    """Return every key of a value, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_no_sql() -> None:
    """No line holds the text of a file."""
    with_rollback = migration("0001_a", "SELECT 'whole file';\n")
    written = [*lines(*tell()), encode(with_rollback)]
    assert not keys(written) & {"text", "sql", "rollback", "sql_text"}
    text = json.dumps(written)
    assert not [file.name for file in (*FILES, with_rollback) if json.dumps(file.text)[1:-1] in text]


def test_no_secret() -> None:
    """No line holds a connection string."""
    server = Server("main", "host=db.example.org password=s3cret")
    text = json.dumps(encode(Tenant("16", SetName.TENANT, server, "tenant_16", labels=(("tier", "internal"),))))
    assert "s3cret" not in text
    assert json.loads(text) == {
        "name": "16",
        "set_name": "tenant",
        "server": {"name": "main", "lock_timeout_ms": None},
        "database": "tenant_16",
        "title": "",
        "labels": [["tier", "internal"]],
        "lock_timeout_ms": None,
    }


def test_nobody() -> None:
    """A run without tenants has its two lines."""
    none: dict[str, object] = {"totals": {}, "standings": {}}
    assert lines(*run_on((), verb="status")) == [
        {"event": "run_started", "verb": "status", "run_id": RUN_ID, "tenants": [], "started_at": None, "reason": ""},
        {"event": "run_finished", "elapsed_ms": 2345, "stopped_by": "", "tenants": 0, **none, "exit_code": 0},
    ]
