"""The token of a catalog: it changes with every schema, and stays the same while no schema changes."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg import sql
from psycopg.errors import QueryCanceled
from psycopg.pq import TransactionStatus

from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.catalog.sighting import Experience, Sighting, read_sighting
from tenantry.schema.catalog.token import ALL, read_token
from tenantry.schema.snapshot import Snapshot
from tests.fix_postgres import each_major
from tests.integration.fix_catalog import RICH, Planted, connect, fresh_database
from tests.integration.schema.test_differences import CHAPTERS, ONLY_18

SERVERS = each_major("server_dsn", "server18_dsn", "system_dsn")
# What no proof may miss beyond the planted differences: each pair is committed apart.
BEYOND = {
    "function made again": (
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION f; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    ),
    "policy made again": (
        "CREATE TABLE a (b integer); CREATE POLICY p ON a USING (b > 1)",
        "DROP POLICY p ON a; CREATE POLICY p ON a USING (true)",
    ),
    "default": ("CREATE TABLE a (b integer DEFAULT 1)", "ALTER TABLE a ALTER b SET DEFAULT 2"),
    "default dropped": ("CREATE TABLE a (b integer DEFAULT 1)", "ALTER TABLE a ALTER b DROP DEFAULT"),
    "column of a view": ("CREATE VIEW v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW v AS SELECT 2 AS a"),
    "parent without columns": ("CREATE TABLE p (); CREATE TABLE c ()", "ALTER TABLE c INHERIT p"),
    "grants given back": (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES "
        "FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    ),
    "sequence": ("CREATE SEQUENCE s", "ALTER SEQUENCE s INCREMENT 2"),
    "sequence logged": ("CREATE UNLOGGED TABLE a (b serial)", "ALTER SEQUENCE a_b_seq SET LOGGED"),
    "owner of a sequence": (
        "CREATE TABLE a (b integer, c integer); CREATE SEQUENCE s OWNED BY a.b",
        "ALTER SEQUENCE s OWNED BY a.c",
    ),
    "setting of the database": ("SELECT 1", "ALTER DATABASE rt_here SET work_mem = '8MB'"),
    "setting of a role in it": ("SELECT 1", "ALTER ROLE rt_other IN DATABASE rt_here SET work_mem = '8MB'"),
    "name of a role": ("CREATE TABLE a (); GRANT SELECT ON a TO rt_other", "ALTER ROLE rt_other RENAME TO rt_other_2"),
    "invalid index": (
        "CREATE TABLE a (b integer); INSERT INTO a VALUES (1), (1); CREATE INDEX i ON a (b)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
    ),
    "label of an enum": ("CREATE TYPE e AS ENUM ('a')", "ALTER TYPE e ADD VALUE 'b'"),
    "label renamed": ("CREATE TYPE e AS ENUM ('a')", "ALTER TYPE e RENAME VALUE 'a' TO 'b'"),
    "comment": ("CREATE TABLE a ()", "COMMENT ON TABLE a IS 'x'"),
    "comment on public": ("SELECT 1", "COMMENT ON SCHEMA public IS 'x'"),
    "grant on public": ("SELECT 1", "GRANT CREATE ON SCHEMA public TO PUBLIC"),
    "partition attached": (
        "CREATE TABLE p (a integer) PARTITION BY LIST (a); CREATE TABLE c (a integer)",
        "ALTER TABLE p ATTACH PARTITION c FOR VALUES IN (1)",
    ),
    "trigger disabled": (
        "CREATE TABLE a (); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; "
        "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()",
        "ALTER TABLE a DISABLE TRIGGER t",
    ),
}
BEYOND |= {
    "privileges on a catalog": ("SELECT 1", "GRANT SELECT ON pg_authid TO rt_other"),
    "privileges on its column": ("SELECT 1", "GRANT SELECT (rolpassword) ON pg_authid TO rt_other"),
    "privileges on a built-in function": ("SELECT 1", "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC"),
    "privileges taken from everybody": ("SELECT 1", "REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC"),
    "privileges on pg_catalog": ("SELECT 1", "GRANT CREATE ON SCHEMA pg_catalog TO PUBLIC"),
    "privileges on an extension's function": (
        "CREATE EXTENSION citext",
        "REVOKE EXECUTE ON FUNCTION citext_eq(citext, citext) FROM PUBLIC",
    ),
    "privileges on an identity's sequence": (
        "CREATE TABLE a (b integer GENERATED ALWAYS AS IDENTITY)",
        "GRANT USAGE ON SEQUENCE a_b_seq TO PUBLIC",
    ),
    "statistics of an index": (
        "CREATE TABLE a (b integer); CREATE INDEX i ON a ((b + 1))",
        "ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 7",
    ),
    "not populated": ("CREATE MATERIALIZED VIEW m AS SELECT 1 AS a", "REFRESH MATERIALIZED VIEW m WITH NO DATA"),
    "comment on a column of a type": ("CREATE TYPE c AS (x integer)", "COMMENT ON COLUMN c.x IS 'n'"),
    "comment on a domain's constraint": (
        "CREATE DOMAIN d AS integer CONSTRAINT c CHECK (value > 0)",
        "COMMENT ON CONSTRAINT c ON DOMAIN d IS 'n'",
    ),
    "shell type": ("SELECT 1", "CREATE TYPE bare"),
    "function in pg_catalog": (
        "SELECT 1",
        "CREATE FUNCTION pg_catalog.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ),
    "dropped with an extension": (
        "CREATE EXTENSION citext; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION f() DEPENDS ON EXTENSION citext",
    ),
    "given to an extension": (
        "CREATE EXTENSION citext; CREATE TABLE a (b integer)",
        "ALTER EXTENSION citext ADD TABLE a",
    ),
}
# What is no change of a schema, and must not cost a full read.
SAME = {
    "rows": "INSERT INTO rooms SELECT n, 'x' FROM generate_series(1, 100) AS n; UPDATE rooms SET name = 'y'",
    "analyze": "ANALYZE",
    "table made and dropped": "CREATE TABLE passing (a integer PRIMARY KEY); DROP TABLE passing",
    "value of a sequence": "SELECT nextval('tickets')",
    "rolled back": "BEGIN; ALTER TABLE public.rooms ADD note text; CREATE TABLE public.more (); ROLLBACK",
    "large object": "SELECT lo_create(0)",
}
ALONE = {"vacuum": "VACUUM", "freeze": "VACUUM (FREEZE)", "full": "VACUUM FULL pg_catalog.pg_class"}


@contextmanager
def committed(dsn: str) -> Iterator[tuple[Connection, str]]:
    """Connect to a new database with a schema `odd`, and lend a role; neither is left afterwards."""
    role = f"rt_other_{secrets.token_hex(5)}"
    with connect(dsn, "postgres") as server:
        server.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        with fresh_database(dsn) as connection:
            connection.execute("CREATE SCHEMA odd")
            yield connection, role
            for (name,) in connection.execute(
                "SELECT subname FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database "
                "WHERE datname = current_database())"
            ).fetchall():
                for action in ("ALTER {} DISABLE", "ALTER {} SET (slot_name = NONE)", "DROP {}"):
                    connection.execute(sql.SQL(action.replace(" ", " SUBSCRIPTION ", 1)).format(sql.Identifier(name)))
        for suffix in ("", "_2"):
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role + suffix)))


def look(dsn: str, both: str, change: str, experience: Experience | None = None) -> tuple[bool, bool]:
    """Return whether the token and whether the fingerprint differ after a change that is committed apart.

    A sighting tells the same of both, whatever is likely and whatever other databases had.
    """
    with committed(dsn) as (connection, role):
        scope, seen, likely = Scope(roles=((role, "rt_other"),)), [], Snapshot("", {})
        for text in (both, change):
            connection.execute(text.replace("rt_other", role).replace("rt_here", connection.info.dbname))
            # The token comes first, as where a proof is kept.
            token, fingerprint = read_token(connection), read_fingerprint(connection, scope)
            assert token is not None
            sighting = read_sighting(connection, scope, likely, experience or Experience())
            assert sighting == Sighting(token, fingerprint), text
            assert connection.info.transaction_status is TransactionStatus.IDLE
            seen.append((token, fingerprint))
            likely = read_snapshot(connection, scope)
            connection.execute("RESET ALL; RESET ROLE")
        (before, first), (after, second) = seen
        return before != after, first != second


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_planted(request: pytest.FixtureRequest, server: str, chapter: str) -> None:
    """Every planted difference that changes the fingerprint changes the token."""
    dsn = request.getfixturevalue(server)
    cases: dict[str, Planted] = CHAPTERS[chapter]
    experience = Experience()
    seen = {name: look(dsn, case.both, case.change, experience) for name, case in cases.items()}
    assert [name for name, (token, fingerprint) in seen.items() if fingerprint and not token] == []
    # Not one by one: a few differ only within the transaction that plants them elsewhere.
    assert sum(fingerprint for _, fingerprint in seen.values()) > 0.9 * len(cases)


@pytest.mark.parametrize("server", SERVERS)
def test_beyond(request: pytest.FixtureRequest, server: str) -> None:
    """So does what was found to slip past a token that is made otherwise."""
    dsn = request.getfixturevalue(server)
    cases = BEYOND | ({name: (case.both, case.change) for name, case in ONLY_18.items()} if "18" in server else {})
    experience = Experience()
    assert {name: look(dsn, *texts, experience) for name, texts in cases.items()} == dict.fromkeys(cases, (True, True))


@pytest.mark.parametrize("server", SERVERS)
def test_same(request: pytest.FixtureRequest, server: str) -> None:
    """Rows, statistics, vacuum, and what was rolled back leave the token as it was."""
    with committed(request.getfixturevalue(server)) as (connection, _):
        connection.execute(f"{RICH}; CREATE TABLE rooms (id integer PRIMARY KEY, name text); CREATE SEQUENCE tickets")
        before = read_token(connection)
        for name, text in (SAME | ALONE).items():
            connection.execute(text)
            assert read_token(connection) == before, name


def test_temporary_relations(server_dsn: str) -> None:
    """Temporary relations of any session count for nothing."""
    with committed(server_dsn) as (connection, _), connect(server_dsn, connection.info.dbname) as other:
        before = read_token(connection)
        other.execute(
            "CREATE TEMP TABLE t (id serial PRIMARY KEY, b integer REFERENCES t, c text CHECK (c <> '')); "
            "CREATE TEMP VIEW v AS SELECT 1 AS a; COMMENT ON TABLE t IS 'x'; CREATE INDEX ON t (b)"
        )
        assert read_token(connection) == before
        assert read_token(other) == before
        sighting = read_sighting(connection, Scope(), Snapshot("", {}), Experience())
        assert sighting
        assert sighting.token == before


def test_collision(server_dsn: str) -> None:
    """An object that is made again in one transaction never gives the old token."""
    again = "DROP FUNCTION f; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT {}'"
    with committed(server_dsn) as (connection, _):
        connection.execute("CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 0'")
        tokens = [read_token(connection)]
        for number in range(1, 41):
            connection.execute(again.format(number).encode())
            tokens.append(read_token(connection))
    assert len(set(tokens)) == 41


def test_whose(server_dsn: str) -> None:
    """It is that of one database and one role."""
    with committed(server_dsn) as (one, role), committed(server_dsn) as (two, _):
        assert read_token(one) != read_token(two)
        before = read_token(one)
        one.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        assert before != read_token(one)
        assert read_token(one) is not None


def test_within_a_transaction(server_dsn: str) -> None:
    """There is none in a transaction, which may change the schema again under one number."""
    with committed(server_dsn) as (connection, _), connection.transaction():
        assert read_token(connection) is None


def test_sighting_in_a_transaction(server_dsn: str) -> None:
    """A sighting leaves a transaction alone, and none open, whatever fails in it."""
    with committed(server_dsn) as (connection, _), connect(server_dsn, connection.info.dbname) as hurried:
        with connection.transaction():
            assert read_sighting(connection, Scope(), Snapshot("", {}), Experience()) is None
        # The timeout has a session of its own: what is cleaned up after the test may take longer.
        hurried.execute("SET statement_timeout = 1")
        with pytest.raises(QueryCanceled):
            read_sighting(hurried, Scope(), Snapshot("", {}), Experience())
        assert hurried.info.transaction_status is TransactionStatus.IDLE


@pytest.mark.parametrize("server", SERVERS)
def test_usual_privileges(request: pytest.FixtureRequest, server: str) -> None:
    """Privileges as they were found to be usual in one database are so in no other where they are changed."""
    dsn, experience = request.getfixturevalue(server), Experience()
    for statement in ("SELECT 1", "REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC", "SELECT 1"):
        with committed(dsn) as (connection, _):
            connection.execute(statement.encode())
            sighting = read_sighting(connection, Scope(), Snapshot("", {}), experience)
            assert sighting
            assert sighting.fingerprint == read_fingerprint(connection, Scope())
    assert len(experience.usual) == 1


@pytest.mark.parametrize("server", SERVERS)
def test_left_out(request: pytest.FixtureRequest, server: str) -> None:
    """Catalogs that are left out because they are empty count as much as when they are read, and those in use are told.

    A token is the same whatever the databases before it used.
    """
    uses = {
        "CREATE TYPE e AS ENUM ('a')": "pg_enum",
        "CREATE COLLATION odd.c (locale = 'C')": "placed",
        "CREATE TABLE p (a integer); CREATE TABLE c () INHERITS (p)": "pg_inherits",
        "CREATE FOREIGN DATA WRAPPER w": "pg_foreign_data_wrapper",
    }
    with committed(request.getfixturevalue(server)) as (connection, _):
        for statement, word in uses.items():
            before: set[str] = set()
            assert read_token(connection, before) == read_token(connection, set(ALL)), statement
            connection.execute(statement.encode())
            after: set[str] = set()
            assert read_token(connection, after) == read_token(connection, set(ALL)), statement
            assert after - before == {word}
