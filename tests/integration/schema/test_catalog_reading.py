"""Reading a catalog: what is left out, what is asked for, and that nothing is left behind."""

import secrets

import psycopg
import pytest
from psycopg import sql

from tenantry.model.errors import TenantError
from tenantry.model.scope import CONNECTED, Ignored, Scope
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tests.fix_postgres import each_major, other_major
from tests.integration.fix_catalog import TENANT, connect, drift, fresh_database, read, undone

SCOPE = Scope()


def count_messages(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by each message that is sent to a server from now on."""
    sent: list[object] = []
    execute = psycopg.Connection.execute

    def count(self: Connection, query: object, *args: object, **options: object) -> object:
        sent.append(query)
        return execute(self, query, *args, **options)  # type: ignore[call-overload]  # passed on as it came

    monkeypatch.setattr(psycopg.Connection, "execute", count)
    return sent


class TestLeftOut:
    def test_ledger(self, opened: Connection) -> None:
        """The ledger's tables, with all that belongs to them, are no part of the schema, wherever they are."""
        create = sql.SQL(read_sql("ledger", "create"))
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

    @other_major
    @pytest.mark.parametrize("extension", ["hstore", "citext", "pg_trgm", "unaccent", "postgres_fdw"])
    def test_extension(self, system_dsn: str, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What belongs to an extension is left out and not asked for; the extension is named with its schema."""
        with fresh_database(system_dsn) as connection:
            before = read_snapshot(connection, SCOPE)
            try:
                connection.execute(f"CREATE EXTENSION {extension}")
            except psycopg.errors.FeatureNotSupported as error:
                pytest.skip(f"no extension {extension}: {error}")
            after = read_snapshot(connection, SCOPE)
            sent = count_messages(monkeypatch)
            assert read_fingerprint(connection, SCOPE) == after.fingerprint
            assert len(sent) == 1
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
        """Who owns everything, and was granted the schema for it, is the same as long as that role is connected."""
        role, _ = new_roles()
        become = f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}; SET LOCAL ROLE {role}"
        objects = (
            "CREATE TABLE a (id serial PRIMARY KEY); CREATE TYPE m AS ENUM ('x'); REVOKE INSERT ON a FROM CURRENT_USER"
        )
        granted = read(opened, become, objects)
        assert drift(read(opened, objects), granted) == []

    def test_named_role(self, opened: Connection) -> None:
        """A role with the word of the connected one may own everything where another one looks."""
        role, reader = new_roles()
        objects = "CREATE TABLE a (id serial PRIMARY KEY); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"
        become = f"CREATE ROLE {role}; CREATE ROLE {reader}; GRANT CREATE ON SCHEMA public TO {role}; SET ROLE {role}"
        look = f"RESET ROLE; SET ROLE {reader}"
        scope = Scope(roles=((role, CONNECTED),))
        assert drift(read(opened, objects), read(opened, become, objects, look, scope=scope)) == []

    def test_another_role_in_public(self, opened: Connection) -> None:
        """A role that the schema public was granted to is a difference if it is any other."""
        role, _ = new_roles()
        found = read(opened, f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
        assert drift(read(opened), found) == [f"schema public: grants {role}: CREATE, expected as built in"]


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

    @pytest.mark.parametrize("server", each_major("server_dsn", "server18_dsn", "system_dsn"))
    def test_nothing_rare(self, request: pytest.FixtureRequest, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a database that has tables, keys, defaults and indexes alone, nothing else is asked."""
        with fresh_database(request.getfixturevalue(server)) as connection:
            for statement in TENANT[:2]:
                connection.execute(statement)
            connection.execute(
                sql.SQL(read_sql("ledger", "create")).format(schema=sql.Identifier("public"), comment=sql.Literal("x"))
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
        assert caught.value.hint == "grant the role SELECT on it, which every role has by default"


# Each on a table of its own, with a column of every type whose definition is not asked of the server.
INDEXES = (
    *(f"CREATE INDEX ON odd ({name})" for name in ("a", "b", "c", "d", "e", "f", "g", '"Odd one"')),
    'CREATE UNIQUE INDEX "Quoted name" ON odd (a)',
    "CREATE INDEX ON odd (a DESC)",
    "CREATE INDEX ON odd (a NULLS FIRST)",
    "CREATE INDEX ON odd (a, b)",
    "CREATE UNIQUE INDEX ON odd (a) INCLUDE (b)",
    "CREATE INDEX ON odd (a) WHERE b > 0",
    "CREATE INDEX ON odd ((a + 1))",
    "CREATE INDEX ON odd (a) WITH (fillfactor = 50)",
    "CREATE INDEX ON odd USING hash (a)",
    "CREATE INDEX ON odd (c text_pattern_ops)",
    "CREATE INDEX ON odd (d varchar_pattern_ops)",
    'CREATE INDEX ON odd (c COLLATE "C")',
    "CREATE INDEX ON odd (h)",
    "CREATE INDEX ON odd (i)",
    "CREATE INDEX ON parted (a)",
    "CREATE UNIQUE INDEX ON odd (a) NULLS NOT DISTINCT",
)


@pytest.mark.parametrize("server", each_major("server_dsn", "server18_dsn", "system_dsn"))
def test_index_definitions(request: pytest.FixtureRequest, server: str) -> None:
    """Definitions of indexes are what the server writes of them, also where it is not asked."""
    with fresh_database(request.getfixturevalue(server)) as connection:
        connection.execute(
            "CREATE TABLE odd (a bigint PRIMARY KEY, b integer, c text, d varchar(3), e date, f timestamp, "
            'g timestamptz, "Odd one" text COLLATE "C", h numeric UNIQUE, i name); '
            "CREATE TABLE parted (a integer) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF parted DEFAULT"
        )
        known = [each for each in INDEXES if "NULLS NOT" not in each or connection.info.server_version >= 150000]
        for statement in known:
            connection.execute(statement.encode())
        found = read_snapshot(connection, Scope()).objects
        connection.execute("SET search_path = ''")
        written = connection.execute(
            "SELECT 'public.' || quote_ident(relname), pg_get_indexdef(oid) FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('i', 'I')"
        ).fetchall()
        assert {name: each.facts["definition"] for (kind, name), each in found.items() if kind == "index"} == dict(
            written
        )
        assert len(written) == len(known) + 3
