"""Files that no longer are what was applied: each is named with both sides, and the command in the hint mends it."""

import pytest

from tenantry.model.checksum import checksum
from tests.acceptance.fix_command import FILES, MASTER_FILES, RATES, ROOMS, Fleet, MakeFleet, find_commands, read_report

EDITED = RATES + "SELECT 1;\n"
NOTES = "CREATE TABLE notes ();\n"
DIFFERENCE = """\
  --- 0001_rates as applied
  +++ migrations/tenant/0001_rates.sql
  @@ -1 +1,2 @@
   ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);
  +SELECT 1;
"""
EXIT_OK = 0


@pytest.fixture
def applied(fleet: MakeFleet) -> Fleet:
    """Return a fleet of two tenants that have files 0, 1 and 3."""
    one = fleet(files={**FILES, "0003_notes.sql": NOTES})
    assert one.run("migrate").code == EXIT_OK
    return one


def find_command(out: str, verb: str) -> str:
    """Return the one command of this verb that an output tells to type, apart from the last line's."""
    (command,) = {command for command in find_commands(out) if command.startswith(f"tenantry {verb} ")}
    return command


def test_an_edited_file(applied: Fleet) -> None:
    """A file that was edited after it was applied is refused with both checksums, before anything else is applied."""
    applied.write("0001_rates.sql", EDITED)
    applied.write("0004_more.sql", "CREATE TABLE more ();\n")
    done = applied.run("migrate")
    report = read_report(applied, done.out)
    assert (done.code, report.column("result")) == (4, ["refused", "refused"])
    assert report.text == (
        f"tenants 1, 16: 0001_rates: edited after it was applied, expected {checksum(RATES)}, found"
        f" {checksum(EDITED)}\n{DIFFERENCE}"
        '  hint: undo the edit and move it to a new file; or run "tenantry accept 1 --tenants 1,16 --reason ..." if'
        f' the database already matches the edited file; or add the line "-- replaces: {checksum(RATES)}" at the top of'
        " the file to accept the edit for every tenant that ran that text\n"
        "2 tenants: 2 refused in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 1,16\n"
    )
    assert applied.versions("1") == [0, 1, 3]
    accepted = applied.shell(find_command(done.out, "accept"))
    assert accepted.code == EXIT_OK, accepted.err
    assert (applied.run("migrate").code, applied.versions("16")) == (EXIT_OK, [0, 1, 3, 4])


def test_the_difference_of_an_edited_file(applied: Fleet) -> None:
    """`verify` shows an edited file as a unified diff of the text that was applied against the file."""
    applied.write("0001_rates.sql", EDITED)
    done = applied.run("verify", "--tenants", "16")
    report = read_report(applied, done.out)
    assert (done.code, report.rows) == (
        1,
        [{"tenant": "16", "result": "finding", "version": "0003_notes", "time": "0 ms"}],
    )
    assert report.text == (
        f"tenant 16: 0001_rates: edited after it was applied, expected {checksum(RATES)}, found"
        f" {checksum(EDITED)}\n{DIFFERENCE}"
        '  hint: undo the edit and move it to a new file; or run "tenantry accept 1 --tenants 16 --reason ..." if'
        f' the database already matches the edited file; or add the line "-- replaces: {checksum(RATES)}" at the top of'
        " the file to accept the edit for every tenant that ran that text\n"
        "1 tenant: 1 finding in 0 ms\n"
    )


def test_line_ends_and_a_byte_order_mark_are_no_edit(applied: Fleet) -> None:
    """A file that was saved again with a BOM, CRLF and blanks at its end counts as unchanged."""
    applied.write("0001_rates.sql", ("\ufeff" + RATES.replace("\n", "\r\n") + "\r\n\r\n").encode())
    assert applied.run("migrate").code == EXIT_OK
    assert applied.run("verify").code == EXIT_OK


