"""Killing the runner, its sessions and the server at every step: then rows and catalog agree, and a rerun finishes."""

import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tenantry.model.errors import Unreachable
from tenantry.model.events import LockAwaited, MigrationApplied, MigrationStarted, Verdict
from tenantry.model.results import Result
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.integration.fix_site import (
    LONG_MS,
    WAIT_AT_GATE,
    MakeSite,
    Site,
    Steps,
    advance,
    at_once,
    child,
    finish,
    make_site,
    wait_until,
)

Release = Callable[[], None]

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\nINSERT INTO rooms VALUES (1);\n"}
INDEX = {
    "0002_index.sql": "-- transactional: false\nCREATE TABLE desks (id int);\n"
    "CREATE INDEX CONCURRENTLY rooms_more ON rooms (id);\n"
}
CHAIRS = {"0003_chairs.sql": "CREATE TABLE chairs (id int);\nINSERT INTO chairs VALUES (1);\n"}
PLAN = ROOMS | INDEX | CHAIRS
LEDGER_SAYS = "the ledger says whether the file was committed"
# What a run of this plan goes through on a database without a ledger. Waiting for a lock is not counted.
EVENTS = (
    "DatabaseOpened",
    "TenantCompared",
    "TenantPlanned",
    "MigrationStarted 1",
    "MigrationApplied 1",
    "MigrationStarted 2",
    "MigrationApplied 2",
    "MigrationStarted 3",
    "MigrationApplied 3",
    "TenantCompared",
)
# Where a non-transactional file is about to be recorded as begun.
BEGUN = EVENTS.index("MigrationStarted 2") + 1
every_event = pytest.mark.parametrize("number", range(1, len(EVENTS) + 1), ids=EVENTS)


@contextmanager
def keep_from_building(here: Site) -> Iterator[Release]:
    """Hold up CREATE INDEX CONCURRENTLY, which waits for all who may look at the table without the index."""
    with closing(here.connect()) as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM rooms")
        yield reader.close


@dataclass(frozen=True, slots=True)
class Stage:
    """A place within a file where a run is held up: what is applied before, what runs then, what holds it up."""

    before: Mapping[str, str]
    running: Mapping[str, str]
    hold: Callable[[Site], AbstractContextManager[Release]] = Site.gate
    transactional: bool = True
    # Of the run that waited for the session of a killed one.
    following: Result = Result.APPLIED
    left: str = "uncommitted changes were rolled back"


# How long a server that stays away is tried again.
_SOON_S = 1.0

STAGES = {
    "transactional file": Stage(
        ROOMS | INDEX, {"0003_chairs.sql": f"{CHAIRS['0003_chairs.sql']}{WAIT_AT_GATE};\nCREATE TABLE more ();\n"}
    ),
    "deferred trigger": Stage(
        ROOMS | INDEX,
        {
            "0003_chairs.sql": "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN {WAIT_AT_GATE.replace('SELECT', 'PERFORM')}; RETURN NULL; END $$;\nCREATE TABLE chairs (id int);\n"
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON chairs DEFERRABLE INITIALLY DEFERRED\n"
            "    FOR EACH ROW EXECUTE FUNCTION wait();\nINSERT INTO chairs VALUES (1);\n"
        },
        # It waits in the COMMIT, which the server had received with the record: it needs no client any more.
        following=Result.UP_TO_DATE,
        left=LEDGER_SAYS,
    ),
    "between two statements": Stage(
        ROOMS,
        CHAIRS
        | {
            "0002_index.sql": "-- transactional: false\nCREATE TABLE desks (id int);\n"
            f"{WAIT_AT_GATE.replace('_xact', '')};\nCREATE INDEX CONCURRENTLY rooms_more ON rooms (id);\n"
        },
        transactional=False,
    ),
    "index being built": Stage(ROOMS, INDEX | CHAIRS, keep_from_building, transactional=False),
}
every_stage = pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)


