"""The ledger on each server: made by the first write, read back as it was written, and nobody else's table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.ledger.applied import record_applied
from tenantry.ledger.log import read_log
from tenantry.ledger.writing import record_finished, record_progress, record_running
from tenantry.model import AppliedMigration, Origin, Progress, RowState
from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, RepairMade, RepairProposed, Verdict
from tenantry.model.results import Result, Standing
from tests.integration.fix_site import MakeSite, Site, lend_role, make_migration
from tests.places import TESTS

DATA = TESTS / "data" / "apply"

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int);\n"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id int);\n"}
INDEX = {"0002_index.sql": "-- transactional: false\nCREATE INDEX i ON rooms (id);\nCREATE INDEX i ON rooms (id);\n"}
LEDGERS = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname LIKE '\\_migrations%'"
FOREIGN = Verdict(
    Result.REFUSED,
    "public._migrations: not tenantry's ledger, expected the ledger's columns and comment",
    'set another schema under "ledger" in tenants.yaml; if a restore lost the comment, run '
    "COMMENT ON TABLE public._migrations IS 'tenantry ledger, layout 1'",
)
A_VIEW = Verdict(
    Result.REFUSED,
    "public._migrations: not a plain table, but a view, expected the table as tenantry "
    "creates it: it is neither read nor written",
    "find out who changed it, and have its owner restore it; if a role of yours owns it, connect as that role, or name "
    'it under "ledger" in tenants.yaml: owner: ROLE',
)
NEWER = Verdict(
    Result.REFUSED,
    "public._migrations: layout 2, expected at most 1, the newest that this version of tenantry knows",
    "a newer version of tenantry has written it: upgrade this one",
)
LAYOUT_2 = (
    "UPDATE _migrations SET layout = 2; COMMENT ON TABLE public._migrations IS 'tenantry ledger, layout 2: to be'"
)
# How a database is prepared, `{ours}` standing for a ledger of ours, and what is said of it.
FOREIGN_CASES = {
    "other columns": ("CREATE TABLE _migrations (id int, hash text); INSERT INTO _migrations VALUES (1)", FOREIGN),
    "other columns, empty": ("CREATE TABLE _migrations (id int, hash text)", FOREIGN),
    "other types": ("CREATE TABLE _migrations (version text, name text, finished_at text)", FOREIGN),
    "a view": ("CREATE VIEW _migrations AS SELECT 1 AS version", A_VIEW),
    "our columns, empty, no comment": (
        "{ours} TRUNCATE _migrations; COMMENT ON TABLE public._migrations IS NULL",
        FOREIGN,
    ),
    "our columns, empty, another's comment": (
        "{ours} TRUNCATE _migrations; COMMENT ON TABLE public._migrations IS 'of alembic'",
        FOREIGN,
    ),
    "newer layout": ("{ours} " + LAYOUT_2, NEWER),
    "newer layout, empty": ("{ours} TRUNCATE _migrations; " + LAYOUT_2, NEWER),
    "newer layout, a column gone": ("{ours} ALTER TABLE _migrations DROP COLUMN elapsed_ms; " + LAYOUT_2, NEWER),
    "newer layout, a new value": (
        "{ours} ALTER TABLE _migrations DROP CONSTRAINT _migrations_origin_check;"
        " UPDATE _migrations SET origin = 'rebuilt'; " + LAYOUT_2,
        NEWER,
    ),
    "made before the first release": (
        "{ours} ALTER TABLE _migrations DROP COLUMN rollback_text, DROP COLUMN progress",
        Verdict(
            Result.REFUSED,
            "public._migrations: no progress and no rollback_text, expected the columns of layout 1: the table was "
            "created before the first release",
            "as its owner: ALTER TABLE public._migrations ADD COLUMN IF NOT EXISTS proven_at timestamptz, "
            "ADD COLUMN IF NOT EXISTS rollback_text text, ADD COLUMN IF NOT EXISTS progress jsonb, "
            "DROP CONSTRAINT IF EXISTS _migrations_state_check, "
            "ADD CONSTRAINT _migrations_state_check CHECK (state IN ('applied', 'running', 'failed', 'rolled back'))",
        ),
    ),
    "another tenant's rows": (
        "{ours} UPDATE _migrations SET tenant = '16'",
        Verdict(
            Result.REFUSED,
            "public._migrations: database '{database}' belongs to tenant 16, expected tenant 1",
            "correct the server or database of this tenant in tenants.yaml",
        ),
    ),
    "the master's rows": (
        "{ours} UPDATE _migrations SET set_name = 'master', tenant = 'master'",
        Verdict(
            Result.REFUSED,
            "public._migrations: database '{database}' belongs to the master, expected tenant 1",
            "correct the server or database of this tenant in tenants.yaml",
        ),
    ),
}
READING: dict[str, dict[str, Any]] = {
    "status": {},
    "plan": {"to": None},
    "verify": {},
    "log": {"version": None, "sql": False},
    "tenants": {},
    "migrate": {"to": None, "out_of_order": (), "dry_run": True, "no_verify": False, "full": False},
    "mark": {"version": 1, "dry_run": True, "force": True},
}


@contextmanager
def as_role(site: Site, *grants: str) -> Iterator[Site]:
    """Lend a role that has these rights and no other; give the site as that role sees it."""
    # As newer servers have it by themselves.
    site.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with lend_role(site) as name:
        for grant in grants:
            site.query(f"GRANT {grant} TO {name}")
        yield Site(site.folder, make_conninfo(site.server, user=name), site.databases, site.schema)


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


class TestRepairs:
    def test_accept(self, any_site: MakeSite) -> None:
        """Accept writes what the file says now, runs nothing, and keeps what was recorded before in the log."""
        here = any_site(ROOMS)
        here.migrate()
        (before,) = here.rows()
        (here.folder / "migrations/0001_rooms.sql").unlink()
        here.write({"0001_halls.sql": "-- Halls.\n" + ROOMS["0001_rooms.sql"]})
        ran = here.call("accept", version=1, reason="a comment")
        (after,) = here.rows()
        proposed = (
            f"0001_rooms: checksum {before.checksum} becomes {after.checksum}",
            "0001_rooms: name becomes 0001_halls",
        )
        kinds = [type(event) for event in ran.events]
        assert kinds[kinds.index(RepairProposed) :][:2] == [RepairProposed, RepairMade]
        assert ran.of(RepairProposed) == [RepairProposed("1", proposed)]
        assert ran.verdict() == Verdict(Result.APPLIED, proposed[0])
        assert (after.name, after.state, after.finished_at) == ("halls", RowState.APPLIED, before.finished_at)
        entry = here.log()[-1]
        assert (entry.event, entry.reason, entry.checksum) == ("accepted", "a comment", after.checksum)
        assert (entry.detail["checksum"], entry.detail["name"]) == (before.checksum, "rooms")
        assert entry.detail["sql_text"] == ROOMS["0001_rooms.sql"]
        assert here.query("SELECT sql_text FROM _migrations") == [("-- Halls.\n" + ROOMS["0001_rooms.sql"],)]
        assert here.migrate().results == {"1": Result.UP_TO_DATE}

    def test_mark(self, any_site: MakeSite) -> None:
        """Mark records a file as applied without running it, also where there is no ledger yet."""
        here = any_site(ROOMS)
        ran = here.call("mark", version=1, reason="typed in", force=True)
        (row,) = here.rows()
        assert ran.of(RepairProposed) == [
            RepairProposed(
                "1",
                (
                    "0001_rooms: is recorded as applied, origin marked, without being run",
                    "its effects are missing in the schema",
                ),
            )
        ]
        assert (row.origin, row.state, row.elapsed_ms) == (Origin.MARKED, RowState.APPLIED, None)
        assert (row.statements, row.statements_done, row.applied_by) == (0, 0, "postgres (tester@here)")
        assert row.finished_at is not None
        entry = here.log()[-1]
        assert (entry.version, entry.event, entry.reason, entry.detail) == (1, "marked", "typed in", {})
        assert not here.has("rooms")
        assert here.migrate().results == {"1": Result.REFUSED}
        here.query(ROOMS["0001_rooms.sql"])
        assert here.migrate().results == {"1": Result.UP_TO_DATE}

    def test_mark_unfinished(self, any_site: MakeSite) -> None:
        """Mark ends a non-transactional file that was finished by hand, all its statements counted as done."""
        here = any_site(ROOMS | INDEX)
        assert here.migrate().results == {"1": Result.FAILED}
        assert here.call("mark", version=2, reason="done by hand").exit_code == 4
        ran = here.call("mark", version=2, reason="done by hand", force=True)
        (proposed,) = ran.of(RepairProposed)
        assert proposed.changes[0] == "0002_index: 1 of 2 statements done, is recorded as applied, origin marked"
        assert proposed.changes[1].startswith("the schema cannot be asked: ")
        row = here.rows()[-1]
        assert (row.state, row.origin, row.statements_done) == (RowState.APPLIED, Origin.MARKED, 2)
        entry = here.log()[-1]
        assert (entry.event, entry.detail["state"], entry.detail["statements_done"]) == ("marked", "failed", 1)
        assert here.migrate().results == {"1": Result.UP_TO_DATE}

    def test_forget(self, any_site: MakeSite) -> None:
        """Forget deletes the row, keeps it with its text in the log, undoes nothing, and the file is pending again."""
        here = any_site(ROOMS)
        here.migrate()
        (before,) = here.rows()
        ran = here.call("forget", version=1, reason="dropped")
        change = "0001_rooms: the record (applied, by postgres (tester@here)) is deleted; its file becomes pending"
        assert ran.of(RepairProposed) == [RepairProposed("1", (change,))]
        assert here.rows() == ()
        entry = here.log()[-1]
        assert (entry.event, entry.reason, entry.checksum) == ("forgotten", "dropped", before.checksum)
        assert entry.detail["sql_text"] == ROOMS["0001_rooms.sql"]
        assert here.has("rooms")
        here.query("DROP TABLE rooms")
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_log_only_grows(self, site: MakeSite) -> None:
        """Every hand-made change is a further line of the log, of which none goes."""
        here = site(ROOMS)
        here.migrate()
        here.call("forget", version=1)
        here.call("mark", version=1)
        here.write({"0001_rooms.sql": "-- edited\n" + ROOMS["0001_rooms.sql"]})
        here.call("accept", version=1)
        assert here.logged() == [(1, "applied"), (1, "forgotten"), (1, "marked"), (1, "accepted")]
        assert [entry.id for entry in here.log()] == [1, 2, 3, 4]

    @pytest.mark.parametrize("verb", ["accept", "mark", "forget"])
    def test_dry_run(self, site: MakeSite, verb: str) -> None:
        """With --dry-run a repair is shown and not made."""
        here = site(ROOMS | DESKS)
        here.migrate(migrations=here.project().files(here.project().tenants[0])[:1])
        here.write({"0001_rooms.sql": "-- edited\n" + ROOMS["0001_rooms.sql"]})
        before = here.rows()
        ran = here.call(verb, version=2 if verb == "mark" else 1, dry_run=True, force=True)
        assert ran.verdict() == Verdict(Result.OK, "dry run: nothing was changed", standing=Standing.TO_CHANGE)
        (proposed,) = ran.of(RepairProposed)
        assert " would be" in proposed.changes[0]
        assert here.rows() == before
        assert here.logged() == [(1, "applied")]

    @pytest.mark.parametrize(
        ("verb", "verdict"),
        [
            (
                "accept",
                Verdict(
                    Result.REFUSED,
                    "version 2 is not applied, so it has no record to change",
                    'run "tenantry status --tenants 1" to see its version',
                ),
            ),
            (
                "forget",
                Verdict(
                    Result.REFUSED, "version 2 is not recorded", 'run "tenantry status --tenants 1" to see its version'
                ),
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_nothing_recorded(self, site: MakeSite, verb: str, verdict: Verdict) -> None:
        """There is nothing to accept or to forget where nothing is recorded."""
        here = site(ROOMS | DESKS)
        assert here.call(verb, version=2).verdict() == verdict
        assert here.query(LEDGERS) == [(0,)]

    def test_nothing_to_change(self, site: MakeSite) -> None:
        """A repair that would change nothing says so and writes nothing."""
        here = site(ROOMS)
        here.migrate()
        for verb in ("accept", "mark"):
            verdict = Verdict(Result.UP_TO_DATE, "nothing to change", standing=Standing.NO_CHANGE)
            assert here.call(verb, version=1).verdict() == verdict
        assert here.logged() == [(1, "applied")]


class TestForeign:
    @staticmethod
    def prepare(here: Site, statement: str) -> None:
        """Bring a database into the state that a case describes; `{ours}` stands for a ledger of ours."""
        if statement.startswith("{ours}"):
            here.migrate()
        here.query(statement.removeprefix("{ours}"))

    @pytest.mark.parametrize("case", FOREIGN_CASES)
    def test_migrate(self, site: MakeSite, case: str) -> None:
        """Nothing is applied to a database whose ledger is not this tenant's, and the table stays as it is."""
        here = site(ROOMS)
        statement, verdict = FOREIGN_CASES[case]
        self.prepare(here, statement)
        here.write(DESKS)
        before = here.query("SELECT to_jsonb(m) FROM _migrations AS m")
        ran = here.migrate()
        reason = verdict.reason.format(database=here.databases["1"])
        assert (ran.verdict(), ran.exit_code) == (Verdict(verdict.result, reason, verdict.hint), 4)
        assert not here.has("desks")
        assert here.query("SELECT to_jsonb(m) FROM _migrations AS m") == before

    @pytest.mark.parametrize("verb", ["status", "plan", "verify", "log", "accept", "mark", "forget"])
    @pytest.mark.parametrize("case", ["other columns", "newer layout", "another tenant's rows", "the master's rows"])
    def test_other_verbs(self, site: MakeSite, verb: str, case: str) -> None:
        """No verb reports or repairs what is in another's ledger."""
        here = site(ROOMS)
        statement, verdict = FOREIGN_CASES[case]
        self.prepare(here, statement)
        ran = here.call(verb, **{**READING.get(verb, {}), "version": None if verb == "log" else 1, "dry_run": False})
        reason = verdict.reason.format(database=here.databases["1"])
        assert (ran.verdict(), ran.exit_code) == (Verdict(verdict.result, reason, verdict.hint), 4)

    def test_on_each_server(self, any_site: MakeSite) -> None:
        """Each server tells another's table from ours."""
        here = any_site(ROOMS)
        self.prepare(here, FOREIGN_CASES["other columns"][0])
        assert here.migrate().verdict() == FOREIGN

    @pytest.mark.parametrize("schema", ["public", "Book keeping"])
    def test_comment_restored(self, site: MakeSite, schema: str) -> None:
        """What the refusal says to type after a restore that lost the comment makes the ledger ours again."""
        here = site(ROOMS, schema=schema)
        here.query(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        with here.ledger() as ledger:
            ledger.create_if_absent()
        here.query(f'COMMENT ON TABLE "{schema}"._migrations IS NULL')
        refused = here.migrate()
        assert refused.results == {"1": Result.REFUSED}
        here.query(refused.verdict().hint.split("lost the comment, run ")[1])
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_comment_lost(self, site: MakeSite) -> None:
        """A ledger with rows is known by these: a restore that lost the comment does no harm."""
        here = site(ROOMS)
        here.migrate()
        here.query("COMMENT ON TABLE _migrations IS NULL")
        assert here.migrate().results == {"1": Result.UP_TO_DATE}


class TestGone:
    HINT = (
        "restore the tables of the ledger, or choose a schema under ledger in tenants.yaml that no file drops: a file "
        "must not drop these tables"
    )

    def test_dropped_by_a_file(self, site: MakeSite) -> None:
        """A file that drops the ledger's tables is rolled back and logged, and what it did is said."""
        here = site(ROOMS)
        here.migrate()
        here.write({"0002_anew.sql": "DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n"})
        reason = 'relation "public._migrations" does not exist, 0002_anew was rolled back'
        assert here.migrate().verdict() == Verdict(Result.FAILED, reason, self.HINT)
        assert here.has("rooms", "_migrations", "_migrations_log")
        assert here.logged() == [(1, "applied"), (2, "failed")]

    def test_log_lost(self, site: MakeSite) -> None:
        """Without the log nothing is applied, and what is missing is named."""
        here = site(ROOMS)
        here.migrate()
        here.query("DROP TABLE _migrations_log")
        here.write(DESKS)
        reason = 'relation "public._migrations_log" does not exist, 0002_desks was rolled back'
        assert here.migrate().verdict() == Verdict(Result.FAILED, reason, self.HINT)
        assert not here.has("desks")


class TestRights:
    def test_no_table_may_be_made(self, any_site: MakeSite) -> None:
        """A role that may not make the tables is refused before its file runs, with the GRANT that helps."""
        here = any_site(ROOMS)
        with as_role(here) as seen:
            verdict = seen.migrate().verdict()
            role = str(conninfo_to_dict(seen.server)["user"])
            assert verdict == Verdict(
                Result.REFUSED,
                "public._migrations: cannot be created: permission denied for schema public",
                f"as the owner: GRANT CREATE, USAGE ON SCHEMA public TO {role};",
            )
            here.query(verdict.hint.removeprefix("as the owner: "))
            assert seen.migrate().results == {"1": Result.APPLIED}

    def test_ledger_may_not_be_read(self, any_site: MakeSite) -> None:
        """A role that may not read the ledger is refused, and not told that everything is pending."""
        here = any_site(ROOMS)
        here.migrate()
        with as_role(here) as seen:
            verdict = seen.migrate().verdict()
            role = str(conninfo_to_dict(seen.server)["user"])
            assert verdict == Verdict(
                Result.REFUSED,
                "public._migrations: permission denied for table _migrations",
                f"as the owner: GRANT SELECT ON public._migrations, public._migrations_log TO {role};",
            )
            here.query(verdict.hint.removeprefix("as the owner: "))
            assert seen.migrate().results == {"1": Result.UP_TO_DATE}

    def test_role_that_needs_quotes(self, site: MakeSite) -> None:
        """The GRANT in a hint names a role and a schema in quotes where SQL wants them."""
        here = site(ROOMS, schema="The Book")
        here.query('CREATE SCHEMA "The Book"')
        with as_role(here) as seen:
            role = str(conninfo_to_dict(seen.server)["user"])
            quoted = f"Ada's {role}"
            here.query(f'ALTER ROLE {role} RENAME TO "{quoted}"')
            try:
                named = replace(seen, server=make_conninfo(seen.server, user=quoted))
                for privilege in ("USAGE", "CREATE, USAGE"):
                    hint = named.migrate().verdict().hint
                    assert hint == f'as the owner: GRANT {privilege} ON SCHEMA "The Book" TO "{quoted}";'
                    here.query(hint.removeprefix("as the owner: "))
                assert named.migrate().verdict().reason.startswith("permission denied for schema public")
            finally:
                here.query(f'ALTER ROLE "{quoted}" RENAME TO {role}')

    def test_ledger_may_not_be_written(self, site: MakeSite) -> None:
        """A file whose row cannot be written is rolled back with it; reading is enough where nothing is pending."""
        here = site(ROOMS)
        here.migrate()
        with as_role(here, "SELECT ON _migrations", "CREATE ON SCHEMA public") as seen:
            assert seen.migrate().results == {"1": Result.UP_TO_DATE}
            here.write(DESKS)
            ran = seen.migrate()
        assert ran.verdict().reason.startswith("permission denied for table _migrations")
        assert ran.exit_code != 0
        assert not here.has("desks")
        assert here.states() == {1: "applied"}

    def test_schema_missing(self, site: MakeSite) -> None:
        """A schema for the ledger that does not exist is named, with the statement that makes it."""
        verdict = site(ROOMS, schema="book").migrate().verdict()
        assert verdict == Verdict(
            Result.REFUSED,
            "book._migrations: schema 'book' does not exist",
            'in this database: CREATE SCHEMA book; or set another schema under "ledger" in tenants.yaml',
        )


class TestFilesAgainstRows:
    """What comparing files with rows refuses, before the first statement."""

    def test_file_gone(self, site: MakeSite) -> None:
        """A row whose file is gone refuses the tenant, and the log still has its text."""
        here = site(ROOMS | DESKS)
        here.migrate()
        (here.folder / "migrations/0001_rooms.sql").unlink()
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "missing: 0001_rooms"), 4)
        problem = Problem(
            "0001_rooms: applied to this database, but the file is gone",
            'restore the file ("tenantry log --version 1 --sql --tenants=1" prints its text); or run '
            '"tenantry forget 1 --tenants 1 --reason ..." if its effects have been undone',
        )
        assert ran.of(FindingReported) == [FindingReported("1", problem)]

    def test_file_edited(self, site: MakeSite) -> None:
        """An edited file refuses the tenant with both checksums and what changed, and applies nothing new."""
        here = site({"0001_rooms.sql": "CREATE TABLE rooms (\n  id int,\n  name text\n);\n"})
        here.migrate()
        before = here.rows()[0].checksum
        here.write({"0001_rooms.sql": "CREATE TABLE rooms (\n  id bigint,\n  name text\n);\n"} | DESKS)
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "changed: 0001_rooms"), 4)
        (finding,) = ran.of(FindingReported)
        after = here.project().files(here.project().tenants[0])[0]
        assert finding.problem == Problem(
            f"0001_rooms: edited after it was applied, expected {before}, found {after.checksum}",
            'undo the edit and move it to a new file; or run "tenantry accept 1 --tenants 1 --reason ..." '
            f'if the database already matches the edited file; or add the line "-- replaces: {before}" at the top of '
            "the file to accept the edit for every tenant that ran that text",
        )
        assert finding.detail.splitlines() == [
            "--- 0001_rooms as applied",
            f"+++ {after.path}",
            "@@ -1,4 +1,4 @@",
            " CREATE TABLE rooms (",
            "-  id int,",
            "+  id bigint,",
            "   name text",
            " );",
        ]
        assert not here.has("desks")

    def test_late_file(self, site: MakeSite) -> None:
        """An older file that arrived late refuses the tenant, and runs where it is allowed by name."""
        here = site(DESKS)
        here.migrate()
        here.write(ROOMS)
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "out of order: 0001_rooms"), 4)
        problem = Problem(
            "0001_rooms: not applied, although newer migrations are: the file arrived late",
            'give the file the next free number if no database has it yet; or run "tenantry migrate --tenants 1 '
            '--out-of-order 1" if it can run after the newer ones',
        )
        assert ran.of(FindingReported) == [FindingReported("1", problem)]
        assert not here.has("rooms")
        options = {"to": None, "out_of_order": (1,), "no_verify": True}
        assert here.call("migrate", **options).results == {"1": Result.APPLIED}
        assert here.states() == {1: "applied", 2: "applied"}

    def test_all_at_once(self, site: MakeSite) -> None:
        """Everything that is wrong is said at once, and not the first thing alone."""
        here = site(ROOMS | DESKS | {"0005_last.sql": "SELECT 1"})
        here.migrate()
        (here.folder / "migrations/0001_rooms.sql").unlink()
        here.write({"0002_desks.sql": DESKS["0002_desks.sql"] + "SELECT 1;\n", "0003_late.sql": "SELECT 1"})
        ran = here.migrate()
        assert ran.verdict().reason == "changed: 0002_desks; missing: 0001_rooms; out of order: 0003_late"
        assert len(ran.of(FindingReported)) == 3
