"""Runs that are stopped: the running file ends or is cancelled, and nothing is begun after it."""

import pytest

from tenantry.fleet.stop import Stop
from tenantry.model.events import MigrationStarted, Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import LONG_MS, WAIT_AT_GATE, MakeSite, advance, at_once

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}


class TestStopped:
    def test_running_file_finishes(self, site: MakeSite) -> None:
        """After a first signal the running file finishes, no new one starts, and the rest can be run later."""
        here = site({"0001_a.sql": f"CREATE TABLE a ();\n{WAIT_AT_GATE}", "0002_b.sql": "CREATE TABLE b ()"})
        stop = Stop()
        with (
            here.gate() as opened,
            at_once(lambda: here.migrate(here.project(lock_timeout_ms=LONG_MS), stop=stop)) as run,
        ):
            here.await_waiting()
            stop.request("SIGTERM")
            opened()
        ran = run.result()
        hint = "run the same command again to resume"
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.STOPPED, "SIGTERM", hint), 6)
        assert ran.applied == ["0001_a"]
        assert here.states() == {1: "applied"}
        assert here.migrate().applied == ["0002_b"]

    @pytest.mark.parametrize("transactional", [True, False])
    def test_running_file_fails(self, site: MakeSite, transactional: bool) -> None:
        """A file that fails after a first signal has failed, in the report and in the log, and was not just stopped."""
        gate = WAIT_AT_GATE if transactional else WAIT_AT_GATE.replace("_xact", "")
        here = site({"0001_a.sql": f"-- transactional: {str(transactional).lower()}\n{gate};\nSELECT 1 / 0;\n"})
        stop = Stop()
        with (
            here.gate() as opened,
            at_once(lambda: here.migrate(here.project(lock_timeout_ms=LONG_MS), stop=stop)) as run,
        ):
            here.await_waiting()
            stop.request("SIGTERM")
            opened()
        ran = run.result()
        assert (ran.verdict().result, ran.exit_code) == (Result.FAILED, 3)
        assert here.logged()[-1] == (1, "failed")

    def test_not_begun(self, site: MakeSite) -> None:
        """A run that ends before a non-transactional file has run anything leaves no unfinished row of it."""
        here = site({"0001_a.sql": "-- transactional: false\nCREATE TABLE a ();\n"})
        steps = here.steps()
        assert isinstance(advance(steps, 4)[-1], MigrationStarted)
        steps.close()
        assert not here.has("a")
        assert here.migrate().results == {"1": Result.APPLIED}

    @pytest.mark.parametrize("transactional", [True, False])
    def test_cancelled(self, site: MakeSite, transactional: bool) -> None:
        """A second signal cancels the statement that is running: the file is rolled back, or left unfinished."""
        gate = WAIT_AT_GATE if transactional else WAIT_AT_GATE.replace("_xact", "")
        here = site({"0001_a.sql": f"-- transactional: {str(transactional).lower()}\nCREATE TABLE a ();\n{gate};\n"})
        stop, project = Stop(), here.project(lock_timeout_ms=LONG_MS)
        stop.covers(project.sessions)
        with here.gate(), at_once(lambda: here.migrate(project, stop=stop)) as run:
            here.await_waiting()
            stop.request("SIGINT")
            stop.cancel()
            ran = run.result()
        left = "was rolled back" if transactional else "is not finished: it runs outside a transaction"
        assert (ran.verdict().result, ran.exit_code) == (Result.STOPPED, 130)
        assert ran.verdict().reason == f"cancelled, 0001_a {left}"
        assert here.logged()[-1] == (1, "cancelled")
        assert here.has("a") is not transactional
        assert here.states() == ({} if transactional else {1: "failed"})

    def test_no_tenant_starts(self, site: MakeSite) -> None:
        """A tenant whose turn has not come when the run is stopped is not started."""
        here = site(ROOMS, tenants=("1", "2"))
        stop = Stop()
        stop.request("SIGTERM")
        ran = here.migrate(stop=stop)
        assert ran.results == {"1": Result.NOT_STARTED, "2": Result.NOT_STARTED}
        assert ran.exit_code == 6
