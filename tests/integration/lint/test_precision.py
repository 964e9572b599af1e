"""Findings that are true, one for each statement and rule, with a help that runs: and none of what is no danger."""

from itertools import pairwise

import pytest

from tenantry.lint.words import split_advice
from tests.integration.lint.fix_lint import Studio, studio

__all__ = ["studio"]

DATED = """\
CREATE TABLE days (day date NOT NULL, n integer NOT NULL) PARTITION BY RANGE (day);
DO $$ BEGIN
    EXECUTE format('CREATE TABLE days_%s PARTITION OF days DEFAULT', to_char(now(), 'YYYYMMDD'));
END $$;
"""
DEEP = """\
CREATE TABLE deep (kind integer NOT NULL, n integer NOT NULL) PARTITION BY LIST (kind);
CREATE TABLE deep_1 PARTITION OF deep FOR VALUES IN (1) PARTITION BY RANGE (n);
CREATE TABLE deep_1_1 PARTITION OF deep_1 FOR VALUES FROM (0) TO (100);
"""
CODES = (
    "CREATE TABLE codes (id integer PRIMARY KEY, code text NOT NULL);\nCREATE INDEX codes_code_idx ON codes (code);\n"
)
SWAP = "ALTER TABLE codes DROP CONSTRAINT codes_pkey, ADD CONSTRAINT codes_pkey PRIMARY KEY USING INDEX codes_new;\n"
REFERRING = """\
CREATE TABLE guests (id integer PRIMARY KEY, room_id integer REFERENCES rooms (id) ON DELETE CASCADE);
CREATE TABLE bills (id integer PRIMARY KEY, guest_id integer REFERENCES guests (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE emptied (room_id integer REFERENCES rooms (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
"""
# A key that follows the one it refers to, and is unique only at the commit.
FOLLOWING = """\
CREATE TABLE halls (id integer PRIMARY KEY, name text);
CREATE TABLE seats (
    hall_id integer REFERENCES halls (id) ON DELETE CASCADE ON UPDATE CASCADE,
    UNIQUE (hall_id) DEFERRABLE INITIALLY DEFERRED
);
"""
# One that is emptied with a deleted row, and follows a changed one, before its own check.
EMPTIED = """\
CREATE TABLE halls (id integer PRIMARY KEY, name text);
CREATE TABLE seats (
    hall_id integer REFERENCES halls (id) ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
"""
BOTH = "DO $$ BEGIN DELETE FROM halls WHERE id = 4; UPDATE halls SET id = 6 WHERE id = 5; END $$;\n"
MERGE = "MERGE INTO halls USING (VALUES (5)) AS given (id) ON halls.id = given.id\n"
SEATS = "ALTER TABLE seats ADD COLUMN filled boolean;\n"
WAITS = "if a row of seats is written before, its deferred check waits for the commit, and the file fails here (55006)"
# Files, of which the last one has no finding.
NOTHING: dict[str, tuple[str, ...]] = {
    "a primary key by an index": (
        CODES,
        "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY codes_new ON codes (code);\n",
        SWAP,
    ),
    "an index on a materialized view": ("CREATE INDEX totals_n ON totals (n);\n",),
    "a sequence": ("ALTER SEQUENCE rooms_id_seq RESTART WITH 500;\n",),
    "a view that is created again": (
        "DROP VIEW titles;\nCREATE OR REPLACE VIEW titles AS SELECT id, name FROM rooms;\n",
    ),
    "a view with a schema that is created again": (
        "DROP VIEW public.titles CASCADE;\nCREATE VIEW titles AS SELECT id, name FROM rooms;\n",
    ),
    "a condition that is false": ("UPDATE rooms SET name = '' WHERE false;\n",),
    "a key on which nobody depends": ("ALTER TABLE sessions DROP CONSTRAINT sessions_pkey CASCADE;\n",),
    "a function without dependents": (
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';\n",
        "DROP FUNCTION f() CASCADE;\n",
    ),
    "a trigger": (
        "CREATE TRIGGER noted BEFORE UPDATE ON rooms FOR EACH ROW EXECUTE FUNCTION note();\n",
        "DROP TRIGGER noted ON rooms CASCADE;\n",
    ),
    "checks that do not wait": (
        "UPDATE visits SET room_id = NULL WHERE id = 5;\nSET CONSTRAINTS ALL IMMEDIATE;\n"
        "ALTER TABLE visits ADD COLUMN filled boolean;\n",
    ),
    "keys that a foreign key takes away": (
        REFERRING,
        "DELETE FROM rooms WHERE id = 5;\nALTER TABLE emptied ADD COLUMN filled boolean;\n",
    ),
    "a default of transactions, for statements with one each": (
        "-- transactional: false\nSET default_transaction_isolation = 'serializable';\nSELECT 1;\n",
    ),
    "columns that no check is about": (
        "UPDATE visits SET id = 6 WHERE id = 5;\nALTER TABLE visits ADD COLUMN filled boolean;\n",
    ),
    "rows that an INSERT may update": (
        REFERRING,
        "INSERT INTO rooms (id, name) VALUES (5, 'a') ON CONFLICT (id) DO UPDATE SET name = 'b';\n"
        "ALTER TABLE guests ADD COLUMN filled boolean;\n",
    ),
    "rows that a MERGE inserts or updates": (
        FOLLOWING,
        f"{MERGE}WHEN MATCHED THEN UPDATE SET name = 'b' WHEN NOT MATCHED THEN INSERT (id) VALUES (5);\n{SEATS}",
    ),
    "a column that no file has": ("ALTER TABLE rooms DROP COLUMN IF EXISTS never_there;\n",),
    "a column of the file itself": (
        "ALTER TABLE rooms ADD COLUMN code_new text;\nALTER TABLE rooms RENAME COLUMN code_new TO number;\n",
    ),
    "rows that a few values join": (
        "UPDATE rooms SET name = v.name FROM (VALUES (5, 'a')) AS v (id, name) WHERE v.id = rooms.id;\n",
    ),
    "rows that a table of the file joins": (
        "CREATE TABLE fixes (id integer, name text);\nINSERT INTO fixes VALUES (5, 'a');\n"
        "UPDATE rooms SET name = fixes.name FROM fixes WHERE fixes.id = rooms.id;\n",
    ),
    "rows that a function may write": (
        "CREATE FUNCTION empty(integer) RETURNS void LANGUAGE sql AS 'DELETE FROM plays WHERE n = $1';\n"
        "CREATE FUNCTION read() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN 5; END $$;\n",
        "SELECT empty(5), read();\n",
    ),
    "duplicates": ("DELETE FROM sessions a USING sessions b WHERE a.id > b.id AND a.code = b.code;\n",),
    "a policy for all but the owner": (
        "CREATE TABLE open (id integer PRIMARY KEY);\nALTER TABLE open ENABLE ROW LEVEL SECURITY;\n",
        "DELETE FROM open WHERE id = 5;\n",
    ),
    "a condition": ("DO $$ DECLARE n integer := 5; BEGIN UPDATE rooms SET name = '' WHERE id = n; END $$;\n",),
}
# Files, the rule and the message of the only finding in the last one.
ONE: dict[str, tuple[tuple[str, ...], str, str]] = {
    "an index of the same name": (
        (CODES, "DO $$ BEGIN DROP INDEX codes_code_idx; CREATE INDEX codes_code_idx ON codes (id); END $$;\n"),
        "full-scan",
        "ACCESS EXCLUSIVE on codes: reads and writes wait while all of it is read",
    ),
    "a truncated table": (
        ("TRUNCATE plays;\nALTER TABLE plays ADD CHECK (n > 0), ADD x serial;\nCREATE INDEX ON plays (n);\n",),
        "truncate",
        "every row of plays is gone after the commit, and reads and writes wait until then",
    ),
    "a table that is truncated in a block": (
        ("DO $$ BEGIN TRUNCATE parts; END $$;\nCREATE INDEX ON parts (n);\n",),
        "truncate",
        "every row of parts is gone after the commit, and reads and writes wait until then",
    ),
    "required columns": (
        ("ALTER TABLE rooms ADD a integer NOT NULL, ADD b text NOT NULL, ADD c date NOT NULL;\n",),
        "required-column",
        "a, b, c are NOT NULL and have no default: the file fails if rooms has rows",
    ),
    "columns of other types": (
        ("ALTER TABLE sessions ALTER code TYPE integer USING 1, ALTER other_id TYPE bigint;\n",),
        "column-type",
        "ACCESS EXCLUSIVE on sessions: reads and writes wait while every row is rewritten for code, other_id",
    ),
    "keys": (
        ("ALTER TABLE sessions ADD UNIQUE (code), ADD CONSTRAINT titled UNIQUE (title, room_id);\n",),
        "constraint-index",
        "ACCESS EXCLUSIVE on sessions: reads and writes wait while the indexes sessions_code_key, titled are built",
    ),
    "tables that are dropped": (
        ('DROP TABLE parts_1, "Parts 2";\n',),
        "drop",
        "parts_1, Parts 2 are gone after the commit: anything that still uses them fails",
    ),
    "rows that wait for a check they do not pass": (
        ("DO $$ BEGIN UPDATE visits SET room_id = -1 WHERE id > 3; END $$;\nALTER TABLE visits ADD filled boolean;\n",),
        "deferred-check",
        "if a row of visits is written before, its deferred check waits for the commit, and the file fails here "
        "(55006)",
    ),
    "rows that a function writes": (
        (
            "CREATE FUNCTION move() RETURNS void LANGUAGE sql AS\n"
            "    'UPDATE visits SET room_id = (SELECT min(id) FROM rooms) WHERE id > 3';\n",
            "SELECT move();\nALTER TABLE visits ADD COLUMN filled boolean;\n",
        ),
        "deferred-check",
        "if a row of visits is written before, its deferred check waits for the commit, and the file fails here "
        "(55006)",
    ),
    "rows that a foreign key deletes": (
        (REFERRING, "DELETE FROM rooms WHERE id = 5;\nALTER TABLE guests ADD COLUMN filled boolean;\n"),
        "deferred-check",
        "if a row of guests is written before, its deferred check waits for the commit, and the file fails here "
        "(55006)",
    ),
    "keys that follow, next to rows that go": ((FOLLOWING, BOTH + SEATS), "deferred-check", WAITS),
    "keys that follow, next to those that are emptied": ((EMPTIED, BOTH + SEATS), "deferred-check", WAITS),
    "rows with a match": (
        ("UPDATE sessions SET title = rooms.name FROM rooms WHERE rooms.id = sessions.room_id;\n",),
        "whole-table",
        "every row of sessions with a match in rooms is written in one transaction: writes to them wait until it ends",
    ),
    "rows that a procedure writes": (
        (
            'CREATE PROCEDURE "Fill all"() LANGUAGE plpgsql AS $$ BEGIN UPDATE plays SET n = 5; END $$;\n',
            'CALL "Fill all"();\n',
        ),
        "whole-table",
        "every row of plays is written in one transaction: writes to them wait until it ends",
    ),
    "rows that a block has a function delete": (
        (
            "CREATE FUNCTION clear() RETURNS void LANGUAGE sql AS 'DELETE FROM plays';\n"
            "DO $$ BEGIN PERFORM clear(); END $$;\n",
        ),
        "whole-table",
        "every row of plays is deleted in one transaction: writes to them wait until it ends",
    ),
    "a column that another one replaces": (
        ("ALTER TABLE sessions DROP COLUMN code, ADD COLUMN code varchar(50);\n",),
        "drop",
        "sessions.code is another one after the commit, without the values that it had",
    ),
    "a table that another one replaces": (
        ("DROP TABLE sessions;\nCREATE TABLE sessions (id integer);\n",),
        "drop",
        "sessions is another one after the commit, without the values that it had",
    ),
    "a table that trades its name": (
        (
            "CREATE TABLE plays_new (LIKE plays);\nALTER TABLE plays RENAME TO plays_old;\n"
            "ALTER TABLE plays_new RENAME TO plays;\n",
        ),
        "rename",
        "plays is called plays_old after the commit: anything that still uses the old name finds another one",
    ),
    "keys that a MERGE changes": (
        (FOLLOWING, f"{MERGE}WHEN MATCHED AND name = '' THEN DELETE WHEN MATCHED THEN UPDATE SET id = 6;\n{SEATS}"),
        "deferred-check",
        WAITS,
    ),
    "rows of the table itself": (
        ("INSERT INTO secured (id, org) SELECT id + 100, org FROM secured WHERE id = 5;\n",),
        "row-security",
        "row-level security holds for the owner of secured too: rows that no policy shows are left out, without an "
        "error",
    ),
    "a default of transactions": (
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;\n",),
        "transaction-default",
        "SESSION CHARACTERISTICS: holds for transactions that begin later, and is reset after the file",
    ),
    "a key that others refer to": (
        ("ALTER TABLE rooms DROP CONSTRAINT rooms_pkey CASCADE /* no longer used */;\n",),
        "cascade",
        "CASCADE also drops the objects that depend on it in or on sessions, visits: anything that still uses them "
        "fails",
    ),
    "a schema": (
        ("DROP SCHEMA old CASCADE;\n",),
        "cascade",
        "CASCADE also drops the objects that depend on it in or on old.things: anything that still uses them fails",
    ),
    "a type of all partitions": (
        ("ALTER TABLE parts ALTER n TYPE bigint;\n",),
        "column-type",
        "ACCESS EXCLUSIVE on parts: reads and writes wait while every row is rewritten",
    ),
}


