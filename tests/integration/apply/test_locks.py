"""Locks on tables: how long they are waited for, who is named, how often it is tried again, and what readers notice."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Signal

import psycopg
import pytest

from tenantry.apply.lock_waits import read_wait
from tenantry.fleet.run import run
from tenantry.fleet.stop import Stop
from tenantry.model.events import Event, MigrationFailed, MigrationRetried, TenantPostponed, Verdict
from tenantry.model.results import Result
from tenantry.planning.rollout import make_stages
from tenantry.verbs.migrating import make_job
from tests.integration.fix_site import MakeSite, Ran, Site, at_once, lend_role, wait_until

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY);\n"}
RATES = "ALTER TABLE rooms ADD COLUMN rate integer;\n"
SHOW = (
    "CREATE TABLE shown AS SELECT pg_catalog.current_setting('lock_timeout') AS lock,"
    " pg_catalog.current_setting('statement_timeout') AS statement;\n"
)
NEXT = SHOW.replace("shown", "next")
# What the header says, what the statements are, and the timeouts of lock and statement.
CHOSEN = {
    "a strong lock": ("", "ALTER TABLE rooms ADD a int", ("2s", "0")),
    "a weak lock": ("", "UPDATE rooms SET id = id", ("5s", "0")),
    "the header's": (
        "-- lock-timeout: 300ms\n-- statement-timeout: 10min\n",
        "ALTER TABLE rooms ADD a int",
        ("300ms", "10min"),
    ),
    "the file's own": ("-- lock-timeout: 300ms\n", "SET lock_timeout = '7s'", ("7s", "0")),
}
# What tenants.yaml says of the server, of all tenants and of the one.
CONFIGURED = {
    "the server's": ("lock-timeout: 3s", "", "", "3s"),
    "the tenants'": ("lock-timeout: 3s", "  lock-timeout: 4s\n", "", "4s"),
    "the tenant's": ("lock-timeout: 3s", "  lock-timeout: 4s\n", "lock-timeout: 10 s", "10s"),
}
# Who is in the way is asked for at half of this, over a new connection, which a busy machine takes long to open.
SEEN = "2s"
# An application that reads every so often.
READ_EVERY_S = 0.03
# What a query takes at most on a machine that is busy with everything else.
MARGIN_S = 2.0


@contextmanager
def holding(here: Site, statement: str = "LOCK TABLE rooms IN ACCESS SHARE MODE", tenant: str = "1") -> Iterator[int]:
    """Hold what a statement locks in a transaction of somebody else's; yield the pid of its session."""
    with here.connect(tenant) as connection:
        connection.execute("SET application_name = 'report'")
        connection.execute(f"BEGIN; {statement}".encode())
        yield connection.info.backend_pid


def retried(ran: Ran) -> list[tuple[int, ...]]:
    """Return for each miss the pids that were named."""
    return [
        tuple(blocker.pid for blocker in event.wait.blockers) if event.wait else ()
        for event in ran.of(MigrationRetried)
    ]


@dataclass(slots=True)
class Reader:
    """An application that reads a table again and again; `longest_s` is what it waited for one answer."""

    longest_s: float = 0.0
    read: int = 0
    ended: Signal = field(default_factory=Signal)

    def go_on(self, here: Site) -> None:
        """Read until it is ended."""
        with here.connect() as connection:
            while not self.ended.wait(READ_EVERY_S):
                started = time.monotonic()
                connection.execute("SELECT count(*) FROM rooms")
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                self.read += 1


@contextmanager
def reading(here: Site) -> Iterator[Reader]:
    """Have an application read while the block does something."""
    reader = Reader()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(reader.go_on, here)
        try:
            yield reader
        finally:
            reader.ended.set()
        done.result()


