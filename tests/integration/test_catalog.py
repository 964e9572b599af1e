"""Reading a catalog: what makes no difference, what is left out, and that nothing is left behind."""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from runner.catalog import read_fingerprint, read_snapshot
from runner.drift import compare_schemas, explain
from runner.errors import TenantError
from runner.server import EmbeddedServer
from runner.session import Connection, read_sql
from runner.snapshot import Ignored, Scope, Snapshot
from tests.fix_postgres import binaries_of
from tests.integration.fix_catalog import connect, fresh_database

ROOT = Path(__file__).parents[2]
RICH = (ROOT / "tests/data/catalog/rich.sql").read_text("utf-8")
TENANT = tuple(path.read_text("utf-8") for path in sorted((ROOT / "migrations/tenant").glob("[0-9]*.sql")))
MASTER = tuple(path.read_text("utf-8") for path in sorted((ROOT / "migrations/master").glob("[0-9]*.sql")))
SCOPE = Scope()
SERVERS = ("server_dsn", "server18_dsn", "system_dsn")


@pytest.fixture(scope="module")
def opened(server_dsn: str) -> Iterator[Connection]:
    with fresh_database(server_dsn) as connection:
        yield connection


@pytest.fixture(scope="module")
def rich(server_dsn: str) -> Iterator[Connection]:
    with fresh_database(server_dsn) as connection:
        connection.execute(RICH)
        yield connection


@contextmanager
def undone(connection: Connection, *statements: str) -> Iterator[Connection]:
    """Run statements in a transaction that is rolled back."""
    with connection.transaction(force_rollback=True):
        for statement in statements:
            connection.execute(statement)
        yield connection


def read(connection: Connection, *statements: str, scope: Scope = SCOPE) -> Snapshot:
    """Return what statements make of a database, and that is rolled back."""
    with undone(connection, *statements):
        return read_snapshot(connection, scope)


def drift(expected: Snapshot, found: Snapshot) -> list[str]:
    """Return the differences as text; the fingerprints agree with them."""
    lines = [explain(difference) for difference in compare_schemas(expected, found)]
    assert (expected.fingerprint == found.fingerprint) is (expected.objects == found.objects) is (not lines)
    return lines


