"""`import`: another tool's records and files taken over, as far as the catalog bears them out."""

import json
import re
import shlex

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet, find_commands, read_report
from tests.acceptance.takeover.drizzle import OURS, import_files, list_files, run_drizzle, set_up

NOTE = (
    "its time in the journal, 1795366721718, is not after 1795366722160 of 0001_guests:"
    " drizzle never runs it if 0001_guests ran first"
)
SKIPPED = (
    "tenant 1: drizzle 0002_bills: file without row: drizzle never ran it here and never will:"
    " its time in the journal, 1795366721718, is not after 1795366822160 of the newest row\n"
)
LIE = "tenant 16: drizzle 0003_notes: match: recorded, but the effects of 0003_notes are missing; not taken over\n"


@pytest.fixture
def project(fleet: MakeFleet) -> Fleet:
    """Return a project without migrations, with the folder of drizzle 0.45 as it left it."""
    one = fleet(files={})
    set_up(one)
    return one


def test_files(project: Fleet) -> None:
    """Files are written with --write alone, each headed by what it was, and what is odd about one is said."""
    shown = project.run("import", "--files", "--from", "drizzle", "drizzle")
    assert shown.code == 0
    assert shown.out == (
        "".join(f"would write migrations/tenant/{name}\n" for name in OURS)
        + f"note: drizzle 0002_bills: drizzle/0002_bills.sql: {NOTE}\n"
        + "nothing was written: add --write to write the files\n"
    )
    assert list_files(project) == []
    import_files(project)
    text = (project.folder / "migrations/tenant/0001_guests.sql").read_text("utf-8")
    assert text.startswith("-- source: drizzle 0001_guests\n")
    assert "statement-breakpoint" not in text


def test_files_twice(project: Fleet) -> None:
    """Files that are here already, under whatever name, are left as they are; those that are missing are written."""
    import_files(project)
    folder = project.folder / "migrations/tenant"
    (folder / OURS[3]).rename(folder / "0003_renamed.sql")
    (folder / OURS[1]).unlink()
    again = project.run("import", "--files", "--from", "drizzle", "drizzle", "--write")
    assert (again.code, again.out.splitlines()[0]) == (0, f"migrations/tenant/{OURS[1]}")
    assert list_files(project) == [OURS[0], OURS[1], OURS[2], "0003_renamed.sql"]
    third = project.run("import", "--files", "--from", "drizzle", "drizzle", "--write")
    assert (third.code, third.out) == (0, "nothing to write: the files that can be translated are there already\n")


def test_files_left(project: Fleet) -> None:
    """Files that need a hand keep their numbers; the others are written, and the next call writes those that are left.

    One that a person wrote, with its source, is no longer missing.
    """
    source = project.folder / "flyway"
    source.mkdir()
    texts = {
        "V1__rooms.sql": "CREATE TABLE rooms (id int);\n",
        "V2__owner.sql": "CREATE SCHEMA ${owner};\n",
        "V3__copy.sql": "COPY rooms FROM stdin;\n1\n\\.\n",
        "V4__names.sql": "ALTER TABLE rooms ADD name text;\n",
        "R__Room_names.sql": "CREATE OR REPLACE VIEW names AS SELECT name FROM rooms;\n",
    }
    for name, text in texts.items():
        (source / name).write_text(text)
    command = ("import", "--files", "--from", "flyway", "flyway", "--write")
    first = project.run(*command)
    folder = project.folder / "migrations/tenant"
    assert (first.code, list_files(project)) == (1, ["0000_rooms.sql", "0003_names.sql", "repeatable"])
    assert (folder / "repeatable/room_names.sql").read_text().startswith("-- source: flyway R__Room_names\n")
    assert [line for line in first.out.splitlines() if line.startswith("left")] == [
        f"left: flyway {number}: write migrations/tenant/{number - 1:04}_NAME.sql by hand, "
        f'with "-- source: flyway {number}" as its first line'
        for number in (2, 3)
    ]
    assert "V2__owner.sql:1: placeholder ${owner}" in first.err
    assert "V3__copy.sql:1:1: " in first.err
    (source / "V2__owner.sql").write_text("CREATE SCHEMA studio;\n")
    second = project.run(*command)
    assert (second.code, second.out.splitlines()[0]) == (1, "migrations/tenant/0001_owner.sql")
    (folder / "0002_copied.sql").write_text("-- source: flyway 3\nINSERT INTO rooms VALUES (1);\n")
    assert project.run(*command).code == 0
    migrated = project.run("migrate")
    assert (migrated.code, project.versions("1")) == (0, [0, 1, 2, 3]), migrated.out


