"""Dangerous files: what `migrate` refuses, what lets them through, and what a plan says of them beforehand."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fix_command import (
    NOWHERE,
    Fleet,
    MakeFleet,
    Result,
    create_databases,
    find_commands,
    read_events,
    read_report,
)

# The tables of these tests are empty: their dangers count all the same.
STRICT = "lint: {small-table: 0}\n"
INDEX = "CREATE INDEX rooms_name ON rooms (name);\n"
COLUMN = "ALTER TABLE rooms ADD COLUMN notes text;\n"
RENAME = "ALTER TABLE rooms RENAME COLUMN rate TO price;\n"
REQUIRED = "ALTER TABLE rooms ALTER COLUMN rate SET NOT NULL;\n"


@pytest.fixture
def used(fleet: MakeFleet) -> Fleet:
    """Return a fleet of two tenants that have two files already."""
    return use(fleet(settings=STRICT))


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return a fleet of one tenant that has two files already."""
    return use(fleet(tenants=["1"], settings=STRICT))


def use(one: Fleet) -> Fleet:
    assert one.run("migrate", "--no-verify").code == 0
    return one


def allow(rule: str) -> str:
    return f"-- lint: allow {rule} because nobody books at night\n"


def find(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the events of one kind."""
    return [event for event in events if event["event"] == name]


def dangers(done: Result) -> list[tuple[str, str, int]]:
    """Return tenant, rule and line of every hazard that a run in JSON lines told."""
    hazards = find(read_events(done.out), "hazard_found")
    return [(event["tenant"], event["hazard"]["rule"], event["hazard"]["line"]) for event in hazards]


def test_danger_is_refused(used: Fleet) -> None:
    """A file that is dangerous is refused before the first statement, with its place, the safe form and both ways."""
    used.write("0002_notes.sql", COLUMN)
    used.write("0003_names.sql", f"-- Rooms by name.\n{INDEX}")
    done = used.run("migrate")
    report = read_report(used, done.out)
    assert (done.code, report.column("result")) == (4, ["refused", "refused"])
    place = "migrations/tenant/0003_names.sql:2:1"
    assert report.text.splitlines() == [
        f"tenants 1, 16: {place}: danger: index: SHARE on rooms: writes wait while the index is built",
        "  1 | -- Rooms by name.",
        "  2 | CREATE INDEX rooms_name ON rooms (name);",
        "    | ^",
        "  help: build it in a file of its own, while writes continue:",
        "        -- transactional: false",
        "        CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);",
        "tenants 1, 16: refused: dangerous on a live database: 0003_names",
        '  hint: write it in the safe form; if it keeps nobody waiting, add "-- lint: allow index because '
        '..." to the header, or run "tenantry migrate --tenants 1,16 --allow index"',
        "2 tenants: 2 refused in 0 ms",
        "after fixing that: tenantry migrate --tenants 1,16",
    ]
    assert [used.versions(name) for name in ("1", "16")] == [[0, 1], [0, 1]]


def test_repeatable_is_refused(one: Fleet) -> None:
    """A repeatable with a danger is refused as a migration is, and let through in the same ways."""
    (one.folder / "migrations" / "tenant" / "repeatable").mkdir()
    one.write("repeatable/names.sql", "DROP INDEX IF EXISTS rooms_name;\nCREATE INDEX rooms_name ON rooms (name);\n")
    done = one.run("migrate", "--format", "jsonl")
    assert (done.code, dangers(done)) == (4, [("1", "index", 2)])
    assert "repeatable/names" in one.run("migrate").out
    assert dangers(one.run("plan", "--format", "jsonl")) == [("", "index", 2)]
    assert one.run("migrate", "--allow", "index", "--no-verify").code == 0
    assert [event for _, event, _ in one.log("1")][-2:] == ["danger allowed", "repeated"]
    assert one.query("1", "SELECT detail->>'name' FROM _migrations_log WHERE event = 'danger allowed'") == [("names",)]


def test_empty_database_is_not_refused(fleet: MakeFleet) -> None:
    """A database that has no migration yet gets what another one is refused, and its file is not linted for it."""
    one = fleet(created=False, settings=STRICT)
    create_databases(one, "1")
    assert one.run("migrate", "--tenants", "1", "--no-verify").code == 0
    create_databases(one, "16")
    one.write("0002_names.sql", INDEX)
    done = one.run("migrate", "--format", "jsonl")
    assert (done.code, dangers(done)) == (4, [("1", "index", 1)])
    assert [one.versions(name) for name in ("1", "16")] == [[0, 1], [0, 1, 2]]


def test_header_allows(one: Fleet) -> None:
    """A danger that the header allows with a reason is applied, and the log needs no line for it."""
    one.write("0002_names.sql", allow("index") + INDEX)
    assert one.run("migrate").code == 0
    assert [event for _, event, _ in one.log("1")] == ["applied"] * 3


def test_header_allows_one_rule(one: Fleet) -> None:
    """A header that allows one danger allows no other one."""
    one.write("0002_names.sql", allow("index") + INDEX + REQUIRED)
    done = one.run("migrate", "--format", "jsonl")
    assert (done.code, dangers(done)) == (4, [("1", "set-not-null", 3)])


def test_option_allows(one: Fleet) -> None:
    """What --allow lets through is in the log before the file, with the rules, and of that file alone."""
    one.write("0002_notes.sql", COLUMN)
    one.write("0003_names.sql", INDEX + REQUIRED)
    assert one.run("migrate", "--allow", "index", "--allow", "set-not-null").code == 0
    query = "SELECT version, event, detail FROM _migrations_log WHERE version > 1 ORDER BY id"
    rows = [(version, event, detail.get("rules")) for version, event, detail in one.query("1", query)]
    assert rows == [
        (3, "danger allowed", ["index", "set-not-null"]),
        (2, "applied", None),
        (3, "applied", None),
    ]


def test_hint_can_be_typed(one: Fleet) -> None:
    """The command that the refusal names applies the files."""
    one.write("0002_names.sql", INDEX + REQUIRED)
    command = find_commands(one.run("migrate").out)[0]
    assert command == "tenantry migrate --tenants 1 --allow index --allow set-not-null"
    assert one.run(*shlex.split(command)[1:]).code == 0
    assert one.versions("1") == [0, 1, 2]


def test_unknown_rule(one: Fleet) -> None:
    """A rule that does not exist, or finds no danger, is wrong input, and the right ones are named."""
    done = one.run("migrate", "--allow", "indexes", "--allow", "rename")
    assert (done.code, done.out) == (2, "")
    first, second = done.err.splitlines()
    assert first.startswith("error: --allow: 'indexes' is not a rule that finds dangers, expected one of backfill, ")
    assert second.startswith("error: --allow: 'rename' is not a rule that finds dangers, expected one of backfill, ")


def test_caution_is_no_reason(one: Fleet) -> None:
    """A file that lint only warns of is applied."""
    one.write("0002_price.sql", RENAME)
    done = one.run("migrate", "--format", "jsonl")
    assert (done.code, dangers(done)) == (0, [])


def test_what_is_applied_is_not_asked_about(used: Fleet) -> None:
    """A danger in a file that a tenant has already keeps nothing from it."""
    used.write("0002_names.sql", INDEX)
    assert used.run("migrate", "--tenants", "16", "--allow", "index").code == 0
    used.write("0003_notes.sql", COLUMN)
    done = used.run("migrate", "--format", "jsonl")
    assert (done.code, dangers(done)) == (4, [("1", "index", 1)])
    assert used.versions("16") == [0, 1, 2, 3]


def test_begun_file_is_finished(one: Fleet) -> None:
    """A dangerous file that was let through and stopped halfway is gone on with: its danger has begun already."""
    text = "-- transactional: false\nREINDEX TABLE rooms;\nSELECT 1 / (count(*) - 1) FROM rooms;\n"
    one.write("0002_reindex.sql", text)
    one.query("1", "INSERT INTO rooms VALUES (1, 'Live')")
    assert one.run("migrate", "--allow", "upkeep").code == 3
    one.query("1", "INSERT INTO rooms VALUES (2, 'Mix')")
    assert one.run("migrate").code == 0
    assert one.versions("1") == [0, 1, 2]


def test_begun_file_is_edited(one: Fleet) -> None:
    """What a begun file says since it was let through is linted as any other: only what was seen may go on unseen."""
    one.write("0002_names.sql", "-- transactional: false\nSELECT 1;\nSELECT 1 / 0;\n")
    assert one.run("migrate", "--allow", "unmeasured").code == 3
    one.write("0002_names.sql", f"-- transactional: false\nSELECT 1;\n{INDEX}")
    done, planned = one.run("migrate", "--format", "jsonl"), one.run("plan", "--format", "jsonl")
    assert (done.code, dangers(done), dangers(planned)) == (4, [("1", "index", 3)], [("", "index", 3)])


def test_rolled_back_file_is_asked_about(one: Fleet) -> None:
    """A version that was rolled back is pending, and what let it through then does not let it through again."""
    one.write("0002_names.sql", INDEX)
    one.write("0002_names.rollback.sql", "DROP INDEX rooms_name;\n")
    assert one.run("migrate", "--allow", "index").code == 0
    assert one.run("rollback", "2", "--tenants", "1", "--reason", "a test").code == 0
    done = one.run("migrate", "--format", "jsonl")
    assert (done.code, dangers(done)) == (4, [("1", "index", 1)])


def test_nowhere_to_measure(used: Fleet) -> None:
    """Where nothing can be measured, each file is refused with the reason, and with what the syntax tells of it."""
    nowhere = {"TENANTRY_SCRATCH": NOWHERE, "TENANTRY_CACHE": str(used.folder / "kept")}
    used.write("0002_notes.sql", COLUMN)
    done = used.run("migrate", "--no-verify", "--format", "jsonl", env=nowhere)
    assert (done.code, sorted(dangers(done))) == (4, [("1", "unmeasured", 1), ("16", "unmeasured", 1)])
    hazard = find(read_events(done.out), "hazard_found")[0]["hazard"]
    assert used.shown(hazard["message"]).startswith(
        "its locks, rewrites and full scans are unknown: no scratch database to run the files on: "
    )
    assert hazard["help"] == "correct TENANTRY_SCRATCH, or unset it so that the files are replayed elsewhere"
    allowed = used.run("migrate", "--no-verify", "--allow", "unmeasured", "--format", "jsonl", env=nowhere)
    assert (allowed.code, dangers(allowed)) == (0, [])
    used.write("0003_names.sql", INDEX)
    done = used.run("migrate", "--no-verify", "--tenants", "1", "--format", "jsonl", env=nowhere)
    assert (done.code, dangers(done)) == (4, [("1", "index", 1), ("1", "unmeasured", 1)])


def test_unmeasured_alone_is_refused_in_other_words(used: Fleet) -> None:
    """What is only not measured is not called dangerous, and the hint does not speak of a safe form."""
    used.write("0002_notes.sql", COLUMN)
    done = used.run("migrate", "--no-verify", env={"TENANTRY_SCRATCH": NOWHERE})
    lines = read_report(used, done.out).text.splitlines()
    assert lines[-4:-2] == [
        "tenants 1, 16: refused: not measured, so it may be dangerous on a live database: 0002_notes",
        '  hint: have it measured; if it keeps nobody waiting, add "-- lint: allow unmeasured because ..." '
        'to the header, or run "tenantry migrate --no-verify --tenants 1,16 --allow unmeasured"',
    ]


def test_header_allows_unmeasured(one: Fleet) -> None:
    """A header that allows a file to be unmeasured lets it through where nothing can be measured, and elsewhere too."""
    one.write("0002_notes.sql", f"{allow('unmeasured')}{COLUMN}")
    assert one.run("lint", "2").code == 0
    assert one.run("migrate", "--no-verify", env={"TENANTRY_SCRATCH": NOWHERE}).code == 0
    assert one.versions("1") == [0, 1, 2]


# A guard that only a database with many rows passes.
GUARD = "DO $$ BEGIN IF (SELECT count(*) FROM rooms) < 1000 THEN RAISE EXCEPTION 'too few'; END IF; END $$;\n"


def test_a_later_file_hides_no_danger(one: Fleet) -> None:
    """A file that cannot be replayed leaves the danger of an earlier one as it is, and is refused itself."""
    one.query("1", "INSERT INTO rooms SELECT n, 'Live' FROM generate_series(1, 1000) AS n")
    one.write("0002_email.sql", "ALTER TABLE rooms ADD COLUMN email text UNIQUE;\n")
    alone = dangers(one.run("migrate", "--format", "jsonl"))
    assert alone
    one.write("0003_guard.sql", GUARD)
    done = one.run("migrate", "--no-verify", "--format", "jsonl")
    assert (done.code, dangers(done)) == (4, [*alone, ("1", "unmeasured", 1)])
    assert one.versions("1") == [0, 1]
    linted = one.run("lint", "--from", "2", "--format", "jsonl")
    rules = [rule for _, rule, _ in dangers(done)]
    assert (linted.code, [rule for _, rule, _ in dangers(linted)]) == (1, rules)
    assert one.run("migrate", "--no-verify", *(f"--allow={rule}" for rule in rules)).code == 0


def test_a_cache_that_cannot_be_written(used: Fleet) -> None:
    """A folder in which nothing can be kept opens the gate to no file: what was measured counts all the same.

    Not even root can write where a file is in the way; its power over the modes of a folder does not matter here.
    """
    used.write("0002_unlogged.sql", "ALTER TABLE rooms SET UNLOGGED;\n")
    kept = used.folder / "kept"
    kept.mkdir()
    (kept / "measured").write_text("in the way", "utf-8")
    closed = used.run("migrate", "--tenants", "1", "--format", "jsonl", env={"TENANTRY_CACHE": str(kept)})
    (kept / "measured").unlink()
    opened = used.run("migrate", "--tenants", "1", "--format", "jsonl", env={"TENANTRY_CACHE": str(kept)})
    assert (closed.code, dangers(closed)) == (opened.code, dangers(opened)) == (4, [("1", "table-rewrite", 1)])
    assert used.versions("1") == [0, 1]


@pytest.mark.parametrize("fresh", [True, False], ids=["empty databases", "nothing pending"])
def test_nothing_to_ask(fleet: MakeFleet, fresh: bool) -> None:
    """Where no database in use gets a file, lint is not asked: that nothing can be measured is no matter."""
    one = fleet() if fresh else use(fleet())
    nowhere = {"TENANTRY_SCRATCH": NOWHERE, "TENANTRY_CACHE": str(one.folder / "kept")}
    done = one.run("migrate", "--no-verify", "--format", "jsonl", env=nowhere)
    assert (done.code, find(read_events(done.out), "warning_raised")) == (0, [])
    assert not (one.folder / "kept" / "measured").exists()


def test_measured_once(one: Fleet, tmp_path: Path) -> None:
    """What was measured is kept: the next run finds it, and measures nothing anew."""
    one.write("0002_required.sql", REQUIRED)
    kept = tmp_path / "kept"
    written = []
    for _ in range(2):
        done = one.run("migrate", "--format", "jsonl", env={"TENANTRY_CACHE": str(kept)})
        assert (done.code, dangers(done)) == (4, [("1", "set-not-null", 1)])
        written.append({path: path.stat().st_mtime_ns for path in kept.rglob("*.json")})
    assert written[0] == written[1] != {}


# plan and --dry-run


def test_dry_run(one: Fleet) -> None:
    """A dry run shows beside every pending statement what it was measured to do, and what would be refused."""
    one.write("0002_names.sql", f"{INDEX}{COLUMN}")
    done = one.run("migrate", "--dry-run")
    assert (done.code, one.run("plan").code) == (4, 4)
    place = "migrations/tenant/0002_names.sql:1:1"
    assert read_report(one, done.out).text.splitlines()[:4] == [
        "0002_names.sql:1  CREATE INDEX rooms_name ON rooms (name)  SHARE on rooms, scans it",
        "0002_names.sql:2  ALTER TABLE rooms ADD COLUMN notes text  ACCESS EXCLUSIVE on rooms",
        f"migrate would refuse {place}: danger: index: SHARE on rooms: writes wait while the index is built",
        "  1 | CREATE INDEX rooms_name ON rooms (name);",
    ]
    allowed = one.run("migrate", "--dry-run", "--allow", "index")
    assert (allowed.code, "would refuse" in allowed.out) == (0, False)
    assert one.versions("1") == [0, 1]


def test_plan_in_json(one: Fleet) -> None:
    """A plan in JSON has each pending file once, with what each statement does, and nothing of applied files."""
    one.write("0002_names.sql", f"-- Names.\n{INDEX}{COLUMN}")
    events = read_events(one.run("plan", "--format", "jsonl").out)
    (measured,) = find(events, "migration_measured")
    assert measured["migration"]["version"] == 2
    assert [(one["line"], one["effect"]["locks"]) for one in measured["statements"]] == [
        (2, [{"relation": "public.rooms", "mode": "SHARE"}]),
        (3, [{"relation": "public.rooms", "mode": "ACCESS EXCLUSIVE"}]),
    ]
    assert [one["effect"]["scanned"] for one in measured["statements"]] == [["public.rooms"], []]
    assert [event["tenant"] for event in find(events, "hazard_found")] == [""]


def test_script_can_be_run(one: Fleet) -> None:
    """The script of a plan says what each statement does, and runs as the file would."""
    one.write("0002_names.sql", f"-- Names.\n{INDEX}{COLUMN}")
    script = one.run("plan", "--sql").out
    assert script.splitlines()[3:8] == [
        "BEGIN;",
        "-- Names.",
        "-- SHARE on rooms, scans it",
        INDEX.rstrip(),
        "-- ACCESS EXCLUSIVE on rooms",
    ]
    one.query("1", script)
    assert one.query("1", "SELECT count(*) FROM pg_indexes WHERE indexname = 'rooms_name'") == [(1,)]


def test_plan_for_empty_databases(fleet: MakeFleet) -> None:
    """For databases that have nothing yet, nothing is measured: the plan is the files."""
    one = fleet()
    nowhere = {"TENANTRY_SCRATCH": NOWHERE, "TENANTRY_CACHE": str(one.folder / "kept")}
    done = one.run("plan", env=nowhere)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "2 tenants: plan A: 2 files for tenants 1, 16",
        "  0000_rooms  migrations/tenant/0000_rooms.sql",
        "  0001_rates  migrations/tenant/0001_rates.sql",
    ]


def test_plan_with_nowhere_to_measure(used: Fleet) -> None:
    """A plan that cannot be measured is made all the same, and says why `migrate` would refuse it."""
    used.write("0002_names.sql", COLUMN)
    nowhere = {"TENANTRY_SCRATCH": NOWHERE, "TENANTRY_CACHE": str(used.folder / "kept")}
    done = used.run("plan", env=nowhere)
    assert done.code == 4
    plan, file, measured, refused = done.out.splitlines()[:4]
    assert [plan, file] == [
        "2 tenants: plan A: 1 file for tenants 1, 16",
        "  0002_names  migrations/tenant/0002_names.sql",
    ]
    reason = "no scratch database to run the files on: "
    assert measured.startswith(f"    0002_names.sql:1  ALTER TABLE rooms ADD COLUMN notes text  not measured: {reason}")
    place = "migrations/tenant/0002_names.sql:1:1"
    said = f"{place}: danger: unmeasured: its locks, rewrites and full scans are unknown: {reason}"
    assert refused.startswith(f"migrate would refuse {said}")


def test_a_header_line_is_no_edit_elsewhere(used: Fleet) -> None:
    """The line that the refusal asks for leads to the end in one step, also for a tenant that has the file already."""
    used.write("0002_names.sql", INDEX)
    assert used.run("migrate", "--tenants", "16", "--allow", "index").code == 0
    refused = used.run("migrate")
    assert (refused.code, read_report(used, refused.out).column("result")) == (4, ["refused", "up to date"])
    used.write("0002_names.sql", allow("index") + INDEX)
    done = used.run("migrate")
    assert (done.code, read_report(used, done.out).column("result")) == (0, ["applied", "up to date"])
    assert [used.run(verb).code for verb in ("migrate", "status", "verify", "drift")] == [0, 0, 0, 0]