class TestNoDifference:
    @pytest.mark.parametrize("statements", [(RICH,), TENANT, MASTER, ()], ids=["rich", "tenant", "master", "empty"])
    def test_servers(self, request: pytest.FixtureRequest, statements: tuple[str, ...]) -> None:
        """The same statements give the same snapshot and fingerprint on each major version."""
        snapshots = []
        for server in SERVERS:
            with fresh_database(request.getfixturevalue(server)) as connection:
                for statement in statements:
                    connection.execute(statement)
                snapshots.append(read_snapshot(connection, SCOPE))
                assert read_fingerprint(connection, SCOPE) == snapshots[-1].fingerprint
        assert drift(snapshots[0], snapshots[1]) == []
        assert drift(snapshots[0], snapshots[2]) == []

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (
                "CREATE TABLE a (b integer, c text, d integer DEFAULT 2 NOT NULL)",
                "CREATE TABLE a (d integer, x integer, b integer); ALTER TABLE a DROP x; "
                "ALTER TABLE a ADD c varchar(3); "
                "ALTER TABLE a ALTER d SET DEFAULT 2, ALTER c TYPE text; ALTER TABLE a ALTER d SET NOT NULL",
            ),
            (
                "CREATE TABLE a (id serial)",
                "CREATE SEQUENCE a_id_seq AS integer; "
                "CREATE TABLE a (id integer NOT NULL DEFAULT nextval('a_id_seq')); "
                "ALTER SEQUENCE a_id_seq OWNED BY a.id",
            ),
            (
                "CREATE TABLE a (b integer PRIMARY KEY CHECK (b > 0), c integer UNIQUE)",
                "CREATE TABLE a (c integer, b integer); ALTER TABLE a ADD CHECK (b > 0); ALTER TABLE a ADD UNIQUE (c); "
                "ALTER TABLE a ALTER b SET NOT NULL; CREATE UNIQUE INDEX x ON a (b); "
                "ALTER TABLE a ADD CONSTRAINT a_pkey PRIMARY KEY USING INDEX x",
            ),
            (
                "CREATE TABLE a (b integer); ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)",
                "CREATE TABLE a (b integer); ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID; "
                "ALTER TABLE a VALIDATE CONSTRAINT c",
            ),
            (
                "CREATE TABLE a (b integer) WITH (fillfactor = 50, autovacuum_enabled = off)",
                "CREATE TABLE a (b integer); ALTER TABLE a SET (autovacuum_enabled = off); "
                "ALTER TABLE a SET (fillfactor = 50); COMMENT ON TABLE a IS 'x'; COMMENT ON TABLE a IS NULL",
            ),
            (
                "CREATE TABLE a (b integer); GRANT SELECT, UPDATE ON a TO PUBLIC",
                "CREATE TABLE a (b integer); GRANT ALL ON a TO PUBLIC; "
                "REVOKE INSERT, DELETE, TRUNCATE, REFERENCES, TRIGGER ON a FROM PUBLIC; "
                "REVOKE MAINTAIN ON a FROM PUBLIC",
            ),
            (
                "CREATE TABLE a (b integer)",
                "CREATE TABLE a (b integer); GRANT SELECT ON a TO PUBLIC; REVOKE SELECT ON a FROM PUBLIC; "
                "GRANT ALL ON a TO CURRENT_USER",
            ),
            ("CREATE SEQUENCE a", "CREATE SEQUENCE a; SELECT nextval('a'), setval('a', 77)"),
            (
                "CREATE TABLE a (b integer, c integer); CREATE STATISTICS s ON b, c FROM a",
                "CREATE TABLE a (c integer, b integer); CREATE STATISTICS s ON c, b FROM a",
            ),
            (
                "CREATE TYPE m AS ENUM ('a', 'b', 'c')",
                "CREATE TYPE m AS ENUM ('c'); ALTER TYPE m ADD VALUE 'a' BEFORE 'c'; "
                "ALTER TYPE m ADD VALUE 'b' AFTER 'a'",
            ),
            (
                "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE q PARTITION OF p DEFAULT; "
                "CREATE INDEX i ON p (id)",
                "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE q (id int); "
                "CREATE INDEX q_id_idx ON q (id); CREATE INDEX i ON p (id); ALTER TABLE p ATTACH PARTITION q DEFAULT",
            ),
            ("", "CREATE TEMPORARY TABLE t (id serial PRIMARY KEY); COMMENT ON TABLE t IS 'x'"),
            ("", "COMMENT ON SCHEMA public IS NULL; COMMENT ON EXTENSION plpgsql IS 'x'"),
            (
                "",
                "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; "
                "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
            ),
        ],
        ids=[
            "order of columns",
            "serial by hand",
            "constraints later",
            "validated later",
            "options",
            "grants",
            "owner's grants",
            "values of a sequence",
            "order of statistics",
            "enum step by step",
            "partition attached",
            "temporary tables",
            "comments of the system",
            "default grants taken back",
        ],
    )
    def test_other_way(self, opened: Connection, one: str, other: str) -> None:
        """Two ways to the same schema end in the same snapshot."""
        assert drift(read(opened, one), read(opened, other)) == []

    @pytest.mark.parametrize("server", ["server17", "server18", "server_system"])
    def test_dump(self, request: pytest.FixtureRequest, server: str) -> None:
        """A database that was dumped and restored, between two migrations, has the same schema."""
        running: EmbeddedServer = request.getfixturevalue(server)
        binaries = binaries_of({"server17": "17", "server18": "18", "server_system": "system"}[server])
        with fresh_database(running.dsn()) as source, fresh_database(running.dsn()) as target:
            source.execute(RICH)
            for statement in TENANT[:5]:
                source.execute(statement)
            copy(binaries, source, target)
            for statement in TENANT[5:]:
                source.execute(statement)
                target.execute(statement)
            assert drift(read_snapshot(source, SCOPE), read_snapshot(target, SCOPE)) == []

    def test_names(self, rich: Connection) -> None:
        """Reading again gives the same; the database's own name and place are no part of it."""
        assert drift(read_snapshot(rich, SCOPE), read_snapshot(rich, SCOPE)) == []

    @pytest.mark.parametrize(
        "setting",
        [
            "search_path = app, public",
            "search_path = pg_temp, public",
            "quote_all_identifiers = on",
            "DateStyle = 'German, DMY'",
            "IntervalStyle = iso_8601",
            "TimeZone = 'Asia/Tokyo'",
            "bytea_output = escape",
            "extra_float_digits = -5",
            "standard_conforming_strings = off",
            "lc_messages = 'C'",
            "statement_timeout = '60s'",
        ],
    )
    def test_settings(self, rich: Connection, setting: str) -> None:
        """What a session has set changes nothing."""
        expected = read_snapshot(rich, SCOPE)
        assert drift(expected, read(rich, f"SET LOCAL {setting}")) == []

    def test_standard_strings(self, rich: Connection) -> None:
        """A session in which a backslash in a string escapes reads the same, with roles and patterns too."""
        scope = Scope(ignored=(Ignored("*", "no\\thing'*"),), roles=(("no\\one", "x'y"),))
        expected = read_snapshot(rich, SCOPE)
        assert read(rich, "SET LOCAL standard_conforming_strings = off", scope=scope) == expected


