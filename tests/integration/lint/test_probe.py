"""What a statement does, on every server: locks, what is written anew, what is read whole."""

from collections.abc import Iterator

import pytest

from tenantry import sqltext
from tenantry.lint.measure.books import Books, read_state
from tenantry.lint.measure.probe import probe
from tenantry.lint.measure.rows import fill
from tenantry.model.effects import LockMode
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.sessions import Connection
from tests.fix_postgres import each_major
from tests.integration.fix_catalog import fresh_database

BASE = """
CREATE TABLE rooms (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE sessions (
    id      serial PRIMARY KEY,
    room_id integer NOT NULL REFERENCES rooms,
    title   varchar(50),
    code    varchar(20)
);
CREATE INDEX sessions_code_idx ON sessions (code);
CREATE INDEX sessions_room_id_idx ON sessions (room_id);
CREATE VIEW titles AS SELECT title FROM sessions;
CREATE MATERIALIZED VIEW names AS SELECT name FROM rooms;
CREATE TABLE parts (kind integer, n integer) PARTITION BY LIST (kind);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE old_parts (kind integer, n integer);
"""
READS, ROWS, WRITES, WEAK = (
    LockMode.ACCESS_SHARE,
    LockMode.ROW_SHARE,
    LockMode.ROW_EXCLUSIVE,
    LockMode.SHARE_UPDATE_EXCLUSIVE,
)
SHARE, KEY, ALL = LockMode.SHARE, LockMode.SHARE_ROW_EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE
# Statement, locks, what is written anew, what is read whole.
FORMS: dict[str, tuple[str, dict[str, LockMode], str, str]] = {
    "nothing": ("SELECT 1", {}, "", ""),
    "a comment": ("COMMENT ON TABLE rooms IS 'x'", {"rooms": WEAK}, "", ""),
    "a column": ("ALTER TABLE rooms ADD x int", {"rooms": ALL}, "", ""),
    "a column with a constant": ("ALTER TABLE rooms ADD x int NOT NULL DEFAULT 5", {"rooms": ALL}, "", ""),
    "a column with the time": ("ALTER TABLE rooms ADD x timestamp DEFAULT now()", {"rooms": ALL}, "", ""),
    "a volatile default": (
        "ALTER TABLE old_parts ADD x float DEFAULT random()",
        {"old_parts": ALL},
        "old_parts",
        "old_parts",
    ),
    "a serial column": ("ALTER TABLE old_parts ADD x serial", {"old_parts": ALL}, "old_parts", "old_parts"),
    "an index": ("CREATE INDEX ON sessions (title)", {"sessions": SHARE}, "", "sessions"),
    "an index on partitions": ("CREATE INDEX ON parts (n)", {"parts": SHARE, "parts_1": SHARE}, "", "parts_1"),
    "an index on the whole only": ("CREATE INDEX ON ONLY parts (n)", {"parts": SHARE}, "", ""),
    "an index dropped": ("DROP INDEX sessions_code_idx", {"sessions": ALL}, "", ""),
    "an index renamed": ("ALTER INDEX sessions_code_idx RENAME TO x", {"sessions_code_idx": WEAK}, "", ""),
    "an index built anew": (
        "REINDEX INDEX sessions_code_idx",
        {"sessions": SHARE, "sessions_code_idx": ALL},
        "sessions_code_idx",
        "sessions",
    ),
    "a check": ("ALTER TABLE rooms ADD CHECK (id > 0)", {"rooms": ALL}, "", "rooms"),
    "a check not valid": ("ALTER TABLE rooms ADD CHECK (id > 0) NOT VALID", {"rooms": ALL}, "", ""),
    "a foreign key": (
        "ALTER TABLE old_parts ADD FOREIGN KEY (n) REFERENCES rooms",
        {"old_parts": KEY, "rooms": KEY},
        "",
        "old_parts rooms",
    ),
    "a foreign key not valid": (
        "ALTER TABLE old_parts ADD FOREIGN KEY (n) REFERENCES rooms NOT VALID",
        {"old_parts": KEY, "rooms": KEY},
        "",
        "",
    ),
    "a table that refers": ("CREATE TABLE x (room_id int REFERENCES rooms)", {"rooms": KEY}, "", ""),
    "not null": ("ALTER TABLE old_parts ALTER n SET NOT NULL", {"old_parts": ALL}, "", "old_parts"),
    "another type": ("ALTER TABLE old_parts ALTER n TYPE bigint", {"old_parts": ALL}, "old_parts", "old_parts"),
    "a wider type": ("ALTER TABLE sessions ALTER code TYPE varchar(30)", {"sessions": ALL}, "", ""),
    "another collation": (
        'ALTER TABLE sessions ALTER code TYPE varchar(20) COLLATE "C"',
        {"sessions": ALL},
        "sessions_code_idx",
        "sessions",
    ),
    "emptied": ("TRUNCATE old_parts", {"old_parts": ALL}, "", ""),
    "clustered": ("CLUSTER rooms USING rooms_pkey", {"rooms": ALL}, "rooms", "rooms"),
    "dropped": ("DROP TABLE old_parts", {"old_parts": ALL}, "", ""),
    "a view": ("CREATE VIEW x AS SELECT * FROM rooms", {"rooms": READS}, "", ""),
    "a view replaced": (
        "CREATE OR REPLACE VIEW titles AS SELECT title FROM sessions",
        {"titles": ALL, "sessions": READS},
        "",
        "",
    ),
    "refreshed": ("REFRESH MATERIALIZED VIEW names", {"names": ALL, "rooms": READS}, "names", "rooms"),
    "attached": (
        "ALTER TABLE parts ATTACH PARTITION old_parts FOR VALUES IN (1000001, 1000002, 1000003)",
        {"parts": WEAK, "old_parts": ALL},
        "",
        "old_parts",
    ),
    "locked": ("LOCK rooms IN EXCLUSIVE MODE", {"rooms": LockMode.EXCLUSIVE}, "", ""),
    "a row changed": ("UPDATE sessions SET title = 'x' WHERE id = 5", {"sessions": WRITES}, "", ""),
    "rows changed by two indexes": (
        "UPDATE sessions SET title = 'x' WHERE id = 5 OR code = 'y'",
        {"sessions": WRITES},
        "",
        "",
    ),
    "rows changed": ("UPDATE sessions SET title = 'x' WHERE title IS NULL", {"sessions": WRITES}, "", "sessions"),
    "rows changed by others": (
        "UPDATE sessions SET title = name FROM rooms WHERE rooms.id = room_id AND sessions.id = 5",
        {"sessions": WRITES, "rooms": READS},
        "",
        "",
    ),
    "a row deleted": ("DELETE FROM rooms WHERE id = 5", {"rooms": WRITES}, "", ""),
    "rows deleted": ("DELETE FROM old_parts", {"old_parts": WRITES}, "", "old_parts"),
    "a row": ("INSERT INTO old_parts VALUES (1, 1)", {"old_parts": WRITES}, "", ""),
    "rows copied": (
        "INSERT INTO parts_1 SELECT 1, id FROM sessions",
        {"parts_1": WRITES, "parts": READS, "sessions": READS},
        "",
        "sessions",
    ),
    "in a block": (
        "DO $$ BEGIN ALTER TABLE old_parts ALTER n TYPE bigint; END $$",
        {"old_parts": ALL},
        "old_parts",
        "old_parts",
    ),
}


def public(names: str) -> tuple[str, ...]:
    """Return the names of relations of the schema that is everybody's."""
    return tuple(f"public.{name}" for name in names.split())


@pytest.fixture(scope="module", params=each_major("server17", "server18", "server_system"))
def filled(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """Return a database with the base and a few rows, on each server of the run in turn."""
    server: EmbeddedServer = request.getfixturevalue(request.param)
    with fresh_database(server.dsn()) as connection:
        connection.execute(BASE.encode())
        fill(connection, "public")
        yield connection


class TestProbe:
    @pytest.mark.parametrize("form", FORMS)
    def test_form(self, filled: Connection, form: str) -> None:
        """What a statement locks, writes anew and reads whole is what the server's own books say, on every version."""
        text, locks, rewritten, scanned = FORMS[form]
        filled.execute("BEGIN")
        try:
            effect = probe(Books(filled), sqltext.split(text)[0], frozenset(read_state(filled)))
        finally:
            filled.execute("ROLLBACK")
        assert {lock.relation.removeprefix("public."): lock.mode for lock in effect.locks} == locks
        assert (*effect.rewritten, *effect.rebuilt) == public(rewritten)
        assert effect.scanned == public(scanned)
