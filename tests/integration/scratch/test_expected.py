"""Expected schemas: the files replayed on a real server, once, and kept; and what is said where they do not apply."""

import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tenantry.ledger.provenance import Provenance
from tenantry.model import Migration, Server, SetName, Tenant
from tenantry.model.errors import Refused
from tenantry.model.scope import Ignored, Scope
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.sessions import Sessions, Settings
from tenantry.schema.catalog.read import read_fingerprint
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import ExpectedSchemas
from tenantry.scratch.places import ScratchPlace
from tenantry.state import Cache
from tests.fix_postgres import MakeDatabase, binaries_of
from tests.integration.fix_site import make_migration, make_sessions, make_tenant
from tests.integration.scratch.test_places import OURS, lend_role, query

ROOMS = make_migration(1, "rooms", "CREATE TABLE rooms (id int);\n")
FEES = make_migration(2, "fees", "ALTER TABLE rooms ADD fee numeric(10,2);\n")
INDEX = make_migration(
    3,
    "index",
    "CREATE INDEX CONCURRENTLY fees ON rooms (fee);\nDROP INDEX CONCURRENTLY IF EXISTS x;\n",
    transactional=False,
)
HINT = (
    "the expected schema comes from running all files on an empty database; add a migration for what this file "
    "relies on, name the settings or a file of SQL that it needs under scratch in tenants.yaml, or set "
    "TENANTRY_SCRATCH to the connection string of a server that has its extensions and roles"
)
FAILING = {
    "with a place": (
        make_migration(2, "bad", "SELECT 1;\nSELECT 'é🎸', nothing;\n"),
        'migrations/0002_bad.sql:2:14: column "nothing" does not exist (SQLSTATE 42703)',
    ),
    "in a block": (
        make_migration(2, "bad", "DO $$ BEGIN RAISE 'no studio'; END $$;\n"),
        "migrations/0002_bad.sql:1:7: no studio (SQLSTATE P0001)",
    ),
    "not transactional": (
        make_migration(2, "bad", "SELECT 1;\n\n  SELECT nothing;\n", transactional=False),
        'migrations/0002_bad.sql:3:10: column "nothing" does not exist (SQLSTATE 42703)',
    ),
    "an extension that is missing": (
        make_migration(2, "bad", "CREATE EXTENSION postgis_of_nobody;\n"),
        'migrations/0002_bad.sql:1:1: extension "postgis_of_nobody" is not available (SQLSTATE 0A000)',
    ),
}


class Expected:
    """The expected schemas of a folder, and where they are replayed: on the server of a tenant that is given."""

    def __init__(self, folder: Path, dsn: str, given: str) -> None:
        self.folder = folder / "kept"
        self.dsn = dsn
        self.place = ScratchPlace(folder / "scratch", Settings("tenantry/test"), given)
        self.tenant: Tenant = make_tenant(dsn)
        self.sessions: Sessions = make_sessions(dsn)
        self.cache = Cache()

    def schemas(self) -> ExpectedSchemas:
        """Return what a run would have."""
        provenance = Provenance(str(uuid.uuid4()), "tester@here", self.folder)
        return ExpectedSchemas(self.folder, self.place, provenance, self.cache)

    def after_each(self, *migrations: Migration, major: int = 17, scope: Scope | None = None) -> tuple[Snapshot, ...]:
        """Return the snapshots before the first file and after each."""
        return self.schemas().after_each(self.sessions, self.tenant, major, migrations, scope or Scope())

    def after(self, *migrations: Migration) -> Snapshot:
        """Return the snapshot after all files."""
        return self.schemas().after(self.sessions, self.tenant, 17, migrations, Scope())

    def close_place(self) -> None:
        """Make it impossible to have a scratch database from now on."""
        self.place = ScratchPlace(self.place.state, self.place.settings, f"host={self.folder}/nowhere")

    def kept(self) -> list[Path]:
        """Return the files that are kept."""
        return sorted(self.folder.iterdir())


