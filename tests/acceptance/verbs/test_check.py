"""`check`: what it finds in a project's files, with no tenant's database anywhere."""

from pathlib import Path

import pytest

from tenantry.model.checksum import checksum
from tests.acceptance.fix_command import (
    FILES,
    MASTER_FILES,
    NOWHERE,
    RATES,
    ROOMS,
    Fleet,
    MakeFleet,
    read_events,
    read_report,
)
from tests.unit.files.test_merged import commit, git

WANTED = f"{ROOMS}{RATES}"


@pytest.fixture
def project(fleet: MakeFleet) -> Fleet:
    """Return a project whose tenants are on a server that is nowhere."""
    one = fleet(tenants=["1"], files=FILES, created=False)
    name_no_server(one)
    return one


def name_no_server(one: Fleet) -> None:
    path = one.folder / "tenants.yaml"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([f"servers: {{main: {NOWHERE}}}", *lines[1:]]), "utf-8")


def write_wanted(one: Fleet, text: str) -> None:
    (one.folder / "schema.sql").write_text(text, "utf-8")


def write_check(one: Fleet, text: str) -> None:
    folder = one.folder / "migrations/tenant/checks"
    folder.mkdir(exist_ok=True)
    (folder / "rooms.sql").write_text(text, "utf-8")


def test_good_project(project: Fleet) -> None:
    """A project is proven with its checks, its base and its schema, and no tenant's server is asked."""
    write_check(project, "SELECT rate FROM rooms WHERE false;\n")
    write_wanted(project, WANTED)
    git(project.folder, "init", "--quiet", "--initial-branch=main")
    commit(project.folder)
    done = project.run("check", "--base", "main", "--schema-from", "schema.sql")
    assert (done.code, done.err) == (0, "")
    assert read_report(project, done.out).column("tenant") == ["migrations/tenant"]


def test_both_sets(fleet: MakeFleet) -> None:
    """The master's files are checked beside the tenants', each for itself."""
    one = fleet(tenants=["1"], files=FILES, master={**MASTER_FILES, "0001_twice.sql": ROOMS * 2}, created=False)
    name_no_server(one)
    events = read_events(one.run("check", "--format", "jsonl").out)
    ends = {event["tenant"].rsplit("/", 1)[-1]: event["verdict"] for event in events if "verdict" in event}
    assert {name: end["result"] for name, end in ends.items()} == {"master": "refused", "tenant": "ok"}


def test_file_that_does_not_apply(project: Fleet) -> None:
    """A file that does not apply behind the others is named with the place of what failed."""
    project.write(
        "0002_notes.sql", "CREATE TABLE notes ();\nALTER TABLE notes\n  ADD COLUMN room integer REFERENCES x;\n"
    )
    done = project.run("check")
    assert done.code == 4
    place = "migrations/tenant/0002_notes.sql:2:1"
    message = f'the files do not apply to an empty database: {place}: relation "x" does not exist (SQLSTATE 42P01)'
    assert message in project.shown(done.out)


def test_check_that_fails(project: Fleet) -> None:
    """A check that does not hold for what the files make is named with its place."""
    write_check(project, "SELECT id FROM rooms WHERE false;\nSELECT colour FROM rooms;\n")
    done = project.run("check")
    assert done.code == 1
    message = 'migrations/tenant/checks/rooms.sql:2:8: column "colour" does not exist (SQLSTATE 42703)'
    assert message in project.shown(done.out)


UNDONE = "ALTER TABLE rooms DROP COLUMN rate;\n"


def test_rollback_that_undoes_its_file(project: Fleet) -> None:
    """A rollback file that leaves the schema of before is nothing to complain about, and the files behind it apply."""
    project.write("0001_rates.rollback.sql", f"BEGIN;\n{UNDONE}COMMIT;\n")
    project.write("0002_dear.sql", "CREATE VIEW dear AS SELECT id FROM rooms WHERE rate > 100;\n")
    project.write("0002_dear.rollback.sql", "DROP VIEW dear;\n")
    write_wanted(project, f"{WANTED}CREATE VIEW dear AS SELECT id FROM rooms WHERE rate > 100;\n")
    done = project.run("check", "--schema-from", "schema.sql")
    assert (done.code, done.err) == (0, "")


