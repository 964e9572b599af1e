"""Killing the runner in the middle of a change of a million rows: each of them is changed, and none twice."""

import os
import signal

import pytest

from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Site, child, wait_until

pytestmark = pytest.mark.slow
ROWS = 1_000_000
MILLION = {
    "0001_t.sql": "CREATE UNLOGGED TABLE t (id bigint PRIMARY KEY, n smallint NOT NULL DEFAULT 0);\n"
    f"INSERT INTO t SELECT generate_series(1, {ROWS});\nANALYZE t;\n"
}
FILL = {"0002_fill.sql": "-- transactional: false\n-- batch: 20000 pause 1ms\nUPDATE t SET n = n + 1;\n"}
# Of fewer rows, to be killed at several moments of a batch.
FEW = {"0001_t.sql": MILLION["0001_t.sql"].replace(str(ROWS), "2000")}
FILL_FEW = {"0002_fill.sql": FILL["0002_fill.sql"].replace("20000", "20")}


def count_rows(here: Site) -> int:
    """Return how many rows the ledger says are done."""
    ((rows,),) = here.query("SELECT coalesce(max(CAST(progress -> 'batch' ->> 'rows' AS int)), 0) FROM _migrations")
    return int(rows)


def kill_after(here: Site, rows: int) -> int:
    """Have another process migrate, and kill it when so many rows are done; return how many are then."""
    with child(here) as runner:
        wait_until(lambda: count_rows(here) >= rows)
        assert runner.pid is not None
        os.kill(runner.pid, signal.SIGKILL)
        runner.join()
    here.await_gone()
    return count_rows(here)


def test_million(site: MakeSite) -> None:
    """The runner is killed in the middle of a million rows: the next run changes the others, each once."""
    here = site(MILLION)
    assert here.migrate().exit_code == 0
    here.write(FILL)
    done = kill_after(here, ROWS // 3)
    assert ROWS // 3 <= done < ROWS
    assert here.query("SELECT count(*) FROM t WHERE n = 1") == [(done,)]
    assert here.migrate().results == {"1": Result.APPLIED}
    assert here.query("SELECT n, count(*) FROM t GROUP BY n") == [(1, ROWS)]
    assert here.log()[-1].detail["changed"] == ROWS


def test_again_and_again(site: MakeSite) -> None:
    """The runner is killed at many moments of its batches: what is done is what the ledger says, at each of them."""
    here = site(FEW)
    assert here.migrate().exit_code == 0
    here.write(FILL_FEW)
    done = 0
    for _ in range(6):
        before, done = done, kill_after(here, done + 1)
        assert before < done <= 2000
        assert here.query("SELECT count(*) FROM t WHERE n = 1") == [(done,)]
    assert here.migrate().exit_code == 0
    assert here.query("SELECT n, count(*) FROM t GROUP BY n") == [(1, 2000)]