def test_a_renamed_file(applied: Fleet) -> None:
    """A renamed file stops nobody; `verify` names both names, and `accept` records the new one."""
    applied.remove("0001_rates.sql")
    applied.write("0001_prices.sql", RATES)
    assert applied.run("migrate").code == EXIT_OK
    done = applied.run("verify")
    report = read_report(applied, done.out)
    assert done.code == 1
    assert report.text == (
        "tenants 1, 16: 0001_prices: applied as 0001_rates, since renamed\n"
        '  hint: rename it back, or run "tenantry accept 1 --tenants 1,16 --reason ..."\n'
        "2 tenants: 2 findings in 0 ms\n"
    )
    assert applied.shell(find_command(done.out, "accept")).code == EXIT_OK
    assert applied.run("verify").code == EXIT_OK
    assert applied.query("1", "SELECT name FROM _migrations WHERE version = 1") == [("prices",)]


def test_a_deleted_file(applied: Fleet) -> None:
    """A version whose file is gone blocks its tenants; forgetting it, as the hint says, lets them go on."""
    applied.remove("0001_rates.sql")
    applied.write("0004_more.sql", "CREATE TABLE more ();\n")
    done = applied.run("migrate")
    report = read_report(applied, done.out)
    assert (done.code, report.column("result")) == (4, ["refused", "refused"])
    assert report.text == (
        "tenants 1, 16: 0001_rates: applied to this database, but the file is gone\n"
        '  hint: restore the file ("tenantry log --version 1 --sql --tenants=1" prints its text); or run'
        ' "tenantry forget 1 --tenants 1,16 --reason ..." if its effects have been undone\n'
        "2 tenants: 2 refused in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 1,16\n"
    )
    for tenant in ("1", "16"):
        applied.query(tenant, "ALTER TABLE rooms DROP COLUMN rate")
    forgotten = applied.shell(find_command(done.out, "forget"))
    assert forgotten.code == EXIT_OK, forgotten.err
    assert (applied.run("migrate").code, applied.versions("16")) == (EXIT_OK, [0, 3, 4])


def test_a_deleted_file_is_brought_back(applied: Fleet) -> None:
    """What the command in the hint prints for one tenant is the file, character by character."""
    applied.remove("0001_rates.sql")
    done = applied.run("migrate", "--tenants", "16")
    printed = applied.shell(find_command(done.out, "log"))
    assert (printed.code, printed.out) == (EXIT_OK, RATES)
    applied.write("0001_rates.sql", printed.out)
    assert applied.run("verify").code == EXIT_OK


def test_a_late_file(applied: Fleet) -> None:
    """A file older than the newest applied one is refused until it is allowed by its number."""
    applied.write("0002_late.sql", "CREATE TABLE late ();\n")
    done = applied.run("migrate", "--tenants", "1")
    report = read_report(applied, done.out)
    assert (done.code, report.column("result"), applied.versions("1")) == (4, ["refused"], [0, 1, 3])
    assert report.text == (
        "tenant 1: 0002_late: not applied, although newer migrations are: the file arrived late\n"
        "  hint: give the file the next free number if no database has it yet; or run"
        ' "tenantry migrate --tenants 1 --out-of-order 2" if it can run after the newer ones\n'
        "1 tenant: 1 refused in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 1\n"
    )
    allowed = applied.shell(find_command(done.out, "migrate --tenants 1 --out-of-order"))
    assert (allowed.code, applied.versions("1"), applied.tables("1")) == (
        EXIT_OK,
        [0, 1, 2, 3],
        ["late", "notes", "rooms"],
    )


def test_a_late_file_allows_no_other(applied: Fleet) -> None:
    """`--out-of-order` allows the version it names; another late file still blocks."""
    applied.write("0002_late.sql", "CREATE TABLE late ();\n")
    applied.remove("0000_rooms.sql")
    done = applied.run("migrate", "--tenants", "1", "--out-of-order", "2")
    assert (done.code, applied.tables("1")) == (4, ["notes", "rooms"])
    assert "0000_rooms: applied to this database, but the file is gone" in done.out


