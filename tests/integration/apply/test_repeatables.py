"""Repeatables on a real server: the table, one run against another, and what stays when something goes wrong."""

import psycopg
import pytest

from tenantry.files.repeatables import FOLDER
from tenantry.ledger.repeatables import RepeatableTable
from tenantry.ledger.writing import record_proven
from tenantry.model.checksum import checksum
from tenantry.model.events import MigrationApplied, MigrationFailed, MigrationStarted, TenantPlanned
from tenantry.model.results import Result
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import to_json
from tests.integration.fix_site import MakeSite, Site, lend_role

FILES = {"0001_rooms.sql": "CREATE TABLE rooms (id integer);\n"}
VIEW = "CREATE OR REPLACE VIEW totals AS SELECT count(*) AS rooms FROM rooms;\n"


def repeat(site: Site, **files: str) -> None:
    """Write repeatables, by name."""
    folder = site.folder / "migrations" / FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text, "utf-8")


def recorded(site: Site) -> dict[str, str]:
    """Return name to checksum of what is recorded."""
    with site.ledger() as ledger:
        return RepeatableTable(ledger).read()


def test_every_column_explained(any_site: MakeSite) -> None:
    """The table is made on first use on every server, and it and each of its columns has a comment."""
    here = any_site(FILES)
    here.migrate()
    assert not here.has("_migrations_repeatable")
    repeat(here, totals=VIEW)
    assert here.migrate().exit_code == 0
    bare = (
        "SELECT attname FROM pg_attribute WHERE attrelid = CAST('_migrations_repeatable' AS regclass) AND attnum > 0"
        " AND col_description(attrelid, attnum) IS NULL"
    )
    assert here.query(bare) == []
    assert here.query("SELECT obj_description(CAST('_migrations_repeatable' AS regclass))") != [(None,)]


def test_row(site: MakeSite) -> None:
    """The row says what was run, for whom, by whom and from where; a second time it is the same row."""
    here = site(FILES)
    repeat(here, totals=VIEW)
    project = here.project(run_id="6f1c9a52-0000-4000-8000-000000000001")
    here.migrate(project)
    columns = "name, checksum, set_name, tenant, run_id::text, tool_version, git_commit, sql_text"
    version = project.provenance.tool_version
    row = ("totals", checksum(VIEW), "tenant", "1", "6f1c9a52-0000-4000-8000-000000000001", version, None, VIEW)
    assert here.query(f"SELECT {columns} FROM _migrations_repeatable") == [row]
    assert here.query("SELECT applied_by LIKE '% (tester@here)', elapsed_ms >= 0 FROM _migrations_repeatable") == [
        (True, True)
    ]
    edited = VIEW.replace("rooms FROM", "n FROM").replace("CREATE OR", "DROP VIEW totals; CREATE OR")
    repeat(here, totals=edited)
    assert here.migrate().exit_code == 0
    assert recorded(here) == {"totals": checksum(edited)}
    assert here.logged() == [(1, "applied"), (None, "repeated"), (None, "repeated")]


def test_events(site: MakeSite) -> None:
    """They are planned and told as files are, behind those that have a version."""
    here = site(FILES)
    repeat(here, b=VIEW, a="-- depends: b\nCREATE OR REPLACE VIEW more AS SELECT rooms + 1 AS rooms FROM totals;\n")
    ran = here.migrate()
    assert ran.applied == ["0001_rooms", "repeatable/b", "repeatable/a"]
    (planned,) = ran.of(TenantPlanned)
    assert [file.name for file in planned.plan.repeatables] == ["b", "a"]
    assert [event.migration.name for event in ran.of(MigrationStarted)] == ["rooms", "b", "a"]


def test_alone(site: MakeSite) -> None:
    """A tenant that has all migrations gets what is pending of the repeatables, and nothing a second time."""
    here = site(FILES)
    here.migrate()
    repeat(here, totals=VIEW)
    first, second = here.migrate(), here.migrate()
    assert (first.applied, first.results) == (["repeatable/totals"], {"1": Result.APPLIED})
    assert (second.applied, second.results) == ([], {"1": Result.UP_TO_DATE})


def test_not_proven_any_more(site: MakeSite) -> None:
    """What was proven is not any more when a repeatable has run, so that the next run proves it if this one cannot."""
    here = site(FILES)
    here.migrate()
    with here.ledger() as ledger:
        record_proven(ledger, [1])
    assert [row.proven for row in here.rows()] == [True]
    repeat(here, totals=VIEW)
    here.migrate()
    assert [row.proven for row in here.rows()] == [False]


