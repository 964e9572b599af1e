"""Files measured statement by statement, in a transaction and without; and what is kept of that."""

import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tenantry.ledger.provenance import Provenance
from tenantry.lint.measure.books import Books
from tenantry.lint.measure.measures import Measures
from tenantry.lint.measure.replay import measure_file
from tenantry.model import Migration
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection, Settings
from tenantry.scratch.places import Scratch, ScratchPlace
from tenantry.state import Cache
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_measure import measure, open_scratch, scratch, seen
from tests.integration.fix_site import make_migration, wait_until

__all__ = ["scratch"]

WEAK, SHARE, ALL = LockMode.SHARE_UPDATE_EXCLUSIVE, LockMode.SHARE, LockMode.ACCESS_EXCLUSIVE


class TestFile:
    def test_own_tables(self, scratch: Scratch) -> None:
        """What a file makes is nobody's: no lock and no scan of it counts."""
        text = "CREATE TABLE x (id int);\nCREATE INDEX ON x (id);\nALTER TABLE x ALTER id TYPE bigint;\nDELETE FROM x"
        assert seen(measure(scratch, text)) == [((), (), ())] * 4

    def test_difference(self, scratch: Scratch) -> None:
        """A lock is told where it is taken, and where it becomes stronger."""
        text = "LOCK x IN SHARE MODE;\nSELECT FROM x;\nCREATE INDEX ON x (id);\nALTER TABLE x ADD n int;\n"
        table = "public.x"
        assert seen(measure(scratch, "CREATE TABLE x (id int);\n", text)) == [
            ((Lock(table, SHARE),), (), ()),
            ((), (), (table,)),
            ((), (), (table,)),
            ((Lock(table, ALL),), (), ()),
        ]

    def test_places(self, scratch: Scratch) -> None:
        """Each statement has its text and its place in the file."""
        text = "-- é🎸\nSELECT 'é';\n\n  SELECT 2;\n"
        assert [(effect.start, effect.text) for effect in measure(scratch, text)] == [
            (6, "SELECT 'é'"),
            (21, "SELECT 2"),
        ]

    def test_rows_of_nobody(self, scratch: Scratch) -> None:
        """Rows that the measuring made may violate what a file demands: it is measured all the same."""
        unmet = "ALTER TABLE x ADD CHECK (id < 5), ADD n int NOT NULL;\nINSERT INTO x VALUES (1, 2);\n"
        (altered, _) = measure(scratch, "CREATE TABLE x (id int);\n", unmet)
        assert seen((altered,)) == [((Lock("public.x", ALL),), (), ("public.x",))]
        assert scratch.connection.execute("SELECT id, n FROM x").fetchall() == [(1, 2)]

    def test_missing_role(self, server_dsn: str, database: MakeDatabase) -> None:
        """A role that a file misses is made on a server of our own, and nowhere else."""
        role = f"role_{secrets.token_hex(5)}"
        text, dsn = f"CREATE TABLE x (id int);\nGRANT SELECT ON x TO {role};\n", database()
        for elsewhere in open_scratch(dsn):
            with pytest.raises(psycopg.errors.UndefinedObject):
                measure(elsewhere, text)
        for own in open_scratch(dsn, own_server=True):
            assert len(measure(own, text)) == 2
            own.connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    def test_session(self, scratch: Scratch) -> None:
        """What a file sets in its session is gone behind it, and its own settings hold within it."""
        (_, made) = measure(scratch, "CREATE SCHEMA s;\n", "SET search_path = s;\nCREATE TABLE x (id int);\n")
        assert made.locks == ()
        assert scratch.connection.execute("SHOW search_path").fetchone() == ('"$user", public',)
        assert scratch.connection.execute("SELECT to_regclass('s.x') IS NOT NULL").fetchone() == (True,)


