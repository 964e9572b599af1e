"""Files that fail: the place and the words of the error, and nothing of the file is left."""

import pytest

from tenantry.model.events import MigrationFailed, Verdict
from tenantry.model.results import Failure, Result
from tests.integration.fix_site import MakeSite, make_migration

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}
COMMITS = (
    'add the header line "-- transactional: false" if the block or procedure is to commit by itself; otherwise remove '
    "its COMMIT and ROLLBACK: tenantry commits the file together with its row"
)
# Each a file that fails, and what is said of it. Lines and columns count from 1.
FAILURES = {
    "a syntax error that the server is to judge": (
        "-- parse: server\nCREATE TABLE a (id int);\nSELCT 1;\n",
        Failure('syntax error at or near "SELCT"', "42601", 3, 1, "2 | CREATE TABLE a (id int);\n3 | SELCT 1;\n  | ^"),
    ),
    "a column that is not there": (
        "SELECT 1;\n\nSELECT nosuch FROM rooms;\n",
        Failure('column "nosuch" does not exist', "42703", 3, 8, "2 |\n3 | SELECT nosuch FROM rooms;\n  |        ^"),
    ),
    "behind characters of several bytes and two cells": (
        "-- é\U0001f3b8 ünïcödé\nSELECT 'é\U0001f3b8日本' , nosuch;\n",
        Failure(
            'column "nosuch" does not exist',
            "42703",
            2,
            17,
            "1 | -- é\U0001f3b8 ünïcödé\n2 | SELECT 'é\U0001f3b8日本' , nosuch;\n  |                    ^",
        ),
    ),
    "lines that end in CRLF": (
        "-- a\r\nCREATE TABLE a (id int);\r\n\r\nSELECT nosuch;\r\n",
        Failure('column "nosuch" does not exist', "42703", 4, 8, "3 |\n4 | SELECT nosuch;\n  |        ^"),
    ),
    "a byte-order mark": (
        "\ufeffSELECT nosuch;\n",
        Failure('column "nosuch" does not exist', "42703", 1, 8, "1 | SELECT nosuch;\n  |        ^"),
    ),
    "the end of the file": (
        "-- parse: server\nSELECT (",
        Failure("syntax error at end of input", "42601", 2, 9, "1 | -- parse: server\n2 | SELECT (\n  |         ^"),
    ),
    "a violated constraint, which has no position": (
        "INSERT INTO rooms VALUES (1);\n\n  -- again\n  INSERT INTO rooms\n  VALUES (1);\nSELECT 1;",
        Failure(
            'duplicate key value violates unique constraint "rooms_pkey"',
            "23505",
            4,
            3,
            "3 |   -- again\n4 |   INSERT INTO rooms\n  |   ^\n5 |   VALUES (1);",
            "Key (id)=(...) already exists.",
        ),
    ),
    "within a DO block": (
        "SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1 / 0;\nEND\n$$;\n",
        Failure(
            "division by zero",
            "22012",
            4,
            3,
            "3 | BEGIN\n4 |   PERFORM 1 / 0;\n  |   ^\n5 | END",
            context='SQL statement "SELECT 1 / 0"\nPL/pgSQL function inline_code_block line 3 at PERFORM',
        ),
    ),
    "raised with detail and hint": (
        "DO $$ BEGIN\n  RAISE 'no %', 'room' USING DETAIL = 'None.', HINT = 'Build one.', ERRCODE = '22023';\nEND $$",
        Failure(
            "no room",
            "22023",
            2,
            3,
            "1 | DO $$ BEGIN\n2 |   RAISE 'no %', 'room' USING DETAIL = 'None.', HINT = 'Build one.', "
            "ERRCODE = '22023';\n  |   ^\n3 | END $$",
            "None.",
            "Build one.",
            "PL/pgSQL function inline_code_block line 2 at RAISE",
        ),
    ),
    "within a function that the file calls": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE ''no room''; END';\n\nSELECT f();\n",
        Failure(
            "no room",
            "P0001",
            3,
            1,
            "2 |\n3 | SELECT f();\n  | ^",
            context="PL/pgSQL function f() line 1 at RAISE",
        ),
    ),
    "within the body of a function that the file makes": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  SELECT nosuch\n$$;\n",
        Failure(
            'column "nosuch" does not exist',
            "42703",
            2,
            10,
            "1 | CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n2 |   SELECT nosuch\n  |          ^\n3 | $$;",
        ),
    ),
    "a deferred constraint, at the end": (
        "CREATE TABLE c (room int REFERENCES rooms DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (9);\n",
        Failure(
            'insert or update on table "c" violates foreign key constraint "c_room_fkey"',
            "23503",
            detail='Key (room)=(...) is not present in table "rooms".',
        ),
    ),
    "a wrapper of BEGIN and COMMIT": (
        "BEGIN;\nSELECT nosuch;\nCOMMIT;\n",
        Failure(
            'column "nosuch" does not exist', "42703", 2, 8, "1 | BEGIN;\n2 | SELECT nosuch;\n  |        ^\n3 | COMMIT;"
        ),
    ),
    "a DO block that commits": (
        "CREATE TABLE a (id int);\nDO $$ BEGIN COMMIT; END $$;\n",
        Failure(
            "invalid transaction termination",
            "2D000",
            2,
            7,
            "1 | CREATE TABLE a (id int);\n2 | DO $$ BEGIN COMMIT; END $$;\n  |       ^",
            hint=COMMITS,
            context="PL/pgSQL function inline_code_block line 1 at COMMIT",
        ),
    ),
    "a procedure that commits": (
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN ROLLBACK; END';\nCALL p();\n",
        Failure(
            "invalid transaction termination",
            "2D000",
            2,
            1,
            "1 | CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN ROLLBACK; END';\n2 | CALL p();\n  | ^",
            hint=COMMITS,
            context="PL/pgSQL function p() line 1 at ROLLBACK",
        ),
    ),
    "what cannot run in a transaction, out of the parser's sight": (
        "DO $$ BEGIN EXECUTE 'VACUUM rooms'; END $$;\n",
        Failure(
            "VACUUM cannot run inside a transaction block",
            "25001",
            1,
            7,
            "1 | DO $$ BEGIN EXECUTE 'VACUUM rooms'; END $$;\n  |       ^",
            hint='add the header line "-- transactional: false", and move statements that must commit together into '
            "another file",
            context='SQL statement "VACUUM rooms"\nPL/pgSQL function inline_code_block line 1 at EXECUTE',
        ),
    ),
    "a file that drops the ledger": (
        "SELECT 1;\nDROP TABLE public._migrations;\n",
        Failure(
            'relation "public._migrations" does not exist',
            "42P01",
            hint="restore the tables of the ledger, or choose a schema under ledger in tenants.yaml that no file drops:"
            " a file must not drop these tables",
        ),
    ),
}
HIDDEN = {
    "COMMIT at the end": "CREATE TABLE desks (id int);\nCOMMIT;\n",
    "COMMIT and a new transaction": "CREATE TABLE desks (id int);\nCOMMIT;\nBEGIN;\nSELECT 1;\n",
    "COMMIT AND CHAIN": "CREATE TABLE desks (id int);\nCOMMIT AND CHAIN;\n",
    "COMMIT in the middle": "CREATE TABLE desks (id int);\nCOMMIT;\nCREATE TABLE chairs (id int);\n",
    "COMMIT, then an error": "CREATE TABLE desks (id int);\nCOMMIT;\nSELECT 1 / 0;\n",
}
ENDED = (
    "inspect the database before the next run: the file ended tenantry's transaction, so that statements before its "
    "COMMIT may persist without a row in _migrations"
)