WRONG_ROLLBACKS = {
    "half": ("ALTER TABLE rooms RENAME COLUMN rate TO price;\n", ": does not undo its file: rooms.price: extra"),
    "nothing": ("SELECT 1;\n", ": does not undo its file: rooms.rate: extra"),
    "too much": (f"{UNDONE}DROP TABLE rooms;\n", ": does not undo its file: rooms: missing"),
    "fails": (
        "SELECT 1;\nDROP TABLE rates;\n",
        ': fails after its file: table "rates" does not exist (SQLSTATE 42P01)',
    ),
    "fails at a place": (
        "SELECT 1;\nSELECT price FROM rooms;\n",
        ':2:8: fails after its file: column "price" does not exist (SQLSTATE 42703)',
    ),
    "fails at its end": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE division_by_zero; END';\n"
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON rooms DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION f();\nINSERT INTO rooms VALUES (1, 'x');\n",
        ": fails after its file: division_by_zero (SQLSTATE 22012)",
    ),
}


@pytest.mark.parametrize(("text", "said"), WRONG_ROLLBACKS.values(), ids=WRONG_ROLLBACKS)
def test_rollback_that_does_not_undo_its_file(project: Fleet, text: str, said: str) -> None:
    """A rollback file that fails, or leaves another schema than was there before, is named with what it leaves."""
    project.write("0001_rates.rollback.sql", text)
    project.write("0002_dear.sql", "CREATE VIEW dear AS SELECT id FROM rooms WHERE rate > 100;\n")
    done = project.run("check", "--format", "jsonl")
    problems = [event["problem"] for event in read_events(done.out) if event["event"] == "finding_reported"]
    assert done.code == 1
    assert project.shown(problems[0]["message"]).startswith(f"migrations/tenant/0001_rates.rollback.sql{said}")
    assert {problem["hint"] for problem in problems} == {"correct it, or delete it: rollback would run it"}


def test_rollback_outside_a_transaction(project: Fleet) -> None:
    """A rollback file that nobody can try is worth a warning."""
    project.write("0001_rates.rollback.sql", f"-- transactional: false\n{UNDONE}")
    done = project.run("check", "--format", "jsonl")
    (warning,) = [event["problem"] for event in read_events(done.out) if event["event"] == "warning_raised"]
    assert (done.code, project.shown(warning["message"])) == (
        0,
        "migrations/tenant/0001_rates.rollback.sql: runs outside a transaction, so neither check nor rollback runs it",
    )


def test_cosmetic_edit_of_a_merged_file(project: Fleet) -> None:
    """With --base, an edit of comments alone is a warning, and one that the file declares is none."""
    git(project.folder, "init", "--quiet", "--initial-branch=main")
    commit(project.folder)
    project.write("0001_rates.sql", f"-- in euros\n{RATES}")
    project.write("0000_rooms.sql", f"-- replaces: {checksum(ROOMS)}\n{ROOMS.replace('text', 'varchar')}")
    done = project.run("check", "--base", "main", "--format", "jsonl")
    (warning,) = [event["problem"] for event in read_events(done.out) if event["event"] == "warning_raised"]
    assert done.code == 0
    assert warning["message"].endswith("/0001_rates.sql: cosmetic edit, although it is merged in main")


def test_edited_merged_file(project: Fleet) -> None:
    """With --base, a merged file that was edited is named, although all files apply."""
    git(project.folder, "init", "--quiet", "--initial-branch=main")
    commit(project.folder)
    project.write("0001_rates.sql", RATES.replace("10", "12"))
    done = project.run("check", "--base", "main")
    assert done.code == 1
    assert "/0001_rates.sql: edited, although it is merged in main" in done.out
    wrong = project.run("check", "--base", "origin/main")
    assert wrong.code == 2
    assert "error: --base: git merge-base failed: fatal: Not a valid object name origin/main\n" in wrong.err


def test_schema_that_has_more(project: Fleet) -> None:
    """What the application expects and no file makes is named, and with --sql written as statements to review."""
    write_wanted(project, WANTED.replace("name text", "colour text, name text"))
    done = project.run("check", "--schema-from", "cat schema.sql")
    assert done.code == 1
    assert "rooms.colour: missing, expected text (compared with cat schema.sql)\n" in done.out
    script = project.run("check", "--schema-from", "schema.sql", "--sql")
    assert script.code == 1
    assert "ALTER TABLE public.rooms ADD COLUMN colour text;" in script.out


