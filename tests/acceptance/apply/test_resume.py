"""A non-transactional file that did not come to its end: killed, failed, in doubt, and gone on with by the command."""

from tests.acceptance.fix_command import FILES, Fleet, MakeFleet, read_report

HEAD = "-- transactional: false\n"
NAMES = "CREATE UNIQUE INDEX CONCURRENTLY by_name ON rooms (name);\n"
RATES = "CREATE INDEX CONCURRENTLY by_rate ON rooms (rate);\n"
# Commits, and then waits for what a test holds.
BLOCK = "DO $$ BEGIN INSERT INTO rooms VALUES (7, 'G'); COMMIT; PERFORM pg_advisory_lock(77); END $$;\n"
INDEXES = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indexrelid::regclass::text LIKE 'by_%'"


def test_killed(fleet: MakeFleet) -> None:
    """A runner that is killed while an index is built leaves nothing to mend: the same command finishes the file."""
    one: Fleet = fleet(tenants=["1"], files={**FILES, "0002_index.sql": HEAD + RATES + NAMES})
    with one.session("1") as beside:
        assert one.run("migrate", "--to", "1").code == 0
        beside.execute("LOCK TABLE rooms IN ROW EXCLUSIVE MODE")
        with one.start("migrate") as runner:
            one.await_activity("1", "CREATE INDEX CONCURRENTLY by_rate")
            runner.kill()
            runner.wait()
    one.await_quiet("1")
    again = one.run("migrate")
    assert again.code == 0, again.out
    assert "0002_index: started by an earlier run, resumes at statement " in again.err + again.out
    assert one.query("1", f"{INDEXES} ORDER BY 1") == [("by_name", True), ("by_rate", True)]
    assert [event for version, event, _ in one.log("1") if version == 2] == ["started", "resumed", "applied"]


def test_in_doubt(fleet: MakeFleet) -> None:
    """What cannot be known is asked of a person, by a command that can be typed as it stands."""
    one: Fleet = fleet(tenants=["1", "16"], files={**FILES, "0002_block.sql": HEAD + BLOCK + RATES}, created=True)
    assert one.run("migrate", "--to", "1").code == 0
    with one.session("1") as beside:
        beside.execute("SELECT pg_advisory_lock(77)")
        beside.commit()
        with one.start("migrate", "--tenants", "1", "--allow", "unmeasured") as runner:
            pid = one.await_activity("1", "PERFORM pg_advisory_lock(77)", waits_for="Lock")
            beside.execute("SELECT pg_terminate_backend(%s)", [pid])
            beside.commit()
            runner.communicate()
    one.await_quiet("1")
    refused = one.run("migrate", "--tenants", "1")
    report = read_report(one, refused.out)
    assert (refused.code, report.column("result")) == (4, ["refused"])
    said = "migrations/tenant/0002_block.sql:2:1: statement 1 of 2 was running when the run ended: tenantry cannot tell"
    assert said in report.text
    assert one.run("migrate", "--resume-at", "2").code == 2
    assert one.run("migrate", "--tenants", "1", "--resume-at", "3").code == 4
    assert one.run("migrate", "--tenants", "1", "--resume-at", "2").code == 0
    assert one.query("1", "SELECT id FROM rooms") == [(7,)]
    assert one.run("verify", "--tenants", "1").code == 0
