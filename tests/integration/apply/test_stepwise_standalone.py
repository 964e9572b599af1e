"""Statements that must stand alone: no index that cannot be used stays, and what has no end is found by its traces."""

import json
from functools import partial
from pathlib import Path

import pytest

from tenantry import sqltext
from tenantry.apply.stepwise.took_effect import TookEffect, judge
from tenantry.model.events import MigrationFailed, NoticeRaised, Verdict
from tenantry.model.results import Result
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import MakeSite, Site, make_site

HEAD = "-- transactional: false\n"
ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int, name text);\nINSERT INTO rooms VALUES (1, 'a'), (2, 'a');\n"}
UNIQUE = "CREATE UNIQUE INDEX CONCURRENTLY by_name ON rooms (name)"
PLAIN = "CREATE INDEX CONCURRENTLY by_name ON rooms (name)"
SKIPPING = "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON rooms (name)"
DETACH = "ALTER TABLE bills DETACH PARTITION bills_1 CONCURRENTLY"
PARTITION = (
    "CREATE TABLE bills (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE bills_1 PARTITION OF bills FOR VALUES FROM (0) TO (9)"
)
INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_name'::regclass"
INDEXES = (
    "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = 'rooms'::regclass"
)


@pytest.fixture
def site(database: MakeDatabase, tmp_path: Path) -> Site:
    """Return a site on PostgreSQL 17 with a table of rooms, two of which have one name."""
    return _prepare(partial(make_site, database, tmp_path))


@pytest.fixture
def any_site(any_database: MakeDatabase, tmp_path: Path) -> Site:
    """Return such a site on each server in turn."""
    return _prepare(partial(make_site, any_database, tmp_path))


def _prepare(make: MakeSite) -> Site:
    here: Site = make(ROOMS)
    assert here.migrate().exit_code == 0
    return here


def run(here: Site, *statements: str) -> Verdict:
    """Write the second file with these statements, and migrate."""
    here.write({"0002_index.sql": HEAD + "".join(f"{statement};\n" for statement in statements)})
    return here.migrate().verdict()


def leave(here: Site, statement: str, before: tuple[int, ...] = ()) -> None:
    """Record a file of one statement as if all had died while that ran."""
    here.write({"0002_index.sql": HEAD + "SELECT 1 / 0;\n"})
    assert here.migrate().results == {"1": Result.FAILED}
    here.write({"0002_index.sql": f"{HEAD}{statement};\n"})
    told = json.dumps({"running": statement, "before": before}).replace("'", "''")
    here.query(f"UPDATE _migrations SET state = 'running', progress = progress || '{told}' WHERE version = 2")


