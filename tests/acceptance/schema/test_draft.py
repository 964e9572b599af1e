"""`draft`: the next migration, written from what the files lack of a schema that is wanted."""

import pytest

from tests.acceptance.fix_command import FILES, RATES, ROOMS, Fleet, MakeFleet

STAYS = (
    "CREATE TABLE stays (id integer PRIMARY KEY, room integer NOT NULL REFERENCES rooms (id), nights integer);\n"
    "CREATE INDEX stays_room ON stays (room);\n"
)
DECIDE = "no file is written for the following statements: a person has to decide"
CHECKED = "ALTER TABLE rooms ADD CONSTRAINT rooms_rate CHECK (rate >= 0);\n"


@pytest.fixture
def project(fleet: MakeFleet) -> Fleet:
    """Return a project with one tenant, of two migrations."""
    return fleet(tenants=["1"], files=FILES)


def write_wanted(one: Fleet, text: str) -> None:
    (one.folder / "schema.sql").write_text(text, "utf-8")


def read(one: Fleet, name: str) -> str:
    return (one.folder / "migrations/tenant" / name).read_text("utf-8")


def list_files(one: Fleet) -> list[str]:
    return sorted(path.name for path in (one.folder / "migrations/tenant").iterdir())


def test_draft_is_applied(project: Fleet) -> None:
    """What is missing is written once, a constraint and its validation apart, and migrate applies both."""
    assert project.run("migrate", "--no-verify").code == 0
    project.query("1", "INSERT INTO rooms VALUES (1, 'a', 2)")
    write_wanted(project, ROOMS + RATES + STAYS + CHECKED)
    done = project.run("draft", "stays", "--schema-from", "schema.sql")
    assert (done.code, done.err) == (0, "")
    assert done.out == "migrations/tenant/0002_stays.sql\nmigrations/tenant/0003_stays_validate.sql\n"
    assert read(project, "0002_stays.sql").startswith(
        "-- A draft for review: the difference between the files and schema.sql.\n\n"
    )
    assert "CHECK ((rate >= (0)::numeric)) NOT VALID" in read(project, "0002_stays.sql")
    assert "VALIDATE CONSTRAINT rooms_rate" in read(project, "0003_stays_validate.sql")
    checked = project.run("check", "--schema-from", "schema.sql")
    assert checked.code == 0, checked.out
    before = list_files(project)
    again = project.run("draft", "stays", "--schema-from", "cat schema.sql")
    assert (again.code, again.out) == (0, "nothing to write: the files already produce the schema of cat schema.sql\n")
    assert list_files(project) == before
    migrated = project.run("migrate")
    assert (migrated.code, project.versions("1")) == (0, [0, 1, 2, 3]), migrated.out
    assert project.run("drift", "--against", "schema.sql").code == 0


def test_what_destroys_is_a_comment(project: Fleet) -> None:
    """What would lose data is a comment in a file that does the rest, and alone it is printed, and is no file."""
    write_wanted(project, ROOMS + STAYS)
    done = project.run("draft", "stays", "--schema-from", "schema.sql")
    assert (done.code, done.out) == (0, "migrations/tenant/0002_stays.sql\n"), done.err
    assert "\n-- ALTER TABLE public.rooms DROP COLUMN rate;\n" in read(project, "0002_stays.sql")
    before = list_files(project)
    for _ in range(2):
        again = project.run("draft", "stays", "--schema-from", "schema.sql")
        line, *rest = again.out.splitlines()
        assert (again.code, line) == (0, DECIDE)
        assert "-- ALTER TABLE public.rooms DROP COLUMN rate;" in rest
        assert all(line == "" or line.startswith("--") for line in rest)
        assert list_files(project) == before
    assert project.run("migrate").code == 0
    assert project.query("1", "SELECT count(rate) FROM rooms") == [(0,)]


def test_rename_has_both_readings(project: Fleet) -> None:
    """What may be a rename is printed in both readings, each as a comment, since a person decides."""
    write_wanted(project, ROOMS + RATES.replace("rate ", "price "))
    done = project.run("draft", "price", "--schema-from", "schema.sql")
    assert done.code == 0, done.err
    assert done.out.startswith(f"{DECIDE}\n--")
    assert "-- ALTER TABLE public.rooms RENAME COLUMN rate TO price;" in done.out
    assert "ADD COLUMN price numeric(10,2)" in done.out
    assert list_files(project) == sorted(FILES)


def test_wrong_input(project: Fleet) -> None:
    """A name that no file may have, and a schema that is not there, are errors, and nothing is written."""
    write_wanted(project, ROOMS)
    for name, source in (("???", "schema.sql"), ("stays", "absent.sql"), ("stays", "exit 4"), ("stays", "echo ';'")):
        done = project.run("draft", name, "--schema-from", source)
        assert (done.code, done.out) == (2, ""), done.err
    assert list_files(project) == sorted(FILES)


def test_for_every_major(project: Fleet) -> None:
    """It has no statement that only the server knows which ran the files: tenants may be on older ones."""
    doubled = "ALTER TABLE rooms ADD COLUMN twice numeric GENERATED ALWAYS AS (rate * 2) STORED;\n"
    project.write("0002_twice.sql", doubled)
    write_wanted(project, ROOMS + RATES + doubled.replace("* 2", "* 3"))
    done = project.run("draft", "thrice", "--schema-from", "schema.sql")
    assert (done.code, done.err) == (0, "")
    assert "-- ALTER TABLE public.rooms DROP COLUMN twice;" in done.out
    assert "SET EXPRESSION" not in done.out
