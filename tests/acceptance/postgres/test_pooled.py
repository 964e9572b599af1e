"""The command behind PgBouncer in transaction mode: a whole fleet, and every verb that reads."""

import pytest

from tests.acceptance.fix_command import MASTER_FILES, Fleet, MakeFleet, read_report
from tests.fix_pgbouncer import StartPooler

TENANTS = ["1", "2", "3"]


@pytest.fixture
def pooled(fleet: MakeFleet, pooler: str) -> tuple[Fleet, str]:
    """Return a fleet with a master, and the option that has the command reach it through a pooler."""
    return fleet(tenants=TENANTS, master=MASTER_FILES), f"--server=main={pooler}"


def test_whole_fleet(pooled: tuple[Fleet, str]) -> None:
    """A fleet is migrated through a pool, several tenants at once, is proven, and is up to date with and without it."""
    one, through = pooled
    done = one.run("migrate", through, "--jobs", "4")
    assert (done.code, read_report(one, done.out).column("result")) == (0, ["applied"] * 4)
    assert [one.versions(name) for name in TENANTS] == [[0, 1]] * 3
    again = one.run("migrate")
    assert (again.code, read_report(one, again.out).column("result")) == (0, ["up to date"] * 4)
    for verb in ("status", "verify", "drift"):
        read = one.run(verb, through)
        assert (verb, read.code) == (verb, 0), read.out + read.err


def test_start_up_refused(fleet: MakeFleet, start_pooler: StartPooler) -> None:
    """A pooler that does not take what tenantry starts with leaves nothing done, and is told what to set."""
    one = fleet(tenants=["1"])
    done = one.run("migrate", f"--server=main={start_pooler(ignored='extra_float_digits')}")
    assert (done.code, one.versions("1")) == (5, [])
    assert "unsupported startup parameter: options\n  hint: write ignore_startup_parameters = extra_float_digits" in (
        read_report(one, done.out).text
    )