class TestFailure:
    @pytest.mark.parametrize("case", FAILURES)
    def test_place(self, any_site: MakeSite, case: str) -> None:
        """A failure says what the server said, and where in the file as it was written."""
        text, expected = FAILURES[case]
        here = any_site(ROOMS)
        here.migrate()
        here.write({"0002_bad.sql": text})
        ran = here.migrate()
        assert [event.failure for event in ran.of(MigrationFailed)] == [expected]
        assert ran.verdict() == Verdict(Result.FAILED, f"{expected.message}, 0002_bad was rolled back", expected.hint)
        assert here.states() == {1: "applied"}
        assert not here.has("a")

    def test_whole_or_not_at_all(self, any_site: MakeSite) -> None:
        """A file that fails leaves nothing, those before it stay, those after it wait, and the log has the failure."""
        here = any_site(
            ROOMS | {"0002_bad.sql": "CREATE TABLE desks (id int);\nSELECT 1 / 0;\n", "0003_c.sql": "CREATE TABLE c ()"}
        )
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (
            Verdict(Result.FAILED, "division by zero, 0002_bad was rolled back"),
            3,
        )
        assert ran.applied == ["0001_rooms"]
        assert here.states() == {1: "applied"}
        assert here.has("rooms")
        assert not here.has("desks")
        assert not here.has("c")
        entry = here.log()[-1]
        assert (entry.version, entry.event, entry.checksum) == (
            2,
            "failed",
            ran.of(MigrationFailed)[0].migration.checksum,
        )
        assert entry.detail == {"message": "division by zero", "sqlstate": "22012", "line": 2, "column": 1}
        here.write({"0002_bad.sql": "CREATE TABLE desks (id int);\n"})
        assert here.migrate().applied == ["0002_bad", "0003_c"]
        assert here.logged() == [(1, "applied"), (2, "failed"), (2, "applied"), (3, "applied")]

    def test_others_go_on(self, site: MakeSite) -> None:
        """A tenant that fails stops alone: the others get every file, and the run ends with 3."""
        here = site(ROOMS | {"0002_b.sql": "CREATE TABLE desks (id int)"}, tenants=("1", "16", "17"))
        here.query("CREATE TABLE desks ()", "16")
        ran = here.migrate()
        assert ran.results == {"1": Result.APPLIED, "16": Result.FAILED, "17": Result.APPLIED}
        assert ran.exit_code == 3
        assert here.states("16") == {1: "applied"}
        assert here.states("17") == {1: "applied", 2: "applied"}

    @pytest.mark.parametrize("case", HIDDEN)
    def test_ends_the_transaction(self, site: MakeSite, case: str) -> None:
        """A COMMIT that nobody saw in the file is caught: nothing false is recorded or said, and nothing follows."""
        here = site(ROOMS)
        plan = [make_migration(1, "desks", HIDDEN[case]), make_migration(2, "after", "CREATE TABLE after ()")]
        ran = here.migrate(migrations=plan)
        (failed,) = ran.of(MigrationFailed)
        verdict = ran.verdict()
        assert verdict.result is Result.FAILED
        assert failed.failure.hint == verdict.hint == ENDED
        assert "rolled back" not in verdict.reason
        assert here.rows() == ()
        assert here.logged() == [(1, "failed")]
        assert here.has("desks")
        assert not here.has("after")

    def test_rolls_back_by_itself(self, any_site: MakeSite) -> None:
        """A ROLLBACK that nobody saw is caught as well: the file is not recorded."""
        here = any_site(ROOMS)
        ran = here.migrate(migrations=[make_migration(1, "desks", "CREATE TABLE desks (id int);\nROLLBACK;\n")])
        assert ran.verdict().result is Result.FAILED
        assert "transaction" in ran.verdict().hint
        assert here.rows() == ()
        assert not here.has("desks")

    @pytest.mark.parametrize("transactional", [True, False])
    @pytest.mark.parametrize("copy", ["COPY rooms FROM stdin", "COPY rooms TO stdout"])
    def test_copy(self, any_site: MakeSite, copy: str, transactional: bool) -> None:
        """A COPY that nobody saw, of rows that no file can send, fails in its place and does not hang."""
        here = any_site(ROOMS)
        text = f"CREATE TABLE desks (id int);\n{copy};\n"
        first = here.project().files(here.project().tenants[0])[0]
        ran = here.migrate(migrations=[first, make_migration(2, "copy", text, transactional=transactional)])
        (failed,) = ran.of(MigrationFailed)
        assert failed.failure == Failure(
            "COPY from or to the client is not possible in a file",
            "0A000",
            2,
            1,
            f"1 | CREATE TABLE desks (id int);\n2 | {copy};\n  | ^",
        )
        assert here.states() == {1: "applied"} | ({} if transactional else {2: "failed"})
        assert here.logged()[-1] == (2, "failed")
        assert here.has("desks") is not transactional

    def test_isolation_level(self, site: MakeSite) -> None:
        """A file that asks for an isolation level is not told to give up its transaction."""
        here = site({"0001_a.sql": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE a ();\n"})
        (failed,) = here.migrate().of(MigrationFailed)
        assert failed.failure.message == "SET TRANSACTION ISOLATION LEVEL must be called before any query"
        assert "transactional: false" not in failed.failure.hint