def test_schema_that_has_less(project: Fleet) -> None:
    """What files make and nobody expects is named, unless --allow-extra."""
    write_wanted(project, ROOMS)
    done = project.run("check", "--schema-from", "schema.sql")
    assert done.code == 1
    assert "rooms.rate: extra, found numeric(10,2) (compared with schema.sql)\n" in done.out
    assert project.run("check", "--schema-from", "schema.sql", "--allow-extra").code == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(
            "echo no such thing >&2; exit 3", "ended with status 3, expected SQL\n    no such thing", id="fails"
        ),
        pytest.param("true", "printed nothing, expected the statements that create the schema", id="silent"),
        pytest.param("read -r answer && echo SELECT", "ended with status 1, expected SQL", id="asks"),
        pytest.param("absent.sql", "not found, expected an SQL file, or a command that prints SQL", id="no file"),
        pytest.param(r"printf '\377'", "not UTF-8 at byte 0, expected SQL", id="bytes"),
    ],
)
def test_source_that_gives_no_schema(project: Fleet, source: str, message: str) -> None:
    """A command that fails, prints nothing, or asks is an error with its reason, and nobody is ever asked."""
    done = project.run("check", "--schema-from", source)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {source}: {message}\n"


def test_source_that_does_not_load(project: Fleet) -> None:
    """A schema that the server does not take is an error with the place of what failed, of data with a hint."""
    write_wanted(project, "CREATE TABLE a ();\nCREATE TABLE a ();\n")
    done = project.run("check", "--schema-from", "schema.sql")
    assert done.code == 2
    assert done.err.startswith('error: schema.sql:2:1: relation "a" already exists (SQLSTATE 42P07)\n'), done.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "schema.sql: no statements", id="empty"),
        pytest.param("-- none yet\n;\n", "schema.sql: no statements", id="comments"),
        pytest.param("\\restrict x\n", "schema.sql: no statements", id="for psql"),
        pytest.param("SELECT 1;\n-- \0\n", "schema.sql:2:4: a NUL character, expected SQL", id="NUL"),
    ],
)
def test_schema_without_statements(project: Fleet, text: str, message: str) -> None:
    """A text without a statement is never taken for an empty schema, and a NUL in one is named with its place."""
    write_wanted(project, text)
    done = project.run("check", "--schema-from", "schema.sql")
    rest = "" if "NUL" in message else ", expected those that create the schema"
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}{rest}\n")


def test_set_that_there_is_not(project: Fleet) -> None:
    """A set that tenants.yaml does not have is an error."""
    done = project.run("check", "--set", "master")
    assert (done.code, done.out) == (2, "")
    assert "master" in done.err


WRONG_SOURCES = {
    "migrations": "migrations: a folder, expected an SQL file, or a command that prints SQL",
    "no_such": "no_such: neither a file nor a command, expected an SQL file, or a command that prints SQL",
}


@pytest.mark.parametrize(("source", "said"), WRONG_SOURCES.items(), ids=WRONG_SOURCES)
def test_neither_a_file_nor_a_command(project: Fleet, source: str, said: str) -> None:
    """A path that leads elsewhere is not run as a command, and a word that is no command is not blamed on the shell."""
    done = project.run("check", "--schema-from", source)
    assert (done.code, done.out, done.err) == (2, "", f"error: {said}\n")


def test_long_command(project: Fleet) -> None:
    """A command that is longer than the name of any file may be is a command."""
    done = project.run("check", "--schema-from", f"cat schema.sql {'.' * 300} ; exit 7")
    assert done.code == 2
    assert "ended with status 7" in done.err


def test_no_server_for_the_files(project: Fleet, tmp_path: Path) -> None:
    """Where no scratch database can be made, the project is refused, and never taken for proven."""
    done = project.run("check", env={"TENANTRY_SCRATCH": NOWHERE})
    assert done.code in (4, 5)
    assert "a bug in tenantry" not in done.out
    done = project.run("check", env={"TENANTRY_SCRATCH": "", "TENANTRY_PG_BIN": str(tmp_path)})
    assert done.code in (2, 4)
    assert "a bug in tenantry" not in done.out


@pytest.mark.parametrize("option", ["--base", "--schema-from"])
def test_empty_value(project: Fleet, option: str) -> None:
    """An empty value, as an unset variable leaves it, is an error and not a check that is left out."""
    done = project.run("check", option, "")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {option}: empty, expected a value or no {option} at all\n"
