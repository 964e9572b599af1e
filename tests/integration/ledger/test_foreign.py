"""What stands under the ledger's names and is not the ledger, or not ours to read: refused as it is."""

import pytest

from tenantry.model.events import Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Site
from tests.integration.ledger.fix_verbs import READING

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int);\n"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id int);\n"}
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
    "our columns, empty, a layout without end": (
        f"{{ours}} TRUNCATE _migrations; COMMENT ON TABLE public._migrations IS 'tenantry ledger, layout {'1' * 5000}'",
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
