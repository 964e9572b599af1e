"""Rows and tables that no run of ours leaves behind: each is refused, by every verb that reads them."""

import pytest

from tenantry.model.errors import Refused
from tenantry.model.results import Result
from tests.integration.fix_site import WAIT_AT_GATE, MakeSite, Site, at_once

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id bigint PRIMARY KEY);"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id bigint);"}

ODD = {
    "finished at the end of time": "finished_at = 'infinity'",
    "finished before all time": "finished_at = '-infinity'",
    "finished before Christ": "finished_at = '0044-03-15 BC'",
    "finished after all years": "finished_at = '10000-01-01'",
    "progress that is a list": "progress = '[1]'",
    "progress that is a text": "progress = '\"prefix\"'",
    "progress that is a number": "progress = '7'",
    "a prefix that is a number": """progress = '{"prefix": 7}'""",
    "something running that is none": """progress = '{"prefix": "x", "running": [1]}'""",
    "indexes that are an object": """progress = '{"prefix": "x", "before": {"a": 1}}'""",
    "an index that is a text": """progress = '{"prefix": "x", "before": ["a"]}'""",
    "an index that is a truth": """progress = '{"prefix": "x", "before": [true]}'""",
    "a batch that is a list": """progress = '{"prefix": "x", "batch": [1]}'""",
    "rows that are no number": """progress = '{"prefix": "x", "batch": {"rows": "many"}}'""",
    "rows that are half a number": """progress = '{"prefix": "x", "batch": {"rows": 1.5}}'""",
    "progress that is deep": "progress = (repeat('[', 5000) || repeat(']', 5000))::jsonb",
}
LOG = {
    "at the end of time": "at = 'infinity'",
    "before Christ": "at = '0044-03-15 BC'",
    "a detail that is a list": "detail = '[1]'",
    "a detail that is a text": "detail = '\"x\"'",
}
OPTIONS: dict[str, dict[str, object]] = {"log": {"version": None, "sql": False}}
# In the ledger's place, and on it.
PLACES = {
    "a composite type": "DROP TABLE _migrations; CREATE TYPE _migrations AS (version bigint)",
    "an index": "DROP TABLE _migrations; CREATE INDEX _migrations ON rooms (id)",
    "a sequence": "DROP TABLE _migrations; CREATE SEQUENCE _migrations",
    "a version that is a text": "ALTER TABLE _migrations ALTER version TYPE text",
    "a time without a zone": "ALTER TABLE _migrations ALTER finished_at TYPE timestamp",
    "json": "ALTER TABLE _migrations ALTER progress TYPE json",
    "a generated column": "ALTER TABLE _migrations DROP git_commit,"
    " ADD git_commit text GENERATED ALWAYS AS (checksum || 'x') STORED",
}
_VIEW = "ALTER TABLE _migrations_log RENAME TO was; CREATE VIEW _migrations_log AS SELECT * FROM was"


@pytest.fixture
def here(site: MakeSite) -> Site:
    """Return a site whose tenant has one file applied and one pending."""
    here: Site = site(ROOMS)
    assert here.migrate().results == {"1": Result.APPLIED}
    here.write(DESKS)
    return here


def expect_refused(here: Site, *verbs: str) -> None:
    """Have every verb refuse the tenant, and apply nothing."""
    for verb in verbs:
        ran = here.migrate() if verb == "migrate" else here.call(verb, **OPTIONS.get(verb, {}))
        assert (ran.results, ran.exit_code) == ({"1": Result.REFUSED}, 4), verb
    assert not here.has("desks")


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_odd_row_is_refused(here: Site, change: str) -> None:
    """A value that tenantry does not write is neither guessed at nor a bug."""
    here.query(f"UPDATE _migrations SET {change}")
    expect_refused(here, "status", "verify", "log", "migrate")


@pytest.mark.parametrize("change", LOG.values(), ids=LOG)
def test_an_odd_line_is_refused(here: Site, change: str) -> None:
    """The same of a line of the log."""
    here.query(f"UPDATE _migrations_log SET {change}")
    expect_refused(here, "log")


@pytest.mark.parametrize("change", PLACES.values(), ids=PLACES)
def test_an_odd_table_is_refused(here: Site, change: str) -> None:
    """What is no table of ours is not read as one, even by the quick look that `migrate` takes first."""
    here.query(change)
    expect_refused(here, "migrate", "status", "verify", "log")


def test_too_many_rows_are_refused(here: Site) -> None:
    """A ledger with more rows than there are migrations anywhere is refused as soon as that is seen."""
    here.query(
        "INSERT INTO _migrations SELECT n, name, checksum, origin, state, set_name, tenant, started_at, finished_at,"
        " elapsed_ms, statements, statements_done, applied_by, run_id, tool_version, git_commit, '', layout, proven_at"
        " FROM _migrations, generate_series(2, 100001) AS n"
    )
    expect_refused(here, "status", "migrate")


def test_too_many_bytes_are_refused(here: Site) -> None:
    """So is one with fewer rows that are huge."""
    here.query("UPDATE _migrations SET name = repeat('x', 270000000)")
    expect_refused(here, "status", "migrate")


def test_too_many_lines_are_refused(here: Site) -> None:
    """So is a log with more lines than anybody reads."""
    here.query(
        "INSERT INTO _migrations_log (run_id, version, event, applied_by)"
        " SELECT run_id, version, event, applied_by FROM _migrations_log, generate_series(1, 100001)"
    )
    expect_refused(here, "log")


def test_a_table_that_changes_while_a_file_runs_is_refused(here: Site) -> None:
    """A log whose place a view has taken between reading and writing refuses the tenant: the file did not fail."""
    here.write({"0002_desks.sql": f"{WAIT_AT_GATE};\n{DESKS['0002_desks.sql']}"})
    with here.gate() as opened, at_once(here.migrate) as running:
        here.await_waiting()
        here.query(_VIEW)
        opened()
    ran = running.result()
    assert (ran.results, ran.exit_code) == ({"1": Result.REFUSED}, 4)
    assert ran.verdict().reason.startswith("public._migrations_log: not a plain table")
    assert not here.has("desks")


@pytest.mark.parametrize("table", ["_migrations", "_migrations_log"])
def test_a_table_that_changes_before_a_file_begins_is_refused(here: Site, table: str) -> None:
    """So does one that has changed since the plan was made."""
    steps = here.steps()
    for _ in range(3):  # until it is planned
        next(steps)
    here.query(f"CREATE INDEX ON {table} (checksum) WHERE checksum > 'x'")
    with pytest.raises(Refused, match=f"public.{table}: unexpected: index"):
        list(steps)
    assert not here.has("desks")


def test_an_error_of_a_deferred_trigger_is_the_files(here: Site) -> None:
    """An error that a file's own trigger raises at its end is not taken for one of the guard."""
    here.write(
        {
            "0002_desks.sql": "CREATE FUNCTION wrong() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE wrong_object_type USING MESSAGE = 'mine'; END $$;\n"
            "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON rooms DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION wrong();\nINSERT INTO rooms VALUES (1);\n"
        }
    )
    ran = here.migrate()
    assert (ran.results, ran.exit_code) == ({"1": Result.FAILED}, 3)
    assert here.logged()[-1] == (2, "failed")
