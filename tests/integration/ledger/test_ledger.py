"""The ledger on each server: created with the first write, and read as it was written."""

from datetime import UTC, datetime, timedelta

import pytest

from tenantry.ledger.applied import record_applied
from tenantry.ledger.log import read_log
from tenantry.ledger.writing import record_finished, record_progress, record_running
from tenantry.model import AppliedMigration, Origin, Progress, RowState
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, make_migration
from tests.integration.ledger.fix_verbs import READING
from tests.places import TESTS

DATA = TESTS / "data" / "apply"
ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int);\n"}
LEDGERS = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname LIKE '\\_migrations%'"


class TestFirstWrite:
    @pytest.mark.parametrize("verb", READING)
    def test_reading_leaves_no_trace(self, site: MakeSite, verb: str) -> None:
        """A verb that only reads makes no table in a database that has no ledger."""
        here = site(ROOMS)
        assert here.call(verb, **READING[verb]).results["1"] not in (Result.FAILED, Result.REFUSED, Result.UNREACHABLE)
        assert here.query(LEDGERS) == [(0,)]

    def test_made_by_a_file(self, any_site: MakeSite) -> None:
        """A run with nothing to apply makes no table; the first file brings both."""
        here = any_site(ROOMS)
        assert here.migrate(migrations=()).results == {"1": Result.UP_TO_DATE}
        assert here.query(LEDGERS) == [(0,)]
        assert here.migrate().results == {"1": Result.APPLIED}
        assert here.has("_migrations", "_migrations_log")

    def test_made_by_a_failure(self, site: MakeSite) -> None:
        """A first file that fails leaves a ledger without a row, and its failure in the log."""
        here = site({"0001_bad.sql": "SELECT 1 / 0"})
        assert here.migrate().results == {"1": Result.FAILED}
        assert here.rows() == ()
        assert here.logged() == [(1, "failed")]

    def test_schema_text(self, any_site: MakeSite) -> None:
        """Columns, constraints and comments are the same on every server, and those that are written down."""
        here = any_site(ROOMS)
        here.migrate()
        lines = sorted(line for (line,) in here.query((DATA / "ledger.sql").read_text("utf-8")))
        assert lines == (DATA / "ledger.txt").read_text("utf-8").splitlines()

    def test_every_column_explained(self, any_site: MakeSite) -> None:
        """Both tables and each of their columns have a comment."""
        here = any_site(ROOMS)
        here.migrate()
        silent = here.query(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_name LIKE '\\_migrations%'"
            " AND col_description(CAST(table_name AS regclass), ordinal_position) IS NULL"
            " UNION ALL SELECT relname, '' FROM pg_class WHERE relname IN ('_migrations', '_migrations_log')"
            " AND obj_description(oid, 'pg_class') IS NULL"
        )
        assert silent == []

    def test_log_comment_names_every_event(self, site: MakeSite) -> None:
        """The comment on the log's events names all that the runner writes there."""
        here = site(ROOMS)
        here.migrate()
        ((comment,),) = here.query(
            "SELECT col_description('_migrations_log'::regclass, attnum) FROM pg_attribute"
            " WHERE attrelid = '_migrations_log'::regclass AND attname = 'event'"
        )
        written = {"applied", "started", "failed", "blocked", "cancelled", "lost", "accepted", "marked", "forgotten"}
        assert written - set(comment.split(", ")) == set()

    @pytest.mark.parametrize("schema", ["book", "Book keeping"])
    def test_other_schema(self, site: MakeSite, schema: str) -> None:
        """The ledger lives in the schema that tenants.yaml names, whatever has to be quoted, and only there."""
        here = site(ROOMS, schema=schema)
        here.query(f'CREATE SCHEMA "{schema}"')
        assert here.migrate().results == {"1": Result.APPLIED}
        assert here.migrate().results == {"1": Result.UP_TO_DATE}
        where = (
            "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname LIKE '\\_migrations%' AND relkind='r'"
        )
        assert {row[0].strip('"') for row in here.query(where)} == {schema}


