"""Applying on each server: a file and its row together, whatever way the file is written."""

import pytest

from tenantry.model.events import MigrationApplied, MigrationFailed, NoticeRaised, Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}
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
