"""Two runners on the same tenants at the same time: each file runs once, and both see that all is done."""

from pathlib import Path

from tests.acceptance.fix_command import create_databases, drop_databases, make_fleet

ROUNDS = 10
TENANTS = ("1", "2", "3")
FILES = {
    "0000_ran.sql": "CREATE TABLE ran (version integer);\nINSERT INTO ran VALUES (0);\n",
    "0001_first.sql": "INSERT INTO ran VALUES (1);\n",
    "0002_statements.sql": "-- transactional: false\nINSERT INTO ran VALUES (2);\nVACUUM ran;\n",
    "0003_last.sql": "INSERT INTO ran VALUES (3);\n",
}


def test_no_file_runs_twice(server_dsn: str, tmp_path: Path) -> None:
    """Of two runners that start at once on three empty databases, ten times over, both exit 0 and no file ran twice."""
    one = make_fleet(tmp_path / "project", server_dsn, tenants=TENANTS, files=FILES, created=False)
    for turn in range(ROUNDS):
        create_databases(one, *TENANTS)
        try:
            with one.start("migrate") as first, one.start("migrate") as second:
                said = [process.communicate(timeout=60) for process in (first, second)]
            assert (first.returncode, second.returncode) == (0, 0), (turn, said)
            for tenant in TENANTS:
                assert one.query(tenant, "SELECT version FROM ran ORDER BY 1") == [(0,), (1,), (2,), (3,)], (turn, said)
                assert one.versions(tenant) == [0, 1, 2, 3]
        finally:
            drop_databases(one)


def test_two_runners_create_the_databases(server_dsn: str, tmp_path: Path) -> None:
    """Two runners that both find the databases missing and may create them both exit 0."""
    one = make_fleet(tmp_path / "project", server_dsn, tenants=TENANTS, files=FILES, created=False)
    try:
        with one.start("migrate", "--create") as first, one.start("migrate", "--create") as second:
            said = [process.communicate(timeout=60) for process in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0), said
        assert [one.versions(tenant) for tenant in TENANTS] == [[0, 1, 2, 3]] * 3
    finally:
        drop_databases(one)
