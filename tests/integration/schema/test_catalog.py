"""Reading a catalog: what makes no difference between two databases."""

import contextlib
import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry.model.scope import Ignored, Scope
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.snapshot import Snapshot
from tests.fix_postgres import binaries_of, each_major, other_major
from tests.integration.fix_catalog import RARE, RICH, TENANT, drift, fresh_database, read, undone
from tests.places import ROOT

MASTER = tuple(path.read_text("utf-8") for path in sorted((ROOT / "migrations/master").glob("[0-9]*.sql")))
SCOPE = Scope()


class TestNoDifference:
    @other_major
    @pytest.mark.parametrize(
        "statements", [(RICH,), (RARE,), TENANT, MASTER, ()], ids=["rich", "rare", "tenant", "master", "empty"]
    )
    def test_servers(self, request: pytest.FixtureRequest, statements: tuple[str, ...]) -> None:
        """The same statements give the same snapshot and fingerprint on each major version."""
        snapshots = []
        for server in ("server_dsn", "server18_dsn", "system_dsn"):
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

    @pytest.mark.parametrize("server", each_major("server17", "server18", "server_system"))
    @pytest.mark.parametrize("objects", [RICH, RARE], ids=["rich", "rare"])
    def test_dump(self, request: pytest.FixtureRequest, server: str, objects: str) -> None:
        """A database that was dumped and restored, between two migrations, has the same schema."""
        running: EmbeddedServer = request.getfixturevalue(server)
        binaries = binaries_of({"server17": "17", "server18": "18", "server_system": "system"}[server])
        with fresh_database(running.dsn()) as source, fresh_database(running.dsn()) as target:
            source.execute(objects)
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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
