"""Rollbacks that are stopped, killed or overtaken: row and schema agree whatever happens, and a rerun finishes."""

import pytest

from tenantry.ledger.applied import record_applied
from tenantry.ledger.writing import record_rolled_back
from tenantry.model import AppliedMigration, RowState
from tenantry.model.errors import Refused
from tenantry.model.events import MigrationRolledBack, RowReported
from tenantry.model.results import Result
from tenantry.planning.undo import Wanted
from tenantry.proof.prover import make_prover
from tenantry.verbs.rollback import make_rollback_job
from tests.integration.fix_site import WAIT_AT_GATE, MakeSite, Site, Steps, advance, at_once, finish

TABLES = {1: "rooms", 2: "desks", 3: "chairs"}
FILES = {f"{version:04}_{table}.sql": f"CREATE TABLE {table} (id int);\n" for version, table in TABLES.items()}
UNDONE = {f"{version:04}_{table}.rollback.sql": f"DROP TABLE {table};\n" for version, table in TABLES.items()}
SLOW = {"0003_chairs.rollback.sql": f"DROP TABLE chairs;\n{WAIT_AT_GATE};\n"}
# What undoing the last two goes through.
EVENTS = (
    "TenantCompared",
    "RepairProposed",
    "MigrationStarted 3",
    "MigrationRolledBack 3",
    "MigrationStarted 2",
    "MigrationRolledBack 2",
    "TenantCompared",
)
ABOVE_1 = Wanted(1, "a test", above=True)


def make_applied(site: MakeSite, more: dict[str, str] | None = None) -> Site:
    """Return a site that has all three files."""
    here = site({**FILES, **UNDONE, **(more or {})})
    assert here.migrate().exit_code == 0
    return here


def undo(here: Site, wanted: Wanted = ABOVE_1) -> Steps:
    """Return the job of the first tenant, to be taken through its steps by hand.

    What it proves, it proves on the same server: one of its own would be started and stopped for each test.
    """
    project = here.project(environment={"TENANTRY_SCRATCH": here.server})
    return make_rollback_job(project, wanted, make_prover(project))(project.tenants[0])


def assert_agreed(here: Site) -> None:
    """Check that each table is there just where its version is recorded as applied."""
    states = here.states()
    assert {version: here.has(table) for version, table in TABLES.items()} == {
        version: states[version] == "applied" for version in TABLES
    }


@pytest.mark.parametrize("number", range(1, len(EVENTS) + 1), ids=EVENTS)
def test_stopped_at_every_event(any_site: MakeSite, number: int) -> None:
    """A run that is stopped at any event leaves each version whole or undone, and the next one finishes."""
    here = make_applied(any_site)
    steps = undo(here)
    seen = advance(steps, number)
    assert type(seen[-1]).__name__ == EVENTS[number - 1].split()[0]
    steps.close()
    assert_agreed(here)
    told = sum(isinstance(event, MigrationRolledBack) for event in seen)
    assert list(here.states().values()).count("rolled back") == told
    assert finish(undo(here)).result in (Result.APPLIED, Result.UP_TO_DATE)
    assert_agreed(here)
    assert here.states() == {1: "applied", 2: "rolled back", 3: "rolled back"}


def test_a_session_that_is_ended(any_site: MakeSite) -> None:
    """A rollback whose connection breaks is rolled back itself, logged, and tried again by the next run."""
    here = make_applied(any_site, SLOW)
    with here.gate() as release:
        with at_once(lambda: here.call("rollback", **options(to=1))) as ran:
            here.await_waiting()
            assert here.end_sessions()
        assert ran.result().exit_code == 5
        assert_agreed(here)
        assert (here.states()[3], here.logged()[-1]) == ("applied", (3, "lost"))
        release()
    assert here.call("rollback", **options(to=1)).exit_code == 0
    assert_agreed(here)


def test_two_at_once(any_site: MakeSite) -> None:
    """Of two rollbacks at once one undoes a version, and the other is refused or finds nothing to undo."""
    here = make_applied(any_site, SLOW)
    with here.gate() as release, at_once(lambda: here.call("rollback", **options(version=3))) as first:
        here.await_waiting()
        with at_once(lambda: here.call("rollback", **options(version=3))) as second:
            release()
    codes = sorted([first.result().exit_code, second.result().exit_code])
    assert codes in ([0, 0], [0, 4])
    assert [event for _, event in here.logged()].count("rolled back") == 1
    assert_agreed(here)


