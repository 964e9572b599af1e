"""`rollback`: what was applied is undone by its reviewed file, whole and with its record."""

import pytest

from tests.acceptance.fix_command import FILES, MASTER_FILES, RATES, Fleet, MakeFleet, read_events, read_report

UNDO_RATES = "ALTER TABLE rooms DROP COLUMN rate;\n"
NOTES, UNDO_NOTES = "CREATE TABLE notes (id integer);\n", "DROP TABLE notes;\n"
UNDOABLE = {
    **FILES,
    "0001_rates.rollback.sql": UNDO_RATES,
    "0002_notes.sql": NOTES,
    "0002_notes.rollback.sql": UNDO_NOTES,
}
WHY = ("--reason", "release withdrawn")


@pytest.fixture
def applied(fleet: MakeFleet) -> Fleet:
    """Return a fleet of two tenants that have three files, of which the last two can be undone."""
    one = fleet(files=UNDOABLE)
    assert one.run("migrate", "--no-verify").code == 0
    return one


def states(one: Fleet, name: str) -> list[tuple[int, str]]:
    """Return version and state of every row of a tenant."""
    return [(v, state) for v, state in one.query(name, "SELECT version, state FROM _migrations ORDER BY 1")]


def test_a_record_that_is_wrong(applied: Fleet) -> None:
    """Where the record says that a version was undone and the schema has it, nothing is undone, and that is said."""
    with applied.session("1") as session:
        session.execute("UPDATE _migrations SET state = 'rolled back' WHERE version = 2")
    for more in ((), ("--dry-run",)):
        done = applied.run("rollback", "2", "--tenants", "1", *WHY, *more)
        assert (done.code, "notes: extra, found a table" in done.out) == (1, True), done.out
    assert applied.run("rollback", "2", "--tenants", "1", *WHY, "--no-verify").code == 0


def test_the_newest_version(applied: Fleet) -> None:
    """The newest version of the tenants that are named is undone, its row stays, and the log says who and why."""
    done = applied.run("rollback", "2", "--tenants", "16", *WHY)
    report = read_report(applied, done.out)
    assert (done.code, report.column("result"), report.column("version")) == (0, ["applied"], ["0001_rates"])
    assert "tenant 16: 0002_notes: undone by migrations/tenant/0002_notes.rollback.sql, its record becomes" in done.out
    assert (applied.tables("16"), applied.tables("1")) == (["rooms"], ["notes", "rooms"])
    assert states(applied, "16") == [(0, "applied"), (1, "applied"), (2, "rolled back")]
    assert applied.log("16")[-1] == (2, "rolled back", "release withdrawn")
    detail = "SELECT detail->>'rollback_text', detail->>'state' FROM _migrations_log ORDER BY id DESC LIMIT 1"
    assert applied.query("16", detail) == [(UNDO_NOTES, "applied")]


def test_what_is_undone_is_pending_again(applied: Fleet) -> None:
    """An undone version is pending, is proven to be undone, and is applied anew by the next migrate."""
    assert applied.run("rollback", "2", "--tenants", "16", *WHY).code == 0
    (row,) = read_report(applied, applied.run("status", "--tenants", "16").out).rows
    assert (row["version"], row["pending"], row["state"]) == ("0001", "1", "pending (rolled back: 0002_notes)")
    applied.remove("0002_notes.sql")
    applied.remove("0002_notes.rollback.sql")
    assert applied.run("verify", "--tenants", "16").code == 0
    applied.write("0002_notes.sql", NOTES.replace("id", "number"))
    assert applied.run("migrate", "--tenants", "16").code == 0
    assert states(applied, "16") == [(0, "applied"), (1, "applied"), (2, "applied")]
    recorded = "SELECT sql_text, rollback_text FROM _migrations WHERE version = 2"
    assert applied.query("16", recorded) == [(NOTES.replace("id", "number"), None)]
    assert [event for version, event, _ in applied.log("16") if version == 2] == ["applied", "rolled back", "applied"]


def test_all_that_are_newer(applied: Fleet) -> None:
    """With --to, all newer versions are undone, newest first, in every tenant that is named."""
    done = applied.run("rollback", "--to", "0", "--tenants", "all", *WHY, "--format", "jsonl")
    undone = [event for event in read_events(done.out) if event["event"] == "migration_rolled_back"]
    assert done.code == 0
    for name in ("1", "16"):
        assert [event["migration"]["version"] for event in undone if event["tenant"] == name] == [2, 1]
        assert states(applied, name) == [(0, "applied"), (1, "rolled back"), (2, "rolled back")]
    again = applied.run("rollback", "--to", "0", "--tenants", "all", *WHY)
    assert (again.code, read_report(applied, again.out).column("result")) == (
        0,
        ["up to date", "up to date"],
    )


