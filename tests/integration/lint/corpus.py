"""Ordinary migration files by kinds: each template with the names of each table that has the columns it needs."""

from collections.abc import Iterator
from typing import NamedTuple

# The tables that files find, all filled: an id, a column of each usual type, keys, checks, indexes and partitions.
_TABLE = """\
CREATE TABLE {table} (
    id        integer PRIMARY KEY,
    name      varchar(80) NOT NULL,
    note      text,
    code      varchar(20) CONSTRAINT {table}_code_key UNIQUE,
    amount    numeric(10, 2),
    parent_id integer,
    starts_at timestamp,
    active    boolean NOT NULL DEFAULT true,
    data      jsonb
);
CREATE INDEX {table}_name_idx ON {table} (name);
ALTER TABLE {table} ADD CONSTRAINT {table}_amount_check CHECK (amount >= 0) NOT VALID;
CREATE VIEW {table}_names AS SELECT id, name FROM {table};
"""
TABLES = ("rooms", "guests", "bookings", "invoices", "notes", '"Order"')
ROWS = 2_000
# A statement that is a transaction of its own is no part: its locks cannot be read once it has ended.
BASE = (
    "".join(_TABLE.format(table=table).replace('"Order"_', "order_") for table in TABLES)
    + """\
CREATE TABLE days (day date NOT NULL, id integer NOT NULL, n integer) PARTITION BY RANGE (day);
CREATE TABLE days_2025 PARTITION OF days FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE MATERIALIZED VIEW totals AS SELECT name, count(*) AS n FROM rooms GROUP BY name;
CREATE TYPE mood AS ENUM ('glad', 'calm');
CREATE DOMAIN money_amount AS numeric(12, 2);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE SEQUENCE numbers;
"""
)
# Rows of the filled database; the measured one has those that the measuring makes.
FILL = (
    "".join(
        f"INSERT INTO {table} SELECT n, 'name ' || n, NULL, 'c' || n, n, n, '2026-01-01', true, '{{}}' "
        f"FROM generate_series(1, {ROWS}) AS n;\n"
        for table in TABLES
    )
    + f"INSERT INTO days SELECT date '2025-06-01' + n % 300, n, n FROM generate_series(1, {ROWS}) AS n;\n"
)