class TestIndex:
    @pytest.mark.parametrize(
        "statement", [UNIQUE, UNIQUE.replace("by_name ", "")], ids=["with a name", "without a name"]
    )
    def test_failing(self, any_site: Site, statement: str) -> None:
        """The invalid index of one that fails is dropped at once, and the next run builds it anew."""
        assert run(any_site, statement).result is Result.FAILED
        assert any_site.query(INDEXES) == []
        assert any_site.query("SELECT progress ? 'running' FROM _migrations WHERE version = 2") == [(False,)]
        any_site.query("DELETE FROM rooms WHERE id = 2")
        assert any_site.migrate().verdict() == Verdict(Result.APPLIED)
        assert [valid for _, valid in any_site.query(INDEXES)] == [True]

    @pytest.mark.parametrize("statement", [PLAIN, SKIPPING], ids=["plain", "if not exists"])
    def test_invalid_before(self, any_site: Site, statement: str) -> None:
        """An invalid index of that name is dropped first, whoever left it, so that IF NOT EXISTS does not skip it."""
        any_site.query(f"{PLAIN.replace('CONCURRENTLY ', '')}; {INVALID}")
        assert run(any_site, statement) == Verdict(Result.APPLIED)
        assert any_site.query(INDEXES) == [("by_name", True)]

    @pytest.mark.parametrize("statement", [PLAIN, SKIPPING], ids=["plain", "if not exists"])
    @pytest.mark.parametrize(
        ("taken", "owner"),
        [
            ("CREATE TABLE desks (name text); CREATE INDEX by_name ON desks (name)", "an index on desks"),
            ("CREATE TABLE by_name ()", "not an index"),
        ],
        ids=["another table's", "no index"],
    )
    def test_taken(self, site: Site, statement: str, taken: str, owner: str) -> None:
        """A name that something else has is an error before the statement, also where the server would skip it."""
        site.query(taken)
        site.write({"0002_index.sql": f"{HEAD}{statement};\n"})
        (failed,) = site.migrate().of(MigrationFailed)
        assert failed.failure.message == f"'by_name' is {owner}, expected an index on rooms or an unused name"
        assert (failed.failure.hint, failed.failure.line) == (
            "give the index another name, or drop the object that has this one",
            2,
        )

    @pytest.mark.parametrize(
        ("there", "told"),
        [("name", False), ("id", True), ("name DESC", True), ("name) WHERE (id > 0", True)],
        ids=["the same", "another column", "another order", "a part"],
    )
    def test_other_definition(self, site: Site, there: str, told: bool) -> None:
        """An index that is there with another definition is skipped as the server does, but not in silence."""
        site.query(f"CREATE INDEX by_name ON rooms ({there})")
        site.write({"0002_index.sql": f"{HEAD}{SKIPPING};\n"})
        ran = site.migrate()
        assert ran.verdict() == Verdict(Result.APPLIED)
        said = "index 'by_name' already exists with another definition, and stays as it is"
        assert (said in [notice.message for notice in ran.of(NoticeRaised)]) is told

    def test_not_believed(self, site: Site) -> None:
        """An index that is not valid after all is a failure, whatever the server said."""
        site.query(
            "CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE pg_index"
            " SET indisvalid = false WHERE indexrelid = to_regclass('public.by_name'); END $$;"
            "CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION spoil()"
        )
        verdict = run(site, PLAIN)
        said = "index 'by_name' is not valid, although the server reported success, 0002_index is not finished: "
        assert verdict.reason == f"{said}it runs outside a transaction"
        assert site.query(INDEXES) == []

    def test_reindex(self, any_site: Site) -> None:
        """What REINDEX leaves of itself is dropped, before it and after it; what others left is not."""
        any_site.query("CREATE INDEX by_id ON rooms (id); CREATE INDEX by_id_ccnew ON rooms (id)")
        any_site.query("CREATE INDEX kept ON rooms (id)")
        any_site.query(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('by_id_ccnew'::regclass, 'kept'::regclass)"
        )
        assert run(any_site, "REINDEX INDEX CONCURRENTLY by_id") == Verdict(Result.APPLIED)
        assert any_site.query(f"{INDEXES} ORDER BY 1") == [("by_id", True), ("kept", False)]


# A statement, what was done before it, what of it is there, and what follows.
JUDGED = {
    "index built": (PLAIN, "", PLAIN.replace("CONCURRENTLY ", ""), TookEffect.DONE),
    "index of another definition": (PLAIN, "", "CREATE INDEX by_name ON rooms (id)", TookEffect.UNKNOWN),
    "index not built": (PLAIN, "", "", TookEffect.NOT_DONE),
    "index half built": (PLAIN, "", f"{PLAIN.replace('CONCURRENTLY ', '')}; {INVALID}", TookEffect.NOT_DONE),
    "index without a name": (
        "CREATE INDEX CONCURRENTLY ON rooms (lower(name) DESC) INCLUDE (id) WHERE id > 1",
        "CREATE INDEX ON rooms (lower(name) DESC) INCLUDE (id) WHERE id > 1",
        "CREATE INDEX ON rooms (lower(name) DESC) INCLUDE (id) WHERE id > 1",
        TookEffect.DONE,
    ),
    "index without a name, an older one": (
        "CREATE INDEX CONCURRENTLY ON rooms (name)",
        "CREATE INDEX ON rooms (name)",
        "CREATE INDEX ON rooms (id)",
        TookEffect.NOT_DONE,
    ),
    "table gone": (PLAIN, "", "DROP TABLE rooms", TookEffect.NOT_DONE),
    "index dropped": ("DROP INDEX CONCURRENTLY by_id", "", "", TookEffect.DONE),
    "index not dropped": ("DROP INDEX CONCURRENTLY by_id", "CREATE INDEX by_id ON rooms (id)", "", TookEffect.NOT_DONE),
    "partition detached": (DETACH, PARTITION, "DROP TABLE bills_1; CREATE TABLE bills_1 ()", TookEffect.DONE),
    "partition attached": (DETACH, PARTITION, "", TookEffect.NOT_DONE),
    "partition half detached": (
        DETACH,
        PARTITION,
        "UPDATE pg_inherits SET inhdetachpending = true",
        TookEffect.NOT_DONE,
    ),
    "reindexed or not": ("REINDEX TABLE CONCURRENTLY rooms", "", "", TookEffect.NOT_DONE),
    "vacuumed or not": ("VACUUM rooms", "", "", TookEffect.NOT_DONE),
    "database there": ("CREATE DATABASE template1", "", "", TookEffect.DONE),
    "database not there": ("CREATE DATABASE no_such_studio", "", "", TookEffect.NOT_DONE),
    "database dropped": ("DROP DATABASE no_such_studio", "", "", TookEffect.DONE),
    "tablespace there": ("CREATE TABLESPACE pg_default LOCATION '/nowhere'", "", "", TookEffect.DONE),
    "a block": ("DO $$ BEGIN COMMIT; END $$", "", "", TookEffect.UNKNOWN),
    "a change": ("UPDATE rooms SET id = 1", "", "", TookEffect.UNKNOWN),
}


