"""Kept states of scratch databases: one more file costs that file, and what is not beyond doubt is never used."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tenantry.ledger.provenance import Provenance
from tenantry.model import Migration
from tenantry.model.errors import Refused
from tenantry.model.scope import Scope
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch import kept as module
from tenantry.scratch.expected import REPLAYED, ExpectedSchemas
from tenantry.scratch.kept import Start, make_chain
from tenantry.scratch.places import ScratchPlace
from tenantry.state import Cache
from tests.fix_postgres import binaries_of
from tests.integration.fix_site import make_migration, make_sessions, make_tenant
from tests.integration.scratch.test_places import SETTINGS, child, query

pytestmark = pytest.mark.slow  # each test starts and stops a cluster

# When it ran is seen in its rows: a copy has those of the first time.
ROOMS = make_migration(1, "rooms", "CREATE TABLE rooms (id int, at timestamptz DEFAULT clock_timestamp());\n")
SEED = make_migration(2, "seed", "INSERT INTO rooms VALUES (1);\n")
FEES = make_migration(3, "fees", "ALTER TABLE rooms ADD fee numeric(10,2);\n")
NOTES = make_migration(4, "notes", "CREATE TABLE notes (id int PRIMARY KEY);\n")
VIEW = make_migration(-1, "names", "CREATE OR REPLACE VIEW names AS SELECT id FROM rooms;\n")


class Fleet:
    """A project's scratch server, and a tenant whose files are replayed there."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder = folder
        self.place = ScratchPlace(folder / "scratch", SETTINGS)
        self.server = EmbeddedServer(folder / "scratch" / "17", binaries_of("17"), durable=False)
        self.sessions, self.tenant = make_sessions(dsn), make_tenant(dsn)

    def schemas(self) -> ExpectedSchemas:
        """Return what a run has whose snapshots are all gone."""
        provenance = Provenance(str(uuid.uuid4()), "tester@here", self.folder)
        return ExpectedSchemas(self.folder / uuid.uuid4().hex, self.place, provenance, Cache())

    def after(self, *migrations: Migration) -> Snapshot:
        """Return the snapshot after files, replayed from what is kept."""
        return self.schemas().after(self.sessions, self.tenant, 17, migrations, Scope())

    def afresh(self, *migrations: Migration) -> Snapshot:
        """Return the snapshot after files on a server that has nothing."""
        self.server.destroy()
        return self.after(*migrations)

    def count_done(self, *migrations: Migration) -> int:
        """Return how many of the files need not run again."""
        start = Start((make_chain(migrations, REPLAYED, "17", "public"),), len(migrations))
        with (
            self.place.alone(self.sessions),
            self.place.create(self.sessions, self.tenant, 17, start) as scratch,
        ):
            return scratch.done

    @contextmanager
    def opened(self) -> Iterator[str]:
        """Start the scratch server and return its connection string, for a hand at work."""
        self.server.start()
        yield self.server.dsn()
        self.server.stop()

    def list_kept(self) -> list[str]:
        """Return the names of the kept databases."""
        with self.opened() as dsn:
            return [str(row[0]) for row in query(dsn, "SELECT datname FROM pg_database WHERE datname ~ '^tenantry'")]


@pytest.fixture
def fleet(own_folder: Path, server_dsn: str) -> Iterator[Fleet]:
    """Return a project with a scratch server of its own."""
    one = Fleet(own_folder, server_dsn)
    yield one
    one.server.destroy()


def test_one_more(fleet: Fleet) -> None:
    """The files that ran before do not run again, and the result is that of all of them on an empty database."""
    before = fleet.after(ROOMS, SEED)
    assert fleet.count_done(ROOMS, SEED, FEES) == 2
    more = fleet.after(ROOMS, SEED, FEES)
    assert fleet.count_done(ROOMS, SEED, FEES, NOTES) == 3
    assert (fleet.afresh(ROOMS, SEED), fleet.afresh(ROOMS, SEED, FEES)) == (before, more)


def test_rows_too(fleet: Fleet) -> None:
    """A copy has the rows of the files: the next one may depend on them."""
    demand = make_migration(
        3, "demand", "DO $$ BEGIN IF NOT EXISTS (SELECT FROM rooms) THEN RAISE 'none'; END IF; END $$"
    )
    fleet.after(ROOMS, SEED)
    assert fleet.count_done(ROOMS, SEED, demand) == 2
    fleet.after(ROOMS, SEED, demand)


@pytest.mark.parametrize("count", [0, 1])
def test_other_files(fleet: Fleet, count: int) -> None:
    """Files that differ in an early one share no more than what comes before it."""
    fleet.after(ROOMS, SEED)
    changed = [*(ROOMS, SEED)[:count], make_migration(count + 1, "other", "CREATE TABLE other (id int);\n")]
    fleet.after(*(ROOMS, SEED)[:count])
    assert fleet.count_done(*changed) == count


def test_repeatables(fleet: Fleet) -> None:
    """Repeatables run on a copy: a migration between them and the ones before still costs itself alone."""
    before = fleet.after(ROOMS, SEED, VIEW)
    assert fleet.count_done(ROOMS, SEED, FEES, VIEW) == 2
    more = fleet.after(ROOMS, SEED, FEES, VIEW)
    assert ("view", "public.names") in more.objects
    assert (fleet.afresh(ROOMS, SEED, VIEW), fleet.afresh(ROOMS, SEED, FEES, VIEW)) == (before, more)