def test_a_dry_run(applied: Fleet) -> None:
    """A dry run shows the SQL, newest version first, and changes nothing."""
    before, folder = applied.trace("16"), "migrations/tenant"
    done = applied.run("rollback", "--to", "0", "--tenants", "16", *WHY, "--dry-run")
    lines = [line for line in done.out.splitlines() if line.startswith("tenant 16: ")]
    rolled = "its record would become rolled back"
    assert (done.code, lines) == (
        0,
        [
            f"tenant 16: 0002_notes: would be undone by {folder}/0002_notes.rollback.sql, {rolled}",
            "tenant 16:   DROP TABLE notes;",
            f"tenant 16: 0001_rates: would be undone by {folder}/0001_rates.rollback.sql, {rolled}",
            "tenant 16:   ALTER TABLE rooms DROP COLUMN rate;",
        ],
    )
    assert (applied.trace("16"), states(applied, "16")[-1]) == (before, (2, "applied"))


def test_a_rollback_file_that_changed(applied: Fleet) -> None:
    """Where the file is not what was recorded, both are shown, and a person chooses the one that runs."""
    applied.write("0002_notes.rollback.sql", "ALTER TABLE notes RENAME TO notes_of_old;\n")
    shown = "migrations/tenant/0002_notes.rollback.sql"
    difference = (
        f"\n--- as recorded\n+++ {shown}\n@@ -1 +1 @@\n-DROP TABLE notes;\n+ALTER TABLE notes RENAME TO notes_of_old;"
    )
    refused = applied.run("rollback", "2", "--tenants", "1", *WHY, "--format", "jsonl")
    (end,) = [event["verdict"] for event in read_events(refused.out) if event["event"] == "tenant_finished"]
    assert (refused.code, end["reason"]) == (
        4,
        f"{shown}: not what was recorded when 0002_notes was applied{difference}",
    )
    assert end["hint"] == (
        "give --file to run the file, or --recorded to run what the database holds: see it with --dry-run first"
    )
    assert (applied.tables("1"), states(applied, "1")[-1]) == (["notes", "rooms"], (2, "applied"))
    done = applied.run("rollback", "2", "--tenants", "1", *WHY, "--recorded", "--format", "jsonl")
    (warning,) = [event["problem"] for event in read_events(done.out) if event["event"] == "warning_raised"]
    assert (done.code, applied.tables("1")) == (0, ["rooms"])
    assert warning == {
        "message": f"{shown}: changed since it was recorded, this run uses the recorded text{difference}",
        "hint": "give --file to run the file",
    }
    done = applied.run("rollback", "2", "--tenants", "16", *WHY, "--file")
    # What it leaves is not what the file before stands for, and is found.
    assert (done.code, "notes_of_old: extra" in done.out) == (1, True)
    assert applied.tables("16") == ["notes_of_old", "rooms"]
    assert states(applied, "16")[-1] == (2, "rolled back")


def test_a_forged_record(applied: Fleet) -> None:
    """What somebody wrote into the record does not run, unless a person says so, to whom it is shown."""
    applied.query("16", "UPDATE _migrations SET rollback_text = 'DROP TABLE rooms;' WHERE version = 2")
    refused = applied.run("rollback", "2", "--tenants", "16", *WHY)
    assert (refused.code, "-DROP TABLE rooms;\n" in refused.out, applied.tables("16")) == (4, True, ["notes", "rooms"])
    done = applied.run("rollback", "2", "--tenants", "16", *WHY, "--file")
    assert (done.code, applied.tables("16")) == (0, ["rooms"])


def test_a_rollback_file_that_is_gone(applied: Fleet) -> None:
    """Without a file, the recorded text runs only where a person says so, and is shown."""
    applied.remove("0002_notes.rollback.sql")
    refused = applied.run("rollback", "2", "--tenants", "16", *WHY)
    assert refused.code == 4
    assert "0002_notes.rollback.sql: no such file, expected the SQL that undoes 0002_notes\n" in refused.out
    assert "restore it, write a new migration that undoes it, or give --recorded to run what the" in refused.out
    done = applied.run("rollback", "2", "--tenants", "16", *WHY, "--recorded")
    assert "tenant 16: 0002_notes: undone by 0002_notes.rollback.sql as recorded, its record becomes" in done.out
    assert ("tenant 16:   DROP TABLE notes;\n" in done.out, done.code, applied.tables("16")) == (True, 0, ["rooms"])


