"""Statements with effects outside their database: in a tenant once, and nowhere where files are replayed."""

import secrets

from tests.acceptance.fix_command import ROOMS, MakeFleet, read_report


def test_a_program_runs_once(fleet: MakeFleet) -> None:
    """A program of a file runs for the tenant alone, whoever replays or measures the file; each says that."""
    # In the data folder of the server, where programs are started.
    name = f"outside_{secrets.token_hex(8)}"
    copy = f"COPY (SELECT current_database()) TO PROGRAM 'cat >> {name}';\n"
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_copy.sql": f"{copy}CREATE TABLE notes ();\n"})
    checked, linted = one.run("check"), one.run("lint")
    migrated = one.run("migrate")
    assert (checked.code, migrated.code, one.tables("1")) == (0, 0, ["notes", "rooms"])
    assert one.query("1", f"SELECT pg_read_file('{name}')") == [(f"{one.database('1')}\n",)]
    place = "migrations/tenant/0001_copy.sql:1:1"
    assert f"{place}: COPY to a program: its effects are outside the database, so it is left out" in checked.err
    assert (linted.code, f"{place}: danger: unmeasured: " in read_report(one, linted.out).text) == (1, True)