class TestReaders:
    def test_reads_go_on(self, any_site: MakeSite) -> None:
        """While a file waits behind a long query, readers wait for no longer than its lock timeout, and then go on."""
        here = any_site(ROOMS)
        here.migrate()
        here.write({"0002_rates.sql": f"-- lock-timeout: 300ms\n{RATES}"})
        with here.connect() as query, reading(here) as reader:
            pid = query.info.backend_pid
            query.execute("BEGIN; SELECT count(*) FROM rooms")
            with at_once(here.migrate) as migrating:
                self.await_tries(here, 3)
                between = reader.read
                wait_until(lambda: reader.read > between)
                query.execute("COMMIT")
            ran = migrating.result()
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert len(ran.of(MigrationRetried)) >= 2
        assert (pid,) in retried(ran)
        assert reader.longest_s < 0.3 + MARGIN_S

    def await_tries(self, here: Site, number: int) -> None:
        """Wait until the runner has come to wait for a table so many times, with others behind it."""
        waits = (
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted"
            " AND mode = 'AccessExclusiveLock' AND application_name LIKE 'tenantry/%'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with here.connect() as connection:
            for _ in range(number):
                wait_until(lambda: connection.execute(waits).fetchone() != (0,))
                wait_until(lambda: connection.execute(waits).fetchone() == (0,))


class TestTimeouts:
    @pytest.mark.parametrize(("header", "text", "chosen"), CHOSEN.values(), ids=CHOSEN)
    def test_of_the_file(self, any_site: MakeSite, header: str, text: str, chosen: tuple[str, str]) -> None:
        """What a file says of its timeouts counts, else what its statements lock; the next file has its own."""
        here = any_site(ROOMS | {"0002_a.sql": f"{header}{text};\n{SHOW}", "0003_b.sql": NEXT})
        assert here.migrate().verdict() == Verdict(Result.APPLIED)
        assert here.query("TABLE shown") == [chosen]
        assert here.query("TABLE next") == [("5s", "0")]

    @pytest.mark.parametrize(("server", "tenants", "entry", "chosen"), CONFIGURED.values(), ids=CONFIGURED)
    def test_configured(self, site: MakeSite, server: str, tenants: str, entry: str, chosen: str) -> None:
        """In tenants.yaml a tenant's own timeout comes before that of all tenants, and that before the server's."""
        here = site(ROOMS | {"0002_a.sql": RATES + SHOW, "0003_b.sql": f"-- lock-timeout: 1s\n{NEXT}"})
        (here.folder / "tenants.yaml").write_text(
            f"servers: {{main: {{dsn: host=/nowhere, {server}}}}}\n"
            f"tenants:\n  migrations: migrations\n  server: main\n{tenants}"
            f"  list:\n    - {{id: 1, database: {here.databases['1']}, {entry}}}\n",
            "utf-8",
        )
        assert here.migrate().verdict() == Verdict(Result.APPLIED)
        assert here.query("TABLE shown") == [(chosen, "0")]
        assert here.query("TABLE next") == [("1s", "0")]

    def test_connection_string(self, site: MakeSite) -> None:
        """What the connection string says of the timeout is meant, but for a file that says it itself."""
        here = site(ROOMS | {"0002_a.sql": RATES + SHOW, "0003_b.sql": f"-- lock-timeout: 1s\n{NEXT}"})
        told = replace(here, server=psycopg.conninfo.make_conninfo(here.server, options="-c lock_timeout=9s"))
        assert told.migrate().verdict() == Verdict(Result.APPLIED)
        assert (here.query("TABLE shown"), here.query("TABLE next")) == ([("9s", "0")], [("1s", "0")])

    def test_service(self, site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A connection by a libpq service, whose options stay its own, has the timeouts of the files all the same."""
        here = site(ROOMS | {"0002_a.sql": RATES + SHOW})
        lines = "\n".join(f"{key}={value}" for key, value in psycopg.conninfo.conninfo_to_dict(here.server).items())
        (tmp_path / "services").write_text(f"[studio]\n{lines}\n", "utf-8")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        assert replace(here, server="service=studio").migrate().verdict() == Verdict(Result.APPLIED)
        assert here.query("TABLE shown") == [("2s", "0")]

    def test_statement_timeout(self, site: MakeSite) -> None:
        """A statement that takes longer than the header allows fails its file, with how to allow more."""
        here = site(ROOMS | {"0002_a.sql": "-- statement-timeout: 200ms\nSELECT pg_sleep(30);\n"})
        verdict = here.migrate().verdict()
        assert verdict == Verdict(
            Result.FAILED,
            "canceling statement due to statement timeout, 0002_a was rolled back",
            "raise statement_timeout for the role that migrates, or for the file with a header line such as "
            '"-- statement-timeout: 10min"; or speed up the statement',
        )


class TestMisses:
    def test_named(self, any_site: MakeSite) -> None:
        """Each miss says what was waited for and who had it: the last word, the log and every event."""
        here = any_site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": f"-- lock-timeout: {SEEN}\nCREATE TABLE a ();\n{RATES}"})
        with holding(here) as pid:
            ran = here.migrate(lock_wait_s=2.5)
        said = (
            f"waited for ACCESS EXCLUSIVE on public.rooms, held by pid {pid} (report, user postgres, in a transaction"
        )
        assert set(retried(ran)) == {(pid,)}
        (failed,) = ran.of(MigrationFailed)
        assert failed.failure.detail.startswith(said)
        assert failed.failure.detail.endswith(" s): BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
        reason = f"canceling statement due to lock timeout, 0002_a was rolled back; {failed.failure.detail}"
        hint = "wait for that session to finish, or end it; then run the same command again"
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.BLOCKED, reason, hint), 5)
        logged = [entry.detail["detail"] for entry in here.log() if entry.event == "blocked"]
        assert [detail.startswith(said) for detail in logged] == [True, True]

    def test_late_wait(self, site: MakeSite) -> None:
        """Who is in the way is seen also where a file has worked for long before it comes to wait."""
        here = site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": f"-- lock-timeout: {SEEN}\nSELECT pg_sleep(2.5);\n{RATES}"})
        with holding(here) as pid:
            ran = here.migrate(lock_wait_s=0)
        assert f"held by pid {pid} (" in ran.verdict().reason

    def test_quick(self, site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file that is through before half of its lock timeout costs no second connection."""
        here = site(ROOMS | {"0002_rates.sql": RATES})
        project = here.project()
        opened: list[object] = []
        connect = psycopg.connect

        def counting(**given: object) -> object:
            opened.append(given)
            return connect(**given)  # type: ignore[arg-type]  # passed on as they came

        monkeypatch.setattr(psycopg, "connect", counting)
        assert here.migrate(project).verdict() == Verdict(Result.APPLIED)
        assert len(opened) == 1

    def test_role_that_sees_little(self, site: MakeSite) -> None:
        """A role that may not see other sessions is told what the server shows of them."""
        here = site(ROOMS)
        here.migrate()
        with lend_role(here) as role, holding(here) as pid, here.connect() as waiter:
            waiter.execute("SET lock_timeout = '20s'")
            dsn = psycopg.conninfo.make_conninfo(here.dsn(), user=role)
            with psycopg.connect(dsn, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(waiter.execute, "DROP TABLE rooms")
                wait_until(lambda: read_wait(other, waiter.info.backend_pid) is not None)
                wait = read_wait(other, waiter.info.backend_pid)
                waiter.cancel_safe()
                assert isinstance(waiting.exception(), psycopg.errors.QueryCanceled)
        assert wait is not None
        (blocker,) = wait.blockers
        assert (wait.mode, wait.target, blocker.pid, blocker.user) == (
            "ACCESS EXCLUSIVE",
            "public.rooms",
            pid,
            "postgres",
        )
        assert blocker.query == "<insufficient privilege>"

    def test_second_turn(self, site: MakeSite) -> None:
        """A tenant that stays blocked has a second turn when the others are through, and gets through there."""
        here = site(ROOMS, tenants=("1", "2"))
        here.migrate()
        here.write({"0002_a.sql": f"-- lock-timeout: 50ms\n{RATES}"})
        project = here.project(lock_wait_s=0)
        job = make_job(project, None, frozenset())
        seen: list[Event] = []
        with here.connect("1") as holder:
            holder.execute("BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
            for event in run("migrate", "r", make_stages(project.tenants), job, jobs=1, stop=Stop(), revisit=True):
                seen.append(event)
                if isinstance(event, TenantPostponed):
                    holder.execute("COMMIT")
        ran = Ran(tuple(seen), 0)
        assert ran.results == {"1": Result.APPLIED, "2": Result.APPLIED}
        assert [event.tenant for event in ran.of(TenantPostponed)] == ["1"]
        assert ran.of(MigrationFailed) == []
        assert here.logged() == [(1, "applied"), (2, "blocked"), (2, "applied")]

    def test_stopped_between_tries(self, site: MakeSite) -> None:
        """A run that is stopped while it waits for a lock makes no further try, and leaves nothing."""
        here = site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": f"-- lock-timeout: 50ms\nCREATE TABLE a ();\n{RATES}"})
        project, stop, seen = here.project(), Stop(), list[Event]()
        job = make_job(project, None, frozenset())
        with holding(here):
            for event in run("migrate", "r", make_stages(project.tenants), job, jobs=1, stop=stop, revisit=True):
                seen.append(event)
                if isinstance(event, MigrationRetried):
                    stop.request("SIGTERM")
        ran = Ran(tuple(seen), 0)
        assert ran.verdict() == Verdict(Result.STOPPED, "SIGTERM", "run the same command again to resume")
        assert len(ran.of(MigrationRetried)) <= 2
        assert (here.states(), here.has("a")) == ({1: "applied"}, False)