@pytest.mark.parametrize("case", NOTHING)
def test_nothing(studio: Studio, case: str) -> None:
    """A form that keeps nobody waiting is no finding."""
    *before, last = NOTHING[case]
    version = len(before) + 3
    assert [hazard for hazard in studio.lint(*before, last) if hazard.version == version] == []


@pytest.mark.parametrize("case", ONE)
def test_one(studio: Studio, case: str) -> None:
    """A statement has one finding of a rule, which names all its objects; its help has none."""
    files, rule, message = ONE[case]
    (hazard,) = [hazard for hazard in studio.lint(*files) if hazard.version == len(files) + 2]
    assert (hazard.rule, hazard.message) == (rule, message)
    assert studio.lint(*files[:-1], *split_advice(hazard.help)) == []


class TestKeys:
    @pytest.mark.parametrize(
        ("text", "kinds"),
        [
            ("ALTER TABLE codes ADD CONSTRAINT codes_key UNIQUE (code)", ("INDEX", "UNIQUE USING")),
            ("ALTER TABLE codes DROP CONSTRAINT codes_pkey, ADD PRIMARY KEY (code)", ("INDEX", "PRIMARY KEY USING")),
        ],
    )
    def test_required(self, studio: Studio, text: str, kinds: tuple[str, str]) -> None:
        """For columns that are NOT NULL, no check is advised: two files do."""
        (hazard,) = [hazard for hazard in studio.lint(CODES, f"{text};\n") if hazard.rule == "constraint-index"]
        files = split_advice(hazard.help)
        assert [kind in file for kind, file in zip(kinds, files, strict=True)] == [True, True]

    @pytest.mark.parametrize(
        "text",
        [
            "ALTER TABLE codes ADD CONSTRAINT codes_key UNIQUE (code) DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE codes ADD COLUMN n integer CONSTRAINT codes_key UNIQUE DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE parts ADD CONSTRAINT codes_key UNIQUE (kind, n) DEFERRABLE INITIALLY DEFERRED",
        ],
    )
    def test_deferred(self, studio: Studio, text: str) -> None:
        """A key that is checked at the commit is one in the help too."""
        (hazard,) = [hazard for hazard in studio.lint(CODES, f"{text};\n") if hazard.rule == "constraint-index"]
        check = "DO $$ BEGIN ASSERT (SELECT condeferred FROM pg_constraint WHERE conname = 'codes_key'); END $$;\n"
        *_, (measured,) = studio.measure(CODES, *split_advice(hazard.help), check)[1]
        assert not measured.unmeasured

    @pytest.mark.parametrize("between", [", ", ";\nALTER TABLE codes "])
    @pytest.mark.parametrize("name", ["codes_pkey", "codes_by_code"])
    def test_replaced(self, studio: Studio, between: str, name: str) -> None:
        """A key that takes the place of another one has the other one dropped in the help, which runs."""
        text = f"ALTER TABLE codes DROP CONSTRAINT codes_pkey{between}ADD CONSTRAINT {name} PRIMARY KEY (code);\n"
        (hazard,) = [hazard for hazard in studio.lint(CODES, text) if hazard.rule == "constraint-index"]
        files = list(split_advice(hazard.help))
        if between != ", " and name != "codes_pkey":
            # That statement is not the one with the finding, and stays.
            files[-1] = f"ALTER TABLE codes DROP CONSTRAINT codes_pkey;\n{files[-1]}"
        check = "DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_constraint WHERE conname = '{}') = 1; END $$;\n"
        measured = studio.measure(CODES, *files, check.format(name))[1]
        assert [one.unmeasured for of_file in measured[2:] for one in of_file if one.unmeasured] == []

    def test_partitions(self, studio: Studio) -> None:
        """The key of a partitioned table is built on each partition and attached: then the table has it, valid."""
        text = "ALTER TABLE parts ADD CONSTRAINT parts_key PRIMARY KEY (kind, n);\n"
        (hazard,) = studio.lint(text)
        files = split_advice(hazard.help)
        assert studio.lint(*files) == []
        assert [file.count("CONCURRENTLY") for file in files] == [0, 0, 0, 0, 2, 0]
        check = (
            "DO $$ BEGIN ASSERT (SELECT indisvalid FROM pg_index WHERE indexrelid = 'parts_key'::regclass); END $$;\n"
        )
        studio.measure(*files, check)