def test_several_faults_are_named_at_once(applied: Fleet) -> None:
    """All that is wrong with a tenant is said in one run, each with its repair."""
    applied.write("0000_rooms.sql", f"{ROOMS}SELECT 1;\n")
    applied.remove("0001_rates.sql")
    applied.write("0002_late.sql", "CREATE TABLE late ();\n")
    done = applied.run("migrate")
    assert done.code == 4
    for said in ("0000_rooms: edited", "0001_rates: applied to this database, but", "0002_late: not applied, although"):
        assert done.out.count(f"tenants 1, 16: {said}") == 1
    repairs = [command.split()[1] for command in find_commands(done.out)]
    assert repairs == ["accept", "log", "forget", "migrate", "migrate"]


def test_accept_shows_what_it_changes_and_records_why(applied: Fleet) -> None:
    """`accept` says what becomes what, changes nothing on a dry run, and leaves the old text in the log."""
    applied.write("0001_rates.sql", EDITED)
    change = f"tenant 1: 0001_rates: checksum {checksum(RATES)} becomes {checksum(EDITED)}\n"
    dry = applied.run("accept", "1", "--tenants", "1", "--reason", "a comment", "--dry-run")
    assert (dry.code, dry.out.startswith(change.replace("becomes", "would become"))) == (EXIT_OK, True)
    assert applied.log("1")[-1] == (3, "applied", None)
    done = applied.run("accept", "0001_rates.sql", "--tenants", "1", "--reason", "a comment")
    assert (done.code, done.out.startswith(change)) == (EXIT_OK, True)
    assert applied.query("1", "SELECT checksum, sql_text FROM _migrations WHERE version = 1") == [
        (checksum(EDITED), EDITED)
    ]
    assert applied.log("1")[-1] == (1, "accepted", "a comment")
    (detail,) = applied.query("1", "SELECT detail FROM _migrations_log WHERE event = 'accepted'")[0]
    assert (detail["checksum"], detail["sql_text"]) == (checksum(RATES), RATES)
    again = applied.run("accept", "1", "--tenants", "1", "--reason", "once more")
    assert (again.code, len(applied.log("1"))) == (EXIT_OK, 4)


def test_mark_records_without_running(applied: Fleet) -> None:
    """`mark` says what it records, changes nothing on a dry run, and runs nothing."""
    applied.write("0004_more.sql", "CREATE TABLE more ();\n")
    mark = ["mark", "4", "--tenants", "1", "--reason", "typed by hand"]
    change = "tenant 1: 0004_more: is recorded as applied, origin marked, without being run\n"
    refused = applied.run(*mark)
    assert (refused.code, applied.versions("1")) == (4, [0, 1, 3])
    assert "tenant 1: refused: 0004_more: its effects are missing in the schema, expected it to be app" in refused.out
    force = find_command(refused.out, "mark").replace("...", "'typed by hand'")
    assert force == "tenantry mark 4 --tenants 1 --reason 'typed by hand' --force"
    dry = applied.shell(f"{force} --dry-run")
    would = change.replace(" is ", " would be ")
    assert (dry.code, dry.out.startswith(would), applied.versions("1")) == (EXIT_OK, True, [0, 1, 3])
    done = applied.shell(force)
    assert (done.code, done.out.startswith(change), applied.versions("1")) == (EXIT_OK, True, [0, 1, 3, 4])
    assert applied.tables("1") == ["notes", "rooms"]
    assert applied.query("1", "SELECT origin, state FROM _migrations WHERE version = 4") == [("marked", "applied")]
    assert applied.log("1")[-1] == (4, "marked", "typed by hand")
    unproven = applied.run("migrate", "--tenants", "1")
    assert (unproven.code, applied.tables("1")) == (1, ["notes", "rooms"])
    assert "tenant 1: more: missing, expected a table\n" in unproven.out


def test_mark_makes_the_ledger(fleet: MakeFleet) -> None:
    """A database that was made by hand can be marked from its first version on."""
    one = fleet(tenants=["1"])
    one.query("1", ROOMS)
    assert one.run("mark", "0", "--tenants", "1", "--reason", "was there").code == EXIT_OK
    assert (one.run("migrate").code, one.versions("1")) == (EXIT_OK, [0, 1])
    assert one.log("1") == [(0, "marked", "was there"), (1, "applied", None)]


