"""Sites to migrate: a project in a folder, its tenants on real databases, and the means to stop a run anywhere.

Its rule: everything goes the way that the command goes, from tenants.yaml on. Only the tests look around it.
"""

import multiprocessing
import os
import secrets
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.files.directory import Directory
from tenantry.fleet import run as fleet
from tenantry.fleet.stop import Stop
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import LogEntry, read_log
from tenantry.model import AppliedMigration, Migration, SetName, Tenant, label
from tenantry.model.checksum import checksum
from tenantry.model.events import Event, LockAwaited, MigrationApplied, TenantFinished, Verdict
from tenantry.model.outcome import Outcome
from tenantry.model.results import Result
from tenantry.planning.rollout import make_stages
from tenantry.postgres.runner_lock import LOCK_KEY
from tenantry.postgres.sessions import Sessions, Settings
from tenantry.project import Choice, Project, open_project
from tenantry.verbs.migrating import make_job
from tenantry.verbs.verb import Request, load_verb
from tests.fix_postgres import MakeDatabase

MakeSite = Callable[..., "Site"]
Row = tuple[Any, ...]
Steps = Generator[Event, None, Verdict]

# Nothing that a test waits for takes longer on a machine that does its work at all.
_PATIENCE_S = 30.0
_POLL_S = 0.01
# For files that wait on purpose for what a test holds.
LONG_MS = int(_PATIENCE_S * 1000)
_ADVISORY = 77
# A file that says this waits for as long as a test holds `Site.gate`.
WAIT_AT_GATE = f"SELECT pg_catalog.pg_advisory_xact_lock({_ADVISORY})"

