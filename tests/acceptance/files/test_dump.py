"""The file with the schema of the newest version, for reviewers and editors."""

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet

HEAD = "-- The schema after {name}, as the files produce it; written by tenantry. Do not edit it, and do not run it.\n"


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return a fleet with two files and the key."""
    return fleet(settings="dump: db/schema.sql\n")


def read_dump(one: Fleet) -> str:
    return (one.folder / "db" / "schema.sql").read_text("utf-8")


def test_written_at_the_head(one: Fleet) -> None:
    """It is written once every tenant is at the newest file, with the schema that the files make, and not before."""
    path = one.folder / "db" / "schema.sql"
    assert one.run("migrate", "--to", "0").code == 0
    assert not path.exists()
    assert one.run("migrate", "--dry-run").code == 0
    assert not path.exists()
    assert one.run("migrate").code == 0
    assert read_dump(one).startswith(HEAD.format(name="0001_rates.sql"))
    assert "CREATE TABLE public.rooms (" in read_dump(one)
    assert not list((one.folder / "db").glob(".*"))


def test_not_after_a_failure(one: Fleet) -> None:
    """A run in which a tenant failed leaves it as it was."""
    assert one.run("migrate").code == 0
    before = read_dump(one)
    one.query("16", "CREATE TABLE desks ()")
    one.write("0002_desks.sql", "CREATE TABLE desks (id integer);\n")
    assert one.run("migrate").code == 3
    assert read_dump(one) == before
    one.query("16", "DROP TABLE desks")
    assert one.run("migrate").code == 0
    assert read_dump(one).startswith(HEAD.format(name="0002_desks.sql"))


def test_the_same_bytes(one: Fleet) -> None:
    """The same files give the same bytes, by migrate and by hand; an up-to-date file is not touched."""
    assert one.run("migrate").code == 0
    first, changed = read_dump(one), (one.folder / "db" / "schema.sql").stat().st_mtime_ns
    assert one.run("migrate").code == 0
    assert (one.folder / "db" / "schema.sql").stat().st_mtime_ns == changed
    (one.folder / "db" / "schema.sql").unlink()
    done = one.run("dump")
    assert (done.code, done.out, done.err) == (0, "wrote db/schema.sql\n", "")
    assert read_dump(one) == first
    assert one.run("dump", "-").out == first


def test_by_hand(fleet: MakeFleet) -> None:
    """Without the key, the verb wants a file, and one that was edited by hand is written again."""
    found = fleet()
    missing = found.run("dump")
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith("error: tenants.yaml: no dump, expected the key or the argument FILE\nhint: ")
    path = found.folder / "schema.sql"
    path.write_text("<<<<<<< HEAD\n", "utf-8")
    assert found.run("dump", "schema.sql").code == 0
    assert path.read_text("utf-8").startswith(HEAD.format(name="0001_rates.sql"))
    refused = found.run("dump", "migrations")
    assert refused.err == "error: migrations: is a directory, expected a file that can be written\n"
    found.write("0002_broken.sql", "SELECT nosuch;\n")
    broken = found.run("dump", "schema.sql")
    assert (broken.code, broken.out) == (4, "")
    assert path.read_text("utf-8").startswith(HEAD.format(name="0001_rates.sql"))
    nowhere = found.run("dump", "nosuch/schema.sql")
    assert (nowhere.code, nowhere.err) == (
        2,
        "error: FILE: nosuch/schema.sql: there is no folder 'nosuch', expected one\n",
    )
    assert not (found.folder / "nosuch").exists()
