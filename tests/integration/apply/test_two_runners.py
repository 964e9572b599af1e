"""Two runners on one tenant: no file runs twice, and both end well."""

from concurrent.futures import ThreadPoolExecutor

from tenantry.model import label
from tenantry.model.events import LockAwaited, MigrationApplied, MigrationStarted, Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import LONG_MS, WAIT_AT_GATE, MakeSite, advance, at_once, finish

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}


class TestTwoRunners:
    def test_stale_plan(self, any_site: MakeSite) -> None:
        """What another runner applied after the plan was made is not applied a second time."""
        here = any_site(ROOMS | {"0002_b.sql": "INSERT INTO rooms VALUES (1)", "0003_c.sql": "CREATE TABLE c ()"})
        first = here.steps()
        advance(first, 3)
        assert here.migrate(migrations=here.project().files(here.project().tenants[0])[:2]).exit_code == 0
        left = list(first)
        assert [label(e.migration.version, e.migration.name) for e in left if isinstance(e, MigrationApplied)] == [
            "0003_c"
        ]
        assert here.query("SELECT count(*) FROM rooms") == [(1,)]
        assert here.states() == {1: "applied", 2: "applied", 3: "applied"}

    def test_nothing_left(self, site: MakeSite) -> None:
        """A runner for whom another one left nothing to do says up to date, since it applied nothing."""
        here = site(ROOMS)
        first = here.steps()
        advance(first, 3)
        here.migrate()
        assert finish(first) == Verdict(Result.UP_TO_DATE)

    def test_stale_between_files(self, site: MakeSite) -> None:
        """Also between two files of one plan another runner may go ahead, unless both are transactional."""
        here = site(
            ROOMS | {"0002_b.sql": "-- transactional: false\nCREATE TABLE b ()", "0003_c.sql": "CREATE TABLE c ()"}
        )
        first = here.steps()
        advance(first, 5)
        assert here.states() == {1: "applied"}
        assert here.migrate().applied == ["0002_b", "0003_c"]
        assert [event for event in first if isinstance(event, MigrationStarted)] == []

    def test_left_unfinished(self, site: MakeSite) -> None:
        """What another runner left unfinished meanwhile is gone on with."""
        here = site(ROOMS | {"0002_b.sql": "-- transactional: false\nSELECT 1; SELECT 1 / 0"})
        first = here.steps()
        advance(first, 3)
        assert here.migrate().exit_code == 3
        assert finish(first).reason == "division by zero, 0002_b is not finished: it runs outside a transaction"
        assert here.logged()[-2:] == [(2, "resumed"), (2, "failed")]

    def test_second_waits(self, site: MakeSite) -> None:
        """While a transactional file runs, a second runner waits for it, and then finds nothing to do."""
        here = site({"0001_a.sql": f"CREATE TABLE a ();\n{WAIT_AT_GATE}"})
        with here.gate() as opened, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
            here.await_waiting()
            second = here.steps()
            advance(second, 3)
            assert isinstance(next(second), LockAwaited)
            opened()
        assert [event for event in second if isinstance(event, MigrationStarted)] == []
        assert first.result().applied == ["0001_a"]

    def test_second_waits_for_statements(self, site: MakeSite) -> None:
        """While a non-transactional file runs, a second runner waits for it, and then finds nothing to do."""
        here = site(
            {"0001_a.sql": f"-- transactional: false\nCREATE TABLE a ();\n{WAIT_AT_GATE.replace('_xact', '')};\n"}
        )
        with here.gate() as opened, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
            here.await_waiting()
            second = here.steps()
            advance(second, 1)
            assert isinstance(next(second), LockAwaited)
            opened()
            assert finish(second) == Verdict(Result.UP_TO_DATE)
        assert first.result().applied == ["0001_a"]

    def test_ten_times_over(self, site: MakeSite) -> None:
        """Two runners on the same tenants at once: no file runs twice, and both end well, ten times over."""
        names = [str(number) for number in range(1, 11)]
        files = {
            "0001_runs.sql": "CREATE TABLE runs (version int);\nINSERT INTO runs VALUES (1)",
            "0002_two.sql": "-- transactional: false\nINSERT INTO runs VALUES (2);\n"
            "CREATE INDEX CONCURRENTLY i ON runs (version)",
            "0003_three.sql": "INSERT INTO runs VALUES (3)",
        }
        here = site(files, tenants=names)
        with ThreadPoolExecutor(2) as pool:
            ran = list(pool.map(lambda _number: here.migrate(), range(2)))
        assert [one.exit_code for one in ran] == [0, 0]
        assert len(ran[0].applied) + len(ran[1].applied) == 30
        for name in names:
            assert here.query("SELECT version FROM runs ORDER BY 1", name) == [(1,), (2,), (3,)]
            assert here.states(name) == {1: "applied", 2: "applied", 3: "applied"}