# Of statements that are no transaction's: the lock on the table, whether it is read whole, what is written anew.
ALONE = {
    "an index": ("CREATE INDEX CONCURRENTLY ON x (n)", WEAK, True, ()),
    "an index dropped": ("DROP INDEX CONCURRENTLY x_n", WEAK, False, ()),
    "an index built anew": ("REINDEX INDEX CONCURRENTLY x_n", WEAK, True, ()),
    "a table's indexes": ("REINDEX (CONCURRENTLY) TABLE public.x", WEAK, True, ()),
    "all indexes": ("REINDEX SCHEMA public", SHARE, True, ()),
    "vacuumed": ("VACUUM x", WEAK, False, ()),
    "written anew": ("VACUUM (FULL) x", ALL, True, ("public.x",)),
    "all written anew": ("VACUUM FULL", ALL, True, ("public.x",)),
}


class TestAlone:
    @pytest.mark.parametrize("form", ALONE)
    def test_form(self, scratch: Scratch, form: str) -> None:
        """A statement that the server bars from a transaction has the lock that its page of the manual says."""
        text, mode, read, rewritten = ALONE[form]
        base = "CREATE TABLE x (id int, n int);\nCREATE INDEX x_n ON x (n);\n"
        (effect,) = measure(scratch, base, f"{text};\n", transactional=False)
        assert seen((effect,)) == [((Lock("public.x", mode),), rewritten, ("public.x",) if read else ())]

    def test_detached(self, scratch: Scratch) -> None:
        """A partition that is detached concurrently is taken from everybody at the end, and its table is not."""
        base = "CREATE TABLE x (n int) PARTITION BY LIST (n);\nCREATE TABLE x_1 PARTITION OF x FOR VALUES IN (1);\n"
        detached = measure(scratch, base, "ALTER TABLE x DETACH PARTITION x_1 CONCURRENTLY;\n", transactional=False)
        assert seen(detached) == [((Lock("public.x", WEAK), Lock("public.x_1", ALL)), (), ())]

    def test_beside(self, scratch: Scratch) -> None:
        """Other statements of such a file are measured in a transaction each: no lock is left to the next."""
        text = "ALTER TABLE x ADD n int;\nVACUUM;\nALTER TABLE x ADD m int;\n"
        first, _, last = measure(scratch, "CREATE TABLE x (id int);\n", text, transactional=False)
        assert first.locks == last.locks == (Lock("public.x", ALL),)

    @pytest.mark.parametrize("form", ["an index", "an index dropped", "an index built anew"])
    def test_seen(self, scratch: Scratch, form: str) -> None:
        """The lock that the table of forms says is the one that another session sees while the statement waits."""
        text, mode, _, _ = ALONE[form]
        measure(scratch, "CREATE TABLE x (id int, n int);\nCREATE INDEX x_n ON x (n);\n")
        dsn = make_conninfo(str(scratch.connection.info.dsn), dbname=scratch.tenant.database)
        with psycopg.connect(dsn) as writer, psycopg.connect(dsn, autocommit=True) as other:
            writer.execute("LOCK x IN ROW EXCLUSIVE MODE")
            other.execute("SET statement_timeout = '5s'")
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(other.execute, text.encode())
                wait_until(lambda: _waits(scratch.connection, other))
                held = scratch.connection.execute(
                    "SELECT mode FROM pg_catalog.pg_locks WHERE pid = %s AND relation = 'x'::regclass",
                    [other.info.backend_pid],
                ).fetchall()
                writer.rollback()
                waiting.result()
        assert held == [(mode.name.title().replace("_", "") + "Lock",)]


def _waits(connection: Connection, other: psycopg.Connection[tuple[object, ...]]) -> bool:
    query = "SELECT wait_event_type = 'Lock' FROM pg_catalog.pg_stat_activity WHERE pid = %s"
    return connection.execute(query, [other.info.backend_pid]).fetchone() == (True,)


