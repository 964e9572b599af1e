"""What only a database can tell to be mistyped is refused: versions that it does not have, and names of others."""

import pytest

from tests.acceptance.fix_command import FILES, Fleet, MakeFleet

UNKNOWN = "version 99: not recorded here, and no file has it"
NAMED = "there is no 0001_rats; version 1 is 0001_rates"
WHY = "--tenants 1 --reason x"
# What only a database can tell.
REFUSED = {
    f"rollback --to 99 {WHY}": UNKNOWN,
    f"rollback 99 {WHY}": UNKNOWN,
    f"rollback 1_rats {WHY}": NAMED,
    f"rollback --to 1_rats {WHY}": NAMED,
    "log --version 99 --tenants 1": UNKNOWN,
    "log --version 1_rats --tenants 1": NAMED,
    "log --version 1_rats --sql --tenants 1": NAMED,
    "log --version 99 --sql --tenants 1": "version 99 is not recorded",
    f"forget 99 {WHY}": "version 99 is not recorded",
    f"forget 1_rats {WHY}": NAMED,
}


@pytest.fixture
def applied(fleet: MakeFleet) -> Fleet:
    """Return a fleet whose first tenant has both files."""
    one = fleet(files=FILES)
    assert one.run("migrate", "--tenants", "1", "--no-verify").code == 0
    return one


def test_refused(applied: Fleet) -> None:
    """Each of these is refused by the tenant, with exit code 4, and says so."""
    before = applied.trace("1")
    for command, said in REFUSED.items():
        done = applied.shell(f"tenantry {command}")
        assert (done.code, said in done.out) == (4, True), f"{command}: {done}"
    assert applied.trace("1") == before


def test_all_is_undone_with_zero(applied: Fleet) -> None:
    """`rollback --to 0` undoes what is newer than 0, also where no file has that number."""
    applied.remove("0000_rooms.sql")
    applied.query("1", "DELETE FROM _migrations WHERE version = 0")
    applied.write("0001_rates.rollback.sql", "ALTER TABLE rooms DROP COLUMN rate;\n")
    done = applied.shell(f"tenantry rollback --to 0 --file --no-verify {WHY}")
    assert done.code == 0, done
    assert applied.query("1", "SELECT version, state FROM _migrations") == [(1, "rolled back")]
