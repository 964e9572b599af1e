"""`adopt`: what databases without a record are taken over as, and what never is."""

import pytest

from tests.acceptance.fix_command import MASTER_FILES, RATES, ROOMS, Fleet, MakeFleet, find_commands, read_report

NAMES = "UPDATE rooms SET name = upper(name);\n"
NOTES = "CREATE TABLE notes (id integer PRIMARY KEY);\nCREATE TABLE stays (id integer PRIMARY KEY);\n"
FILES = {"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES, "0002_names.sql": NAMES, "0003_notes.sql": NOTES}
MADE = f"{ROOMS}{RATES}{NAMES}{NOTES}"
UNSEEN = (
    "tenants match, half, table, type: 0002_names: not visible in the schema, its effects are data or none\n"
    '  hint: run "tenantry adopt --tenants match,half,table,type --assume 2 --write" if it has run\n'
)


@pytest.fixture
def studios(fleet: MakeFleet) -> Fleet:
    """Return a fleet with a tenant of each kind, named by it, none of which has a record."""
    one = fleet(tenants=["empty", "match", "half", "table", "type"], files=FILES, master=MASTER_FILES)
    one.query("match", MADE)
    one.query("half", f"{ROOMS}{RATES}CREATE TABLE notes (id integer PRIMARY KEY)")
    one.query("table", f"{MADE}CREATE TABLE beds ()")
    one.query("type", f"{ROOMS}{RATES.replace('numeric(10, 2)', 'text')}{NAMES}{NOTES}")
    return one


def run_adopt(one: Fleet, tenants: str, *args: str) -> tuple[int, str]:
    done = one.run("adopt", "--tenants", tenants, *args)
    return done.code, one.shown(done.out)


def test_what_is_there(studios: Fleet) -> None:
    """Each tenant is said to be what it is, file by file, and nothing is written."""
    before = [studios.trace(name) for name in ("empty", "match", "half", "table", "type")]
    done = studios.run("adopt", "--tenants", "all")
    report = read_report(studios, done.out)
    assert done.code == 1
    rows = {row["tenant"]: row for row in report.rows}
    assert {name: row["schema"] for name, row in rows.items()} == {
        "master": "empty",
        "empty": "empty",
        "match": "match 0003",
        "half": "partial",
        "table": "drifted",
        "type": "drifted",
    }
    assert (rows["half"]["present"], rows["half"]["partial"], rows["half"]["not visible"]) == (
        "0000 and 0001",
        "0003",
        "0002",
    )
    assert UNSEEN in done.out
    assert "tenant half: 0003_notes: partly applied: 1 of 2 tables\n" in done.out
    assert "CREATE TABLE public.stays (" in done.out
    assert "tenant table: beds: no file creates it\n" in done.out
    assert "tenant type: rooms.rate: type text, which matches no file\n" in done.out
    assert [studios.trace(name) for name in ("empty", "match", "half", "table", "type")] == before


def test_unseen_file_is_assumed(studios: Fleet) -> None:
    """A file that changes data alone is recorded where somebody vouches for it, though never in an empty database."""
    code, out = run_adopt(studios, "empty,match", "--assume", "2", "--write", "--reason", "as agreed")
    assert code == 0, out
    assert studios.versions("match") == [0, 1, 2, 3]
    assert studios.versions("empty") == []
    rows = studios.query("match", "SELECT DISTINCT origin FROM _migrations")
    assert rows == [("baseline",)]
    assert studios.log("match") == [(version, "adopted", "as agreed") for version in range(4)]
    before = studios.log("match")
    code, out = run_adopt(studios, "match", "--write")
    assert (code, studios.log("match")) == (0, before), out
    done = studios.run("migrate", "--tenants", "match")
    assert (done.code, read_report(studios, done.out).column("result")) == (0, ["up to date"])


def test_unknown_version(studios: Fleet) -> None:
    """A version that no file has is an error before any tenant is looked at."""
    done = studios.run("adopt", "--tenants", "match", "--assume", "7", "--write")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: --assume: there is no migration 7; the newest is 0003_notes\n"


def test_half_file_is_not_recorded(studios: Fleet) -> None:
    """A file that is half there is not recorded, and migrate does not get through it until it is whole."""
    code, _ = run_adopt(studios, "half", "--assume", "2", "--write")
    assert (code, studios.versions("half")) == (1, [0, 1, 2])
    done = studios.run("migrate", "--tenants", "half")
    assert (done.code, studios.versions("half")) == (3, [0, 1, 2])
    assert 'relation "notes" already exists' in done.out


def test_older_half_file_blocks(fleet: MakeFleet) -> None:
    """A half file before one that is there keeps migrate from beginning; made whole, both are recorded."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES, "0002_rates.sql": RATES})
    one.query("1", f"{ROOMS}{RATES}CREATE TABLE notes (id integer PRIMARY KEY)")
    assert one.run("adopt", "--write").code == 1
    assert one.versions("1") == [0, 2]
    blocked = one.run("migrate")
    assert blocked.code == 4
    assert one.versions("1") == [0, 2]
    one.query("1", "CREATE TABLE stays (id integer PRIMARY KEY)")
    assert one.run("adopt", "--write").code == 0
    assert one.versions("1") == [0, 1, 2]
    assert one.run("verify").code == 0


def test_allowed_once(fleet: MakeFleet) -> None:
    """Older files are allowed once: adopting again says nothing more, writes nothing more, and migrate goes on."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES, "0002_rates.sql": RATES})
    one.query("1", ROOMS + RATES)
    assert one.run("adopt", "--write").code == 0
    written = one.log("1")
    assert [(version, event) for version, event, _ in written] == [(0, "adopted"), (2, "adopted"), (1, "allowed")]
    again = one.run("adopt", "--write")
    assert (again.code, one.log("1")) == (0, written)
    assert "may be applied although" not in again.out
    assert one.run("migrate").code == 0
    assert one.versions("1") == [0, 1, 2]


def test_fact_of_an_object_that_is_not_there(fleet: MakeFleet) -> None:
    """A file that changes a column which the database has not is half there, and its repair makes the column so."""
    both = "ALTER TABLE rooms ALTER COLUMN name TYPE varchar(40);\nCREATE TABLE notes (id integer PRIMARY KEY);\n"
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_both.sql": both})
    one.query("1", "CREATE TABLE rooms (id integer PRIMARY KEY); CREATE TABLE notes (id integer PRIMARY KEY)")
    done = one.run("adopt")
    assert done.code == 1, done.out
    assert "tenant 1: 0001_both: partly applied: 0 of 1 column, 1 of 1 table\n" in done.out
    assert "ADD COLUMN name character varying(40)" in done.out


def test_part_of_a_table_that_is_not_there(fleet: MakeFleet) -> None:
    """What a half file does to a table that is not there is no part of its repair, which says so."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_both.sql": f"{RATES}{NOTES}"})
    one.query("1", "CREATE TABLE notes (id integer PRIMARY KEY)")
    done = one.run("adopt")
    assert done.code == 1
    assert (
        "tenant 1: 0001_both: partly applied: 0 of 1 column, 1 of 2 tables\n"
        "  -- rooms does not exist: apply the file that creates it first\n"
        "  CREATE TABLE public.stays (\n"
    ) in done.out


def test_rolled_back(fleet: MakeFleet) -> None:
    """A version that was rolled back and is there again, made by hand, is recorded like one that never was."""
    one = fleet(tenants=["1"], files={**FILES, "0003_notes.rollback.sql": "DROP TABLE notes, stays;\n"})
    assert one.run("migrate").code == 0
    assert one.run("rollback", "3", "--tenants", "1", "--reason", "a test").code == 0
    one.query("1", NOTES)
    assert one.run("adopt", "--tenants", "1", "--write").code == 0
    assert one.query("1", "SELECT origin, state FROM _migrations WHERE version = 3") == [("baseline", "applied")]


def test_record_is_left_alone(fleet: MakeFleet) -> None:
    """A tenant that has its record keeps it as it is, and its log too."""
    one = fleet(tenants=["1"], files=FILES)
    assert one.run("migrate").code == 0
    before, log = one.query("1", "SELECT * FROM _migrations ORDER BY 1"), one.log("1")
    done = one.run("adopt", "--assume", "2", "--write")
    assert (done.code, read_report(one, done.out).column("schema")) == (0, ["match 0003"])
    assert (one.query("1", "SELECT * FROM _migrations ORDER BY 1"), one.log("1")) == (before, log)


def test_the_next_command(fleet: MakeFleet) -> None:
    """What is only shown ends with the command that writes it, for those that it changes."""
    one = fleet(tenants=["1", "2"], files={"0000_rooms.sql": ROOMS})
    one.query("2", ROOMS)
    shown = one.run("adopt", "--jobs", "2")
    (again,) = find_commands(shown.out)
    assert (shown.code, again) == (0, "tenantry adopt --jobs 2 --tenants 2 --write")
    assert (one.shell(again).code, one.versions("2"), one.versions("1")) == (0, [0], [])
