"""The migrations of this repository on a real server: the schema they make, and the locks that the late ones take."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.places import ROOT

DATA = ROOT / "tests" / "data" / "schema"

# PostgreSQL's table lock modes, the weakest first.
LOCK_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)

SESSION_PROJECT_KEY = "sessions: FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE SET NULL"
MISSING_COLUMNS = {
    "sessions: project_id integer",
    "sessions: deposit_amount numeric(10,2)",
    "sessions: deposit_paid boolean NOT NULL DEFAULT false",
    "sessions: payment_status character varying(50) NOT NULL DEFAULT 'unpaid'::character varying",
    "sessions: stripe_checkout_session_id character varying(255)",
    "sessions: stripe_payment_intent_id character varying(255)",
    "invoices: deposit_amount numeric(10,2)",
    "invoices: deposit_paid_at timestamp without time zone",
    "invoices: stripe_deposit_payment_intent_id character varying(255)",
    "invoices: remaining_balance numeric(10,2)",
    "invoices: pdf_s3_key text",
    "invoices: sent_at timestamp without time zone",
    "musicians: talent_type character varying(50) NOT NULL DEFAULT 'musician'::character varying -- musician or actor",
}

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """What a file brings: the tables it makes, the columns each older table gains, and how many indexes."""

    tables: str = ""
    columns: dict[str, int] = field(default_factory=dict)
    indexes: int = 0


GAINS = {
    0: Gain(
        "clients contracts equipment expenses invoice_items invoices musicians payments projects quote_items quotes"
        " rooms sessions track_credits tracks"
    ),
    1: Gain("notifications"),
    2: Gain(
        "ai_action_logs ai_conversations client_portal_accounts client_portal_activity_logs client_portal_magic_links"
        " client_portal_sessions payment_transactions"
    ),
    3: Gain(columns={"tracks": 18}),
    4: Gain("client_contacts client_notes track_comments", columns={"clients": 16}),
    5: Gain("service_catalog"),
    6: Gain("task_types time_entries"),
    7: Gain(columns={"time_entries": 1}),
    8: Gain(indexes=27),
    9: Gain("stripe_webhook_events"),
    10: Gain(columns={"sessions": 6, "invoices": 6, "musicians": 1}),
    11: Gain(),
}


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a statement did to the tables: which it rewrote and which it scanned, and the strongest lock on each."""

    rewritten: frozenset[str]
    scanned: frozenset[str]
    locks: dict[str, str]


def read_migration(set_name: str, version: int) -> bytes:
    """Return the one file of a set that has this version."""
    (path,) = (ROOT / "migrations" / set_name).glob(f"{version:04d}_*.sql")
    return path.read_bytes()


def migrate(dsn: str, set_name: str, *versions: int) -> None:
    """Apply these versions in this order, one transaction for each."""
    with psycopg.connect(dsn) as connection:
        for version in versions:
            connection.execute(read_migration(set_name, version))
            connection.commit()


def query(connection: psycopg.Connection[Row], name: str) -> list[Row]:
    """Return the rows of one of the queries beside the golden files."""
    return connection.execute((DATA / f"{name}.sql").read_bytes()).fetchall()


def read_numbers(connection: psycopg.Connection[Row], name: str) -> dict[str, int]:
    """Return the rows of one of these queries that gives a name and a number."""
    return {str(key): int(number) for key, number in query(connection, name)}


def read_schema(dsn: str) -> list[str]:
    """Return the schema as lines: a table, then its columns in their order, constraints and indexes."""
    with psycopg.connect(dsn) as connection:
        return [line for (line,) in query(connection, "schema")]