class TestNewKeys:
    @pytest.mark.parametrize(
        "kind", ["bigserial", "uuid DEFAULT gen_random_uuid()", "bigint GENERATED ALWAYS AS IDENTITY"]
    )
    def test_filled(self, studio: Studio, kind: str) -> None:
        """A primary key of a new column needs values first: the help fills it in batches, and has no finding."""
        found = studio.lint(f"ALTER TABLE plays ADD COLUMN id {kind} PRIMARY KEY;\n")
        assert {hazard.rule for hazard in found} == {"constraint-index", "volatile-default"}
        (help_text,) = (hazard.help for hazard in found if hazard.rule == "constraint-index")
        files = split_advice(help_text)
        assert [file.startswith("-- transactional: false\n-- batch") for file in files[:2]] == [False, True]
        assert studio.lint(*files) == []

    def test_empty(self, studio: Studio) -> None:
        """One without values fails where the table has rows."""
        found = studio.lint("ALTER TABLE plays ADD COLUMN id bigint PRIMARY KEY;\n")
        assert {hazard.rule for hazard in found} == {"constraint-index", "required-column"}


class TestPartitions:
    def test_foreign_key(self, studio: Studio) -> None:
        """A foreign key of a partitioned table must be valid: it takes those of its partitions."""
        text = "ALTER TABLE parts ADD CONSTRAINT parts_room FOREIGN KEY (n) REFERENCES rooms (id);\n"
        (hazard,) = studio.lint(text)
        files = split_advice(hazard.help)
        assert [file.count("NOT VALID") for file in files] == [2, 0, 0]
        assert studio.lint(*files) == []

    @pytest.mark.parametrize("text", ["CREATE INDEX ON deep (n)", "ALTER TABLE deep ADD PRIMARY KEY (kind, n)"])
    def test_layers(self, studio: Studio, text: str) -> None:
        """Where partitions have partitions, no statement is advised that attaches one to the wrong table."""
        (hazard,) = studio.lint(DEEP, f"{text};\n")
        assert split_advice(hazard.help) == ()