_KINDS = {
    "add a column": "ALTER TABLE {t} ADD COLUMN extra text;",
    "add two columns": "ALTER TABLE {t} ADD COLUMN extra text, ADD COLUMN more integer DEFAULT 5;",
    "add a column with the time": "ALTER TABLE {t} ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();",
    "add a flag": "ALTER TABLE {t} ADD COLUMN archived boolean NOT NULL DEFAULT false;",
    "add a column with a uuid": "ALTER TABLE {t} ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    "add a serial": "ALTER TABLE {t} ADD COLUMN number serial;",
    "add a generated column": "ALTER TABLE {t} ADD COLUMN twice numeric GENERATED ALWAYS AS (amount * 2) STORED;",
    "add a required column": "ALTER TABLE {t} ADD COLUMN fee integer NOT NULL;",
    "add a unique column": "ALTER TABLE {t} ADD COLUMN email text UNIQUE;",
    "add a checked column": "ALTER TABLE {t} ADD COLUMN fee integer DEFAULT 1 CHECK (fee > 0);",
    "add a reference": "ALTER TABLE {t} ADD COLUMN room_id integer REFERENCES rooms (id);",
    "drop a column": "ALTER TABLE {t} DROP COLUMN note;",
    "rename a column": "ALTER TABLE {t} RENAME COLUMN note TO remark;",
    "widen a text": "ALTER TABLE {t} ALTER COLUMN code TYPE varchar(200);",
    "text without a limit": "ALTER TABLE {t} ALTER COLUMN code TYPE text;",
    "widen a number": "ALTER TABLE {t} ALTER COLUMN parent_id TYPE bigint;",
    "a zone for a time": "ALTER TABLE {t} ALTER COLUMN starts_at TYPE timestamptz;",
    "narrow a text": "ALTER TABLE {t} ALTER COLUMN note TYPE varchar(500);",
    "require a column": "ALTER TABLE {t} ALTER COLUMN code SET NOT NULL;",
    "do not require a column": "ALTER TABLE {t} ALTER COLUMN name DROP NOT NULL;",
    "a default": "ALTER TABLE {t} ALTER COLUMN note SET DEFAULT '';",
    "no default": "ALTER TABLE {t} ALTER COLUMN active DROP DEFAULT;",
    "statistics": "ALTER TABLE {t} ALTER COLUMN name SET STATISTICS 500;",
    "a fill factor": "ALTER TABLE {t} SET (fillfactor = 90);",
    "unlogged": "ALTER TABLE {t} SET UNLOGGED;",
    "an index": "CREATE INDEX ON {t} (note);",
    "a unique index": "CREATE UNIQUE INDEX ON {t} (parent_id);",
    "a partial index": "CREATE INDEX ON {t} (starts_at) WHERE active;",
    "an index if there is none": "CREATE INDEX IF NOT EXISTS one_of_many ON {t} (name, code);",
    "an index in a block": "DO $$ BEGIN CREATE INDEX ON {t} (amount); END $$;",
    "drop an index": "DROP INDEX {i}_name_idx;",
    "rename an index": "ALTER INDEX {i}_name_idx RENAME TO {i}_by_name;",
    "a check": "ALTER TABLE {t} ADD CONSTRAINT named CHECK (name <> '');",
    "a check not valid": "ALTER TABLE {t} ADD CONSTRAINT named CHECK (name <> '') NOT VALID;",
    "validate a check": "ALTER TABLE {t} VALIDATE CONSTRAINT {i}_amount_check;",
    "a check and its validation": "ALTER TABLE {t} ADD CONSTRAINT named CHECK (name <> '') NOT VALID;\n"
    "ALTER TABLE {t} VALIDATE CONSTRAINT named;",
    "a key": "ALTER TABLE {t} ADD CONSTRAINT by_parent UNIQUE (parent_id);",
    "a key by an index": "CREATE UNIQUE INDEX by_parent ON {t} (parent_id);\n"
    "ALTER TABLE {t} ADD CONSTRAINT by_parent UNIQUE USING INDEX by_parent;",
    "drop a key": "ALTER TABLE {t} DROP CONSTRAINT {i}_code_key;",
    "a foreign key": "ALTER TABLE {t} ADD FOREIGN KEY (parent_id) REFERENCES rooms (id);",
    "a foreign key not valid": "ALTER TABLE {t} ADD FOREIGN KEY (parent_id) REFERENCES rooms (id) NOT VALID;",
    "a table": "CREATE TABLE new_one (id serial PRIMARY KEY, owner_id integer REFERENCES {t} (id));\n"
    "CREATE INDEX ON new_one (owner_id);",
    "a table from another": "CREATE TABLE copied AS SELECT id, name FROM {t};",
    "a table that is filled": "CREATE TABLE copied (id integer, name text);\n"
    "INSERT INTO copied SELECT id, name FROM {t};\nCREATE INDEX ON copied (name);",
    "drop a table": "DROP TABLE {t} CASCADE;",
    "rename a table": "ALTER TABLE {t} RENAME TO renamed;",
    "a view": "CREATE VIEW active_ones AS SELECT id FROM {t} WHERE active;",
    "a view again": "CREATE OR REPLACE VIEW {i}_names AS SELECT id, name, note FROM {t};",
    "another view": "DROP VIEW {i}_names;\nCREATE VIEW {i}_names AS SELECT name FROM {t};",
    "a trigger": "CREATE TRIGGER touched BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION touch();",
    "a policy": "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON {t} USING (active);",
    "a grant": "GRANT SELECT ON {t} TO PUBLIC;",
    "a comment": "COMMENT ON COLUMN {t}.name IS 'as on the door';",
    "a row": "INSERT INTO {t} (id, name) VALUES (900001, 'new');",
    "some rows": "INSERT INTO {t} (id, name) VALUES (900001, 'new'), (900002, 'newer');",
    "one row changed": "UPDATE {t} SET name = 'x' WHERE id = 5;",
    "one row deleted": "DELETE FROM {t} WHERE id = 5;",
    "all rows changed": "UPDATE {t} SET note = 'x';",
    "all rows changed, as it were": "UPDATE {t} SET note = 'x' WHERE true;",
    "all rows deleted": "DELETE FROM {t};",
    "all rows changed in a block": "DO $$ BEGIN UPDATE {t} SET note = 'x'; END $$;",
    "a column and its rows": "ALTER TABLE {t} ADD COLUMN extra text;\nUPDATE {t} SET extra = name WHERE extra IS NULL;",
    "a column and one row": "ALTER TABLE {t} ADD COLUMN extra text;\nUPDATE {t} SET extra = 'x' WHERE id = 5;",
    "truncated": "TRUNCATE {t};",
    "truncated and changed": "TRUNCATE {t};\n"
    "ALTER TABLE {t} ALTER COLUMN parent_id TYPE bigint;\nCREATE INDEX ON {t} (note);",
    "locked": "LOCK TABLE {t} IN SHARE ROW EXCLUSIVE MODE;",
    "reindexed": "REINDEX TABLE {t};",
    "clustered": "CLUSTER {t} USING {i}_name_idx;",
    "analysed": "ANALYZE {t};",
    "read": "SELECT count(*) FROM {t};",
}
_ONCE = {
    "an index on partitions": "CREATE INDEX ON days (n);",
    "an index on the whole": "CREATE INDEX ON ONLY days (n);",
    "a key of partitions": "ALTER TABLE days ADD PRIMARY KEY (day, id);",
    "a type of partitions": "ALTER TABLE days ALTER COLUMN n TYPE bigint;",
    "a partition": "CREATE TABLE days_2027 PARTITION OF days FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    "a partition less": "ALTER TABLE days DETACH PARTITION days_2025;",
    "a materialized view": "CREATE INDEX ON totals (n);",
    "refreshed": "REFRESH MATERIALIZED VIEW totals;",
    "a sequence": "ALTER SEQUENCE numbers INCREMENT BY 5;\nSELECT setval('numbers', 100);",
    "an enum": "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad';",
    "a type": "CREATE TYPE pair AS (a integer, b integer);",
    "a domain": "ALTER DOMAIN money_amount ADD CONSTRAINT positive CHECK (VALUE >= 0);",
    "a function": "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';",
    "a schema": "CREATE SCHEMA reports;\nCREATE TABLE reports.daily (day date PRIMARY KEY);",
    "an extension's work": "CREATE FUNCTION plus(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';",
}


class CorpusFile(NamedTuple):
    """One file: its kind, and its text."""

    kind: str
    text: str


def list_files() -> Iterator[CorpusFile]:
    """Yield all files, kind by kind."""
    for kind, text in _KINDS.items():
        for table in TABLES:
            plain = table.strip('"').lower()
            yield CorpusFile(kind, text.format(t=table, i=plain) + "\n")
    for kind, text in _ONCE.items():
        yield CorpusFile(kind, f"{text}\n")