def read_golden(name: str) -> list[str]:
    """Return the lines that `read_schema` is expected to give."""
    return (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def gain(before: list[str], after: list[str]) -> Gain:
    """Return what was brought between two schemas, of which the second has all that the first has."""
    lines = [line for line in after if line not in before]
    tables = [line.removeprefix("TABLE ") for line in lines if line.startswith("TABLE ")]
    facts = [line.split(": ", 1) for line in lines if ": " in line]
    # Constraints and indexes begin with a keyword in capitals, columns with their name.
    columns = Counter(table for table, fact in facts if table not in tables and fact[0].islower())
    indexes = sum(fact.startswith("CREATE ") for _, fact in facts)
    return Gain(" ".join(tables), dict(columns), indexes)


def measure(connection: psycopg.Connection[Row], statement: bytes) -> Footprint:
    """Execute the statement and return its footprint; the transaction stays open and the locks held."""
    files, scans = read_numbers(connection, "files"), read_numbers(connection, "scans")
    connection.execute(statement)
    files_after, scans_after = read_numbers(connection, "files"), read_numbers(connection, "scans")
    locks: dict[str, str] = {}
    for table, mode in query(connection, "locks"):
        locks[table] = max(mode, locks.get(table, mode), key=LOCK_MODES.index)
    return Footprint(
        rewritten=frozenset(name for name in files if files_after.get(name) != files[name]),
        scanned=frozenset(name for name in scans_after if scans_after[name] != scans.get(name, 0)),
        locks=locks,
    )


@pytest.fixture
def studio(database: Callable[[], str]) -> str:
    """Return a tenant at 0009 with rows in the tables that 0010 and 0011 touch."""
    dsn = database()
    migrate(dsn, "tenant", *range(10))
    with psycopg.connect(dsn) as connection:
        connection.execute((DATA / "rows.sql").read_bytes())
    return dsn


@pytest.mark.parametrize(
    ("set_name", "versions", "count"),
    [pytest.param("master", [0], 7, id="master"), pytest.param("tenant", range(10), 30, id="tenant")],
)
def test_the_files_make_the_reviewed_schema(
    database: Callable[[], str], set_name: str, versions: list[int], count: int
) -> None:
    """The tables of a set are, column by column, those of its golden file, which was reviewed by hand."""
    dsn = database()
    migrate(dsn, set_name, *versions)
    schema = read_schema(dsn)
    assert schema == read_golden(set_name)
    assert sum(line.startswith("TABLE ") for line in schema) == count


def test_each_file_brings_its_part(database: Callable[[], str]) -> None:
    """Every version brings the tables, columns and indexes that are its part, and no others."""
    dsn = database()
    schema: list[str] = []
    gains: dict[int, Gain] = {}
    for version in GAINS:
        migrate(dsn, "tenant", version)
        before, schema = schema, read_schema(dsn)
        gains[version] = gain(before, schema)
    assert gains == GAINS


def test_0010_adds_the_thirteen_columns(studio: str) -> None:
    """0010 adds thirteen columns and a foreign key that 0011 validates; beside these, the schema stays as it was."""
    before = read_schema(studio)
    migrate(studio, "tenant", 10)
    assert len(MISSING_COLUMNS) == 13
    assert set(read_schema(studio)) ^ set(before) == MISSING_COLUMNS | {f"{SESSION_PROJECT_KEY} NOT VALID"}
    migrate(studio, "tenant", 11)
    assert set(read_schema(studio)) ^ set(before) == MISSING_COLUMNS | {SESSION_PROJECT_KEY}


def test_0010_gives_existing_rows_the_defaults(studio: str) -> None:
    """Rows from before 0010 have the defaults of the new columns, and null where there is none."""
    migrate(studio, "tenant", 10)
    with psycopg.connect(studio) as connection:
        sessions = connection.execute(
            "SELECT DISTINCT project_id, deposit_amount, deposit_paid, payment_status,"
            " stripe_checkout_session_id, stripe_payment_intent_id FROM sessions"
        ).fetchall()
        invoices = connection.execute(
            "SELECT DISTINCT deposit_amount, deposit_paid_at, stripe_deposit_payment_intent_id,"
            " remaining_balance, pdf_s3_key, sent_at FROM invoices"
        ).fetchall()
        musicians = connection.execute("SELECT DISTINCT talent_type FROM musicians").fetchall()
    assert sessions == [(None, None, False, "unpaid", None, None)]
    assert invoices == [(None, None, None, None, None, None)]
    assert musicians == [("musician",)]


def test_0010_neither_rewrites_nor_scans(studio: str) -> None:
    """0010 takes strong locks on tables full of rows, and under them no table is rewritten or scanned."""
    with psycopg.connect(studio) as connection:
        footprint = measure(connection, read_migration("tenant", 10))
    assert footprint == Footprint(
        rewritten=frozenset(),
        scanned=frozenset(),
        locks={
            "sessions": "AccessExclusiveLock",
            "projects": "ShareRowExclusiveLock",
            "invoices": "AccessExclusiveLock",
            "musicians": "AccessExclusiveLock",
        },
    )


def test_0011_scans_under_weak_locks_while_others_write(studio: str) -> None:
    """While 0011 has its locks and has scanned sessions, another session writes there; then the key is validated."""
    migrate(studio, "tenant", 10)
    with psycopg.connect(studio) as migrating, psycopg.connect(studio, autocommit=True) as writing:
        footprint = measure(migrating, read_migration("tenant", 11))
        # Only bounds the wait when the test fails: nothing should have to wait.
        writing.execute("SET lock_timeout = '5s'")
        written = writing.execute(
            "INSERT INTO sessions (client_id, room_id, title, start_time, end_time, project_id)"
            " VALUES (1, 1, 'Meanwhile', now(), now(), 1)"
        ).rowcount
        migrating.commit()
        validated = writing.execute(
            "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conname = 'sessions_project_id_fkey'"
        ).fetchall()
    assert footprint.rewritten == frozenset()
    assert "sessions" in footprint.scanned
    assert footprint.locks == {"sessions": "ShareUpdateExclusiveLock", "projects": "RowShareLock"}
    assert written == 1
    assert validated == [(True,)]


@pytest.mark.parametrize(
    ("statement", "rewritten", "scanned"),
    [
        pytest.param(
            b"ALTER TABLE musicians ADD COLUMN luck float DEFAULT random()", True, True, id="volatile-default"
        ),
        pytest.param(b"ALTER TABLE musicians ADD CHECK (name <> '')", False, True, id="validated-check"),
        pytest.param(b"ALTER TABLE musicians ADD CHECK (name <> '') NOT VALID", False, False, id="not-valid-check"),
    ],
)
def test_a_rewrite_or_a_scan_would_be_seen(studio: str, statement: bytes, rewritten: bool, scanned: bool) -> None:
    """The footprint tells statements that rewrite or scan a table from one that does neither."""
    with psycopg.connect(studio) as connection:
        footprint = measure(connection, statement)
    assert ("musicians" in footprint.rewritten, "musicians" in footprint.scanned) == (rewritten, scanned)
    assert footprint.locks == {"musicians": "AccessExclusiveLock"}
