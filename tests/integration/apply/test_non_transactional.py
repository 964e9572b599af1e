"""Files without a transaction: statement by statement, with a row that says how far they are."""

import pytest

from tenantry.model.events import LockAwaited, MigrationFailed, Verdict, WarningRaised
from tenantry.model.results import Failure, Result
from tests.integration.fix_site import MakeSite, lend_role

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY);\n"}


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