def test_another_runner_was_here(any_site: MakeSite) -> None:
    """A ledger that changed since it was read is looked at again by a person, and nothing is undone meanwhile."""
    here = make_applied(any_site)
    steps = undo(here)
    advance(steps, 2)
    finish(undo(here, Wanted(3, "another")))
    with pytest.raises(Refused) as caught:
        finish(steps)
    assert str(caught.value) == "another runner changed the ledger meanwhile"
    assert here.states() == {1: "applied", 2: "applied", 3: "rolled back"}


def test_a_rollback_that_ends_its_transaction(any_site: MakeSite) -> None:
    """A rollback that commits by itself fails, and does not count as undone."""
    sly = "DO $$ BEGIN EXECUTE 'DROP TABLE chairs'; COMMIT; END $$;\n"
    here = make_applied(any_site, {"0003_chairs.rollback.sql": sly})
    assert finish(undo(here, Wanted(3, "a test"))).result is Result.FAILED
    assert (here.states()[3], here.has("chairs")) == ("applied", True)


def test_what_is_left_in_the_session(any_site: MakeSite) -> None:
    """What a rollback sets in its session reaches neither its record nor the next rollback."""
    here = make_applied(any_site, {"0003_chairs.rollback.sql": "DROP TABLE chairs;\nSET search_path = nowhere;\n"})
    assert finish(undo(here)).result is Result.APPLIED
    assert_agreed(here)


def test_undone_and_applied_again(any_site: MakeSite) -> None:
    """A version can be undone and applied any number of times; its row is one, the log has each."""
    here = make_applied(any_site)
    for _ in range(2):
        assert here.call("rollback", **options(version=3)).exit_code == 0
        assert_agreed(here)
        assert here.migrate().applied == ["0003_chairs"]
        assert_agreed(here)
    assert [event for version, event in here.logged() if version == 3] == ["applied", *["rolled back", "applied"] * 2]


@pytest.mark.parametrize("state", [RowState.APPLIED, RowState.RUNNING, RowState.FAILED])
def test_only_what_is_undone_is_written_anew(any_site: MakeSite, state: RowState) -> None:
    """A row is written anew over one that was rolled back alone: any other row stays as it is."""
    here = make_applied(any_site)
    here.query(f"UPDATE _migrations SET state = '{state.value}', applied_by = 'who was first' WHERE version = 3")
    (file,) = [file for file in here.project().files(here.project().tenants[0]) if file.version == 3]
    with here.ledger() as ledger, pytest.raises(Refused) as caught, ledger.connection.transaction():
        record_applied(ledger, file, elapsed_ms=1, statements=1)
    assert str(caught.value) == "public._migrations: the row was not stored, expected a plain table"
    assert next(row for row in here.rows() if row.version == 3).applied_by == "who was first"


def test_only_what_is_applied_is_undone(any_site: MakeSite) -> None:
    """A row that is not applied is not written as rolled back."""
    here = make_applied(any_site)
    before = find_row(here, 3)
    here.query("UPDATE _migrations SET state = 'running' WHERE version = 3")
    with here.ledger() as ledger, pytest.raises(Refused):
        record_rolled_back(ledger, before, "a test", "DROP TABLE chairs", elapsed_ms=1)
    assert here.states()[3] == "running"


def test_the_log_of_a_rollback(any_site: MakeSite) -> None:
    """`log` says who undid a version, when and why."""
    here = make_applied(any_site)
    assert here.call("rollback", **options(version=3, reason="it locks")).exit_code == 0
    cells = [event.cells for event in here.call("log", version=3, sql=False).of(RowReported)]
    assert [(one["event"], one["reason"]) for one in cells][-1] == ("rolled back", "it locks")


def find_row(here: Site, version: int) -> AppliedMigration:
    """Return the row of a version."""
    return next(row for row in here.rows() if row.version == version)


def options(
    version: int | None = None, to: int | None = None, reason: str = "a test"
) -> dict[str, int | str | bool | None]:
    """Return the options of `rollback`."""
    return {
        "version": version,
        "to": to,
        "reason": reason,
        "out_of_order": False,
        "from_files": False,
        "recorded": False,
        "no_verify": True,
    }