class TestRoundTrip:
    NASTY = """-- {0} %s %(a)s \\ ' " $1 $$ é \U0001f3b8\nSELECT 'it''s \\n', E'\\'', '{"a": 1}';\n"""

    def test_applied(self, any_site: MakeSite) -> None:
        """A row is read as it was written, the log says the same, and any text comes back as it was."""
        migration = make_migration(2**63 - 1, "rooms", self.NASTY)
        began = datetime.now(UTC) - timedelta(seconds=1)
        with any_site(ROOMS).ledger() as ledger:
            ledger.create_if_absent()
            with ledger.connection.transaction():
                record_applied(ledger, migration, elapsed_ms=1500, statements=3)
            (row,), (entry,) = ledger.read(), read_log(ledger)
            assert ledger.read_text(migration.version) == self.NASTY
            assert ledger.read_states() == {migration.version: "applied"}
        assert row.finished_at is not None
        assert began < row.finished_at < datetime.now(UTC) + timedelta(seconds=1)
        assert row == AppliedMigration(
            version=migration.version,
            name="rooms",
            checksum=migration.checksum,
            origin=Origin.APPLIED,
            state=RowState.APPLIED,
            set_name="tenant",
            tenant="1",
            finished_at=row.finished_at,
            elapsed_ms=1500,
            statements=3,
            statements_done=3,
            applied_by="postgres (tester@here)",
        )
        assert (entry.id, entry.version, entry.event, entry.checksum) == (1, row.version, "applied", row.checksum)
        assert (entry.applied_by, entry.reason, entry.detail) == (row.applied_by, "", {"elapsed_ms": 1500})
        assert abs(entry.at - row.finished_at) < timedelta(seconds=5)

    def test_statement_by_statement(self, any_site: MakeSite) -> None:
        """A non-transactional file is running with its progress, then failed, then applied with its time."""
        migration = make_migration(7, "index", "SELECT 1; SELECT 2;", transactional=False)
        with any_site(ROOMS).ledger() as ledger:
            ledger.create_if_absent()
            record_running(ledger, migration, statements=2)
            reached = Progress("sha256:1", "SELECT 2", (1, 2))
            record_progress(ledger, 7, 1, reached)
            (running,) = ledger.read()
            record_finished(ledger, migration, RowState.FAILED, elapsed_ms=0)
            (failed,) = ledger.read()
            record_progress(ledger, 7, 2, Progress("sha256:2"))
            record_finished(ledger, migration, RowState.APPLIED, elapsed_ms=40)
            (applied,) = ledger.read()
            events = [entry.event for entry in read_log(ledger, 7)]
        seen = [(row.state.value, row.statements_done, row.statements, row.elapsed_ms) for row in (running, failed)]
        assert seen == [("running", 1, 2, None), ("failed", 1, 2, None)]
        assert (applied.state.value, applied.statements_done, applied.elapsed_ms) == ("applied", 2, 40)
        assert (running.finished_at, failed.finished_at) == (None, None)
        assert applied.finished_at is not None
        assert events == ["started", "applied"]
        assert (running.progress, failed.progress, applied.progress) == (reached, reached, None)

    def test_provenance(self, site: MakeSite) -> None:
        """A row names the run as pg_stat_activity did, the version of the tool, and when the file was begun."""
        here = site({"0001_seen.sql": "CREATE TABLE seen AS SELECT current_setting('application_name') AS name"})
        project = here.project()
        here.migrate(project)
        names = "SELECT 'tenantry/' || tool_version || ' ' || run_id, started_at <= finished_at FROM _migrations"
        ((name, ordered),) = here.query(names)
        # PostgreSQL keeps 63 bytes of it.
        assert here.query("SELECT name FROM seen") == [(name[:63],)]
        assert name == project.provenance.application_name
        assert ordered

    def test_empty(self, any_site: MakeSite) -> None:
        """Without a ledger there are no rows, no log and no text that could be asked for."""
        with any_site(ROOMS).ledger() as ledger:
            assert ledger.read() == ()
            assert read_log(ledger) == ()
