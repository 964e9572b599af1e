"""Databases whose catalogs are read, and the two sides that a test compares."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from runner.session import Connection


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


def connect(dsn: str, database: str) -> Connection:
    """Connect as the runner does."""
    return psycopg.connect(dsn, dbname=database, autocommit=True, prepare_threshold=None)