def test_a_rollback_that_fails(applied: Fleet) -> None:
    """A rollback that fails is told with its place, and leaves the version applied and a line in the log."""
    applied.query("16", "DROP TABLE notes")
    done = applied.run("rollback", "2", "--tenants", "16", *WHY)
    assert (done.code, states(applied, "16")[-1]) == (3, (2, "applied"))
    assert 'migrations/tenant/0002_notes.rollback.sql:1:1: table "notes" does not exist (SQLSTATE 42P01)' in done.out
    assert applied.log("16")[-1] == (2, "failed", None)


def test_half_of_several(applied: Fleet) -> None:
    """Where an older one fails, the newer one stays undone, and the same command goes on there."""
    applied.query("16", "ALTER TABLE rooms RENAME TO halls")
    done = applied.run("rollback", "--to", "0", "--tenants", "16", *WHY)
    assert (done.code, states(applied, "16")) == (3, [(0, "applied"), (1, "applied"), (2, "rolled back")])
    applied.query("16", "ALTER TABLE halls RENAME TO rooms")
    assert applied.run("rollback", "--to", "0", "--tenants", "16", *WHY).code == 0
    assert states(applied, "16") == [(0, "applied"), (1, "rolled back"), (2, "rolled back")]


REFUSED = {
    "newer ones": (
        {},
        ["1"],
        "0001_rates: newer migrations are applied: 0002_notes",
        'run "tenantry rollback --to 0 --tenants 16 --reason ..." to roll all of them back, newest first; or add '
        "--out-of-order if none of them depends on it",
    ),
    "depended on": (
        {"0002_notes.sql": f"-- depends: 0001_rates\n{NOTES}"},
        ["1", "--out-of-order"],
        "0001_rates: required by 0002_notes",
        'run "tenantry rollback --to 0 --tenants 16 --reason ..." to roll all of them back, newest first',
    ),
    "none recorded": (
        {"0003_beds.sql": "CREATE TABLE beds ();\n"},
        ["3"],
        "0003_beds: applied without a rollback file, so none is recorded",
        "write a new migration that undoes it",
    ),
    "one of several has none": (
        {"0003_beds.sql": "CREATE TABLE beds ();\n"},
        ["--to", "1"],
        "0003_beds: applied without a rollback file, so none is recorded",
        "write a new migration that undoes it",
    ),
    "no file": (
        {"0003_beds.sql": "CREATE TABLE beds ();\n"},
        ["3", "--from-files"],
        "migrations/tenant/0003_beds.rollback.sql: no such file, expected the SQL that undoes 0003_beds",
        "write it, or write a new migration that undoes it",
    ),
    "outside a transaction": (
        {
            "0003_beds.sql": "CREATE TABLE beds ();\n",
            "0003_beds.rollback.sql": "-- transactional: false\nDROP TABLE beds;\n",
        },
        ["3"],
        "migrations/tenant/0003_beds.rollback.sql: runs outside a transaction, expected a rollback that commits"
        " together with its record",
        'run it by hand, then "tenantry forget 3 --tenants 16 --reason ..."',
    ),
    "unknown": (
        {},
        ["7"],
        "version 7: not recorded here, and no file has it",
        'run "tenantry status --tenants 16" to see its version',
    ),
}


@pytest.mark.parametrize(("files", "args", "reason", "hint"), REFUSED.values(), ids=REFUSED)
def test_refused(fleet: MakeFleet, files: dict[str, str], args: list[str], reason: str, hint: str) -> None:
    """What cannot be undone, or what something relies on, is refused with a way out, and nothing is changed."""
    one = fleet(tenants=["16"], files={**UNDOABLE, **files})
    assert one.run("migrate", "--no-verify").code == 0
    before = states(one, "16"), one.tables("16"), one.log("16")
    done = one.run("rollback", *args, "--tenants", "16", *WHY, "--format", "jsonl")
    (end,) = [event["verdict"] for event in read_events(done.out) if event["event"] == "tenant_finished"]
    assert (done.code, end["result"], end["reason"], end["hint"]) == (4, "refused", reason, hint)
    assert (states(one, "16"), one.tables("16"), one.log("16")) == before


def test_out_of_order(applied: Fleet) -> None:
    """With --out-of-order, a version is undone below newer ones; it is late then, and blocks until that is allowed."""
    assert applied.run("rollback", "1", "--tenants", "16", *WHY, "--out-of-order").code == 0
    assert states(applied, "16") == [(0, "applied"), (1, "rolled back"), (2, "applied")]
    assert applied.run("migrate", "--tenants", "16").code == 4
    assert applied.run("migrate", "--tenants", "16", "--out-of-order", "1", "--no-verify").code == 0
    assert states(applied, "16")[1] == (1, "applied")


