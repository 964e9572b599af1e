"""Files that collide with other sessions: tried again where that helps, and named where it does not."""

import secrets
from concurrent.futures import ThreadPoolExecutor

from tenantry.fleet.selection import name_tenant
from tenantry.model.events import MigrationFailed, MigrationRetried, Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import LONG_MS, WAIT_AT_GATE, MakeSite, at_once, lend_role

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}


class TestCollisions:
    def test_changed_at_once(self, any_site: MakeSite) -> None:
        """A role that another database changes at the same time: rolled back, tried again, applied."""
        here = any_site(ROOMS, tenants=("1", "2"))
        with lend_role(here) as name:
            here.write({"0002_role.sql": f"CREATE TABLE a ();\nALTER ROLE {name} CONNECTION LIMIT 5;\n"})
            with here.connect("2") as other:
                other.execute(f"BEGIN; ALTER ROLE {name} CONNECTION LIMIT 7".encode())
                with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS, selection=name_tenant("1"))) as run:
                    here.await_waiting()
                    other.execute("COMMIT")
                ran = run.result()
        (retried,) = ran.of(MigrationRetried)
        assert (retried.attempt, retried.migration.version) == (1, 2)
        assert (retried.failure.message, retried.failure.sqlstate) == ("tuple concurrently updated", "XX000")
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert here.logged() == [(1, "applied"), (2, "applied")]

    def test_granted_at_once(self, any_site: MakeSite) -> None:
        """A membership that another database grants at the same time is granted once, by a second try if need be."""
        here = any_site(ROOMS, tenants=("1", "2"))
        with lend_role(here) as name:
            here.write({"0002_grant.sql": f"GRANT pg_monitor TO {name};\n"})
            with here.connect("2") as other:
                other.execute(f"BEGIN; GRANT pg_monitor TO {name}".encode())
                with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS, selection=name_tenant("1"))) as run:
                    here.await_waiting()
                    other.execute("COMMIT")
                ran = run.result()
                newer = other.info.server_version >= 160000
        # Newer servers make the second wait and find it granted; older ones break the key of a shared catalogue.
        retries = [(event.attempt, event.failure.sqlstate) for event in ran.of(MigrationRetried)]
        assert retries == ([] if newer else [(1, "23505")])
        assert ran.verdict() == Verdict(Result.APPLIED)

    def test_many_databases(self, site: MakeSite) -> None:
        """Many databases that alter and grant on one role at once all get through."""
        names = [str(number) for number in range(1, 9)]
        here = site(ROOMS, tenants=names)
        with lend_role(here) as name:
            grants = "".join(f"ALTER ROLE {name} CONNECTION LIMIT {limit};\n" for limit in range(20))
            here.write({"0002_role.sql": f"GRANT pg_monitor TO {name};\n{grants}GRANT SELECT ON rooms TO {name};\n"})
            ran = here.migrate()
            assert ran.results == dict.fromkeys(names, Result.APPLIED)
            assert all(here.states(tenant) == {1: "applied", 2: "applied"} for tenant in names)
            for other in names:
                here.query(f"DROP OWNED BY {name}", other)

    def test_role_exists(self, any_site: MakeSite) -> None:
        """A role that the second database of a server finds there is an error that says why."""
        here = any_site(ROOMS)
        with lend_role(here) as name:
            here.write({"0002_role.sql": f"CREATE ROLE {name}"})
            ran = here.migrate()
        hint = (
            "create roles and tablespaces in a DO block that checks for them first, or once on the master: all "
            "databases of a server share them"
        )
        reason = f'role "{name}" already exists, 0002_role was rolled back'
        assert ran.verdict() == Verdict(Result.FAILED, reason, hint)
        assert ran.of(MigrationRetried) == []

    def test_role_created_meanwhile(self, any_site: MakeSite) -> None:
        """A role that another database creates after a block looked for it: rolled back, tried again, found there."""
        here, name = any_site(ROOMS, tenants=("1", "2")), f"role_{secrets.token_hex(6)}"
        look = f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN"
        wait = WAIT_AT_GATE.replace("SELECT", "PERFORM")
        here.write({"0002_role.sql": f"DO $$ BEGIN {look} {wait}; CREATE ROLE {name}; END IF; END $$;\n"})
        choice = name_tenant("1")
        try:
            with (
                here.gate() as release,
                at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS, selection=choice)) as run,
            ):
                here.await_waiting()
                here.query(f"CREATE ROLE {name}", "2")
                release()
                ran = run.result()
        finally:
            here.query(f"DROP ROLE {name}", "2")
        (retried,) = ran.of(MigrationRetried)
        assert (retried.failure.sqlstate, ran.verdict()) == ("42710", Verdict(Result.APPLIED))

    def test_deadlock(self, any_site: MakeSite) -> None:
        """A deadlock (40P01) with another session rolls the file back, which is tried again and applied."""
        here = any_site({"0001_ab.sql": "CREATE TABLE a (id int); CREATE TABLE b (id int)"})
        here.migrate()
        here.query(f"ALTER DATABASE {here.databases['1']} SET deadlock_timeout = '20ms'")
        # Waits with table a locked until the other session wants it, too, and only then for b, which that one holds.
        here.write(
            {
                "0002_both.sql": "LOCK TABLE a;\n"
                "DO $$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM a)"
                " OR EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND NOT granted); END LOOP; END $$;\n"
                "LOCK TABLE b;\nCREATE TABLE c ();\n"
            }
        )
        with here.connect() as other:
            other.execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE b")
            with ThreadPoolExecutor(1) as pool:
                run = pool.submit(here.migrate, lock_timeout_ms=LONG_MS)
                other.execute(
                    "DO $$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass"
                    " AND granted); END LOOP; END $$"
                )
                other.execute("INSERT INTO a VALUES (1); COMMIT")
                ran = run.result()
        (retried,) = ran.of(MigrationRetried)
        assert (retried.failure.message, retried.failure.sqlstate) == ("deadlock detected", "40P01")
        assert (retried.failure.line, retried.failure.column) == (3, 1)
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert here.has("c")

    def test_moved_row(self, any_site: MakeSite) -> None:
        """A row that another session moves away (40001) rolls the file back, which is tried again and applied."""
        here = any_site(
            {
                "0001_p.sql": "CREATE TABLE p (k int, v int) PARTITION BY LIST (k);\n"
                "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);\nCREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);\n"
                "INSERT INTO p VALUES (1, 0);\n"
            }
        )
        here.migrate()
        here.write({"0002_v.sql": "UPDATE p SET v = v + 1 WHERE v = 0"})
        with here.connect() as other:
            other.execute("BEGIN; UPDATE p SET k = 2")
            with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
                here.await_waiting()
                other.execute("COMMIT")
            ran = run.result()
        assert [(event.attempt, event.failure.sqlstate) for event in ran.of(MigrationRetried)] == [(1, "40001")]
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert here.query("TABLE p") == [(2, 1)]

    def test_stays(self, site: MakeSite) -> None:
        """A collision that stays is named after the last attempt, and in the log once."""
        here = site({"0001_a.sql": "SELECT 1;\nDO $$ BEGIN RAISE 'in the way' USING ERRCODE = '40001'; END $$"})
        ran = here.migrate()
        assert [(event.attempt, event.attempts) for event in ran.of(MigrationRetried)] == [(n, 8) for n in range(1, 8)]
        (failed,) = ran.of(MigrationFailed)
        assert (failed.failure.message, failed.failure.sqlstate, failed.failure.line) == ("in the way", "40001", 2)
        assert (ran.verdict(), ran.exit_code) == (
            Verdict(Result.FAILED, "in the way, 0001_a was rolled back", ran.verdict().hint),
            3,
        )
        assert here.logged() == [(1, "failed")]
        assert here.rows() == ()

    def test_own_unique_index(self, site: MakeSite) -> None:
        """A key that is there twice in a table of the tenant's own is no collision: it is not tried again."""
        here = site(ROOMS | {"0002_b.sql": "INSERT INTO rooms VALUES (1), (1)"})
        ran = here.migrate()
        assert ran.of(MigrationRetried) == []
        assert ran.verdict().result is Result.FAILED