def test_mark_warns_of_what_it_leaves_behind(fleet: MakeFleet) -> None:
    """Marking a version above pending ones says which files will be out of order by it."""
    one = fleet(tenants=["1"], files={**FILES, "0003_notes.sql": NOTES})
    one.query("1", NOTES)
    done = one.run("mark", "3", "--tenants", "1", "--reason", "was there", "--dry-run")
    assert done.out.splitlines()[:2] == [
        "tenant 1: 0003_notes: would be recorded as applied, origin marked, without being run",
        "tenant 1: older pending files would become out of order: 0000_rooms, 0001_rates",
    ]


def test_mark_asks_the_schema(fleet: MakeFleet) -> None:
    """`mark` records nothing that the schema denies, and says so where no schema can show a file's effects."""
    half = "CREATE TABLE a ();\nCREATE TABLE b ();\n"
    files = {**FILES, "0002_data.sql": "INSERT INTO rooms VALUES (1, 'A');\n", "0003_half.sql": half}
    one = fleet(tenants=["1"], files={**files, "0004_broken.sql": "SELECT 1 / 0;\n"})
    one.run("migrate", "--tenants", "1", "--to", "1")
    one.query("1", "CREATE TABLE a ()")
    data = one.run("mark", "2", "--tenants", "1", "--reason", "by hand")
    assert "tenant 1: its effects are data or none, so the schema cannot confirm it\n" in data.out
    assert (data.code, one.versions("1")) == (EXIT_OK, [0, 1, 2])
    denied = one.run("mark", "3", "--tenants", "1", "--reason", "by hand", "--dry-run")
    said = "0003_half: partly applied: 1 of 2 tables, expected it to be applied"
    assert (denied.code, said in denied.out) == (4, True)
    unasked = one.run("mark", "4", "--tenants", "1", "--reason", "by hand")
    assert (unasked.code, "0004_broken: the schema cannot be asked: " in unasked.out) == (4, True)
    assert one.versions("1") == [0, 1, 2]