ROOMS = make_migration(1, "rooms", "CREATE TABLE rooms (id int);\n")
FEES = make_migration(2, "fees", "ALTER TABLE rooms ADD fee numeric(10,2);\n")
TYPE = make_migration(3, "type", "ALTER TABLE rooms ALTER id TYPE bigint;\n")
ALTERED = (Lock("public.rooms", ALL),)
SAID = (
    'the files do not apply to an empty database: migrations/0003_bad.sql:2:8: column "nothing" does not exist '
    "(SQLSTATE 42703)"
)
HINT = (
    "the expected schema comes from running all files on an empty database; add a migration for what this file "
    "relies on, name the settings or a file of SQL that it needs under scratch in tenants.yaml, or set "
    "TENANTRY_SCRATCH to the connection string of a server that has its extensions and roles"
)


class Site:
    """Measures that are kept in a folder, and where they are made."""

    def __init__(self, folder: Path, given: str) -> None:
        self.folder = folder / "measured"
        self.place = ScratchPlace(folder / "scratch", Settings("tenantry/test"), given)
        self.cache = Cache()

    def effects(self, *migrations: Migration, scope: Scope | None = None) -> tuple[tuple[Measured, ...], ...]:
        """Return what a run would be told."""
        provenance = Provenance(str(uuid.uuid4()), "tester@here", self.folder)
        return Measures(self.folder, self.place, provenance, self.cache).effects(migrations, scope or Scope())

    def kept(self) -> dict[Path, int]:
        """Return the files that are kept, with what changes when one is written again."""
        return {path: path.stat().st_ino for path in self.folder.iterdir()}


@pytest.fixture
def site(tmp_path: Path, server_dsn: str) -> Site:
    """Return measures that are made on the server of the run."""
    return Site(tmp_path, server_dsn)