def test_recorded_later(fleet: MakeFleet) -> None:
    """A version that was applied before its rollback file was written is undone by the file where that is asked for."""
    one = fleet(tenants=["16"], files=FILES)
    assert one.run("migrate", "--no-verify").code == 0
    one.write("0001_rates.rollback.sql", UNDO_RATES)
    refused = one.run("rollback", "1", "--tenants", "16", *WHY)
    hint = "hint: give --file to run migrations/tenant/0001_rates.rollback.sql as it is now"
    assert (refused.code, hint in refused.out) == (4, True)
    assert one.run("rollback", "1", "--tenants", "16", *WHY, "--from-files").code == 0


def test_of_a_marked_version(fleet: MakeFleet) -> None:
    """Of a begun file that is marked as done, what undoes it is recorded as it is then, with the file itself."""
    begun = {"0002_beds.sql": "-- transactional: false\nSELECT 1 / 0;\n"}
    one = fleet(tenants=["16"], files={**FILES, **begun})
    assert one.run("migrate", "--no-verify").code == 3
    one.write("0002_beds.sql", "-- transactional: false\nCREATE TABLE beds ();\n")
    one.write("0002_beds.rollback.sql", "DROP TABLE beds;\n")
    one.query("16", "CREATE TABLE beds ()")
    assert one.run("mark", "2", "--tenants", "16", *WHY).code == 0
    assert one.run("rollback", "2", "--tenants", "16", *WHY).code == 0
    assert one.tables("16") == ["rooms"]


def test_a_wrapped_rollback(fleet: MakeFleet) -> None:
    """A BEGIN ... COMMIT around a rollback file gives way to the transaction in which its record changes."""
    files = {**FILES, "0001_rates.rollback.sql": f"BEGIN;\n{UNDO_RATES}COMMIT;\n"}
    one = fleet(tenants=["16"], files=files)
    assert one.run("migrate", "--no-verify").code == 0
    assert one.run("rollback", "1", "--tenants", "16", *WHY).code == 0
    assert states(one, "16") == [(0, "applied"), (1, "rolled back")]


def test_what_is_wrong_with_a_rollback_file_is_found_first(applied: Fleet) -> None:
    """What a migration must not hold, a rollback file must not either: nothing is touched before that is mended."""
    applied.write("0002_notes.rollback.sql", "DROP TABLE notes;\nCOMMIT;\nSELECT 1;\n")
    done = applied.run("rollback", "2", "--tenants", "16", *WHY)
    place = "migrations/tenant/0002_notes.rollback.sql:2:1"
    assert (done.code, done.out) == (2, "")
    assert f"{place}: COMMIT is transaction control, which only tenantry may use\n" in done.err
    assert states(applied, "16")[-1] == (2, "applied")


WRONG = {
    "both texts": (
        ["2", "--file", "--recorded", *WHY, "--tenants", "1"],
        "--recorded: given with --file, expected one of them",
    ),
    "neither": (
        [*WHY, "--tenants", "1"],
        "VERSION: expected the version to undo, or --to with the newest version to keep",
    ),
    "both": (
        ["2", "--to", "1", *WHY, "--tenants", "1"],
        "VERSION: expected the version to undo, or --to with the newest version to keep",
    ),
    "no reason": (["2", "--tenants", "1"], "--reason: missing"),
    "empty reason": (
        ["2", "--tenants", "1", "--reason", " "],
        "--reason: empty, expected the reason for undoing the version",
    ),
    "no tenants": (["2", *WHY], "--tenants: missing"),
}


@pytest.mark.parametrize(("args", "said"), WRONG.values(), ids=WRONG)
def test_usage(fleet: MakeFleet, args: list[str], said: str) -> None:
    """Nothing is undone without a version, tenants and a reason."""
    one = fleet(created=False)
    done = one.run("rollback", *args)
    assert (done.code, done.out, said in done.err) == (2, "", True)


def test_the_master(fleet: MakeFleet) -> None:
    """The master is rolled back under its name; `all` leaves it as it is."""
    master = {**MASTER_FILES, "0001_plans.sql": NOTES, "0001_plans.rollback.sql": UNDO_NOTES}
    files = {**FILES, "0001_rates.sql": RATES, "0001_rates.rollback.sql": UNDO_RATES}
    one = fleet(tenants=["1"], master=master, files=files)
    assert one.run("migrate", "--no-verify").code == 0
    assert one.run("rollback", "1", "--tenants", "all", *WHY).code == 0
    assert (states(one, "1")[-1], states(one, "master")[-1]) == ((1, "rolled back"), (1, "applied"))
    assert one.run("rollback", "1", "--tenants", "master", *WHY).code == 0
    assert one.tables("master") == ["organizations"]
