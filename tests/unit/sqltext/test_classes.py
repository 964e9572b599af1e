"""How strong the locks of a statement are, by its words."""

import pytest

from tenantry.sqltext import LockClass, classify, is_strong, sets_lock_timeout

STRONG, PATIENT, WEAK = LockClass.STRONG, LockClass.PATIENT, LockClass.WEAK

STATEMENTS = {
    "ALTER TABLE rooms ADD COLUMN rate int": STRONG,
    "alter /* one */ table rooms add check (id > 0) not valid": STRONG,
    "ALTER TABLE rooms VALIDATE CONSTRAINT rooms_rate": PATIENT,
    "ALTER TABLE ONLY public.rooms VALIDATE CONSTRAINT a, ADD COLUMN b int": STRONG,
    "ALTER TABLE validate ADD COLUMN a int": STRONG,
    "ALTER TABLE bookings DETACH PARTITION bookings_1 CONCURRENTLY": PATIENT,
    "ALTER TABLE bookings DETACH PARTITION bookings_1": STRONG,
    'ALTER TABLE "concurrently" ADD COLUMN a int': STRONG,
    "ALTER VIEW v RENAME TO w": STRONG,
    "ALTER TYPE mood ADD VALUE 'calm'": STRONG,
    "ALTER ROLE app CONNECTION LIMIT 5": WEAK,
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app": WEAK,
    "ALTER FUNCTION f() STABLE": WEAK,
    "CREATE INDEX rooms_name ON rooms (name)": STRONG,
    "CREATE UNIQUE INDEX rooms_name ON rooms (name)": STRONG,
    "CREATE INDEX CONCURRENTLY rooms_name ON rooms (name)": PATIENT,
    "DROP INDEX CONCURRENTLY rooms_name": PATIENT,
    "REINDEX INDEX CONCURRENTLY rooms_name": PATIENT,
    "REINDEX (CONCURRENTLY) TABLE rooms": PATIENT,
    "REINDEX TABLE rooms": STRONG,
    "CREATE TABLE beds (id int PRIMARY KEY)": WEAK,
    "CREATE TABLE beds (id int REFERENCES rooms)": STRONG,
    "CREATE TABLE beds PARTITION OF rooms FOR VALUES IN (1)": STRONG,
    "CREATE TABLE beds () INHERITS (rooms)": STRONG,
    "CREATE TEMP TABLE beds AS SELECT 1": WEAK,
    "CREATE VIEW v AS SELECT 1": WEAK,
    "CREATE OR REPLACE VIEW v AS SELECT 1": STRONG,
    "CREATE OR REPLACE FUNCTION f() RETURNS int RETURN 1": WEAK,
    "CREATE TRIGGER t BEFORE UPDATE ON rooms EXECUTE FUNCTION f()": STRONG,
    "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION f()": WEAK,
    "CREATE POLICY p ON rooms": STRONG,
    "DROP TABLE rooms": STRONG,
    "DROP FUNCTION f()": WEAK,
    "DROP FUNCTION f() CASCADE": STRONG,
    "DROP ROLE app": WEAK,
    "TRUNCATE rooms": STRONG,
    "LOCK TABLE rooms": STRONG,
    "CLUSTER rooms": STRONG,
    "VACUUM rooms": WEAK,
    "VACUUM (FULL) rooms": STRONG,
    "REFRESH MATERIALIZED VIEW v": STRONG,
    "REFRESH MATERIALIZED VIEW CONCURRENTLY v": WEAK,
    "DO $$ BEGIN NULL; END $$": STRONG,
    "CALL tidy()": STRONG,
    "UPDATE rooms SET name = 'ALTER TABLE'": WEAK,
    "INSERT INTO rooms SELECT 1": WEAK,
    "WITH gone AS (DELETE FROM rooms RETURNING 1) SELECT 1": WEAK,
    "COMMENT ON TABLE rooms IS 'DROP TABLE'": WEAK,
    "GRANT SELECT ON rooms TO app": WEAK,
    "SET search_path = ''": WEAK,
    "REPACK rooms": STRONG,
    "": WEAK,
}


@pytest.mark.parametrize(("statement", "found"), STATEMENTS.items(), ids=[text or "nothing" for text in STATEMENTS])
def test_statements(statement: str, found: LockClass) -> None:
    """A statement that may hold up readers or writers is strong, and so is one that nobody knows."""
    assert classify(statement) is found


FILES = {
    "one of several": ("UPDATE rooms SET id = 1;\nALTER TABLE rooms ADD a int;\n", True),
    "none": ("UPDATE rooms SET id = 1;\n-- ALTER TABLE rooms ADD a int;\nSELECT 'DROP TABLE rooms';\n", False),
    "in a transaction, validating waits in front of nobody": ("ALTER TABLE rooms VALIDATE CONSTRAINT a;\n", False),
    "not to be understood": ("SELECT 'no end", True),
    "nothing": ("-- a note\n", False),
}


@pytest.mark.parametrize(("text", "strong"), FILES.values(), ids=FILES)
def test_files(text: str, *, strong: bool) -> None:
    """A file is as strong as the strongest of its statements."""
    assert is_strong(text) is strong


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("SET lock_timeout = '1min'", True),
        ("SET LOCAL LOCK_TIMEOUT TO 0", True),
        ("SELECT set_config('lock_timeout', '5s', true)", True),
        ('SET "lock_timeout" = 0', True),
        ("-- SET lock_timeout = 0", False),
        ("SELECT 'SET lock_timeout = 0'", False),
        ("SET statement_timeout = 0", False),
    ],
)
def test_own_timeout(text: str, *, own: bool) -> None:
    """A file that sets its lock timeout in a statement is told from one that speaks of it."""
    assert sets_lock_timeout(text) is own