_E = TypeVar("_E")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of a verb came to: its events in order, and its exit code."""

    events: tuple[Event, ...]
    exit_code: int

    def of(self, kind: type[_E]) -> list[_E]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def verdict(self, tenant: str = "1") -> Verdict:
        """Return how a tenant ended; what was told with it is among the events."""
        (verdict,) = [event.verdict for event in self.of(TenantFinished) if event.tenant == tenant]
        return replace(verdict, told=())

    @property
    def results(self) -> dict[str, Result]:
        """Return how each tenant ended."""
        return {event.tenant: event.verdict.result for event in self.of(TenantFinished)}

    @property
    def applied(self) -> list[str]:
        """Return what was applied, by label; of all tenants together."""
        return [label(event.migration.version, event.migration.name) for event in self.of(MigrationApplied)]


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with tenants.yaml and migrations; tenant `1` and the others each have a database of their own.

    `server` is a connection string without a database. `schema` is the ledger's.
    """

    folder: Path
    server: str
    databases: Mapping[str, str]
    schema: str = "public"

    def write(self, files: Mapping[str, str]) -> None:
        """Write migrations, by file name."""
        for name, text in files.items():
            (self.folder / "migrations" / name).write_text(text, "utf-8", newline="")

    def dsn(self, tenant: str = "1") -> str:
        """Return the connection string of a tenant's database."""
        return make_conninfo(self.server, dbname=self.databases[tenant])

    def connect(self, tenant: str = "1") -> psycopg.Connection[Row]:
        """Open a connection beside the runner's, each statement of which commits."""
        return psycopg.connect(self.dsn(tenant), autocommit=True)

    def query(self, text: str, tenant: str = "1") -> list[Row]:
        """Run SQL beside the runner; return the rows of its last statement, if it has any."""
        with self.connect(tenant) as connection:
            cursor = connection.execute(text.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def choice(self, **changes: Any) -> Choice:
        """Return the choice of every tenant of this site."""
        chosen = Choice(self.folder / "tenants.yaml", {}, servers={"main": self.server})
        return replace(chosen, **changes)

    def project(
        self,
        migrations: Sequence[Migration] | None = None,
        *,
        lock_timeout_ms: int | None = None,
        run_id: str = "",
        **choice: Any,
    ) -> Project:
        """Open the project; `migrations` stand in for the files, which such ones could not be."""
        project = open_project(self.choice(**choice), run_id or str(uuid.uuid4()), "tester@here")
        if migrations is not None:
            project = replace(project, directories={SetName.TENANT: Directory(tuple(migrations))})
        if lock_timeout_ms is not None:
            settings = replace(project.sessions.settings, lock_timeout_ms=lock_timeout_ms)
            project = replace(project, sessions=Sessions({"main": self.server}, settings))
        return project

    def steps(self, project: Project | None = None) -> Steps:
        """Return the job of the first tenant, to be taken through its steps by hand."""
        project = project or self.project()
        return make_job(project, None, frozenset())(project.tenants[0])

    def migrate(
        self, project: Project | None = None, *, stop: Stop | None = None, resume_at: int | None = None, **choice: Any
    ) -> Ran:
        """Run `migrate` to its end, as the command does."""
        project = project or self.project(**choice)
        job = make_job(project, None, frozenset(), resume_at=resume_at)
        run_id = project.provenance.run_id
        stop = stop or Stop()
        return _collect(
            fleet.run("migrate", run_id, make_stages(project.tenants), job, jobs=8, stop=stop, revisit=True)
        )

    def call(self, verb: str, **options: Any) -> Ran:
        """Run any verb to its end, as the command does, on every tenant."""
        given = {
            "config": str(self.folder / "tenants.yaml"),
            "servers": (("main", self.server),),
            "dry_run": False,
            "force": False,
            "exit_code": False,
            "allow": (),
            "resume_at": None,
            "resume": None,
            "max_failures": None,
            "stage": None,
            "no_rollout": False,
            "deadline": None,
            "no_verify": False,
            "full": False,
            "reason": "a test",
            "engine": "threads",
            "yes": False,
        }
        request = Request(verb, str(uuid.uuid4()), "tester@here", {**given, **options}, {}, Stop())
        return _collect(load_verb(verb).start(request))

    @contextmanager
    def ledger(self, tenant: str = "1", project: Project | None = None) -> Iterator[Ledger]:
        """Open the ledger of a tenant on a connection of its own."""
        project = project or self.project()
        (found,) = [one for one in project.tenants if one.name == tenant]
        with project.sessions.connect(found) as connection:
            yield project.ledger(found, connection)

    def rows(self, tenant: str = "1") -> tuple[AppliedMigration, ...]:
        """Return the rows of `_migrations`, by version."""
        with self.ledger(tenant) as ledger:
            return tuple(sorted(ledger.read(), key=lambda row: row.version))

    def log(self, tenant: str = "1") -> tuple[LogEntry, ...]:
        """Return the rows of `_migrations_log`, oldest first."""
        with self.ledger(tenant) as ledger:
            return read_log(ledger)

    def logged(self, tenant: str = "1") -> list[tuple[int | None, str]]:
        """Return version and event of each row of `_migrations_log`, oldest first."""
        return [(entry.version, entry.event) for entry in self.log(tenant)]

    def states(self, tenant: str = "1") -> dict[int, str]:
        """Return version to state of what is recorded."""
        return {row.version: row.state.value for row in self.rows(tenant)}

    def has(self, *tables: str, tenant: str = "1") -> bool:
        """Return whether all of these relations exist in a tenant's database."""
        wanted = " AND ".join(f"pg_catalog.to_regclass('public.{name}') IS NOT NULL" for name in tables)
        return self.query(f"SELECT {wanted}", tenant) == [(True,)]

    @contextmanager
    def gate(self, tenant: str = "1") -> Iterator[Callable[[], None]]:
        """Hold up every file that says `WAIT_AT_GATE`, until the given callable is called or the block ends."""
        # Closed and not committed: its server may have been killed meanwhile.
        with closing(self.connect(tenant)) as connection:
            connection.execute(f"SELECT pg_catalog.pg_advisory_lock({_ADVISORY})".encode())
            yield connection.close

    def await_waiting(self, tenant: str = "1", *, behind: int | None = None) -> None:
        """Wait until a session of the runner waits for a lock, or for a standby to have its commit.

        With `behind`, it is a lock that the session with this pid holds.
        """
        # The one who asks has a snapshot, for the end of which CREATE INDEX CONCURRENTLY and its like wait.
        blocked = f"{int(behind)} = ANY (blockers)" if behind else "pg_catalog.pg_backend_pid() <> ALL (blockers)"
        text = (
            "SELECT count(*) FROM pg_catalog.pg_stat_activity AS activity,"
            " LATERAL pg_catalog.pg_blocking_pids(activity.pid) AS blockers"
            " WHERE datname = pg_catalog.current_database() AND application_name LIKE 'tenantry/%'"
            f" AND (wait_event_type = 'Lock' OR wait_event = 'SyncRep') AND {blocked}"
        )
        with self.connect(tenant) as connection:
            wait_until(lambda: connection.execute(text.encode()).fetchone() != (0,))

    def end_sessions(self, tenant: str = "1", *, which: str = "") -> int:
        """Have the server end the runner's sessions in a database; return how many there were.

        `which`: `keeper` for those that hold the migration lock, `worker` for the others; both by default.
        """
        holds = (
            "EXISTS (SELECT FROM pg_catalog.pg_locks AS held WHERE held.pid = activity.pid"
            f" AND held.locktype = 'advisory' AND {_is_lock('held')})"
        )
        chosen = {"": "true", "keeper": holds, "worker": f"NOT {holds}"}[which]
        text = (
            "SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity AS activity"
            f" WHERE datname = pg_catalog.current_database() AND application_name LIKE 'tenantry/%' AND {chosen}"
        )
        ((count,),) = self.query(text, tenant)
        return int(count)

    def await_gone(self, tenant: str = "1") -> None:
        """Wait until the runner has no session left in a database, also none whose client is gone."""
        text = (
            "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database()"
            " AND application_name LIKE 'tenantry/%'"
        )
        with self.connect(tenant) as connection:
            wait_until(lambda: connection.execute(text).fetchone() == (0,))

    def await_unlocked(self, tenant: str = "1") -> None:
        """Wait until nobody holds the migration lock, which goes with the session that held it."""
        text = (
            "SELECT count(*) FROM pg_catalog.pg_locks AS held JOIN pg_catalog.pg_database AS base"
            f" ON base.oid = held.database WHERE held.locktype = 'advisory' AND {_is_lock('held')}"
            " AND base.datname = pg_catalog.current_database()"
        )
        with self.connect(tenant) as connection:
            wait_until(lambda: connection.execute(text.encode()).fetchone() == (0,))


def make_site(
    make_database: Callable[..., str],
    tmp_path: Path,
    files: Mapping[str, str],
    *,
    tenants: Sequence[str] = ("1",),
    schema: str = "public",
) -> Site:
    """Make a site with these migrations and a new database for each of these tenants."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    dsns = {name: conninfo_to_dict(make_database()) for name in tenants}
    databases = {name: str(parameters.pop("dbname")) for name, parameters in dsns.items()}
    server = make_conninfo("", **next(iter(dsns.values())))
    owner = conninfo_to_dict(server)["user"]
    named = "\n".join(f"    - {{id: {name}, database: {database}}}" for name, database in databases.items())
    (folder / "migrations").mkdir()
    (folder / "tenants.yaml").write_text(
        "servers: {main: host=/nowhere}\n"
        # Tests of rights connect as another role, which is granted some on the ledger.
        f"ledger: {{schema: {schema}, owner: {owner}}}\n"
        f"tenants:\n  migrations: migrations\n  server: main\n  list:\n{named}\n",
        "utf-8",
    )
    site = Site(folder, server, databases, schema)
    site.write(files)
    return site


@pytest.fixture
def site(database: MakeDatabase, tmp_path: Path) -> MakeSite:
    """Return a callable that makes a site on PostgreSQL 17, see `make_site`."""
    return partial(make_site, database, tmp_path)


@pytest.fixture
def any_site(any_database: MakeDatabase, tmp_path: Path) -> MakeSite:
    """Return a callable that makes a site, on each server in turn."""
    return partial(make_site, any_database, tmp_path)


def make_migration(version: int, name: str, text: str, *, transactional: bool = True) -> Migration:
    """Make a migration by hand, past all that is checked of a file."""
    path = f"migrations/{version:04d}_{name}.sql"
    return Migration(version, name, path, checksum(text), text, text, transactional=transactional)


def make_sessions(dsn: str, **settings: Any) -> Sessions:
    """Return a way to the server of a connection string, and to no other."""
    return Sessions({"main": dsn}, Settings("tenantry/test", **settings))


def make_tenant(dsn: str, name: str = "1") -> Tenant:
    """Return a tenant whose database is the connection string's."""
    from tenantry.model import Server

    return Tenant(name, SetName.TENANT, Server("main", dsn), str(conninfo_to_dict(dsn).get("dbname")))


@contextmanager
def lend_role(site: Site) -> Iterator[str]:
    """Lend a role of the whole server with a name that no other test has; all it may is to use schema public."""
    name = f"role_{secrets.token_hex(5)}"
    site.query(f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA public TO {name}")
    try:
        yield name
    finally:
        site.query(f"DROP OWNED BY {name}; DROP ROLE {name}")


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask until the condition holds; fail where it never does."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited for what did not come"
        # Another process has to get on with it.
        time.sleep(_POLL_S)


@contextmanager
def at_once(work: Callable[[], Made]) -> Iterator[Future[Made]]:
    """Let a run, or any other work, go on in a thread while the block acts; wait for its end after the block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def advance(steps: Steps, count: int) -> list[Event]:
    """Take a job through `count` steps and leave it there; return their events, waiting for a lock not counted."""
    events: list[Event] = []
    while len(events) < count:
        event = next(steps)
        events += [] if isinstance(event, LockAwaited) else [event]
    return events


def finish(steps: Steps) -> Verdict:
    """Take a job through all steps that are left and return its verdict. Raises TenantError."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict


@contextmanager
def child(site: Site, *, until: int = 0) -> Iterator[ForkServerProcess]:
    """Have another process migrate the first tenant, and kill itself with its event number `until`, from 1.

    It is forked from one that has all modules and no threads, which takes a tenth of the time.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    process = context.Process(target=_migrate_until, args=(str(site.folder), site.server, until))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _migrate_until(folder: str, server: str, until: int) -> None:
    """Migrate the first tenant of a site; be killed, with no chance to clean up, at an event."""
    site = Site(Path(folder), server, {})
    steps = site.steps(site.project(lock_timeout_ms=LONG_MS))
    if until:
        advance(steps, until)
        os.kill(os.getpid(), signal.SIGKILL)
    finish(steps)


def _collect(events: Iterator[Event]) -> Ran:
    outcome, seen = Outcome(), []
    for event in events:
        outcome.add(event)
        seen.append(event)
    return Ran(tuple(seen), outcome.exit_code)


def _is_lock(name: str) -> str:
    """Return the condition that a row of pg_locks is the migration lock."""
    return f"(CAST({name}.classid AS bigint) << 32 | CAST({name}.objid AS bigint)) = {LOCK_KEY} AND {name}.objsubid = 1"
