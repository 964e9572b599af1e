"""Databases whose catalogs are read, and the two sides that a test compares."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.differences import compare_schemas, explain
from tenantry.schema.snapshot import Snapshot
from tests.places import ROOT

_ROOT = ROOT
RICH = (_ROOT / "tests/data/catalog/rich.sql").read_text("utf-8")
RARE = (_ROOT / "tests/data/catalog/rare.sql").read_text("utf-8")
TENANT = tuple(path.read_text("utf-8") for path in sorted((_ROOT / "migrations/tenant").glob("[0-9]*.sql")))


@dataclass(frozen=True, slots=True)
class Planted:
    """What both sides have, what only the second one got, and what is said of that."""

    both: str
    change: str
    lines: tuple[str, ...]


def planted(both: str, change: str, *lines: str) -> Planted:
    return Planted(both, change, lines)


@contextmanager
def fresh_database(dsn: str) -> Iterator[Connection]:
    """Connect to a new empty database of a server; it is dropped afterwards."""
    name = sql.Identifier(f"rt_{secrets.token_hex(5)}")
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            with connect(dsn, name.as_string().strip('"')) as connection:
                yield connection
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="module")
def opened(server_dsn: str) -> Iterator[Connection]:
    """Return a connection to an empty database, in which no test leaves anything."""
    with fresh_database(server_dsn) as connection:
        yield connection


@pytest.fixture(scope="module")
def rich(server_dsn: str) -> Iterator[Connection]:
    """Return a connection to a database with an object of every common kind, in which no test leaves anything."""
    with fresh_database(server_dsn) as connection:
        connection.execute(RICH)
        yield connection


def connect(dsn: str, database: str) -> Connection:
    """Connect as the runner does."""
    return psycopg.connect(dsn, dbname=database, autocommit=True, prepare_threshold=None)


@contextmanager
def plant(connection: Connection, case: Planted) -> Iterator[tuple[Snapshot, Snapshot, str]]:
    """Yield what is expected, what a change made of it, and the name that `rt_other` has on this server.

    Nothing of it is left in the database afterwards.
    """
    with connection.transaction(force_rollback=True):
        # Roles are of a whole server, on which other tests run: the name is this one's alone.
        role = f"rt_other_{secrets.token_hex(5)}"
        connection.execute(sql.SQL("CREATE ROLE {}; CREATE SCHEMA odd").format(sql.Identifier(role)))
        snapshots = []
        scope = Scope(roles=((role, "rt_other"),))
        for text in (case.both, case.change):
            connection.execute(text.replace("rt_other", role).replace("rt_here", connection.info.dbname))
            snapshots.append(read_snapshot(connection, scope))
        assert read_fingerprint(connection, scope) == snapshots[1].fingerprint != snapshots[0].fingerprint
        yield snapshots[0], snapshots[1], role


def find(connection: Connection, case: Planted) -> tuple[str, ...]:
    """Return how what a change made of a schema is told."""
    with plant(connection, case) as (expected, found, _):
        return tuple(explain(difference) for difference in compare_schemas(expected, found))


@contextmanager
def undone(connection: Connection, *statements: str) -> Iterator[Connection]:
    """Run statements in a transaction that is rolled back."""
    with connection.transaction(force_rollback=True):
        for statement in statements:
            connection.execute(statement)
        yield connection


def read(connection: Connection, *statements: str, scope: Scope | None = None) -> Snapshot:
    """Return what statements make of a database, and that is rolled back."""
    with undone(connection, *statements):
        return read_snapshot(connection, scope or Scope())


def drift(expected: Snapshot, found: Snapshot) -> list[str]:
    """Return the differences as text; the fingerprints agree with them."""
    lines = [explain(difference) for difference in compare_schemas(expected, found)]
    assert (expected.fingerprint == found.fingerprint) is (expected.objects == found.objects) is (not lines)
    return lines