def count_messages(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by each message that is sent to a server from now on."""
    sent: list[object] = []
    execute = psycopg.Connection.execute

    def count(self: Connection, query: object, *args: object, **options: object) -> object:
        sent.append(query)
        return execute(self, query, *args, **options)  # type: ignore[call-overload]  # passed on as it came

    monkeypatch.setattr(psycopg.Connection, "execute", count)
    return sent


def copy(binaries: Path, source: Connection, target: Connection) -> None:
    """Dump one database, schema and data, and restore it into the other."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(binaries.parent / "lib")}
    dump: list[str | Path] = [binaries / "pg_dump", *arguments(source)]
    dumped = subprocess.run(dump, check=True, capture_output=True, env=environment)
    restore: list[str | Path] = [
        binaries / "psql",
        "-qX",
        "-v",
        "ON_ERROR_STOP=1",
        "-o",
        os.devnull,
        *arguments(target),
    ]
    subprocess.run(restore, check=True, input=dumped.stdout, capture_output=True, env=environment)


def arguments(connection: Connection) -> list[str]:
    """Return where a connection leads, for programs of any version."""
    info = connection.info
    return ["-h", info.host, "-p", str(info.port), "-U", info.user, "-d", info.dbname]


class TestLeftOut:
    def test_ledger(self, opened: Connection) -> None:
        """The ledger's tables, with all that belongs to them, are no part of the schema, wherever they are."""
        create = sql.SQL(read_sql("ledger/create"))
        tables = create.format(schema=sql.Identifier("public"), comment=sql.Literal("x")).as_string()
        elsewhere = create.format(schema=sql.Identifier("Own"), comment=sql.Literal("x")).as_string()
        assert drift(read(opened), read(opened, tables)) == []
        scope = Scope(ledger_schema="Own")
        assert drift(read(opened), read(opened, 'CREATE SCHEMA "Own"', elsewhere, scope=scope)) == []

    def test_ledger_elsewhere(self, opened: Connection) -> None:
        """Tables of the ledger's name are a difference where the ledger is not."""
        tables = "CREATE TABLE _migrations (id integer)"
        assert drift(read(opened, scope=Scope("odd")), read(opened, tables, scope=Scope("odd"))) == [
            "_migrations: extra, found a table"
        ]

    @pytest.mark.parametrize("extension", ["hstore", "citext", "pg_trgm"])
    def test_extension(self, system_dsn: str, extension: str) -> None:
        """What belongs to an extension is left out; the extension itself is named with its schema."""
        with fresh_database(system_dsn) as connection:
            before = read_snapshot(connection, SCOPE)
            try:
                connection.execute(f"CREATE EXTENSION {extension}")
            except psycopg.errors.FeatureNotSupported as error:
                pytest.skip(f"no extension {extension}: {error}")
            after = read_snapshot(connection, SCOPE)
        assert drift(before, after) == [f"extension {extension}: extra"]
        assert after.objects["extension", extension].facts["schema"] == "public"


class TestScope:
    @pytest.mark.parametrize(
        ("ignored", "left"),
        [
            (("table", "public.tmp_*"), ["sequence other: extra"]),
            (("table", "tmp_*"), ["sequence other: extra"]),
            (("*", "*tmp*"), ["sequence other: extra"]),
            (("sequence", "othe?"), ["tmp_a: extra, found a table"]),
            (("sequence", "othe"), ["tmp_a: extra, found a table", "sequence other: extra"]),
            (("table", "tmp%a"), ["tmp_a: extra, found a table", "sequence other: extra"]),
        ],
        ids=["full name", "without public", "any kind", "one character", "whole name only", "no other signs"],
    )
    def test_ignored(self, opened: Connection, ignored: tuple[str, str], left: list[str]) -> None:
        """What is ignored is left out with all that belongs to it, of the fingerprint too."""
        scope = Scope(ignored=(Ignored(*ignored),))
        change = (
            "CREATE TABLE tmp_a (id serial PRIMARY KEY, b text CHECK (b <> '')); CREATE INDEX b_index ON tmp_a (b); "
            "COMMENT ON TABLE tmp_a IS 'x'; COMMENT ON INDEX b_index IS 'x'; GRANT SELECT ON tmp_a TO PUBLIC; "
            "CREATE SEQUENCE other; COMMENT ON SEQUENCE other IS 'x'"
        )
        assert drift(read(opened, scope=scope), read(opened, change, scope=scope)) == left
        with undone(opened, change):
            assert read_fingerprint(opened, scope) == read_snapshot(opened, scope).fingerprint

    def test_ignored_comment(self, opened: Connection) -> None:
        """Comments alone can be ignored."""
        scope = Scope(ignored=(Ignored("comment", "table a*"),))
        change = "COMMENT ON TABLE ab IS 'x'; COMMENT ON COLUMN ab.id IS 'x'"
        create = "CREATE TABLE ab (id integer)"
        assert drift(read(opened, create, scope=scope), read(opened, create, change, scope=scope)) == [
            "comment on column ab.id: extra"
        ]

    def test_roles(self, opened: Connection) -> None:
        """Roles of two tenants with one word are no difference in owners, grants, policies and default grants."""
        snapshots = [read(opened, use_of_role(role), scope=Scope(roles=((role, "tenant"),))) for role in new_roles()]
        assert drift(*snapshots) == []
        table = snapshots[0].objects["table", "public.a"].facts
        assert (table["owner"], table["grants"]) == ("tenant", "CURRENT_USER: SELECT")
        assert snapshots[0].objects["policy", "public.a.own"].facts["roles"] == "tenant"
        assert ("default grants", "tables of tenant") in snapshots[0].objects

    def test_roles_without_words(self, opened: Connection) -> None:
        """Without a word for them, the roles of two tenants are a difference."""
        one, other = new_roles()
        lines = drift(read(opened, use_of_role(one)), read(opened, use_of_role(other)))
        assert lines[0] == f"a: owner {other}, expected {one}"

    def test_connected_role(self, server_dsn: str, opened: Connection) -> None:
        """Who owns everything makes no difference as long as it is the role that is connected."""
        role, _ = new_roles()
        become = f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}; SET LOCAL ROLE {role}"
        objects = (
            "CREATE TABLE a (id serial PRIMARY KEY); CREATE TYPE m AS ENUM ('x'); REVOKE INSERT ON a FROM CURRENT_USER"
        )
        granted = read(opened, become, objects)
        lines = drift(read(opened, objects), granted)
        assert lines == ["schema public: grants CURRENT_USER: CREATE, expected as built in"]