@pytest.mark.parametrize(("statement", "before", "after", "effect"), JUDGED.values(), ids=JUDGED)
def test_judge(site: Site, statement: str, before: str, after: str, effect: TookEffect) -> None:
    """Whether a statement took effect is read from the catalog, and not guessed; nothing is left by reading it."""
    site.query(f"SELECT; {before}")
    known = tuple(oid for (oid,) in site.query("SELECT indexrelid FROM pg_index WHERE indrelid = 'rooms'::regclass"))
    site.query(f"SELECT; {after}")
    trace = site.query("SELECT oid, relname FROM pg_class ORDER BY oid")
    with site.connect() as connection:
        assert judge(sqltext.read_act(statement), statement, connection, known) is effect
    assert site.query("SELECT oid, relname FROM pg_class ORDER BY oid") == trace


class TestInDoubt:
    @pytest.mark.parametrize(
        ("there", "skips"),
        [("", False), (PLAIN.replace("CONCURRENTLY ", ""), True)],
        ids=["not there", "there"],
    )
    def test_index(self, site: Site, there: str, skips: bool) -> None:
        """An index that was on its way when all died is built, or taken for built where it is there."""
        leave(site, PLAIN)
        site.query(f"SELECT; {there}")
        made = site.query("SELECT to_regclass('by_name')::oid")
        assert site.migrate().verdict() == Verdict(Result.APPLIED)
        assert site.query(INDEXES) == [("by_name", True)]
        assert (site.query("SELECT to_regclass('by_name')::oid") == made) is skips

    def test_edited(self, site: Site) -> None:
        """What a statement has left that was edited since is dropped all the same."""
        leave(site, PLAIN)
        site.query(f"{PLAIN.replace('CONCURRENTLY ', '')}; {INVALID}")
        assert run(site, "CREATE INDEX CONCURRENTLY by_id ON rooms (id)") == Verdict(Result.APPLIED)
        assert site.query(INDEXES) == [("by_id", True)]

    def test_edited_too_late(self, site: Site) -> None:
        """What has taken effect must not be edited: the file and the database would not be the same any more."""
        leave(site, PLAIN)
        site.query(PLAIN.replace("CONCURRENTLY ", ""))
        verdict = run(site, "CREATE INDEX CONCURRENTLY by_id ON rooms (id)")
        assert verdict.result is Result.REFUSED
        assert (
            verdict.reason
            == f"0002_index: statement 1 took effect and has been edited since, expected its original text:\n{PLAIN}"
        )
        assert verdict.hint == "restore its text, and add further changes after it"

    def test_forged(self, site: Site) -> None:
        """A statement that only the record has is never run, not even on an empty copy of its table."""
        site.query(
            "CREATE SEQUENCE canary; CREATE FUNCTION sing() RETURNS bool IMMUTABLE LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM nextval(''public.canary''); RETURN true; END'"
        )
        leave(site, PLAIN)
        site.query(PLAIN.replace("CONCURRENTLY ", ""))
        forged = json.dumps({"running": f"{PLAIN} WHERE sing()"})
        site.query(f"UPDATE _migrations SET progress = progress || '{forged}' WHERE version = 2")
        assert site.migrate().results == {"1": Result.REFUSED}
        assert site.query("SELECT is_called FROM canary") == [(False,)]

    def test_detaching(self, site: Site) -> None:
        """A partition that is half detached is detached to the end."""
        site.query(f"{PARTITION}; UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'bills_1'::regclass")
        assert run(site, DETACH) == Verdict(Result.APPLIED)
        assert site.query("SELECT FROM pg_inherits") == []
