"""How large tables are: counted by the server, and written as the server writes it."""

from collections.abc import Iterator

import psycopg
import pytest

from tenantry.lint.sizes import describe_size, format_bytes, pick_largest, read_sizes
from tenantry.model.results import TableSize
from tenantry.postgres.sessions import Connection
from tests.fix_postgres import MakeDatabase

EDGES = [0, *(factor * 2**power for power in (10, 20, 30, 40, 50) for factor in (1, 10, 20, 41)), 2**62]
SIZES = [edge + offset for edge in EDGES for offset in (-1, 0, 1, 511, 512) if edge + offset >= 0]

TABLES = """
CREATE TABLE rooms (id integer PRIMARY KEY, name text);
INSERT INTO rooms SELECT id, repeat('x', 3000) FROM generate_series(1, 100) AS id;
CREATE TABLE bookings (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE bookings_2026 PARTITION OF bookings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO bookings SELECT id, '2026-03-03' FROM generate_series(1, 1000) AS id;
CREATE SCHEMA ops;
CREATE TABLE ops.fresh (id integer);
CREATE VIEW names AS SELECT name FROM rooms;
ANALYZE rooms;
ANALYZE bookings;
"""


@pytest.fixture
def connection(any_database: MakeDatabase) -> Iterator[Connection]:
    """Return a connection to a database with a few tables."""
    with psycopg.connect(any_database(), autocommit=True) as one:
        one.execute(TABLES)
        yield one


def size(tenant: str, total: int, relation: str = "public.rooms") -> TableSize:
    return TableSize(relation, tenant, total, -1)


def test_sizes(connection: Connection) -> None:
    """A table counts with its indexes and its long values, a partitioned one with its partitions; a view does not."""
    asked = ["public.rooms", "public.bookings", "ops.fresh", "public.names", "public.missing"]
    query = "SELECT pg_total_relation_size('rooms'), pg_total_relation_size('bookings_2026')"
    ((rooms, bookings),) = connection.execute(query).fetchall()
    assert sorted(read_sizes(connection, "7", asked), key=lambda size: size.relation) == [
        TableSize("ops.fresh", "7", 0, -1),
        TableSize("public.bookings", "7", bookings, 1000),
        TableSize("public.rooms", "7", rooms, 100),
    ]


def test_nothing_asked(connection: Connection) -> None:
    """No table is no size."""
    assert read_sizes(connection, "7", []) == ()


def test_format(connection: Connection) -> None:
    """A size is written as the server writes it, on both sides of every edge."""
    rows = connection.execute("SELECT size, pg_size_pretty(size) FROM unnest(%s::bigint[]) AS size", [SIZES]).fetchall()
    assert [(number, format_bytes(number)) for number, _ in rows] == rows


def test_largest() -> None:
    """Of each table the largest one counts, and of two as large the one that was found first."""
    other = size("2", 1, "ops.rates")
    found = [size("1", 5), size("7", 9), size("16", 9), other]
    assert pick_largest(found) == {"public.rooms": size("7", 9), "ops.rates": other}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (size("7", 41 * 2**30), "rooms: 41 GB on tenant 7"),
        (size("master", 8192, "ops.rates"), "ops.rates: 8192 bytes on the master"),
    ],
    ids=["tenant", "master"],
)
def test_words(found: TableSize, expected: str) -> None:
    """A size is said with its table and where it is."""
    assert describe_size(found) == expected
