"""A change in batches is the change: whatever the key, the statement and the size of a batch."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tenantry.model.events import BatchProgressed
from tenantry.model.results import Result
from tests.builders import unhurried
from tests.fix_postgres import MakeDatabase, other_major
from tests.integration.fix_site import Site, make_site

HEADER = "-- transactional: false\n-- batch: 3\n"
FILL = "UPDATE t SET n = n + 1"
FIFTY = "generate_series(1, 50) AS i"


def table(key: str, value: str, *, before: str = "", rows: str = FIFTY) -> str:
    """Return what makes table t with such a key, and rows with these values, in no order of the key."""
    made = f"CREATE TABLE t (id {key} PRIMARY KEY, n int DEFAULT 0)"
    return f"{before}{made};\nINSERT INTO t (id) SELECT {value} FROM {rows};\n"


KEYS = {
    "integer": table("int", "25 - i"),
    "uuid": table("uuid", "gen_random_uuid()"),
    "text": table("text", "'ä''\\' || i"),
    "text in C": table('text COLLATE "C"', "chr(40 + i) || chr(250 - i)"),
    "padded": table("char(9)", "i || ' x'"),
    "boolean": table("boolean", "i = 1", rows="generate_series(1, 2) AS i"),
    "bytea": table("bytea", "sha256(i::text::bytea)"),
    "enum": table(
        "mood",
        "unnest(enum_range(NULL::mood))",
        before="CREATE TYPE mood AS ENUM ('sad', 'ok', 'good', 'fine');\n",
        rows="generate_series(1, 1) AS i",
    ),
    "domain": table("d", "i", before="CREATE DOMAIN d AS text;\n"),
    "inet": table("inet", "inet '10.0.0.0/8' + i"),
    "array": table("int[]", "ARRAY[i % 5, i]"),
    "moment": table("timestamptz", "now() + i * interval '9 days 1 us'"),
    "length of time": table("interval", "i * interval '-1 mon 2 days -3 s'"),
    "fraction": table("float8", "1 + i / 1e15"),
    "no rows": table("int", "i", rows="generate_series(1, 0) AS i"),
    "one row": table("int", "i", rows="generate_series(1, 1) AS i"),
    "one batch": table("int", "i", rows="generate_series(1, 3) AS i"),
    "several": "CREATE TABLE t (a text, n int DEFAULT 0, b int, PRIMARY KEY (b, a));\n"
    f"INSERT INTO t (a, b) SELECT chr(100 - i), i % 4 FROM {FIFTY}",
    "with more in its index": "CREATE TABLE t (id int, n int DEFAULT 0, PRIMARY KEY (id) INCLUDE (n));\n"
    f"INSERT INTO t SELECT i FROM {FIFTY}",
    "odd names": 'CREATE TABLE t (key1 int, "a ""b" int, n int DEFAULT 0, PRIMARY KEY ("a ""b", key1));\n'
    f"INSERT INTO t SELECT i, i % 3 FROM {FIFTY}",
    "partitions": "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY HASH (id);\n"
    "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);\n"
    "CREATE TABLE t2 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);\n"
    f"INSERT INTO t SELECT i FROM {FIFTY}",
}
BY_ICU = table(
    "text COLLATE ci",
    "CASE i % 2 WHEN 0 THEN chr(65 + i % 26) ELSE chr(97 + i % 26) END || i",
    before="CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n",
)
TABLES = (
    'CREATE SCHEMA "S 1"; CREATE TABLE "S 1"."T" (id int PRIMARY KEY, n int DEFAULT 0);'
    f' INSERT INTO "S 1"."T" SELECT i FROM {FIFTY};'
    " CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0, u_id int);"
    f" INSERT INTO t SELECT i, i % 2, i % 7 FROM {FIFTY};"
    " CREATE TABLE u (id int PRIMARY KEY, n int); INSERT INTO u SELECT i, 100 * i FROM generate_series(0, 5) AS i;"
    " CREATE TABLE z (id int PRIMARY KEY, n int DEFAULT 7); INSERT INTO z SELECT generate_series(10, 20);"
    " CREATE TABLE log (n int);"
    " CREATE TABLE child () INHERITS (t); INSERT INTO child SELECT i, 9 FROM generate_series(60, 70) AS i"
)
# Each with the table that it writes.
STATEMENTS = {
    "where": ("UPDATE ONLY t SET n = 5 WHERE n = 0 OR id > 45;", "ONLY t"),
    "alias": ('UPDATE ONLY t AS "my T" SET n = "my T".id WHERE "my T".n = 0', "ONLY t"),
    "quoted": ('UPDATE "S 1"."T" SET n = 1 -- WHERE ;\n;', '"S 1"."T"'),
    "from": ("UPDATE ONLY t SET n = u.n FROM u WHERE u.id = t.u_id", "ONLY t"),
    "own rows in a query": ("UPDATE ONLY t SET n = (SELECT count(*) FROM u WHERE u.id < t.id)", "ONLY t"),
    "delete": ("DELETE FROM ONLY t WHERE id % 3 = 0", "ONLY t"),
    "delete using": ("DELETE FROM ONLY t USING u WHERE u.id = t.u_id AND u.n > 200", "ONLY t"),
    "insert": ("INSERT INTO log SELECT n + 1 FROM ONLY t WHERE id > 7", "log"),
    "on conflict": (
        "INSERT INTO z (id, n) SELECT id, n FROM ONLY t WHERE id < 30"
        " ON CONFLICT (id) DO UPDATE SET n = z.n + 1 WHERE z.id > 15",
        "z",
    ),
    "join": ("INSERT INTO log SELECT u.n FROM u JOIN ONLY t ON t.u_id = u.id WHERE t.n = 1", "log"),
    "far side": ("INSERT INTO log SELECT u.n FROM u RIGHT JOIN ONLY t ON t.u_id = u.id", "log"),
    "first with a key": ("INSERT INTO log SELECT t.n FROM generate_series(1, 2) AS s, ONLY t", "log"),
    "with": ("WITH u AS (SELECT 3 AS id) INSERT INTO log (SELECT t.n FROM u, ONLY t WHERE t.u_id > u.id)", "log"),
    "many of each": ("INSERT INTO log SELECT generate_series(1, n) FROM ONLY t", "log"),
}


@pytest.fixture(scope="module")
def shared(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site on PostgreSQL 17 for all tests of this module, each of which begins with `prepare`."""
    name = f"rt_{secrets.token_hex(5)}"
    database = sql.Identifier(name)
    with psycopg.connect(server_dsn, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield make_site(lambda: make_conninfo(server_dsn, dbname=name), tmp_path_factory.mktemp("batch"), {})
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def prepare(here: Site, text: str) -> Site:
    """Empty a database, ledger and all, and run SQL in it."""
    here.query(f'DROP SCHEMA IF EXISTS "S 1" CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; {text}')
    return here


def check_equal(here: Site, statement: str, written: str, header: str = HEADER) -> int:
    """Assert that a change in batches makes of a table what it makes as a whole; return how many rows it changed."""
    rows = f"SELECT CAST(one AS text) FROM {written} AS one ORDER BY 1".encode()
    with psycopg.connect(here.dsn()) as connection:
        expected_count = connection.execute(statement.encode()).rowcount
        expected = connection.execute(rows).fetchall()
        connection.rollback()
    here.write({"0002_fill.sql": header + statement})
    ran = here.migrate()
    assert ran.verdict().result is Result.APPLIED, ran.verdict()
    assert here.query(rows.decode()) == expected
    detail = here.log()[-1].detail
    assert detail.get("changed", 0) == expected_count
    (row,) = [row for row in here.rows() if row.version == 2]
    assert (row.statements, row.statements_done, row.progress) == (1, 1, None)
    return int(detail.get("rows", 0))


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_keys(shared: Site, keys: str) -> None:
    """Whatever the primary key, each row is changed once."""
    here = prepare(shared, keys)
    ((count,),) = here.query("SELECT count(*) FROM t")
    assert check_equal(here, FILL, "t") == count
    assert here.query("SELECT count(*) FROM t WHERE n <> 1") == [(0,)]


@other_major
@pytest.mark.parametrize("any_server", ["system"], indirect=True)
def test_icu(any_database: MakeDatabase, tmp_path: Path) -> None:
    """A key that is equal to others by its letters, whatever their case, is in order by them."""
    here = make_site(any_database, tmp_path, {"0001_t.sql": BY_ICU})
    if here.query("SELECT count(*) < 2 FROM pg_collation WHERE collprovider = 'i'") == [(True,)]:
        pytest.skip("this PostgreSQL is built without ICU")
    here.migrate()
    assert check_equal(here, FILL, "t") == 50


@pytest.mark.parametrize("key", ["moment", "length of time", "fraction", "bytea"])
def test_settings(shared: Site, key: str) -> None:
    """How a database shows dates and numbers hides no key, and a setting that is not about reading SQL stays."""
    here = prepare(shared, f"{KEYS[key]}; ALTER TABLE t ADD shown text")
    database = sql.Identifier(here.databases["1"]).as_string()
    for setting in (
        "DateStyle = 'SQL, DMY'",
        "IntervalStyle = sql_standard",
        "extra_float_digits = -9",
        "work_mem = '5MB'",
    ):
        here.query(f"ALTER DATABASE {database} SET {setting}")
    try:
        check_equal(here, "UPDATE t SET n = n + 1, shown = current_setting('work_mem')", "t")
    finally:
        here.query(f"ALTER DATABASE {database} RESET ALL")


@pytest.mark.parametrize(("statement", "written"), STATEMENTS.values(), ids=STATEMENTS)
def test_statements(shared: Site, statement: str, written: str) -> None:
    """Whatever the statement, it does in batches what it does as a whole."""
    check_equal(prepare(shared, TABLES), statement, written)


def test_servers(any_database: MakeDatabase, tmp_path: Path) -> None:
    """It does so on each server, also on an older one and for a key of several columns."""
    here = make_site(any_database, tmp_path, {"0001_t.sql": KEYS["several"]})
    here.migrate()
    assert check_equal(here, FILL, "t") == 50


def test_any_rows(shared: Site) -> None:
    """Whatever the keys and the size of a batch, it does in batches what it does as a whole."""
    here = prepare(shared, "CREATE TABLE t (a int, b int, n int, PRIMARY KEY (a, b))")
    numbers = st.integers(-3, 3)
    conditions = st.sampled_from(["", "WHERE n > 0", "WHERE n > 0 OR a = b", "WHERE a IN (1, 2) AND n <> b"])

    @settings(unhurried, max_examples=15)
    @given(st.sets(st.tuples(numbers, numbers)), st.integers(1, 9), conditions, st.booleans())
    def check(keys: set[tuple[int, int]], rows: int, condition: str, deletes: bool) -> None:
        values = ", ".join(f"({a}, {b}, {a * b})" for a, b in keys)
        here.query("TRUNCATE t; DROP TABLE IF EXISTS _migrations, _migrations_log")
        if keys:
            here.query(f"INSERT INTO t VALUES {values}")
        statement = f"DELETE FROM t {condition}" if deletes else f"UPDATE t SET n = n + 10 {condition}"
        assert check_equal(here, statement, "t", f"-- transactional: false\n-- batch: {rows}\n") == len(keys)

    check()


def test_progress(shared: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is told of with what is behind it and what the server thinks that the table has."""
    monkeypatch.setattr("tenantry.apply.batch.pace._TELL_EVERY_S", 0.0)
    here = prepare(shared, f"{KEYS['integer']}; ANALYZE t")
    here.write({"0002_fill.sql": "-- transactional: false\n-- batch: 20\n" + FILL})
    told = [(event.rows, event.total, event.held) for event in here.migrate().of(BatchProgressed)]
    assert told == [(20, 50, ""), (40, 50, ""), (50, 50, "")]