def new_roles() -> tuple[str, str]:
    """Return names that no other test on the server uses."""
    return f"rt_{secrets.token_hex(5)}", f"rt_{secrets.token_hex(5)}"


def use_of_role(role: str) -> str:
    return f"""
        CREATE ROLE {role};
        CREATE TABLE a (id integer);
        CREATE POLICY own ON a TO {role} USING (true);
        ALTER TABLE a OWNER TO {role};
        GRANT SELECT ON a TO CURRENT_USER;
        ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT SELECT ON TABLES TO PUBLIC
    """


class TestSession:
    READS = (read_snapshot, read_fingerprint)
    SETTINGS = "SELECT name, setting, source FROM pg_settings WHERE source IN ('session', 'client') ORDER BY name"

    @pytest.mark.parametrize("reads", READS)
    @pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
    def test_left_as_it_was(self, server_dsn: str, rich: Connection, reads: object, inside: bool) -> None:
        """Settings, transaction and savepoints are the same after reading, in a transaction and outside."""
        assert callable(reads)
        with connect(server_dsn, rich.info.dbname) as connection:
            connection.execute("SET search_path = app, public")
            if inside:
                connection.execute("BEGIN READ ONLY; SET LOCAL search_path = app; SAVEPOINT tenantry_catalog")
            before = connection.execute(self.SETTINGS).fetchall()
            status = connection.info.transaction_status
            reads(connection, SCOPE)
            assert connection.info.transaction_status is status
            assert connection.execute(self.SETTINGS).fetchall() == before
            if inside:
                connection.execute(
                    "ROLLBACK TO SAVEPOINT tenantry_catalog; RELEASE SAVEPOINT tenantry_catalog; ROLLBACK"
                )

    def test_no_autocommit(self, server_dsn: str, rich: Connection) -> None:
        """A connection that begins transactions by itself keeps its search_path in the one that reading began."""
        with psycopg.connect(server_dsn, dbname=rich.info.dbname) as connection:
            expected = read_snapshot(rich, SCOPE)
            for _ in range(7):
                assert read_snapshot(connection, SCOPE) == expected
            assert connection.execute("SHOW search_path").fetchone() == ('"$user", public',)

    def test_read_only(self, server_dsn: str, rich: Connection) -> None:
        """A database that only lets read can be read, and no transaction number is used."""
        with connect(server_dsn, rich.info.dbname) as connection:
            connection.execute("SET default_transaction_read_only = on; BEGIN")
            assert read_snapshot(connection, SCOPE) == read_snapshot(rich, SCOPE)
            used = connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
            assert used == (None,)
            connection.execute("ROLLBACK")

    def test_round_trips(self, rich: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        """A snapshot is one message to the server, a fingerprint as well where it is known what to expect, else two."""
        sent = count_messages(monkeypatch)
        snapshot = read_snapshot(rich, SCOPE)
        assert len(sent) == 1
        assert read_fingerprint(rich, SCOPE, snapshot) == snapshot.fingerprint
        assert len(sent) == 2
        assert read_fingerprint(rich, SCOPE) == snapshot.fingerprint
        assert len(sent) == 4

    @pytest.mark.parametrize("server", SERVERS)
    def test_nothing_rare(self, request: pytest.FixtureRequest, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a database that has tables, keys, defaults and indexes alone, nothing else is asked."""
        with fresh_database(request.getfixturevalue(server)) as connection:
            for statement in TENANT[:2]:
                connection.execute(statement)
            connection.execute(
                sql.SQL(read_sql("ledger/create")).format(schema=sql.Identifier("public"), comment=sql.Literal("x"))
            )
            sent = count_messages(monkeypatch)
            read_fingerprint(connection, SCOPE)
            assert len(sent) == 1

    def test_no_privileges(self, opened: Connection) -> None:
        """A role that may not touch a single table reads the same objects; they belong to somebody else."""
        role, _ = new_roles()
        owner = opened.info.user
        with undone(opened, f"CREATE ROLE {role}; CREATE TABLE a (id serial PRIMARY KEY); SET LOCAL ROLE {role}"):
            found = read_snapshot(opened, Scope(roles=((owner, "owner"),)))
        assert found.objects["table", "public.a"].facts == {"owner": "owner"}
        assert ("constraint", "public.a.a_pkey") in found.objects

    def test_no_catalog(self, opened: Connection) -> None:
        """A catalog that the role may not read is named."""
        role, _ = new_roles()
        with (
            undone(
                opened,
                f"CREATE ROLE {role}; REVOKE SELECT ON pg_catalog.pg_class FROM PUBLIC; SET LOCAL ROLE {role}",
            ),
            pytest.raises(TenantError) as caught,
        ):
            read_fingerprint(opened, SCOPE)
        assert str(caught.value) == "catalog: permission denied for table pg_class"
        assert caught.value.hint == "grant the role SELECT on it, which every role has unless it was revoked"


STATEMENTS = (
    "CREATE TABLE a (id serial PRIMARY KEY, b text)",
    "CREATE TABLE c (d integer)",
    "ALTER TABLE a ADD e integer",
    "ALTER TABLE a DROP COLUMN IF EXISTS e",
    "ALTER TABLE a DROP COLUMN IF EXISTS b",
    "ALTER TABLE a ADD COLUMN IF NOT EXISTS b text",
    "ALTER TABLE c ALTER d SET DEFAULT 1",
    "ALTER TABLE c ALTER d DROP DEFAULT",
    "CREATE INDEX IF NOT EXISTS c_d ON c (d)",
    "DROP INDEX IF EXISTS c_d",
    "CREATE OR REPLACE VIEW v AS SELECT 1 AS one",
    "DROP VIEW IF EXISTS v",
    "GRANT SELECT ON c TO PUBLIC",
    "REVOKE SELECT ON c FROM PUBLIC",
    "COMMENT ON TABLE c IS 'x'",
    "COMMENT ON TABLE c IS NULL",
    "DROP TABLE IF EXISTS c",
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STATEMENTS), max_size=8), st.lists(st.sampled_from(STATEMENTS), max_size=8))
def test_equal_or_not(opened: Connection, one: list[str], other: list[str]) -> None:
    """Fingerprints are equal where objects are, and only there; and then nothing differs."""
    drift(read_what_runs(opened, one), read_what_runs(opened, other))


def read_what_runs(connection: Connection, statements: list[str]) -> Snapshot:
    with undone(connection):
        for statement in statements:
            # One that does not fit what the others made is rolled back.
            with contextlib.suppress(psycopg.ProgrammingError), connection.transaction():
                connection.execute(statement)
        return read_snapshot(connection, SCOPE)