@pytest.fixture(scope="module")
def mortal(server17: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """Return a durable PostgreSQL 17 that tests of this module kill and start again, beside that of the whole run."""
    settings = {"dynamic_shared_memory_type": "mmap"}  # a killed server leaves none in /dev/shm
    server = EmbeddedServer(server17.state.parent / f"mortal-{secrets.token_hex(5)}", server17.binaries, settings)
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def mortal_site(mortal: EmbeddedServer, tmp_path: Path) -> MakeSite:
    """Return a callable that makes a site on the server that may be killed."""
    mortal.start()

    def make_database() -> str:
        name = f"rt_{secrets.token_hex(5)}"
        with psycopg.connect(mortal.dsn(), dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(mortal.dsn(), dbname=name)

    return partial(make_site, make_database, tmp_path)


def kill(server: EmbeddedServer) -> None:
    """Kill a server as a power failure would; its processes end when they miss it."""
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def prepare(site: MakeSite, stage: Stage) -> Site:
    """Make a site on which the next run will come to a stage."""
    here: Site = site(stage.before)
    assert here.migrate().exit_code == 0
    here.write(stage.running)
    return here


def check_lost(steps: Steps) -> None:
    """Assert that a job ends with its connection lost, found out within a file or beside it."""
    try:
        verdict = finish(steps)
    except Unreachable as lost:
        verdict = Verdict(Result.UNREACHABLE, str(lost))
    assert verdict.result is Result.UNREACHABLE
    assert verdict.reason.startswith("connection lost")


def check_agreement(here: Site) -> None:
    """Assert that what the ledger says of each file is what is in the database: no more, no less."""
    states = here.states()
    assert here.has("rooms") is (states.get(1) == "applied")
    assert here.has("chairs") is (states.get(3) == "applied")
    made = sum(here.has(name) for name in ("desks", "rooms_more"))
    if states.get(2) in (None, "applied"):
        assert made == (2 if 2 in states else 0)
    else:
        # A statement may have taken effect of which nobody could write it any more.
        assert made - 1 <= here.rows()[1].statements_done <= made + 1
    applied = {version for version, event in here.logged() if event == "applied"}
    assert applied == {version for version, state in states.items() if state == "applied"}


def recover(here: Site) -> None:
    """Run again until everything is there, once: no hand is needed, wherever a run has ended."""
    ran = here.migrate()
    assert ran.exit_code == 0
    assert here.states() == {1: "applied", 2: "applied", 3: "applied"}
    assert here.has("rooms", "desks", "chairs")
    assert is_built(here)
    assert here.query("SELECT count(*), (SELECT count(*) FROM chairs) FROM rooms") == [(1, 1)]
    assert here.migrate().results == {"1": Result.UP_TO_DATE}


def is_built(here: Site) -> bool:
    """Return whether the index is there and can be used."""
    return here.query("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('rooms_more')") == [(True,)]


def test_events(site: MakeSite) -> None:
    """A run of the plan goes through these events, so that the tests below stop it everywhere."""
    steps = site(PLAN).steps()
    seen = []
    for event in steps:
        version = f" {event.migration.version}" if isinstance(event, MigrationStarted | MigrationApplied) else ""
        seen += [] if isinstance(event, LockAwaited) else [type(event).__name__ + version]
    assert tuple(seen) == EVENTS


class TestEveryEvent:
    @every_event
    def test_runner(self, site: MakeSite, number: int) -> None:
        """The runner is killed: what it had not committed is gone, its lock too, and the next run finishes."""
        here = site(PLAN)
        with child(here, until=number) as runner:
            runner.join()
            assert runner.exitcode == -signal.SIGKILL
        here.await_unlocked()
        here.await_gone()
        check_agreement(here)
        recover(here)

    @every_event
    def test_session(self, site: MakeSite, number: int) -> None:
        """The sessions of the runner are ended: the tenant is unreachable, and the next run finishes."""
        here = site(PLAN)
        steps = here.steps()
        advance(steps, number)
        assert here.end_sessions() >= 1
        here.await_gone()
        if number == len(EVENTS):
            assert finish(steps) == Verdict(Result.APPLIED)  # all of it was seen before
        else:
            check_lost(steps)
        here.await_unlocked()
        check_agreement(here)
        recover(here)

    @pytest.mark.parametrize("which", ["worker", "keeper"])
    def test_one_session(self, site: MakeSite, which: str) -> None:
        """Of a non-transactional file one of both sessions is ended: it is unfinished at most, and never run twice."""
        here = site(PLAN)
        steps = here.steps()
        advance(steps, BEGUN)
        assert here.end_sessions(which=which) == 1
        check_lost(steps)
        here.await_unlocked()
        check_agreement(here)
        recover(here)

    @every_event
    def test_server(self, mortal_site: MakeSite, mortal: EmbeddedServer, number: int) -> None:
        """The server is killed: after its recovery rows and catalog agree, and the next run finishes."""
        here = mortal_site(PLAN)
        steps = here.steps(here.project(lock_wait_s=_SOON_S))
        advance(steps, number)
        kill(mortal)
        # A session may serve on for a moment before it misses its server: long enough to begin a file.
        with suppress(Unreachable):
            finish(steps)
        mortal.start()
        check_agreement(here)
        recover(here)


class TestWithinFile:
    @every_stage
    def test_runner(self, site: MakeSite, stage: Stage) -> None:
        """The runner is killed while a statement runs, with which the server goes on: the next run waits for it."""
        here = prepare(site, stage)
        with stage.hold(here) as release:
            with child(here):
                here.await_waiting()
            check_agreement(here)
            if stage.transactional:
                following = here.steps()
                advance(following, 3)
                awaited = next(following)
                assert isinstance(awaited, LockAwaited)
                assert "tenantry/" in awaited.holder
                release()
                assert finish(following) == Verdict(stage.following)
        here.await_gone()
        here.await_unlocked()
        check_agreement(here)
        recover(here)

    @every_stage
    def test_session(self, site: MakeSite, stage: Stage) -> None:
        """The sessions are ended while a statement runs: nothing is half recorded, and the next run finishes."""
        here = prepare(site, stage)
        with stage.hold(here), at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
            here.await_waiting()
            here.end_sessions()
            ran = run.result()
        assert (ran.results, ran.exit_code) == ({"1": Result.UNREACHABLE}, 5)
        if stage.transactional:
            assert ran.verdict().reason == (
                "connection lost while 0003_chairs ran: terminating connection due to administrator command"
            )
            assert ran.verdict().hint == f"run the same command again: {stage.left}"
            assert here.logged()[-1] == (3, "lost")
        else:
            assert ran.verdict().hint == "run the same command again: it resumes at this statement"
        here.await_gone()
        here.await_unlocked()
        check_agreement(here)
        recover(here)

    @pytest.mark.parametrize("which", ["worker", "keeper"])
    @pytest.mark.parametrize("stage", ["between two statements", "index being built"])
    def test_one_session(self, site: MakeSite, stage: str, which: str) -> None:
        """One of both sessions of a non-transactional file is ended within a statement: the next run finishes it."""
        here = prepare(site, STAGES[stage])
        with STAGES[stage].hold(here) as release, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
            here.await_waiting()
            assert here.end_sessions(which=which) == 1
            release()
            ran = run.result()
        assert ran.results == {"1": Result.UNREACHABLE}
        here.await_gone()
        check_agreement(here)
        recover(here)

    @pytest.mark.parametrize("stage", ["deferred trigger", "index being built"])
    def test_server(self, mortal_site: MakeSite, mortal: EmbeddedServer, stage: str) -> None:
        """The server is killed while a statement runs: after its recovery nothing of the file is recorded falsely."""
        here = prepare(mortal_site, STAGES[stage])
        with STAGES[stage].hold(here), at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
            here.await_waiting()
            kill(mortal)
            ran = run.result()
        assert ran.results == {"1": Result.UNREACHABLE}
        mortal.start()
        check_agreement(here)
        recover(here)

    def test_server_after_the_commit(self, mortal_site: MakeSite, mortal: EmbeddedServer) -> None:
        """The server is killed while the next file begins, and has not told of the COMMIT: no rollback is claimed."""
        stage = Stage(ROOMS, {"0002_beds.sql": "SELECT pg_sleep(2);\n", "0003_chairs.sql": "SELECT 1;\n"})
        here = prepare(mortal_site, stage)
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        with closing(here.connect()) as holder, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
            wait_until(lambda: here.query(asleep) == [(1,)])
            # Waits for the file's transaction, and holds the table once that is committed.
            holder.execute("BEGIN; LOCK TABLE _migrations IN ACCESS EXCLUSIVE MODE")
            here.await_waiting()
            kill(mortal)
            ran = run.result()
        assert ran.results == {"1": Result.UNREACHABLE}
        assert ran.verdict().hint == f"run the same command again: {LEDGER_SAYS}"
        mortal.start()
        assert here.states() == {1: "applied", 2: "applied"}
        assert here.migrate().applied == ["0003_chairs"]


class TestWithinCommit:
    """The moment that nobody can tell: the commit is durable, and its confirmation under way."""

    @contextmanager
    def hold_commits(self, mortal: EmbeddedServer) -> Iterator[Release]:
        """Have every commit on the server wait for a standby that there is not, until released."""
        # What is committed here need not wait.
        dsn = make_conninfo(mortal.dsn(), dbname="postgres", options="-c synchronous_commit=local")

        def change(statement: str) -> None:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(statement.encode())
                connection.execute("SELECT pg_reload_conf()")

        change("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try:
            yield lambda: change("ALTER SYSTEM RESET synchronous_standby_names")
        finally:
            mortal.start()
            change("ALTER SYSTEM RESET synchronous_standby_names")

    def prepare(self, mortal_site: MakeSite) -> Site:
        """Make a site of which only the last file is to be applied."""
        return prepare(mortal_site, Stage(ROOMS | INDEX, CHAIRS))

    def test_runner(self, mortal_site: MakeSite, mortal: EmbeddedServer) -> None:
        """The runner is killed: the next one waits for the commit, finds the file applied, and applies nothing."""
        here = self.prepare(mortal_site)
        with self.hold_commits(mortal) as release:
            with child(here):
                here.await_waiting()
            following = here.steps()
            advance(following, 3)
            assert isinstance(next(following), LockAwaited)
            release()
            assert finish(following) == Verdict(Result.UP_TO_DATE)
        here.await_unlocked()
        check_agreement(here)
        assert here.logged()[-1] == (3, "applied")

    def test_session(self, mortal_site: MakeSite, mortal: EmbeddedServer) -> None:
        """The session is ended: the runner cannot know and says unreachable, the next run sees that all is applied."""
        here = self.prepare(mortal_site)
        with self.hold_commits(mortal) as release, at_once(here.migrate) as run:
            here.await_waiting()
            here.end_sessions()
            release()
            assert run.result().results == {"1": Result.UNREACHABLE}
        check_agreement(here)
        assert here.migrate().results == {"1": Result.UP_TO_DATE}
        recover(here)

    def test_server(self, mortal_site: MakeSite, mortal: EmbeddedServer) -> None:
        """The server is killed: what it had made durable is there afterwards, file and row alike."""
        here = self.prepare(mortal_site)
        with self.hold_commits(mortal), at_once(lambda: here.migrate(lock_wait_s=_SOON_S)) as run:
            here.await_waiting()
            kill(mortal)
            assert run.result().results == {"1": Result.UNREACHABLE}
        check_agreement(here)
        assert here.migrate().results == {"1": Result.UP_TO_DATE}
        recover(here)