class TestMeasures:
    def test_effects(self, site: Site) -> None:
        """Each file has the effects of its statements on what files before it made; nothing is left on the server."""
        created, altered, rewritten = site.effects(ROOMS, FEES, TYPE)
        assert [effect.locks for effect in (*created, *altered)] == [(), ALTERED]
        assert seen(rewritten) == [(ALTERED, ("public.rooms",), ("public.rooms",))]

    def test_kept(self, site: Site) -> None:
        """What was measured is read and not measured again, and a new file alone is measured."""
        first = site.effects(ROOMS, FEES)
        kept = site.kept()
        assert site.effects(ROOMS, FEES) == first
        assert site.kept() == kept
        assert site.effects(ROOMS, FEES, TYPE)[:2] == first
        again = site.kept()
        assert len(again) == 3
        assert kept.items() <= again.items()

    def test_place(self, site: Site) -> None:
        """What is kept is known without a database: with no place to make one, it is all that is."""
        first = site.effects(ROOMS, FEES)
        with psycopg.connect(site.place.given, dbname="postgres") as connection:
            connection.execute("SELECT 1")
        assert site.effects(ROOMS) == first[:1]
        site.place = ScratchPlace(site.place.state, site.place.settings, f"host={site.folder}/nowhere")
        unmeasured = [effect for (effect,) in site.effects(ROOMS, FEES, TYPE)]
        (reason,) = {effect.unmeasured for effect in unmeasured}
        assert reason.startswith("no scratch database to run the files on: server 'scratch': ")
        assert {effect.hint for effect in unmeasured} == {
            "correct TENANTRY_SCRATCH, or unset it so that the files are replayed elsewhere"
        }
        assert [effect.text for effect in unmeasured] == [file.sql.strip(";\n") for file in (ROOMS, FEES, TYPE)]

    def test_edited(self, site: Site) -> None:
        """An edited file and those behind it are measured again, and those before it are not."""
        site.effects(ROOMS, FEES, TYPE)
        kept = site.kept()
        edited = make_migration(2, "fees", "ALTER TABLE rooms ADD fee numeric(10,2) NOT NULL DEFAULT 0;\n")
        assert len(site.effects(ROOMS, edited, TYPE)) == 3
        assert len(site.kept()) == 5
        assert kept.items() <= site.kept().items()

    def test_failing(self, site: Site) -> None:
        """From a file that fails on, the reason is in the words of every replay; those before it count and are kept."""
        bad = make_migration(3, "bad", "SELECT 1;\nSELECT nothing;\n")
        last = make_migration(4, "last", TYPE.sql)
        for _ in range(2):
            site.cache = Cache()
            created, altered, *unmeasured = site.effects(ROOMS, FEES, bad, last)
            assert [effect.locks for effect in (*created, *altered)] == [(), ALTERED]
            assert [[effect.unmeasured for effect in one] for one in unmeasured] == [[SAID] * 2, [SAID]]
            assert {effect.hint for one in unmeasured for effect in one} == {HINT}
        assert len(site.kept()) == 2

    def test_passing_reason(self, site: Site) -> None:
        """A reason that is the server's, and may be gone the next time, is not kept; later files are measured."""
        busy = "DO $$ BEGIN IF pg_relation_size('rooms') > 0 THEN RAISE 'busy' USING ERRCODE = '53200'; END IF; END $$"
        for _ in range(2):
            site.cache = Cache()
            _, (unmeasured,), (rewritten,) = site.effects(ROOMS, make_migration(2, "busy", busy), TYPE)
            assert (unmeasured.unmeasured, rewritten.rewritten) == ("busy", ("public.rooms",))
            assert len(site.kept()) == 2

    def test_unmeasured(self, site: Site) -> None:
        """A file that runs on tables without rows alone is unmeasured, with the reason; others are not."""
        guard = "DO $$ BEGIN IF pg_relation_size('rooms') > 0 THEN RAISE 'not new'; END IF; END $$"
        first = make_migration(2, "first", f"{guard};\nSELECT 1;\n")
        _, unmeasured, (rewritten,) = site.effects(ROOMS, first, TYPE)
        assert [(effect.start, effect.unmeasured) for effect in unmeasured] == [
            (0, "not new"),
            (len(guard) + 2, "not new"),
        ]
        assert rewritten.rewritten == ("public.rooms",)

    def test_damaged(self, site: Site) -> None:
        """What is kept and cannot be read is measured again."""
        first = site.effects(ROOMS)
        (path,) = site.folder.iterdir()
        path.write_text("{", "utf-8")
        assert site.effects(ROOMS) == first

    def test_folder(self, site: Site) -> None:
        """Where nothing can be kept, files are measured once a run all the same, and the folder is named once."""
        site.folder.write_text("a file", "utf-8")
        first = site.effects(ROOMS, FEES)
        assert [effect.locks for effect in first[1]] == [ALTERED]
        assert list(site.cache.take_failures()) == [(site.folder, "file exists")]
        site.place = ScratchPlace(site.place.state, site.place.settings, site.place.given)
        assert site.effects(ROOMS, FEES) == first
        assert list(site.cache.take_failures()) == []


def test_alike_statements(scratch: Scratch) -> None:
    """Changes of rows that differ in their constants alone are run each, and measured once between schema changes."""
    seed = "INSERT INTO t VALUES (1, 'a');\nINSERT INTO t VALUES (2, NULL);\nUPDATE t SET b = 'x' WHERE a = 1;\n"
    again = "UPDATE t SET b = 'y' WHERE a = 2;\nINSERT INTO t VALUES (3, 'c'), (4, 'd');\n"
    later = f"DROP INDEX IF EXISTS x;{again.replace('3', '5').replace('4', '6')}"
    measured = measure(scratch, "CREATE TABLE t (a int PRIMARY KEY, b text);", f"{seed}{again}{later}")
    assert [effect.text[:6] for effect in measured] == ["INSERT", "UPDATE", "DROP I", "UPDATE", "INSERT"]
    assert scratch.connection.execute("SELECT count(*) FROM t WHERE a < 1000").fetchone() == (6,)


