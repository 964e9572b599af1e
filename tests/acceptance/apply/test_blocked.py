"""A table that somebody holds, as the command tells of it: who is in the way, the second turn, and exit code 5."""

import json

from tests.acceptance.fix_command import MASTER_FILES, RATES, ROOMS, MakeFleet, find_commands, read_events, read_report

WAITING = {"0000_rooms.sql": ROOMS}


def test_blocked(fleet: MakeFleet) -> None:
    """A tenant that stays blocked ends so, with the blocker's pid, application, user and query; the others are done."""
    one = fleet(files=WAITING)
    one.run("migrate")
    one.write("0001_rates.sql", f"-- lock-timeout: 2s\n{RATES}")
    with one.session("16") as other:
        other.execute("SET application_name = 'nightly report'")
        other.execute("SELECT * FROM rooms")
        pid = other.info.backend_pid
        done = one.run("migrate", "--lock-wait", "0")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (5, ["applied", "blocked"])
    assert f"held by pid {pid} (nightly report, user postgres, in a transaction for " in done.out
    assert report.text == (
        "tenant 16: blocked: migrations/tenant/0001_rates.sql:2:1: canceling statement due to lock timeout (SQLSTATE"
        " 55P03)\n"
        "  1 | -- lock-timeout: 2s\n"
        "  2 | ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);\n"
        "    | ^\n"
        "  detail: waited for ACCESS EXCLUSIVE on public.rooms, held by pid 1 (nightly report, user postgres, in a"
        " transaction for 0 ms): SELECT * FROM rooms\n"
        "  hint: wait for that session to finish, or end it; then run the same command again\n"
        "  0001_rates was rolled back; the database is now at 0000_rooms\n"
        "2 tenants: 1 applied, 1 blocked in 0 ms\n"
        "next: tenantry migrate --lock-wait 0.0 --tenants 16\n"
    )
    assert [event for _, event, _ in one.log("16")] == ["applied", "blocked", "blocked"]
    (again,) = find_commands(done.out)
    assert (one.shell(again).code, one.versions("16")) == (0, [0, 1])


def test_master_blocked_for_a_while(fleet: MakeFleet) -> None:
    """A master whose lock is let go while it has its second turn costs no tenant its turn; each try is told."""
    one = fleet(tenants=["1"], files=WAITING, master=MASTER_FILES)
    one.run("migrate")
    one.write("0001_names.sql", "-- lock-timeout: 2s\nALTER TABLE organizations ADD name text;\n", "master")
    one.write("0001_rates.sql", RATES)
    with one.session("master") as other, one.start("migrate", "--lock-wait", "2.4", "--format", "jsonl") as process:
        other.execute("LOCK TABLE organizations IN ACCESS SHARE MODE")
        pid = other.info.backend_pid
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if json.loads(line)["event"] == "tenant_postponed":
                other.rollback()
    events = read_events("".join(lines))
    retries = [event for event in events if event["event"] == "migration_retried"]
    assert {blocker["pid"] for event in retries if event["wait"] for blocker in event["wait"]["blockers"]} == {pid}
    assert [event["tenant"] for event in events if event["event"] == "tenant_postponed"] == ["master"]
    finished = [
        (event["tenant"], event["verdict"]["result"]) for event in events if event["event"] == "tenant_finished"
    ]
    assert finished == [("master", "applied"), ("1", "applied")]
    assert (events[-1]["exit_code"], one.versions("master"), one.versions("1")) == (0, [0, 1], [0, 1])