def test_records(project: Fleet) -> None:
    """True records are taken over, a file that drizzle passed over and a lie are named, and migrate goes on."""
    import_files(project)
    for name in ("1", "16"):
        run_drizzle(project, name)
    project.query("16", "DROP TABLE notes")
    before = [project.trace(name) for name in ("1", "16")]
    shown = project.run("import", "--from", "drizzle", "drizzle")
    assert shown.code == 1
    assert SKIPPED.replace("tenant 1", "tenants 1, 16") in shown.out or SKIPPED in shown.out
    assert LIE in shown.out
    assert "0000_rooms: would be recorded as imported" in shown.out
    assert "0002_bills: would be recorded" not in shown.out
    assert "tenant 16: 0003_notes: would be recorded" not in shown.out
    assert [project.trace(name) for name in ("1", "16")] == before

    project.run("import", "--from", "drizzle", "drizzle", "--write")
    assert (project.versions("1"), project.versions("16")) == ([0, 1, 3], [0, 1])
    assert project.query("1", "SELECT DISTINCT origin FROM _migrations") == [("imported",)]
    assert set(project.log("1")) == {
        *((version, "adopted", "imported") for version in (0, 1, 3)),
        (2, "allowed", "imported"),
    }
    assert project.query("1", "SELECT count(*) FROM drizzle.__drizzle_migrations") == [(3,)]
    migrated = project.run("migrate")
    assert (migrated.code, read_report(project, migrated.out).column("result")) == (0, ["applied"] * 2), migrated.out
    assert project.run("verify").code == 0
    assert project.versions("1") == project.versions("16") == [0, 1, 2, 3]


def test_own_tables(project: Fleet) -> None:
    """Verify calls the other tool's tables unexpected, and import says how to have them ignored."""
    config = project.folder / "tenants.yaml"
    config.write_text(config.read_text().replace('drift:\n  ignore: [{name: "drizzle*"}]\n', ""))
    import_files(project)
    for name in ("1", "16"):
        run_drizzle(project, name)
    done = project.run("import", "--from", "drizzle", "drizzle", "--write")
    hints = "\n".join(json.loads(said).get("hint", "") for said in done.err.splitlines())
    (line,) = re.findall("`(drift: .*)`", hints)
    assert project.run("migrate").code == 1
    config.write_text(f"{config.read_text()}{line}\n")
    assert project.run("verify").code == 0
    assert "own tables" not in project.run("import", "--from", "drizzle", "drizzle", "--write").err


def test_edited_file(project: Fleet) -> None:
    """A record whose file was edited since is named, and not taken over."""
    import_files(project)
    run_drizzle(project, "1")
    with (project.folder / "drizzle/0001_guests.sql").open("a", encoding="utf-8") as file:
        file.write("\n-- more\n")
    done = project.run("import", "--from", "drizzle", "drizzle", "--tenants", "1", "--write")
    assert done.code == 1
    assert ("tenant 1: drizzle 0001_guests: mismatch: edited after drizzle ran it: the hash differs\n") in done.out
    assert project.versions("1") == [0, 3]


def test_wrong_input(project: Fleet) -> None:
    """A tool, a folder or a conversion that there is not, and a journal that is no JSON, are errors with a name."""
    import_files(project)
    unknown = project.run("import", "--from", "dizzle", "drizzle")
    assert unknown.code == 2
    assert "--from: 'dizzle', expected one of" in unknown.err
    assert "hint: did you mean 'drizzle'?" in unknown.err
    for args in ((), ("--files",)):
        absent = project.run("import", "--from", "drizzle", "nowhere", *args)
        assert (absent.code, absent.out) == (2, "")
        assert absent.err.startswith("error: nowhere: ")
    files = project.run("import", "--files", "--from", "alembic", "drizzle")
    assert files.code == 2
    assert files.err == (
        "error: --from: files of alembic cannot be translated,"
        " expected dbmate, drizzle, flyway, golang-migrate, goose, prisma, sqitch\n"
    )
    (project.folder / "drizzle/meta/_journal.json").write_text("<<<<<<< HEAD\n", "utf-8")
    journal = project.run("import", "--from", "drizzle", "drizzle", "--write")
    assert (journal.code, journal.out) == (2, "")
    assert journal.err.startswith("error: drizzle/meta/_journal.json:1: not JSON: ")


