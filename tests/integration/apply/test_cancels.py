"""Cancels that come late: a server may signal one twice, and the second hits whatever the session runs by then."""

import pytest

from tenantry.model.events import MigrationFailed, WarningRaised
from tenantry.model.results import Result
from tests.integration.fix_site import LONG_MS, WAIT_AT_GATE, MakeSite, at_once, wait_until

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}
# So many files to delete that the rollback takes long enough to be hit.
MANY = "DO $$ BEGIN FOR i IN 1..1500 LOOP EXECUTE format('CREATE TABLE t%s (id int)', i); END LOOP; END $$;\n"
CANCEL_ROLLBACK = """SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query LIKE 'ROLLBACK TO SAVEPOINT%'"""
# Under load, the moment is missed at times.
TRIES = 50


@pytest.mark.parametrize("header", ["", "-- transactional: false\n"], ids=["transactional", "stepwise"])
def test_late_cancel(site: MakeSite, header: str) -> None:
    """A failure is logged although a cancel that comes late ends the first attempt to log it."""
    here = site(ROOMS)
    here.migrate()
    here.write({"0002_broken.sql": f"{header}{WAIT_AT_GATE};\nSELECT 1 / 0;\n"})
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND relation = '_migrations_log'::regclass"
    with here.gate() as opened, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as running:
        here.await_waiting()
        with here.connect() as holder, holder.transaction():
            pid = holder.info.backend_pid
            wanted = f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND relation = '_migrations_log'::regclass"
            # A file that is one transaction has the log locked already: then it is this session's turn after that.
            with at_once(lambda: holder.execute("LOCK TABLE _migrations_log IN EXCLUSIVE MODE")) as locking:
                wait_until(lambda: here.query(wanted) == [(1,)])
                opened()
                locking.result()
            # The session that waits for this one is the one that logs the failure.
            here.await_waiting(behind=pid)
            assert here.query(cancel) == [(True,)]
    ran = running.result()
    assert (ran.results, ran.of(WarningRaised)) == ({"1": Result.FAILED}, [])
    assert here.logged()[-1] == (2, "failed")


def test_rollback_is_cancelled(site: MakeSite) -> None:
    """A cancel that hits the rollback of a failed file does not make it one that ended its own transaction."""
    here = site({"0001_many.sql": f"{MANY}SELECT 1 / 0;\n"})
    for _ in range(TRIES):
        hit = False
        with at_once(here.migrate) as running, here.connect() as beside:
            while not (hit or running.done()):
                hit = beside.execute(CANCEL_ROLLBACK).fetchone() is not None
        if hit:
            break
    assert hit
    (failed,) = running.result().of(MigrationFailed)
    assert (failed.failure.message, failed.rolled_back) == ("division by zero", True)
