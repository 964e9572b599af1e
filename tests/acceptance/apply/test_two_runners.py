"""Two runners on the same tenants at the same time: each file runs once, and both see that all is done."""

import pytest

from tests.acceptance.fix_command import MakeFleet

TENANTS = ("1", "2", "3")
FILES = {
    "0000_ran.sql": "CREATE TABLE ran (version integer);\nINSERT INTO ran VALUES (0);\n",
    "0001_first.sql": "INSERT INTO ran VALUES (1);\n",
    "0002_statements.sql": "-- transactional: false\nINSERT INTO ran VALUES (2);\nVACUUM ran;\n",
    "0003_last.sql": "INSERT INTO ran VALUES (3);\n",
}


@pytest.mark.parametrize("turn", range(10))
def test_no_file_runs_twice(fleet: MakeFleet, turn: int) -> None:
    """Of two runners that start at once on three empty databases, ten times over, both exit 0 and no file ran twice."""
    one = fleet(tenants=TENANTS, files=FILES)
    with one.start("migrate") as first, one.start("migrate") as second:
        said = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), (turn, said)
    for tenant in TENANTS:
        assert one.query(tenant, "SELECT version FROM ran ORDER BY 1") == [(0,), (1,), (2,), (3,)], (turn, said)
        assert one.versions(tenant) == [0, 1, 2, 3]


def test_two_runners_create_the_databases(fleet: MakeFleet) -> None:
    """Two runners that both find the databases missing and may create them both exit 0."""
    one = fleet(tenants=TENANTS, files=FILES, created=False)
    with one.start("migrate", "--create") as first, one.start("migrate", "--create") as second:
        said = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert [one.versions(tenant) for tenant in TENANTS] == [[0, 1, 2, 3]] * 3
