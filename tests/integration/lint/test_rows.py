"""The rows that tables are given: whatever their types and constraints are, as far as it goes."""

import pytest

from tenantry.lint.measure.rows import fill
from tenantry.scratch.places import Scratch
from tests.integration.fix_measure import scratch

__all__ = ["scratch"]

TYPES = """\
CREATE TYPE mood AS ENUM ('glad', 'calm');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN code AS varchar(3) CHECK (VALUE IN ('abc', 'def'));
CREATE DOMAIN inner_code AS code NOT NULL;
CREATE TABLE other (id bigint PRIMARY KEY, name varchar(1) UNIQUE);
CREATE TABLE x (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) STORED,
    other_id bigint NOT NULL REFERENCES other, a smallint NOT NULL, b numeric(3, 2) NOT NULL, c boolean NOT NULL,
    d char(2) NOT NULL, e varchar(1) NOT NULL UNIQUE, f text NOT NULL CHECK (f IN ('open', 'it''s')), g mood NOT NULL,
    h code NOT NULL, i inner_code, j date NOT NULL, k timestamptz NOT NULL UNIQUE, l time NOT NULL, m interval NOT NULL,
    n uuid NOT NULL UNIQUE, o json NOT NULL, p jsonb NOT NULL, q bytea NOT NULL, r inet NOT NULL, s int[] NOT NULL,
    t int4range NOT NULL, u bit(1) NOT NULL, v float8 NOT NULL, w pair, "X y" mood[] NOT NULL, z daterange NOT NULL,
    EXCLUDE USING gist (t WITH &&)
);
"""


class TestRows:
    def test_types(self, scratch: Scratch) -> None:
        """Every table is given rows, whatever its types; its constraints and foreign keys hold."""
        scratch.connection.execute(TYPES.encode())
        fill(scratch.connection, "public")
        query = "SELECT count(*) FROM x JOIN other ON other.id = other_id"
        assert scratch.connection.execute(query).fetchone() == (3,)

    @pytest.mark.parametrize(
        ("definition", "rows"),
        {
            "what may be null is left out": ("id int NOT NULL, n int CHECK (n > id + 5)", 3),
            "one row": ("a boolean NOT NULL UNIQUE, b boolean DEFAULT true CHECK (b AND NOT a)", 1),
            "none": ("id int NOT NULL CHECK (id < 0)", 0),
        }.values(),
        ids=["what may be null is left out", "one row", "none"],
    )
    def test_constraint(self, scratch: Scratch, definition: str, rows: int) -> None:
        """A table has the rows that its constraints take; one that takes none stays empty, and that is no error."""
        scratch.connection.execute(f"CREATE TABLE x ({definition})".encode())
        fill(scratch.connection, "public")
        assert scratch.connection.execute("SELECT count(*) FROM x").fetchone() == (rows,)

    def test_triggers(self, scratch: Scratch) -> None:
        """Rows are put in past the triggers of a table, and tables that refer to each other have rows both."""
        scratch.connection.execute(
            b"CREATE TABLE x (id int PRIMARY KEY); CREATE TABLE y (id int PRIMARY KEY REFERENCES x);"
            b"ALTER TABLE x ADD FOREIGN KEY (id) REFERENCES y;"
            b"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';"
            b"CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION f()"
        )
        fill(scratch.connection, "public")
        assert scratch.connection.execute("SELECT count(*) FROM x JOIN y USING (id)").fetchone() == (3,)

    def test_twice(self, scratch: Scratch) -> None:
        """A table that has rows is left as it is, and so is the ledger."""
        scratch.connection.execute(
            "CREATE TABLE x (id int); INSERT INTO x VALUES (7); CREATE TABLE _migrations (id int)"
        )
        fill(scratch.connection, "public")
        assert scratch.connection.execute("SELECT id FROM x UNION ALL SELECT id FROM _migrations").fetchall() == [(7,)]