@pytest.mark.parametrize("prepares", [False, True], ids=["as they are", "prepared"])
@pytest.mark.parametrize("forget", [False, True], ids=["books kept", "books read again"])
def test_one_file_after_the_other(scratch: Scratch, forget: bool, prepares: bool) -> None:
    """What was scanned, locked or written for earlier files is no effect of a later one, on the same connection."""
    texts = (
        "CREATE TABLE rooms (id int PRIMARY KEY, name text); CREATE TABLE desks (id int REFERENCES rooms);",
        "CREATE INDEX ON rooms (name); UPDATE desks SET id = NULL; TRUNCATE desks;",
        "ALTER TABLE rooms ADD COLUMN kind text NOT NULL DEFAULT 'studio'; ALTER SCHEMA public RENAME TO app;",
        "ALTER TABLE app.rooms ALTER COLUMN id TYPE bigint;",
    )
    books, measured = Books(scratch.connection, prepares=prepares), []
    for number, text in enumerate(texts, start=1):
        if forget:
            books.forget()
        measured.append(measure_file(scratch, make_migration(number, "file", text), "elsewhere", books=books))
    added, _ = measured[2]
    assert [(lock.relation, lock.mode.name) for lock in added.locks] == [("public.rooms", "ACCESS_EXCLUSIVE")]
    assert (added.rewritten, added.scanned) == ((), ())
    (changed,) = measured[3]
    # The foreign key is checked again.
    assert (changed.rewritten, changed.scanned) == (("app.rooms",), ("app.desks", "app.rooms"))


def test_prepared_statements_of_files(scratch: Scratch) -> None:
    """A file that drops our prepared queries, openly or not, is measured all the same; its own reach no other file."""
    texts = (
        "CREATE TABLE rooms (id int PRIMARY KEY);",
        "PREPARE mine AS SELECT 1; ALTER TABLE rooms ADD a int;",
        "PREPARE mine AS SELECT 2; DEALLOCATE ALL; ALTER TABLE rooms ADD b int;",
        "DO $$ BEGIN EXECUTE 'DEALL' || 'OCATE ALL'; END $$; ALTER TABLE rooms ADD c int;",
        "ALTER TABLE rooms ADD d int;",
    )
    books = Books(scratch.connection, prepares=True)
    for number, text in enumerate(texts, start=1):
        *_, last = measure_file(scratch, make_migration(number, "file", text), "elsewhere", books=books)
        assert last.unmeasured == ""
        assert [lock.mode.name for lock in last.locks] == ["ACCESS_EXCLUSIVE"] * (number > 1)
    left = scratch.connection.execute("SELECT name FROM pg_prepared_statements WHERE name = 'mine'").fetchall()
    assert left == []


def test_most_statements(scratch: Scratch) -> None:
    """What is beyond the bound is run and not measured, and says so."""
    text = "SELECT 1;\nSELECT 2;\nCREATE TABLE last (id int);\n"
    measured = measure_file(scratch, make_migration(1, "many", text), "public", most=2)
    assert [effect.unmeasured for effect in measured] == [
        "",
        "",
        "only the first 2 statements of a file are measured, not counting those that are like one before",
    ]
    assert scratch.connection.execute("SELECT to_regclass('last') IS NOT NULL").fetchone() == (True,)


def test_created_and_renamed(scratch: Scratch) -> None:
    """What exists since a statement, and what has another name since, is known by the identity of the relation."""
    measured = measure(
        scratch,
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int);",
        "DO $$ BEGIN ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; CREATE TABLE b (id int); END $$;"
        "CREATE SCHEMA s; ALTER TABLE c SET SCHEMA s; CREATE INDEX ON b (id);",
    )
    assert [(effect.created, effect.renamed) for effect in measured] == [
        (("public.b",), (("public.a", "public.b"), ("public.c", "public.a"))),
        ((), ()),
        ((), (("s.c", "public.c"),)),
        ((), ()),
    ]
