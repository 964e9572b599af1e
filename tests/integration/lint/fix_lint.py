"""A small studio with rows, of which each test has a copy: files are measured on it and linted."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tenantry.files.directory import read_migrations
from tenantry.lint.measure.replay import measure_file
from tenantry.lint.ruleset import lint
from tenantry.model import Migration
from tenantry.model.effects import Measured
from tenantry.model.hazards import Hazard
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.scratch.places import Scratch
from tests.builders import write_files
from tests.integration.fix_site import make_sessions, make_tenant

BASE = """\
CREATE TYPE mood AS ENUM ('glad', 'calm');
CREATE TABLE rooms (id serial PRIMARY KEY, name varchar(255) NOT NULL, mood mood);
CREATE TABLE sessions (
    id        serial PRIMARY KEY,
    room_id   integer NOT NULL REFERENCES rooms (id),
    other_id  integer,
    title     varchar(255),
    code      varchar(20),
    starts_at timestamp
);
CREATE INDEX sessions_code_idx ON sessions (code);
CREATE TABLE plays (room_id integer, n integer);
CREATE MATERIALIZED VIEW totals AS SELECT room_id, sum(n) AS n FROM plays GROUP BY room_id;
CREATE UNIQUE INDEX totals_key ON totals (room_id);
CREATE TABLE parts (kind integer, n integer) PARTITION BY LIST (kind);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE "Parts 2" PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE old_parts (kind integer, n integer);
CREATE TABLE visits (id integer PRIMARY KEY, room_id integer REFERENCES rooms (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE secured (id integer PRIMARY KEY, org integer);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secured USING (org = 1);
CREATE FUNCTION is_title(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE VIEW titles AS SELECT name FROM rooms WHERE is_title(name);
CREATE SCHEMA old;
CREATE TABLE old.things (id integer);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"""
# It locks rooms before sessions.
ORDER = "ALTER TABLE rooms ADD COLUMN size integer;\nALTER TABLE sessions ADD COLUMN size integer;\n"

MeasuredFiles = tuple[tuple[Migration, ...], tuple[tuple[Measured, ...], ...]]
# Texts of the files behind the base, as they come.
Measure = Callable[..., MeasuredFiles]


class Studio:
    """A server with a database in which the base was applied, as the template of others."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder
        self.template = f"rt_{secrets.token_hex(5)}"
        self.execute(f"CREATE DATABASE {self.template}")
        with self.open(self.template) as scratch:
            self.base = tuple(measure_file(scratch, file, "public") for file in self.read())

    def execute(self, text: str) -> None:
        """Run a statement beside the databases."""
        with psycopg.connect(self.dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(text))

    @contextmanager
    def open(self, name: str) -> Iterator[Scratch]:
        """Connect to a database as one that files may be measured on."""
        dsn = make_conninfo(self.dsn, dbname=name)
        tenant, sessions = make_tenant(dsn), make_sessions(dsn)
        with sessions.connect(tenant) as connection:
            yield Scratch(tenant, sessions, connection, own_server=False)

    def read(self, *texts: str) -> tuple[Migration, ...]:
        """Return the files of the base, and behind them those of these texts."""
        folder = self.folder / secrets.token_hex(5)
        numbered = enumerate((BASE, ORDER, *texts), 1)
        write_files(folder, {f"{version:04d}_file.sql": text for version, text in numbered})
        return read_migrations(folder, "migrations").migrations

    def measure(self, *texts: str) -> MeasuredFiles:
        """Return the files of the base and of the texts, with what each statement does to a copy of the studio."""
        files, name = self.read(*texts), f"rt_{secrets.token_hex(5)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            with self.open(name) as scratch:
                behind = tuple(measure_file(scratch, file, "public") for file in files[len(self.base) :])
            return files, (*self.base, *behind)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def lint(self, *texts: str) -> list[Hazard]:
        """Return what is found in the files of the texts, but for what their headers allow."""
        found = lint(*self.measure(*texts))
        return [hazard for hazard in found if hazard.version > len(self.base) and not hazard.allowed]

    def close(self) -> None:
        """Drop the template."""
        self.execute(f"DROP DATABASE {self.template} WITH (FORCE)")


@pytest.fixture(scope="module")
def studio(server17: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Return the studio on PostgreSQL 17."""
    yield from open_studio(server17, tmp_path_factory)


def open_studio(server: EmbeddedServer, folders: pytest.TempPathFactory) -> Iterator[Studio]:
    """Yield the studio on a server, and drop it."""
    studio = Studio(server.dsn(), folders.mktemp("studio"))
    yield studio
    studio.close()
