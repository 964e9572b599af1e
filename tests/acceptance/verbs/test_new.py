"""`tenantry new`: a file to fill in, made without opening any database."""

import pytest

from tests.acceptance.fix_command import FILES, MASTER_FILES, NOWHERE, MakeFleet


@pytest.fixture
def nowhere() -> dict[str, str]:
    """Return an environment in which the server cannot be reached."""
    return {"TENANTRY_SERVER_MAIN": NOWHERE}


def test_the_next_number(fleet: MakeFleet, nowhere: dict[str, str]) -> None:
    """The file carries the number after the highest one, the name in lower case, and its path is printed."""
    one = fleet(files={**FILES, "0041_gap.sql": "SELECT 1"}, master=MASTER_FILES, created=False)
    first = one.run("new", "Rates per-room", env=nowhere)
    assert (first.code, first.out, first.err) == (0, "migrations/tenant/0042_rates_per_room.sql\n", "")
    second = one.run("new", "vat", "--set", "master", env=nowhere)
    assert (second.code, second.out) == (0, "migrations/master/0001_vat.sql\n")
    assert (one.folder / first.out.strip()).read_text().startswith("-- The purpose of this change, and its reason.\n")


def test_an_unwritten_file_is_not_applied(fleet: MakeFleet) -> None:
    """A file that was made and not yet written stops every run, and says so itself."""
    one = fleet(tenants=["1"])
    one.run("new", "rates")
    done = one.run("migrate")
    assert (done.code, one.versions("1")) == (2, [])
    assert "migrations/tenant/0002_rates.sql:7:1: syntax error" in done.err
    assert ">>> write the SQL here" in done.err


@pytest.mark.parametrize("name", ["Übung", "a/b", "../x", "a.b"])
def test_a_bad_name(fleet: MakeFleet, name: str, nowhere: dict[str, str]) -> None:
    """A name that no file could carry is refused, and no file is made."""
    one = fleet(created=False)
    done = one.run("new", name, env=nowhere)
    said = f"error: NAME: {name!r} is not a migration name, expected a-z, 0-9, _ and spaces\n"
    assert (done.code, done.out, done.err) == (2, "", said)
    assert sorted(path.name for path in (one.folder / "migrations" / "tenant").iterdir()) == sorted(FILES)


def test_an_empty_name(fleet: MakeFleet, nowhere: dict[str, str]) -> None:
    """An empty name, as an unset variable leaves it, is said to be empty, and no file is made."""
    one = fleet(created=False)
    done = one.run("new", "", env=nowhere)
    assert (done.code, done.out, done.err.endswith("error: NAME: empty, expected a value\n")) == (2, "", True)
    assert sorted(path.name for path in (one.folder / "migrations" / "tenant").iterdir()) == sorted(FILES)


def test_no_master(fleet: MakeFleet, nowhere: dict[str, str]) -> None:
    """A file for a master that tenants.yaml does not have is refused."""
    done = fleet(created=False).run("new", "x", "--set", "master", env=nowhere)
    said = "error: tenants.yaml: no master, expected one for its migrations\n"
    assert (done.code, done.out, done.err) == (2, "", said)