@pytest.fixture
def expected(tmp_path: Path, server_dsn: str) -> Expected:
    """Return expected schemas that are replayed on the server of the run."""
    return Expected(tmp_path, server_dsn, server_dsn)


def names(snapshot: Snapshot) -> set[str]:
    """Return the names of tables, columns and indexes."""
    return {name for kind, name in snapshot.objects if kind in ("table", "column", "index")}


class TestReplay:
    def test_after_each(self, expected: Expected) -> None:
        """There is a snapshot of the empty database, and one after each file, non-transactional ones included."""
        empty, *after = expected.after_each(ROOMS, FEES, INDEX)
        assert names(empty) == set()
        tables = {"public.rooms", "public.rooms.id"}
        assert [names(found) for found in after] == [
            tables,
            {*tables, "public.rooms.fee"},
            {*tables, "public.rooms.fee", "public.fees"},
        ]
        assert len({snapshot.fingerprint for snapshot in (empty, *after)}) == 4

    def test_same_as_by_hand(self, expected: Expected, database: MakeDatabase) -> None:
        """The fingerprint is that of a database in which the same was done, ledger or not."""
        with psycopg.connect(database(), autocommit=True) as connection:
            before = read_fingerprint(connection, Scope())
            connection.execute((ROOMS.text + FEES.text).encode())
            found = read_fingerprint(connection, Scope())
        assert [one.fingerprint for one in expected.after_each(ROOMS, FEES)][::2] == [before, found]

    def test_no_file(self, expected: Expected) -> None:
        """No file stands for the empty database."""
        (empty,) = expected.after_each()
        assert expected.after() == empty
        assert names(empty) == set()

    @pytest.mark.parametrize("schema", ["book", "Book keeping"])
    def test_ledger_left_out(self, expected: Expected, schema: str) -> None:
        """The ledger, and a schema that it has to itself, are no part of what the files stand for."""
        public = expected.after_each(ROOMS, FEES)
        assert not [name for _, name in public[-1].objects if "_migrations" in name]
        assert expected.after_each(ROOMS, FEES, scope=Scope(schema)) == public

    def test_nothing_stays(self, tmp_path: Path, server_dsn: str) -> None:
        """No scratch database stays, whether the files apply or not."""
        with lend_role(server_dsn, "SUPERUSER") as dsn:
            expected = Expected(tmp_path, server_dsn, dsn)
            expected.after_each(ROOMS)
            with pytest.raises(Refused):
                expected.after_each(ROOMS, FAILING["with a place"][0])
            assert query(dsn, OURS) == []

    @pytest.mark.parametrize(("migration", "said"), FAILING.values(), ids=FAILING)
    def test_file_fails(self, expected: Expected, migration: Migration, said: str) -> None:
        """A file that does not apply is named with its place and SQLSTATE, and nothing is kept."""
        with pytest.raises(Refused) as caught:
            expected.after_each(ROOMS, migration)
        assert str(caught.value) == f"the files do not apply to an empty database: {said}"
        assert caught.value.hint == HINT
        assert not expected.folder.exists()

    def test_ledger_in_the_way(self, expected: Expected) -> None:
        """A file that takes the ledger away is named by what it did."""
        anew = make_migration(2, "anew", "DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n")
        with pytest.raises(Refused) as caught:
            expected.after_each(ROOMS, anew)
        assert str(caught.value) == (
            "the files do not apply to an empty database: migrations/0002_anew.sql:"
            ' relation "public._migrations" does not exist (SQLSTATE 42P01)'
        )