class TestDated:
    def test_table(self, studio: Studio) -> None:
        """A table that a block creates under a name of its own is not named in the help."""
        made = "DO $$ BEGIN EXECUTE format('CREATE TABLE made_%s (n integer)', to_char(now(), 'YYYYMMDD')); END $$;\n"
        changed = (
            "DO $$ DECLARE one text; BEGIN FOR one IN SELECT relname FROM pg_class WHERE relname LIKE 'made%' LOOP\n"
            "    EXECUTE format('ALTER TABLE %I ALTER n TYPE bigint', one);\nEND LOOP; END $$;\n"
        )
        (hazard,) = studio.lint(made, changed)
        assert (hazard.rule, "made_" in hazard.help) == ("table-rewrite", False)

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("CREATE INDEX days_n ON days (n);\n", "index"),
            ("ALTER TABLE days ADD PRIMARY KEY (day, n);\n", "constraint-index"),
            ("ALTER TABLE days ALTER n TYPE bigint;\n", "column-type"),
            ("ALTER TABLE days ADD CHECK (n > 0);\n", "not-valid"),
        ],
    )
    def test_names(self, studio: Studio, text: str, rule: str) -> None:
        """A partition that no file names, as one of today, is not named: it exists nowhere else."""
        (hazard,) = studio.lint(DATED, text)
        assert (hazard.rule, hazard.relations) == (rule, ("public.days",))
        assert "days_2" not in hazard.message + hazard.help

    def test_truncated(self, studio: Studio) -> None:
        """A table whose only partition is truncated has no rows."""
        (hazard,) = studio.lint(DATED, "TRUNCATE days;\nALTER TABLE days ALTER n TYPE bigint;\n")
        assert (hazard.rule, hazard.relations) == ("truncate", ("public.days",))


def test_order(studio: Studio) -> None:
    """Findings of several rules in one statement stand in the order of their places."""
    found = studio.lint("ALTER TABLE sessions DROP code, ADD a integer NOT NULL, DROP title, ADD UNIQUE (room_id);\n")
    places = [(hazard.line, hazard.column) for hazard in found]
    assert [hazard.rule for hazard in found] == ["drop", "required-column", "constraint-index"]
    assert all(one <= other for one, other in pairwise(places))
    assert found[0].message == (
        "sessions.code, sessions.title are gone after the commit: anything that still uses them fails"
    )
