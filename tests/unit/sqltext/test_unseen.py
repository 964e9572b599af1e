"""Statements whose effect no catalog comparison shows: named, and told from those that one does show."""

import pytest

from tenantry.sqltext import find_unseen, find_written

UNSEEN = {
    "GRANT CREATE ON DATABASE hotel TO clerk": "privileges on a database",
    "COMMENT ON DATABASE hotel IS 'x'": "a comment on a database",
    "ALTER DATABASE hotel OWNER TO clerk": "the owner of a database",
    "CREATE ROLE clerk": "CREATE ROLE",
    "ALTER USER clerk PASSWORD 'x'": "ALTER ROLE",
    "ALTER ROLE clerk SET work_mem = '8MB'": "ALTER ROLE",
    "GRANT clerk TO porter": "a grant of a role",
    "GRANT SELECT ON LARGE OBJECT 7 TO clerk": "privileges on a large object",
    "ALTER EXTENSION citext ADD FUNCTION f()": "ALTER EXTENSION ADD or DROP",
    "GRANT SELECT ON rooms, information_schema.tables TO clerk": "privileges on information_schema",
    "GRANT SELECT ON ALL TABLES IN SCHEMA information_schema TO clerk": "privileges on information_schema",
    "GRANT SELECT (id, ctid) ON rooms TO clerk": "privileges on a system column",
    "ALTER OPERATOR FAMILY integer_ops USING btree ADD OPERATOR 1 < (int, text)": (
        "additions to a built-in operator family"
    ),
    "ALTER SUBSCRIPTION s CONNECTION 'host=x'": "ALTER SUBSCRIPTION",
    "DO $$ BEGIN CREATE ROLE clerk; EXCEPTION WHEN duplicate_object THEN NULL; END $$": "CREATE ROLE",
    "DO $$ BEGIN EXECUTE 'GRANT CREATE ON DATABASE hotel TO clerk'; END $$": "privileges on a database",
    # It may be newer than the parser.
    "SELCT role": "a statement that tenantry cannot read",
}
SEEN = [
    "GRANT SELECT ON rooms TO clerk",
    "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM PUBLIC",
    "COMMENT ON TABLE rooms IS 'role of a database'",
    "ALTER ROLE clerk IN DATABASE hotel SET work_mem = '8MB'",
    "ALTER DATABASE hotel SET work_mem = '8MB'",
    "CREATE EXTENSION citext",
    "GRANT SELECT (id) ON rooms TO clerk",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk",
    "ALTER OPERATOR FAMILY own.integers USING btree ADD OPERATOR 1 < (int, text)",
    "DO $$ BEGIN CREATE TABLE role (id integer); END $$",
]
WRITTEN = {
    "INSERT INTO rooms VALUES (1); UPDATE app.rooms SET id = 2; DELETE FROM rooms": ("rooms", "app.rooms"),
    "TRUNCATE rooms, halls": ("rooms", "halls"),
    "MERGE INTO rooms USING halls ON rooms.id = halls.id WHEN MATCHED THEN DELETE": ("rooms",),
    "DO $$ BEGIN IF true THEN UPDATE rooms SET id = 2; END IF; EXECUTE 'DELETE FROM halls'; END $$": ("rooms", "halls"),
    "CREATE TABLE rooms (id integer); INSERT INTO rooms VALUES (1); DELETE FROM halls": ("rooms", "halls"),
    "CREATE TABLE app.rooms AS SELECT 1 AS id; UPDATE app.rooms SET id = 2": ("app.rooms",),
    "SELECT 'delete from rooms'": (),
    "SELCT insert": (),
}


@pytest.mark.parametrize("text", UNSEEN)
def test_unseen(text: str) -> None:
    """What the comparison does not read has a name."""
    assert find_unseen(f"CREATE TABLE rooms (id integer); {text}; {text}") == (UNSEEN[text],)


@pytest.mark.parametrize("text", SEEN)
def test_seen(text: str) -> None:
    """Other statements have none."""
    assert find_unseen(text) == ()


@pytest.mark.parametrize("text", WRITTEN)
def test_written(text: str) -> None:
    """The tables whose rows a text changes are named once; those that it creates can be left out."""
    assert find_written(text) == WRITTEN[text]
    created = [name for name in WRITTEN[text] if f"CREATE TABLE {name}" in text]
    assert find_written(text, own=False) == tuple(name for name in WRITTEN[text] if name not in created)