def test_failure(site: MakeSite) -> None:
    """One that fails leaves nothing of itself, keeps those before it, and those behind it do not run."""
    here = site(FILES)
    repeat(here, a=VIEW, b="CREATE TABLE left_over ();\nSELECT 1 / 0;\n", c="CREATE TABLE never ();\n")
    ran = here.migrate()
    assert ran.exit_code == 3
    (failed,) = ran.of(MigrationFailed)
    assert (failed.failure.message, failed.failure.line, failed.rolled_back) == ("division by zero", 2, True)
    assert ran.verdict().reason == "division by zero, repeatable/b was rolled back"
    assert recorded(here) == {"a": checksum(VIEW)}
    assert not here.has("left_over")
    assert not here.has("never")
    (entry,) = [entry for entry in here.log() if entry.event == "failed"]
    assert (entry.version, entry.detail["name"], entry.detail["sqlstate"]) == (None, "b", "22012")


def test_settings_do_not_last(site: MakeSite) -> None:
    """What one sets in its session reaches neither its record nor the next one."""
    here = site(FILES)
    repeat(here, a="SET search_path = pg_temp; SET client_encoding = latin1;\n-- é\n", b=VIEW)
    assert here.migrate().exit_code == 0
    assert here.has("totals")


def test_another_runner(site: MakeSite) -> None:
    """What another runner has applied since the plan was made is not applied again."""
    here = site(FILES)
    here.migrate()
    repeat(here, totals="CREATE TABLE once ();\n")
    steps = here.steps()
    planned = next(event for event in steps if isinstance(event, TenantPlanned))
    assert [file.name for file in planned.plan.repeatables] == ["totals"]
    assert here.migrate().exit_code == 0
    assert [event for event in steps if isinstance(event, MigrationApplied)] == []
    assert here.logged() == [(1, "applied"), (None, "repeated")]


def test_a_lock_is_waited_for_briefly(site: MakeSite) -> None:
    """A view that somebody reads blocks the tenant, as a migration would."""
    here = site(FILES)
    repeat(here, totals=VIEW)
    here.migrate()
    repeat(here, totals=VIEW.replace("count(*)", "count(id)"))
    with psycopg.connect(here.dsn()) as other:
        other.execute("SELECT * FROM totals")
        ran = here.migrate(here.project(lock_timeout_ms=1, lock_wait_s=0.1))
    assert ran.results == {"1": Result.BLOCKED}
    assert recorded(here) == {"totals": checksum(VIEW)}


def test_requirements(site: MakeSite) -> None:
    """What its header requires and ensures counts for a repeatable too."""
    here = site(FILES)
    repeat(here, totals=f"-- require: SELECT count(*) = 1 FROM rooms\n{VIEW}")
    assert here.migrate().exit_code == 4
    here.query("INSERT INTO rooms VALUES (1)")
    assert here.migrate().exit_code == 0
    repeat(here, totals=f"-- ensure: SELECT rooms = 2 FROM totals\n{VIEW}")
    assert here.migrate().exit_code == 3


def test_no_right_to_create(site: MakeSite) -> None:
    """A role that may not make the table is refused with what to grant, and nothing has run."""
    here = site(FILES)
    here.migrate()
    repeat(here, totals=VIEW)
    with lend_role(here) as role:
        here.query(f"GRANT ALL ON _migrations, _migrations_log TO {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        limited = Site(here.folder, f"{here.server} user={role}", here.databases)
        verdict = limited.migrate().verdict()
    assert verdict.result is Result.REFUSED
    assert verdict.reason == ("public._migrations_repeatable: cannot be created: permission denied for schema public")


def test_reading_costs_nothing_without_a_folder(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that has no folder of repeatables asks no database about them."""

    def ask(_: RepeatableTable) -> dict[str, str]:
        raise AssertionError("asked")

    monkeypatch.setattr(RepeatableTable, "read", ask)
    here = site(FILES)
    assert here.migrate().exit_code == 0


def test_ledger_in_another_schema(site: MakeSite) -> None:
    """The table is where the ledger is, whatever has to be quoted, and is no part of the tenant's schema."""
    here = site(FILES, schema="Book keeping")
    here.query('CREATE SCHEMA "Book keeping"')
    repeat(here, totals=VIEW)
    assert here.migrate().exit_code == 0
    assert here.query('SELECT name, sql_text FROM "Book keeping"._migrations_repeatable') == [("totals", VIEW)]
    assert here.call("verify").exit_code == 0
    with here.connect() as connection:
        assert "_migrations" not in to_json(read_snapshot(connection, here.project().config.scope()))
