"""Tables that another session holds: the tenant is blocked, and told from one that fails."""

from psycopg import sql

from tenantry.model.events import MigrationFailed
from tenantry.model.results import Result
from tenantry.postgres.runner_lock import try_session_lock
from tests.integration.fix_site import MakeSite

# Long enough for a busy machine to see who is in the way, which is asked at half of it.
SEEN_MS = 2_000
ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}


class TestLockTimeout:
    def test_transactional(self, any_site: MakeSite) -> None:
        """A table that another session holds blocks its tenant: nothing is applied, and the log says so each time."""
        here = any_site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": "CREATE TABLE a ();\nALTER TABLE rooms ADD name text;\n"})
        with here.connect() as holder:
            pid = holder.info.backend_pid
            holder.execute("BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
            ran = here.migrate(lock_timeout_ms=SEEN_MS, lock_wait_s=0)
        said = "canceling statement due to lock timeout, 0002_a was rolled back; waited for ACCESS EXCLUSIVE on "
        assert (ran.verdict().result, ran.exit_code) == (Result.BLOCKED, 5)
        assert ran.verdict().reason.startswith(f"{said}public.rooms, held by pid {pid} (")
        (failed,) = ran.of(MigrationFailed)
        assert (failed.failure.sqlstate, failed.failure.line, failed.failure.column) == ("55P03", 2, 1)
        assert here.logged() == [(1, "applied"), (2, "blocked"), (2, "blocked")]
        assert here.states() == {1: "applied"}
        assert not here.has("a")
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_non_transactional(self, site: MakeSite) -> None:
        """A non-transactional file that is blocked in the middle goes on there when it is not."""
        here = site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": "-- transactional: false\nCREATE TABLE a ();\nALTER TABLE rooms ADD name text;\n"})
        with here.connect() as holder:
            holder.execute("BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
            ran = here.migrate(lock_timeout_ms=300, lock_wait_s=0)
        said = "canceling statement due to lock timeout, 0002_a is not finished: it runs outside a transaction"
        assert (ran.verdict().result, ran.verdict().reason, ran.exit_code) == (Result.BLOCKED, said, 5)
        assert here.states() == {1: "applied", 2: "failed"}
        assert here.logged()[-1] == (2, "blocked")
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_told_apart(self, site: MakeSite) -> None:
        """One tenant is gone, of one the lock is held, one has a table locked, one fails: the others go on."""
        names = ("1", "2", "3", "4", "5")
        here = site({"0001_a.sql": "DROP TABLE IF EXISTS desks; CREATE TABLE rooms ()"}, tenants=names)
        here.query("CREATE TABLE desks ()", "3")
        here.query("CREATE TABLE rooms ()", "4")
        with here.connect("5") as beside:
            beside.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(here.databases["1"])))
        with here.connect("2") as runner, here.connect("3") as holder:
            assert try_session_lock(runner)
            pid = holder.info.backend_pid
            holder.execute("BEGIN; LOCK TABLE desks")
            ran = here.migrate(lock_timeout_ms=SEEN_MS, lock_wait_s=0.05)
        refused, blocked, failed = Result.REFUSED, Result.BLOCKED, Result.FAILED
        results = dict(zip(names, (refused, blocked, blocked, failed, Result.APPLIED), strict=True))
        assert (ran.results, ran.exit_code) == (results, 3)
        create = f"run \"tenantry migrate --tenants 1 --create\" to create the database '{here.databases['1']}'"
        assert ran.verdict("1").hint == create
        assert ran.verdict("2").reason.startswith("another session has held the migration lock ")
        said = "canceling statement due to lock timeout, 0001_a was rolled back; waited for ACCESS EXCLUSIVE on "
        assert ran.verdict("3").reason.startswith(f"{said}public.desks, held by pid {pid} (")

    def test_only_blocked(self, site: MakeSite) -> None:
        """Where tenants are only blocked or unreachable, the run ends with 5: try again."""
        here = site(ROOMS, tenants=("1", "2"))
        with here.connect("2") as runner:
            assert try_session_lock(runner)
            ran = here.migrate(lock_wait_s=0)
        assert (ran.results, ran.exit_code) == ({"1": Result.APPLIED, "2": Result.BLOCKED}, 5)
