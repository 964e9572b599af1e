"""Programs that have workers carry their runs."""

import pytest

from tests.acceptance.fix_command import FILES, ROOMS, Fleet, MakeFleet
from tests.acceptance.fleet.fix_workers import make_served, working
from tests.acceptance.fleet.test_workers import assert_once

pytestmark = pytest.mark.timeout(600)

MIGRATE = """
import sys
import tenantry

with tenantry.open(tenants="1,2") as project:
    print(tenantry.migrate(project, {}).finish().exit_code)
"""


def migrate(one: Fleet, arguments: str) -> str:
    """Have a program start a run, and return what it prints: the exit code of the run."""
    done = one.python("-c", MIGRATE.format(arguments))
    assert done.code == 0, done.err
    return done.out


def test_a_run_and_its_resumption(fleet: MakeFleet) -> None:
    """A run of a program is carried by workers where it says so, and by them again when it is resumed."""
    one = make_served(fleet, tenants=["1", "2"])
    one.query("2", ROOMS)
    with working(one) as (worker,):
        assert migrate(one, 'engine="procrastinate"') == "3\n"
        one.query("2", "DROP TABLE rooms")
        assert migrate(one, 'resume="last"') == "0\n"
        worker.await_line("first 2\n")
        one.write("0002_x.sql", "CREATE TABLE x ();\n")
        # The worker has other files: in threads, that is no matter.
        assert migrate(one, 'engine="threads"') == "0\n"
    assert_once(one, ["1"], [*range(len(FILES)), 2])