def test_forget_makes_a_file_pending_again(applied: Fleet) -> None:
    """`forget` says which record it deletes, changes nothing on a dry run, and leaves the row in the log."""
    applied.query("16", "DROP TABLE notes")
    forget = ["forget", "3", "--tenants", "16", "--reason", "dropped by hand"]
    change = (
        "tenant 16: 0003_notes: the record (applied, by postgres (deploy@host)) is deleted; its file becomes pending"
    )
    would = change.replace("is deleted", "would be deleted").replace("becomes", "would become")
    dry = applied.run(*forget, "--dry-run")
    assert (dry.code, applied.shown(dry.out).splitlines()[0], applied.versions("16")) == (EXIT_OK, would, [0, 1, 3])
    done = applied.run(*forget)
    assert (done.code, applied.shown(done.out).splitlines()[0], applied.versions("16")) == (EXIT_OK, change, [0, 1])
    assert applied.log("16")[-1] == (3, "forgotten", "dropped by hand")
    (detail,) = applied.query("16", "SELECT detail FROM _migrations_log WHERE event = 'forgotten'")[0]
    assert (detail["name"], detail["sql_text"]) == ("notes", NOTES)
    assert (applied.run("migrate").code, applied.tables("16")) == (EXIT_OK, ["notes", "rooms"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(["--tenants", "1"], "error: --reason: missing, expected --reason TEXT\n", id="reason"),
        pytest.param(
            ["--reason", "x"], "error: --tenants: missing, expected --tenants 1,16|@LABEL|all\n", id="tenants"
        ),
    ],
)
@pytest.mark.parametrize("verb", ["accept", "mark", "forget"])
def test_what_a_repair_needs(fleet: MakeFleet, verb: str, args: list[str], said: str) -> None:
    """A repair without tenants or a reason exits with 2 and names the option."""
    done = fleet(created=False).run(verb, "1", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"Usage: tenantry {verb} [OPTIONS] VERSION\nTry 'tenantry {verb} --help' for help.\n\n{said}"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param(
            "accept 1 --tenants 1 --reason ' '",
            2,
            "error: --reason: empty, expected the reason for changing the ledger by hand\n",
            id="an empty reason",
        ),
        pytest.param(
            "accept 9 --tenants 1 --reason x",
            2,
            "error: VERSION: there is no migration 9; the newest is 0001_rates\n",
            id="accept a version that no file has",
        ),
        pytest.param(
            "mark 9 --tenants 1 --reason x",
            2,
            "error: VERSION: there is no migration 9; the newest is 0001_rates\n",
            id="mark a version that no file has",
        ),
        pytest.param(
            "mark 1 --tenants 2 --reason x",
            2,
            "error: --tenants: unknown tenant '2', expected one of 1, 16\n",
            id="an unknown tenant",
        ),
    ],
)
def test_a_repair_of_what_is_not_there(fleet: MakeFleet, command: str, code: int, said: str) -> None:
    """A repair that names no file or no tenant is refused before any database is opened."""
    done = fleet(created=False).shell(f"tenantry {command}")
    assert (done.code, done.out, done.err) == (code, "", said)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(
            "accept 1 --tenants 1 --reason x",
            "tenant 1: refused: version 1 is not applied, so it has no record to change\n"
            '  hint: run "tenantry status --tenants 1" to see its version\n',
            id="accept what is pending",
        ),
        pytest.param(
            "forget 1 --tenants 1 --reason x",
            "tenant 1: refused: version 1 is not recorded\n"
            '  hint: run "tenantry status --tenants 1" to see its version\n',
            id="forget what is pending",
        ),
        pytest.param(
            "mark 0 --tenants 1 --reason x",
            "tenant 1: refused: 0000_rooms: recorded with a different checksum\n"
            '  hint: undo the edit and move it to a new file; or run "tenantry accept 0 --tenants 1 --reason ..." if'
            f' the database already matches the edited file; or add the line "-- replaces: {checksum(ROOMS)}" at the'
            " top of the file to accept the edit for every tenant that ran that text\n",
            id="mark what was edited",
        ),
    ],
)
def test_a_repair_that_does_not_fit(fleet: MakeFleet, command: str, said: str) -> None:
    """A repair that does not fit a tenant's ledger is refused with exit code 4, and writes nothing."""
    one = fleet(tenants=["1"])
    one.run("migrate", "--to", "0")
    one.write("0000_rooms.sql", f"{ROOMS}SELECT 1;\n")
    done = one.shell(f"tenantry {command}")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (4, ["refused"])
    assert report.text == f"{said}1 tenant: 1 refused in 0 ms\nreason: x\n"
    assert one.log("1") == [(0, "applied", None)]


def test_a_repair_of_the_master(fleet: MakeFleet) -> None:
    """The master is repaired like a tenant, under its name."""
    one = fleet(tenants=["1"], master=MASTER_FILES)
    one.run("migrate", "--tenants", "master")
    one.write("0000_organizations.sql", MASTER_FILES["0000_organizations.sql"] + "SELECT 1;\n", "master")
    done = one.run("migrate")
    assert (done.code, "not started: master did not succeed" in done.out) == (4, True)
    assert one.shell(find_command(done.out, "accept")).code == EXIT_OK
    assert one.run("migrate").code == EXIT_OK


def test_the_next_command_is_for_this_project(fleet: MakeFleet, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a report tells to type works from where the command was called, with the tenants.yaml that it was given."""
    one = fleet(tenants=["1"])
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    one.query("1", "CREATE TABLE rooms ()")
    config = str(one.folder / "tenants.yaml")
    done = one.run("--config", config, "migrate", cwd=elsewhere)
    assert done.code == 3
    one.query("1", "DROP TABLE rooms")
    (again,) = find_commands(done.out)
    typed = one.shell(f"cd {elsewhere} && {again}")
    assert (typed.code, one.versions("1")) == (EXIT_OK, [0, 1]), typed.err