class TestKept:
    def test_once(self, expected: Expected) -> None:
        """Files are replayed once: a second run needs no scratch database."""
        first = expected.after_each(ROOMS, FEES)
        expected.close_place()
        assert expected.after_each(ROOMS, FEES) == first
        assert expected.after_each(ROOMS) == first[:2]
        assert expected.after(ROOMS, FEES) == first[-1]
        with pytest.raises(Refused, match="no scratch database"):
            expected.after_each(ROOMS, FEES, INDEX)

    def test_edited(self, expected: Expected) -> None:
        """An edited file stands for another schema; what the files before it stand for is still known."""
        expected.after_each(ROOMS, FEES)
        edited = make_migration(2, "fees", "ALTER TABLE rooms ADD price int;\n")
        assert "public.rooms.price" in names(expected.after(ROOMS, edited))
        assert "public.rooms.fee" in names(expected.after(ROOMS, FEES))
        assert len(expected.kept()) == 4

    @pytest.mark.parametrize(
        "scope",
        [Scope("book"), Scope(ignored=(Ignored("column", "*.fee"),)), Scope(roles=(("app", "word"),))],
        ids=["ledger", "ignored", "roles"],
    )
    def test_other_scope(self, expected: Expected, scope: Scope) -> None:
        """What was read with another scope is not taken for this one's."""
        expected.after_each(ROOMS, FEES)
        expected.close_place()
        with pytest.raises(Refused, match="no scratch database"):
            expected.after_each(ROOMS, FEES, scope=scope)

    def test_other_major(self, expected: Expected) -> None:
        """What was read on another major is not taken for this one's: catalogs are asked in other words there."""
        expected.after_each(ROOMS)
        expected.close_place()
        with pytest.raises(Refused, match="no scratch database"):
            expected.after_each(ROOMS, major=18)

    @pytest.mark.parametrize("damage", ["other format", "cut off", "no text", "empty", "another document", "gone"])
    def test_damaged(self, expected: Expected, damage: str) -> None:
        """What cannot be read for what it should be is not read: the files are replayed anew."""
        first = expected.after_each(ROOMS, FEES)
        for path in expected.kept():
            text = path.read_text("utf-8")
            damaged = {
                "other format": text.replace('"format": 1', '"format": 0').replace("rooms", "halls").encode(),
                "cut off": text[: len(text) // 2].encode(),
                "no text": b"\xff\xfe\x00",
                "empty": b"",
                "another document": b'["format"]',
            }
            path.unlink()
            if damage != "gone":
                path.write_bytes(damaged[damage])
        assert expected.after_each(ROOMS, FEES) == first
        expected.close_place()
        assert expected.after_each(ROOMS, FEES) == first

    def test_half_written(self, expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever is stopped while a snapshot is written leaves nothing that would be read."""

        def stop(path: Path, target: Path) -> Path:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", stop)
            with pytest.raises(KeyboardInterrupt):
                expected.after_each(ROOMS)
        assert [path.suffix for path in expected.kept()] != [".json"]
        assert not list(expected.folder.glob("*.json"))
        assert len(expected.after_each(ROOMS)) == 2

    def test_folder_not_writable(self, expected: Expected) -> None:
        """Where nothing can be kept, files are replayed once a run all the same, and the folder is named once."""
        expected.folder.write_text("a file", "utf-8")
        first = expected.after_each(ROOMS)
        again = expected.after_each(ROOMS, FEES)
        assert (names(first[-1]), again[:2]) == ({"public.rooms", "public.rooms.id"}, first)
        assert list(expected.cache.take_failures()) == [(expected.folder, "file exists")]
        expected.close_place()
        assert expected.after_each(ROOMS, FEES) == again
        expected.cache = Cache()
        with pytest.raises(Refused, match="no scratch database"):
            expected.after_each(ROOMS, FEES)

    def test_several_at_once(self, expected: Expected) -> None:
        """Of several that ask at once, one replays the files, and the others find what it kept."""
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: expected.after_each(ROOMS, FEES), range(4)))
        assert all(one == found[0] for one in found)
        assert len(expected.kept()) == 3


class TestRoles:
    @pytest.fixture
    def role(self) -> str:
        """Return the name of a role that no server has."""
        return f"Role {secrets.token_hex(5)}"

    @staticmethod
    def grant(*roles: str) -> Migration:
        """Return a file that relies on roles."""
        return make_migration(2, "grant", "".join(f'GRANT SELECT ON rooms TO "{role}";\n' for role in roles))

    def test_on_a_given_server(self, expected: Expected, role: str, server_dsn: str) -> None:
        """On a server that has other uses no role is made: the file that misses it is named."""
        with pytest.raises(Refused) as caught:
            expected.after_each(ROOMS, self.grant(role))
        assert str(caught.value) == (
            "the files do not apply to an empty database: migrations/0002_grant.sql:1:1: "
            f'role "{role}" does not exist (SQLSTATE 42704)'
        )
        assert not has_role(server_dsn, role)

    def test_on_our_own_server(self, own_folder: Path, server_dsn: str, role: str) -> None:
        """On a server of our own each role that is missed is made, and what it is granted is in the snapshot."""
        binaries_of("17")
        expected = Expected(own_folder, server_dsn, "")
        other = f"{role} as well"
        *_, after = expected.after_each(ROOMS, self.grant(role, other))
        assert after.objects["table", "public.rooms"].facts["grants"].count("SELECT") == 2
        assert not has_role(server_dsn, role)
        EmbeddedServer(own_folder / "scratch" / "17", binaries_of("17")).destroy()

    def test_other_missing_object(self, own_folder: Path, server_dsn: str) -> None:
        """What is missing and no role is reported, also on a server of our own."""
        binaries_of("17")
        expected = Expected(own_folder, server_dsn, "")
        with pytest.raises(Refused, match='type "moods" does not exist \\(SQLSTATE 42704\\)'):
            expected.after_each(ROOMS, make_migration(2, "mood", "ALTER TABLE rooms ADD mood moods;\n"))
        EmbeddedServer(own_folder / "scratch" / "17", binaries_of("17")).destroy()


def has_role(dsn: str, role: str) -> bool:
    """Return whether a server has a role."""
    with psycopg.connect(dsn, dbname="postgres") as connection:
        return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CREATE ROLE app", "CREATE ROLE"),
        ("ALTER USER app PASSWORD NULL", "ALTER USER"),
        ("SELECT 1;\nDROP DATABASE other", "DROP DATABASE"),
        ("ALTER SYSTEM SET work_mem = '1GB'", "ALTER SYSTEM"),
        ("GRANT app TO ada", "GRANT"),
        ("DROP /* ON no account */ ROLE app", "DROP ROLE"),
        ("COMMENT ON ROLE app IS 'x'", "COMMENT ON ROLE"),
        ("GRANT CONNECT ON DATABASE other TO app", "GRANT CONNECT ON DATABASE"),
        ("DO $$ BEGIN\nEXECUTE 'drop  role app'; END $$", "DROP ROLE"),
    ],
    ids=["role", "user", "database", "system", "membership", "comment between", "comment", "right", "block"],
)
def test_no_other_part_of_the_tenants_server(tmp_path: Path, server_dsn: str, text: str, words: str) -> None:
    """On a server that tenants are on, no file is run again that touches more than its own database."""
    settings = Settings("tenantry/test")
    schemas = ExpectedSchemas(
        tmp_path, ScratchPlace(tmp_path / "scratch", settings), Provenance("run", "tester", tmp_path)
    )
    tenant = Tenant("1", SetName.TENANT, Server("main", server_dsn), "postgres")
    migration = make_migration(1, "wide", text)
    with pytest.raises(Refused) as caught:
        # No programs are of major 1, so that the tenant's own server is the only place.
        schemas.after(Sessions({"main": server_dsn}, settings), tenant, 1, [migration], Scope())
    line = 2 if text.startswith("SELECT") else 1
    assert str(caught.value) == (
        f"{migration.path}:{line}:1: {words} is not replayed on the tenants' own server, which is the only one "
        "available for a scratch database"
    )