def test_no_records(project: Fleet) -> None:
    """A database without records of the tool is refused, one with an odd ledger too, and nothing is written."""
    import_files(project)
    project.query("16", "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (what text)")
    done = project.run("import", "--from", "drizzle", "drizzle", "--write")
    assert done.code == 4
    assert "tenant 1: refused: drizzle: no records in this database, and none of the files' objects\n" in done.out
    assert "  hint: correct the name of the database in tenants.yaml, or --from\n" in done.out
    assert "tenant 16: refused: drizzle.__drizzle_migrations: " in done.out, done.out
    assert project.versions("1") == project.versions("16") == []


def test_no_records_but_the_schema(project: Fleet) -> None:
    """A database without records, whose schema the files make all the same, is led to adopt, which needs no record."""
    import_files(project)
    for file in OURS:
        project.query("1", (project.folder / "migrations/tenant" / file).read_text("utf-8"))
    done = project.run("import", "--from", "drizzle", "drizzle", "--tenants", "1")
    assert done.code == 4
    assert "tenant 1: refused: drizzle: no records in this database, but its schema matches the files\n" in done.out
    hint = 'run "tenantry adopt --tenants 1" instead: it needs only the schema'
    assert f"  hint: {hint}\n" in done.out
    assert project.run("adopt", "--tenants", "1", "--write").code == 0
    assert project.versions("1") == [0, 1, 2, 3]


def test_record_of_data(fleet: MakeFleet) -> None:
    """A record of a file that changes data alone, which no schema can show, is believed; one without a file is not."""
    one = fleet(tenants=["1"], files={})
    made = {"20260101000000_rooms": "CREATE TABLE rooms (name text);", "20260102000000_names": "DELETE FROM rooms;"}
    (one.folder / "db").mkdir()
    for name, text in made.items():
        (one.folder / f"db/{name}.sql").write_text(f"-- migrate:up\n{text}\n\n-- migrate:down\n", "utf-8")
        one.query("1", text)
    records = ("20260101000000", "20260102000000", "20260103000000")
    one.query("1", "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    for record in records:
        one.query("1", f"INSERT INTO schema_migrations VALUES ('{record}')")
    assert one.run("import", "--files", "--from", "dbmate", "db", "--write").code == 0
    one.query("1", f"DELETE FROM schema_migrations WHERE version = '{records[-1]}'")
    shown = one.run("import", "--from", "dbmate", "db")
    assert find_commands(shown.out) == ["tenantry import --from dbmate db --tenants 1 --write"]
    one.query("1", f"INSERT INTO schema_migrations VALUES ('{records[-1]}')")
    done = one.run("import", "--from", "dbmate", "db", "--write")
    assert one.versions("1") == [0, 1], done.out
    assert done.code == 1
    assert "dbmate 20260103000000: row without file" in done.out
    # The other tool's own table is nobody's.
    assert "schema_migrations: no file creates it" not in done.out


def test_number_alone(fleet: MakeFleet) -> None:
    """A file that only its number ties to a record is left to a person, with a command for that tenant alone."""
    files = {"0001_rooms.sql": "CREATE TABLE rooms (name text);\n", "0002_names.sql": "DELETE FROM rooms;\n"}
    one = fleet(files=files)
    (one.folder / "db").mkdir()
    for name in ("1_rooms", "2_other"):
        (one.folder / f"db/{name}.up.sql").write_text("SELECT 1;\n", "utf-8")
    for name in ("1", "16"):
        one.query(name, files["0001_rooms.sql"])
    one.query("16", "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)")
    one.query("16", "INSERT INTO schema_migrations VALUES (2, false)")
    done = one.run("import", "--from", "golang-migrate", "db", "--tenants", "16", "--write")
    (command,) = [each for each in find_commands(done.out) if "--assume" in each]
    assert command == "tenantry adopt --tenants 16 --assume 2 --write"
    one.run(*shlex.split(command)[1:])
    assert (one.versions("1"), one.versions("16")) == ([], [1, 2])
