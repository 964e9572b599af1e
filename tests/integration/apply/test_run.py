"""Applying on each server: a file and its row together or not at all, and every failure with its place in the file."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import sql

from tenantry.fleet.selection import name_tenant
from tenantry.fleet.stop import Stop
from tenantry.model import label
from tenantry.model.events import (
    LockAwaited,
    MigrationApplied,
    MigrationFailed,
    MigrationRetried,
    MigrationStarted,
    NoticeRaised,
    Verdict,
    WarningRaised,
)
from tenantry.model.results import Failure, Result
from tenantry.postgres.runner_lock import try_session_lock
from tests.integration.fix_site import (
    LONG_MS,
    WAIT_AT_GATE,
    MakeSite,
    advance,
    at_once,
    finish,
    lend_role,
    make_migration,
)

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

# Statements that run in a transaction of the runner, whatever the file looks like.
GOOD = {
    "one plain BEGIN and COMMIT around it": ("BEGIN;\nCREATE TABLE desks (id int);\nCOMMIT;\n", 1),
    "no semicolon at the end": ("CREATE TABLE desks (id int)", 1),
    "a comment at the end": ("CREATE TABLE desks (id int); -- done", 1),
    "percent signs": ("CREATE TABLE desks AS SELECT '100%' LIKE '%s' AS a, '%(b)s' AS b, 7 % 2 AS c;", 1),
    "words of transactions that are none": (
        "CREATE TABLE desks (id int);\n"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;\n"
        "DO $$ BEGIN PERFORM 'COMMIT; ROLLBACK;'; END; $$;\n"
        "SELECT CASE WHEN true THEN 1 END;\n",
        4,
    ),
    "statements without any text between": ("CREATE TABLE desks (id int);;;SELECT 1;;", 2),
    "carriage returns and a byte-order mark": ("\ufeffCREATE TABLE desks (id int);\r\nSELECT 1;\r\n", 2),
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


class TestWhole:
    def test_in_order(self, any_site: MakeSite) -> None:
        """Files are applied in the order of their numbers, each with its row, and a second run does nothing."""
        here = any_site(
            {
                "10_c.sql": "INSERT INTO seen VALUES (10);",
                "2_b.sql": "INSERT INTO seen VALUES (2);",
                "0001_a.sql": "CREATE TABLE seen (n int, id serial)",
            }
        )
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.APPLIED), 0)
        assert ran.applied == ["0001_a", "0002_b", "0010_c"]
        assert here.query("SELECT n FROM seen ORDER BY id") == [(2,), (10,)]
        assert here.states() == {1: "applied", 2: "applied", 10: "applied"}
        assert here.logged() == [(1, "applied"), (2, "applied"), (10, "applied")]
        assert here.migrate().results == {"1": Result.UP_TO_DATE}
        assert here.query("SELECT count(*) FROM seen") == [(2,)]

    def test_same_transaction(self, any_site: MakeSite) -> None:
        """A file, its row and its line in the log are written by one transaction."""
        here = any_site({"0001_a.sql": "CREATE TABLE a AS SELECT transaction_timestamp() AS began"})
        here.migrate()
        # The record comes after a savepoint, whose part of the transaction has a number of its own.
        ((file, row, *written),) = here.query(
            "SELECT a.began, m.started_at, m.xmin::text, l.xmin::text FROM a, _migrations AS m, _migrations_log AS l"
        )
        assert file == row
        assert len(set(written)) == 1

    @pytest.mark.parametrize("case", GOOD)
    def test_ways_to_write(self, any_site: MakeSite, case: str) -> None:
        """What is recorded is the file as it was written, with as many statements as the server saw."""
        text, statements = GOOD[case]
        here = any_site(ROOMS | {"0002_desks.sql": text})
        assert here.migrate().results == {"1": Result.APPLIED}
        assert here.has("desks")
        row = here.rows()[1]
        assert (row.statements, row.statements_done) == (statements, statements)
        recorded = here.query("SELECT sql_text FROM _migrations WHERE version = 2")
        assert recorded == [(text.removeprefix("\ufeff").replace("\r\n", "\n"),)]

    def test_comments_alone(self, any_site: MakeSite) -> None:
        """A file of comments alone is a deliberate no-op: recorded, with no statement."""
        here = any_site({"0001_nothing.sql": "-- Taken back before it was released.\n/* Nothing. */\n"})
        assert here.migrate().results == {"1": Result.APPLIED}
        (row,) = here.rows()
        assert (row.statements, row.statements_done, row.state.value) == (0, 0, "applied")

    def test_large(self, any_site: MakeSite) -> None:
        """A file of a megabyte runs, is recorded whole, and an error at its end has its place."""
        lines = [f"INSERT INTO rooms VALUES ({n}); -- {'x' * 1000}" for n in range(1000)]
        text = "\n".join(lines) + "\n"
        assert len(text) > 1_000_000
        here = any_site(ROOMS | {"0002_many.sql": text})
        assert here.migrate().results == {"1": Result.APPLIED}
        assert here.rows()[1].statements == 1000
        assert here.query(
            "SELECT count(*), (SELECT length(sql_text) FROM _migrations WHERE version = 2) FROM rooms"
        ) == [(1000, len(text))]
        here.write({"0003_again.sql": text.replace("(999)", "(1)").replace("INSERT INTO rooms VALUES", "SELECT", 999)})
        (failed,) = here.migrate().of(MigrationFailed)
        assert (failed.failure.sqlstate, failed.failure.line, failed.failure.column) == ("23505", 1000, 1)

    def test_notices(self, any_site: MakeSite) -> None:
        """What the server says while a file runs is passed on, in order, after the file is committed."""
        here = any_site(
            {"0001_a.sql": "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$; DROP TABLE IF EXISTS x;"}
        )
        ran = here.migrate()
        assert ran.of(NoticeRaised) == [
            NoticeRaised("1", "NOTICE", "one"),
            NoticeRaised("1", "WARNING", "two"),
            NoticeRaised("1", "NOTICE", 'table "x" does not exist, skipping'),
        ]
        kinds = [type(event) for event in ran.events]
        assert kinds.index(MigrationApplied) < kinds.index(NoticeRaised)


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


class TestLockTimeout:
    def test_transactional(self, any_site: MakeSite) -> None:
        """A table that another session holds blocks its tenant: nothing is applied, and the log says so each time."""
        here = any_site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": "CREATE TABLE a ();\nALTER TABLE rooms ADD name text;\n"})
        with here.connect() as holder:
            pid = holder.info.backend_pid
            holder.execute("BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
            ran = here.migrate(lock_timeout_ms=300, lock_wait_s=0)
        said = "canceling statement due to lock timeout, 0002_a was rolled back; waited for ACCESS EXCLUSIVE on "
        assert (ran.verdict().result, ran.exit_code) == (Result.BLOCKED, 5)
        assert ran.verdict().reason.startswith(f"{said}public.rooms, held by pid {pid} (")
        (failed,) = ran.of(MigrationFailed)
        assert (failed.failure.sqlstate, failed.failure.line, failed.failure.column) == ("55P03", 2, 1)
        assert here.logged() == [(1, "applied"), (2, "blocked"), (2, "blocked")]
        assert here.states() == {1: "applied"}
        assert not here.has("a")
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_non_transactional(self, site: MakeSite) -> None:
        """A non-transactional file that is blocked in the middle goes on there when it is not."""
        here = site(ROOMS)
        here.migrate()
        here.write({"0002_a.sql": "-- transactional: false\nCREATE TABLE a ();\nALTER TABLE rooms ADD name text;\n"})
        with here.connect() as holder:
            holder.execute("BEGIN; LOCK TABLE rooms IN ACCESS SHARE MODE")
            ran = here.migrate(lock_timeout_ms=300, lock_wait_s=0)
        said = "canceling statement due to lock timeout, 0002_a is not finished: it runs outside a transaction"
        assert (ran.verdict().result, ran.verdict().reason, ran.exit_code) == (Result.BLOCKED, said, 5)
        assert here.states() == {1: "applied", 2: "failed"}
        assert here.logged()[-1] == (2, "blocked")
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_told_apart(self, site: MakeSite) -> None:
        """One tenant is gone, of one the lock is held, one has a table locked, one fails: the others go on."""
        names = ("1", "2", "3", "4", "5")
        here = site({"0001_a.sql": "DROP TABLE IF EXISTS desks; CREATE TABLE rooms ()"}, tenants=names)
        here.query("CREATE TABLE desks ()", "3")
        here.query("CREATE TABLE rooms ()", "4")
        with here.connect("5") as beside:
            beside.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(here.databases["1"])))
        with here.connect("2") as runner, here.connect("3") as holder:
            assert try_session_lock(runner)
            pid = holder.info.backend_pid
            holder.execute("BEGIN; LOCK TABLE desks")
            ran = here.migrate(lock_timeout_ms=300, lock_wait_s=0.05)
        refused, blocked, failed = Result.REFUSED, Result.BLOCKED, Result.FAILED
        results = dict(zip(names, (refused, blocked, blocked, failed, Result.APPLIED), strict=True))
        assert (ran.results, ran.exit_code) == (results, 3)
        create = f"run \"tenantry migrate --tenants 1 --create\" to create the database '{here.databases['1']}'"
        assert ran.verdict("1").hint == create
        assert ran.verdict("2").reason.startswith("another session has held the migration lock ")
        said = "canceling statement due to lock timeout, 0001_a was rolled back; waited for ACCESS EXCLUSIVE on "
        assert ran.verdict("3").reason.startswith(f"{said}public.desks, held by pid {pid} (")

    def test_only_blocked(self, site: MakeSite) -> None:
        """Where tenants are only blocked or unreachable, the run ends with 5: try again."""
        here = site(ROOMS, tenants=("1", "2"))
        with here.connect("2") as runner:
            assert try_session_lock(runner)
            ran = here.migrate(lock_wait_s=0)
        assert (ran.results, ran.exit_code) == ({"1": Result.APPLIED, "2": Result.BLOCKED}, 5)


class TestNonTransactional:
    INDEX = (
        "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_a ON rooms (id);\nDROP INDEX CONCURRENTLY rooms_a;\n"
    )

    def test_statement_by_statement(self, any_site: MakeSite) -> None:
        """What cannot run in a transaction runs, its progress committed after each statement, and a row in the end."""
        text = (
            "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_a ON rooms (id);\n"
            "CREATE TABLE seen AS SELECT state, statements_done, statements FROM _migrations WHERE version = 2;\n"
            "INSERT INTO seen SELECT state, statements_done, statements FROM _migrations WHERE version = 2;\n"
            "VACUUM rooms"
        )
        here = any_site(ROOMS | {"0002_index.sql": text, "0003_after.sql": "CREATE TABLE after ()"})
        assert here.migrate().applied == ["0001_rooms", "0002_index", "0003_after"]
        assert here.query("SELECT * FROM seen ORDER BY 2") == [("running", 1, 4), ("running", 2, 4)]
        row = here.rows()[1]
        assert (row.state.value, row.statements_done, row.statements) == ("applied", 4, 4)
        assert row.finished_at is not None
        assert here.logged()[1:3] == [(2, "started"), (2, "applied")]

    def test_lock_given_back(self, site: MakeSite) -> None:
        """The lock of a non-transactional file is free when the next file wants it: no runner waits for itself."""
        alone = "-- transactional: false\nSELECT 1"
        here = site({f"{version:04d}_a.sql": alone if version % 2 else "SELECT 1" for version in range(1, 31)})
        ran = here.migrate(lock_wait_s=0)
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert ran.of(LockAwaited) == []

    def test_failing_in_the_middle(self, any_site: MakeSite) -> None:
        """A failure in the middle leaves the row with what is done, and the file goes on there when it is mended."""
        text = "-- transactional: false\nCREATE TABLE a (id int);\n\n  CREATE TABLE b (id int, no nosuch);\nSELECT 1;\n"
        here = any_site(ROOMS | {"0002_bad.sql": text, "0003_after.sql": "CREATE TABLE after ()"})
        ran = here.migrate()
        said = 'type "nosuch" does not exist, 0002_bad is not finished: it runs outside a transaction'
        assert (ran.verdict().result, ran.verdict().reason, ran.exit_code) == (Result.FAILED, said, 3)
        assert '"tenantry mark 2 --tenants 1 --reason ..." if it is finished' in ran.verdict().hint
        (failed,) = ran.of(MigrationFailed)
        excerpt = "3 |\n4 |   CREATE TABLE b (id int, no nosuch);\n  |                              ^\n5 | SELECT 1;"
        assert failed.failure == Failure('type "nosuch" does not exist', "42704", 4, 30, excerpt)
        row = here.rows()[1]
        assert (row.state.value, row.statements_done, row.statements) == ("failed", 1, 3)
        assert row.finished_at is None
        assert here.logged() == [(1, "applied"), (2, "started"), (2, "failed")]
        assert not here.has("after")
        here.write({"0002_bad.sql": text.replace("nosuch", "text")})
        assert here.migrate().applied == ["0002_bad", "0003_after"]
        assert here.has("a", "b", "after")

    def test_violated_constraint(self, site: MakeSite) -> None:
        """An error without a position has the place of its statement."""
        text = "-- transactional: false\nINSERT INTO rooms VALUES (1);\n-- é\n INSERT INTO rooms VALUES (1)"
        (failed,) = site(ROOMS | {"0002_bad.sql": text}).migrate().of(MigrationFailed)
        assert (failed.failure.sqlstate, failed.failure.line, failed.failure.column) == ("23505", 4, 2)

    @pytest.mark.parametrize(
        "statement",
        [
            "SET search_path = ''",
            "SET ROLE {role}",
            "SET SESSION AUTHORIZATION {role}",
            "SET default_transaction_read_only = on",
            "SET statement_timeout = '1min'",
            "SET standard_conforming_strings = off",
            "SET client_encoding = 'LATIN1'",
            "CREATE TEMP TABLE _migrations (a int)",
        ],
    )
    @pytest.mark.parametrize("end", ["SELECT 'é'", "SELECT 1 / 0"], ids=["done", "failed"])
    def test_session(self, site: MakeSite, statement: str, end: str) -> None:
        """What such a file does to its session disturbs neither its row nor its line in the log."""
        here = site(ROOMS)
        with lend_role(here) as name:
            here.write({"0002_a.sql": f"-- transactional: false\n{statement.format(role=name)};\n{end};\n"})
            here.write({"0003_b.sql": "CREATE TABLE after AS SELECT current_user, current_setting('search_path')"})
            ran = here.migrate()
            failing = end == "SELECT 1 / 0"
            assert ran.of(WarningRaised) == []
            assert (
                here.states() == {1: "applied", 2: "failed"} if failing else {1: "applied", 2: "applied", 3: "applied"}
            )
            assert (2, "failed" if failing else "applied") in here.logged()
            if not failing:
                assert here.query("TABLE public.after") == [("postgres", '"$user", public')]

    def test_own_transaction_refused(self, site: MakeSite) -> None:
        """A block that commits is free to do so in a non-transactional file."""
        text = "-- transactional: false\nDO $$ BEGIN INSERT INTO rooms VALUES (1); COMMIT; END $$"
        here = site(ROOMS | {"0002_a.sql": text})
        assert here.migrate().results == {"1": Result.APPLIED}
        assert here.query("TABLE rooms") == [(1,)]


class TestTwoRunners:
    def test_stale_plan(self, any_site: MakeSite) -> None:
        """What another runner applied after the plan was made is not applied a second time."""
        here = any_site(ROOMS | {"0002_b.sql": "INSERT INTO rooms VALUES (1)", "0003_c.sql": "CREATE TABLE c ()"})
        first = here.steps()
        advance(first, 3)
        assert here.migrate(migrations=here.project().files(here.project().tenants[0])[:2]).exit_code == 0
        left = list(first)
        assert [label(e.migration.version, e.migration.name) for e in left if isinstance(e, MigrationApplied)] == [
            "0003_c"
        ]
        assert here.query("SELECT count(*) FROM rooms") == [(1,)]
        assert here.states() == {1: "applied", 2: "applied", 3: "applied"}

    def test_nothing_left(self, site: MakeSite) -> None:
        """A runner for whom another one left nothing to do says up to date, since it applied nothing."""
        here = site(ROOMS)
        first = here.steps()
        advance(first, 3)
        here.migrate()
        assert finish(first) == Verdict(Result.UP_TO_DATE)

    def test_stale_between_files(self, site: MakeSite) -> None:
        """Also between two files of one plan another runner may go ahead, unless both are transactional."""
        here = site(
            ROOMS | {"0002_b.sql": "-- transactional: false\nCREATE TABLE b ()", "0003_c.sql": "CREATE TABLE c ()"}
        )
        first = here.steps()
        advance(first, 5)
        assert here.states() == {1: "applied"}
        assert here.migrate().applied == ["0002_b", "0003_c"]
        assert [event for event in first if isinstance(event, MigrationStarted)] == []

    def test_left_unfinished(self, site: MakeSite) -> None:
        """What another runner left unfinished meanwhile is gone on with."""
        here = site(ROOMS | {"0002_b.sql": "-- transactional: false\nSELECT 1; SELECT 1 / 0"})
        first = here.steps()
        advance(first, 3)
        assert here.migrate().exit_code == 3
        assert finish(first).reason == "division by zero, 0002_b is not finished: it runs outside a transaction"
        assert here.logged()[-2:] == [(2, "resumed"), (2, "failed")]

    def test_second_waits(self, site: MakeSite) -> None:
        """While a transactional file runs, a second runner waits for it, and then finds nothing to do."""
        here = site({"0001_a.sql": f"CREATE TABLE a ();\n{WAIT_AT_GATE}"})
        with here.gate() as opened, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
            here.await_waiting()
            second = here.steps()
            advance(second, 3)
            assert isinstance(next(second), LockAwaited)
            opened()
        assert [event for event in second if isinstance(event, MigrationStarted)] == []
        assert first.result().applied == ["0001_a"]

    def test_second_waits_for_statements(self, site: MakeSite) -> None:
        """While a non-transactional file runs, a second runner waits for it, and then finds nothing to do."""
        here = site(
            {"0001_a.sql": f"-- transactional: false\nCREATE TABLE a ();\n{WAIT_AT_GATE.replace('_xact', '')};\n"}
        )
        with here.gate() as opened, at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
            here.await_waiting()
            second = here.steps()
            advance(second, 1)
            assert isinstance(next(second), LockAwaited)
            opened()
            assert finish(second) == Verdict(Result.UP_TO_DATE)
        assert first.result().applied == ["0001_a"]

    def test_ten_times_over(self, site: MakeSite) -> None:
        """Two runners on the same tenants at once: no file runs twice, and both end well, ten times over."""
        names = [str(number) for number in range(1, 11)]
        files = {
            "0001_runs.sql": "CREATE TABLE runs (version int);\nINSERT INTO runs VALUES (1)",
            "0002_two.sql": "-- transactional: false\nINSERT INTO runs VALUES (2);\n"
            "CREATE INDEX CONCURRENTLY i ON runs (version)",
            "0003_three.sql": "INSERT INTO runs VALUES (3)",
        }
        here = site(files, tenants=names)
        with ThreadPoolExecutor(2) as pool:
            ran = list(pool.map(lambda _number: here.migrate(), range(2)))
        assert [one.exit_code for one in ran] == [0, 0]
        assert len(ran[0].applied) + len(ran[1].applied) == 30
        for name in names:
            assert here.query("SELECT version FROM runs ORDER BY 1", name) == [(1,), (2,), (3,)]
            assert here.states(name) == {1: "applied", 2: "applied", 3: "applied"}


class TestStopped:
    def test_running_file_finishes(self, site: MakeSite) -> None:
        """After a first signal the running file finishes, no new one starts, and the rest can be run later."""
        here = site({"0001_a.sql": f"CREATE TABLE a ();\n{WAIT_AT_GATE}", "0002_b.sql": "CREATE TABLE b ()"})
        stop = Stop()
        with (
            here.gate() as opened,
            at_once(lambda: here.migrate(here.project(lock_timeout_ms=LONG_MS), stop=stop)) as run,
        ):
            here.await_waiting()
            stop.request("SIGTERM")
            opened()
        ran = run.result()
        hint = "run the same command again to resume"
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.STOPPED, "SIGTERM", hint), 6)
        assert ran.applied == ["0001_a"]
        assert here.states() == {1: "applied"}
        assert here.migrate().applied == ["0002_b"]

    @pytest.mark.parametrize("transactional", [True, False])
    def test_running_file_fails(self, site: MakeSite, transactional: bool) -> None:
        """A file that fails after a first signal has failed, in the report and in the log, and was not just stopped."""
        gate = WAIT_AT_GATE if transactional else WAIT_AT_GATE.replace("_xact", "")
        here = site({"0001_a.sql": f"-- transactional: {str(transactional).lower()}\n{gate};\nSELECT 1 / 0;\n"})
        stop = Stop()
        with (
            here.gate() as opened,
            at_once(lambda: here.migrate(here.project(lock_timeout_ms=LONG_MS), stop=stop)) as run,
        ):
            here.await_waiting()
            stop.request("SIGTERM")
            opened()
        ran = run.result()
        assert (ran.verdict().result, ran.exit_code) == (Result.FAILED, 3)
        assert here.logged()[-1] == (1, "failed")

    def test_not_begun(self, site: MakeSite) -> None:
        """A run that ends before a non-transactional file has run anything leaves no unfinished row of it."""
        here = site({"0001_a.sql": "-- transactional: false\nCREATE TABLE a ();\n"})
        steps = here.steps()
        assert isinstance(advance(steps, 4)[-1], MigrationStarted)
        steps.close()
        assert not here.has("a")
        assert here.migrate().results == {"1": Result.APPLIED}

    @pytest.mark.parametrize("transactional", [True, False])
    def test_cancelled(self, site: MakeSite, transactional: bool) -> None:
        """A second signal cancels the statement that is running: the file is rolled back, or left unfinished."""
        gate = WAIT_AT_GATE if transactional else WAIT_AT_GATE.replace("_xact", "")
        here = site({"0001_a.sql": f"-- transactional: {str(transactional).lower()}\nCREATE TABLE a ();\n{gate};\n"})
        stop, project = Stop(), here.project(lock_timeout_ms=LONG_MS)
        stop.covers(project.sessions)
        with here.gate(), at_once(lambda: here.migrate(project, stop=stop)) as run:
            here.await_waiting()
            stop.request("SIGINT")
            stop.cancel()
            ran = run.result()
        left = "was rolled back" if transactional else "is not finished: it runs outside a transaction"
        assert (ran.verdict().result, ran.exit_code) == (Result.STOPPED, 130)
        assert ran.verdict().reason == f"cancelled, 0001_a {left}"
        assert here.logged()[-1] == (1, "cancelled")
        assert here.has("a") is not transactional
        assert here.states() == ({} if transactional else {1: "failed"})

    def test_no_tenant_starts(self, site: MakeSite) -> None:
        """A tenant whose turn has not come when the run is stopped is not started."""
        here = site(ROOMS, tenants=("1", "2"))
        stop = Stop()
        stop.request("SIGTERM")
        ran = here.migrate(stop=stop)
        assert ran.results == {"1": Result.NOT_STARTED, "2": Result.NOT_STARTED}
        assert ran.exit_code == 6


class TestCollisions:
    def test_changed_at_once(self, any_site: MakeSite) -> None:
        """A role that another database changes at the same time: rolled back, tried again, applied."""
        here = any_site(ROOMS, tenants=("1", "2"))
        with lend_role(here) as name:
            here.write({"0002_role.sql": f"CREATE TABLE a ();\nALTER ROLE {name} CONNECTION LIMIT 5;\n"})
            with here.connect("2") as other:
                other.execute(f"BEGIN; ALTER ROLE {name} CONNECTION LIMIT 7".encode())
                with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS, selection=name_tenant("1"))) as run:
                    here.await_waiting()
                    other.execute("COMMIT")
                ran = run.result()
        (retried,) = ran.of(MigrationRetried)
        assert (retried.attempt, retried.migration.version) == (1, 2)
        assert (retried.failure.message, retried.failure.sqlstate) == ("tuple concurrently updated", "XX000")
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert here.logged() == [(1, "applied"), (2, "applied")]

    def test_granted_at_once(self, any_site: MakeSite) -> None:
        """A membership that another database grants at the same time is granted once, by a second try if need be."""
        here = any_site(ROOMS, tenants=("1", "2"))
        with lend_role(here) as name:
            here.write({"0002_grant.sql": f"GRANT pg_monitor TO {name};\n"})
            with here.connect("2") as other:
                other.execute(f"BEGIN; GRANT pg_monitor TO {name}".encode())
                with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS, selection=name_tenant("1"))) as run:
                    here.await_waiting()
                    other.execute("COMMIT")
                ran = run.result()
                newer = other.info.server_version >= 160000
        # Newer servers make the second wait and find it granted; older ones break the key of a shared catalogue.
        retries = [(event.attempt, event.failure.sqlstate) for event in ran.of(MigrationRetried)]
        assert retries == ([] if newer else [(1, "23505")])
        assert ran.verdict() == Verdict(Result.APPLIED)

    def test_many_databases(self, site: MakeSite) -> None:
        """Many databases that alter and grant on one role at once all get through."""
        names = [str(number) for number in range(1, 9)]
        here = site(ROOMS, tenants=names)
        with lend_role(here) as name:
            grants = "".join(f"ALTER ROLE {name} CONNECTION LIMIT {limit};\n" for limit in range(20))
            here.write({"0002_role.sql": f"GRANT pg_monitor TO {name};\n{grants}GRANT SELECT ON rooms TO {name};\n"})
            ran = here.migrate()
            assert ran.results == dict.fromkeys(names, Result.APPLIED)
            assert all(here.states(tenant) == {1: "applied", 2: "applied"} for tenant in names)
            for other in names:
                here.query(f"DROP OWNED BY {name}", other)

    def test_role_exists(self, any_site: MakeSite) -> None:
        """A role that the second database of a server finds there is an error that says why."""
        here = any_site(ROOMS)
        with lend_role(here) as name:
            here.write({"0002_role.sql": f"CREATE ROLE {name}"})
            ran = here.migrate()
        hint = (
            "create roles and tablespaces in a DO block that checks for them first, or once on the master: all "
            "databases of a server share them"
        )
        reason = f'role "{name}" already exists, 0002_role was rolled back'
        assert ran.verdict() == Verdict(Result.FAILED, reason, hint)
        assert ran.of(MigrationRetried) == []

    def test_role_created_meanwhile(self, any_site: MakeSite) -> None:
        """A role that another database creates after a block looked for it: rolled back, tried again, found there."""
        here, name = any_site(ROOMS, tenants=("1", "2")), f"role_{secrets.token_hex(6)}"
        look = f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN"
        wait = WAIT_AT_GATE.replace("SELECT", "PERFORM")
        here.write({"0002_role.sql": f"DO $$ BEGIN {look} {wait}; CREATE ROLE {name}; END IF; END $$;\n"})
        choice = name_tenant("1")
        try:
            with (
                here.gate() as release,
                at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS, selection=choice)) as run,
            ):
                here.await_waiting()
                here.query(f"CREATE ROLE {name}", "2")
                release()
                ran = run.result()
        finally:
            here.query(f"DROP ROLE {name}", "2")
        (retried,) = ran.of(MigrationRetried)
        assert (retried.failure.sqlstate, ran.verdict()) == ("42710", Verdict(Result.APPLIED))

    def test_deadlock(self, any_site: MakeSite) -> None:
        """A deadlock (40P01) with another session rolls the file back, which is tried again and applied."""
        here = any_site({"0001_ab.sql": "CREATE TABLE a (id int); CREATE TABLE b (id int)"})
        here.migrate()
        here.query(f"ALTER DATABASE {here.databases['1']} SET deadlock_timeout = '20ms'")
        # Waits with table a locked until the other session wants it, too, and only then for b, which that one holds.
        here.write(
            {
                "0002_both.sql": "LOCK TABLE a;\n"
                "DO $$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM a)"
                " OR EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND NOT granted); END LOOP; END $$;\n"
                "LOCK TABLE b;\nCREATE TABLE c ();\n"
            }
        )
        with here.connect() as other:
            other.execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE b")
            with ThreadPoolExecutor(1) as pool:
                run = pool.submit(here.migrate, lock_timeout_ms=LONG_MS)
                other.execute(
                    "DO $$ BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass"
                    " AND granted); END LOOP; END $$"
                )
                other.execute("INSERT INTO a VALUES (1); COMMIT")
                ran = run.result()
        (retried,) = ran.of(MigrationRetried)
        assert (retried.failure.message, retried.failure.sqlstate) == ("deadlock detected", "40P01")
        assert (retried.failure.line, retried.failure.column) == (3, 1)
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert here.has("c")

    def test_moved_row(self, any_site: MakeSite) -> None:
        """A row that another session moves away (40001) rolls the file back, which is tried again and applied."""
        here = any_site(
            {
                "0001_p.sql": "CREATE TABLE p (k int, v int) PARTITION BY LIST (k);\n"
                "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);\nCREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);\n"
                "INSERT INTO p VALUES (1, 0);\n"
            }
        )
        here.migrate()
        here.write({"0002_v.sql": "UPDATE p SET v = v + 1 WHERE v = 0"})
        with here.connect() as other:
            other.execute("BEGIN; UPDATE p SET k = 2")
            with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as run:
                here.await_waiting()
                other.execute("COMMIT")
            ran = run.result()
        assert [(event.attempt, event.failure.sqlstate) for event in ran.of(MigrationRetried)] == [(1, "40001")]
        assert ran.verdict() == Verdict(Result.APPLIED)
        assert here.query("TABLE p") == [(2, 1)]

    def test_stays(self, site: MakeSite) -> None:
        """A collision that stays is named after the last attempt, and in the log once."""
        here = site({"0001_a.sql": "SELECT 1;\nDO $$ BEGIN RAISE 'in the way' USING ERRCODE = '40001'; END $$"})
        ran = here.migrate()
        assert [(event.attempt, event.attempts) for event in ran.of(MigrationRetried)] == [(n, 8) for n in range(1, 8)]
        (failed,) = ran.of(MigrationFailed)
        assert (failed.failure.message, failed.failure.sqlstate, failed.failure.line) == ("in the way", "40001", 2)
        assert (ran.verdict(), ran.exit_code) == (
            Verdict(Result.FAILED, "in the way, 0001_a was rolled back", ran.verdict().hint),
            3,
        )
        assert here.logged() == [(1, "failed")]
        assert here.rows() == ()

    def test_own_unique_index(self, site: MakeSite) -> None:
        """A key that is there twice in a table of the tenant's own is no collision: it is not tried again."""
        here = site(ROOMS | {"0002_b.sql": "INSERT INTO rooms VALUES (1), (1)"})
        ran = here.migrate()
        assert ran.of(MigrationRetried) == []
        assert ran.verdict().result is Result.FAILED