def test_each_version(fleet: Fleet) -> None:
    """A snapshot after each file is that of files that ran one by one, whatever is kept."""
    fleet.after(ROOMS, SEED)
    files = (ROOMS, SEED, FEES)
    every = fleet.schemas().after_each(fleet.sessions, fleet.tenant, 17, files, Scope())
    assert every == tuple(fleet.afresh(*files[:count]) for count in range(4))


class TestNotKept:
    @pytest.mark.parametrize(
        "text",
        [
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()); END $$;\n",
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO PUBLIC', current_database()); END $$;\n",
            "CREATE UNLOGGED TABLE passing (id int);\n",
        ],
        ids=["setting", "grant", "unlogged"],
    )
    def test_not_copied(self, fleet: Fleet, text: str) -> None:
        """What CREATE DATABASE does not copy, or a crash empties, is not kept, so that no copy lacks it."""
        special = make_migration(2, "special", text)
        more = fleet.after(ROOMS, special, FEES)
        assert fleet.list_kept() == []
        assert fleet.afresh(ROOMS, special, FEES) == more

    def test_failed(self, fleet: Fleet) -> None:
        """Of files that fail, nothing is kept, and the next run finds what was kept before."""
        fleet.after(ROOMS)
        with pytest.raises(Refused, match='column "nothing" does not exist'):
            fleet.after(ROOMS, make_migration(2, "bad", "SELECT nothing;\n"))
        assert (len(fleet.list_kept()), fleet.count_done(ROOMS, SEED)) == (1, 1)

    def test_least_recently_used(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        """No more is kept than there is room for: that of the files that were not asked about for longest goes."""
        monkeypatch.setattr(module, "MOST_DATABASES", 2)
        fleet.after(ROOMS)
        fleet.after(ROOMS, SEED)
        assert fleet.count_done(ROOMS) == 1
        fleet.after(NOTES)
        assert [fleet.count_done(*files) for files in ((ROOMS,), (ROOMS, SEED), (NOTES,))] == [1, 1, 1]
        assert len(fleet.list_kept()) == 2


def _change(dsn: str, name: str) -> None:
    query(dsn, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    with psycopg.connect(dsn, dbname=name, autocommit=True) as connection:
        connection.execute("ALTER TABLE rooms ADD planted int")
    query(dsn, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")


DAMAGES: dict[str, Callable[[str, str], object]] = {
    "changed": _change,
    "no mark": lambda dsn, name: query(dsn, f"COMMENT ON DATABASE {name} IS NULL"),
    "another mark": lambda dsn, name: query(dsn, f"COMMENT ON DATABASE {name} IS '[1]'"),
    "dropped": lambda dsn, name: query(dsn, f"DROP DATABASE {name}"),
    "a role of somebody": lambda dsn, _: query(dsn, "CREATE ROLE somebody"),
    "a setting of the server": lambda dsn, _: query(dsn, "ALTER SYSTEM SET default_toast_compression = lz4"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged(fleet: Fleet, damage: Callable[[str, str], object]) -> None:
    """A kept state that was altered, dropped or half made, or whose server was changed, is not used again."""
    right = fleet.after(ROOMS, SEED)
    (name,) = fleet.list_kept()
    with fleet.opened() as dsn:
        damage(dsn, name)
    assert fleet.count_done(ROOMS, SEED) == 0
    assert fleet.after(ROOMS, SEED) == right


def test_after_a_reboot(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server that does not wait for its disk is not trusted after the machine was started again."""
    fleet.after(ROOMS)
    (tmp_path / "boot").write_text("another one\n", "ascii")
    monkeypatch.setattr(module, "_BOOT", tmp_path / "boot")
    assert fleet.count_done(ROOMS) == 0


def test_role_of_a_file(fleet: Fleet) -> None:
    """Files that create a role keep their state with it; other files do not find it."""
    role = make_migration(2, "role", "CREATE ROLE app_reader; GRANT SELECT ON rooms TO app_reader;\n")
    with_role = fleet.after(ROOMS, role)
    assert fleet.count_done(ROOMS, role, FEES) == 2
    again = make_migration(1, "again", "CREATE ROLE app_reader;\n")
    fleet.after(again)
    assert fleet.after(ROOMS, role) == with_role


def _keep_and_die(folder: str, dsn: str) -> None:
    fleet = Fleet(Path(folder), dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT 1")
    start = Start((make_chain((ROOMS,), REPLAYED, "17", "public"),), 1)
    with fleet.place.alone(fleet.sessions), fleet.place.create(fleet.sessions, fleet.tenant, 17, start) as scratch:
        scratch.connection.execute("CREATE TABLE rooms (half int)")
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed(fleet: Fleet, server_dsn: str) -> None:
    """A replay that was killed in the middle leaves nothing that counts."""
    right = fleet.afresh(ROOMS, SEED)
    fleet.server.destroy()
    with child(_keep_and_die, str(fleet.folder), server_dsn) as process:
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert fleet.after(ROOMS, SEED) == right
    assert len(fleet.list_kept()) == 1


def test_failure_once(fleet: Fleet) -> None:
    """Files that fail for one tenant are not run again for the next one of the same run."""
    schemas, bad = fleet.schemas(), make_migration(2, "bad", "CREATE ROLE seen_once; SELECT nothing;\n")
    told = []
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            schemas.after(fleet.sessions, fleet.tenant, 17, (ROOMS, bad), Scope())
        told.append(caught.value)
        fleet.server.destroy()
    assert told[0] is told[1]
