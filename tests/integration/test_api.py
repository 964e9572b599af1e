"""The package as a program uses it: a project is opened, runs are iterated, stopped, left early and finished."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tenantry
from tenantry.model import label
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import WAIT_AT_GATE, Site, make_site, wait_until

Open = Callable[..., tenantry.OpenProject]

FILES = {
    "0001_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY);\n",
    "0002_desks.sql": "CREATE TABLE desks (id integer PRIMARY KEY);\n",
}
SLEEPING = (
    "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
)
BROKEN = {"0003_chairs.sql": "CREATE TABLE chairs (id integer);\nINSERT INTO chairs VALUES ('many');\n"}


@pytest.fixture
def here(database: MakeDatabase, tmp_path: Path) -> Site:
    """Return a site of two tenants, with two migrations that nobody has."""
    return make_site(database, tmp_path, FILES, tenants=("1", "16"))


@pytest.fixture
def open_here(here: Site, tmp_path: Path) -> Open:
    """Return `tenantry.open` for the site, whose files are replayed on the server of the tests."""

    def open_here(**options: object) -> tenantry.OpenProject:
        given = {
            "servers": {"main": here.server},
            "environment": {"TENANTRY_SCRATCH": here.server, "TENANTRY_CACHE": str(tmp_path / "kept")},
        }
        return tenantry.open(here.folder / "tenants.yaml", **{**given, **options})  # type: ignore[arg-type]  # as given

    return open_here


def test_migrate_and_look(here: Site, open_here: Open, capfd: pytest.CaptureFixture[str]) -> None:
    """A program brings its tenants up to date, reads what they have, proves it, and nothing is printed meanwhile."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with open_here() as project:
        assert [tenant.name for tenant in project.tenants] == ["1", "16"]
        planned = [event for event in tenantry.plan(project, to=1) if isinstance(event, tenantry.TenantPlanned)]
        assert {event.tenant: [step.name for step in event.plan.steps] for event in planned} == {
            "1": ["rooms"],
            "16": ["rooms"],
        }
        run = tenantry.migrate(project, to=1)
        applied = [(e.tenant, e.migration.name) for e in run if isinstance(e, tenantry.MigrationApplied)]
        assert sorted(applied) == [("1", "rooms"), ("16", "rooms")]
        assert (run.over, run.outcome.exit_code) == (True, 0)
        assert run.outcome.totals == {tenantry.Result.APPLIED: 2}

        assert tenantry.status(project).finish().exit_code == 0
        late = tenantry.status(project, strict=True).finish()
        assert (late.exit_code, late.tenants["16"].version) == (1, "0001_rooms")
        assert tenantry.migrate(project, dry_run=True).finish().exit_code == 0
        assert here.states() == {1: "applied"}

        assert tenantry.migrate(project).finish().tenants["1"].applied == ["0002_desks"]
        assert tenantry.verify(project).finish().exit_code == 0
        here.query("DROP TABLE desks", "16")
        verified = tenantry.verify(project)
        found = [(e.tenant, e.problem.message) for e in verified if isinstance(e, tenantry.FindingReported)]
        assert found == [("16", "desks: missing, expected a table")]
        assert verified.outcome.exit_code == 1
        for options in ({"consensus": True}, {"against": "tenant:1"}):
            assert tenantry.drift(project, **options).finish().exit_code == 1
        assert tenantry.check(project).finish().exit_code == 0
    assert capfd.readouterr() == ("", "")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_each_run_has_its_marks(here: Site, open_here: Open) -> None:
    """Runs of one project have ids of their own, and the ledger says which of them applied a file."""
    with open_here(tenants="1") as project:
        first, second = tenantry.migrate(project, to=1), tenantry.migrate(project)
        assert first.id != second.id
        assert first.finish().run_id == first.id
        assert second.finish().run_id == second.id
    assert [(entry.version, entry.run_id) for entry in here.log()] == [(1, first.id), (2, second.id)]


def test_a_failing_file(here: Site, open_here: Open) -> None:
    """A file that fails is in the outcome, with what the server said and where; the file is rolled back whole."""
    here.write(BROKEN)
    with open_here(tenants="1") as project:
        outcome = tenantry.migrate(project).finish()
    assert (outcome.exit_code, outcome.totals) == (3, {tenantry.Result.FAILED: 1})
    tenant = outcome.tenants["1"]
    assert tenant.applied == ["0001_rooms", "0002_desks"]
    assert tenant.failed is not None
    assert tenant.failed.rolled_back
    failure = tenant.failed.failure
    assert (failure.sqlstate, failure.line) == ("22P02", 2)
    assert failure.message == 'invalid input syntax for type integer: "many"'
    assert here.states() == {1: "applied", 2: "applied"}


def test_stop(here: Site, open_here: Open) -> None:
    """A run that is stopped ends in order, says so of every tenant, and another one finishes its work."""
    # The run does not wait for whoever reads its events: it is stopped while its first file is held up.
    here.write({"0001_rooms.sql": f"{FILES['0001_rooms.sql']}{WAIT_AT_GATE};\n"})
    with open_here(jobs=1) as project, here.gate() as opened:
        run = tenantry.migrate(project)
        for event in run:
            if isinstance(event, tenantry.MigrationStarted):
                run.stop()
                opened()
        assert run.outcome.exit_code == 6
        assert run.outcome.stopped_by == "stopped by the program"
        ends = {name: tenant.verdict for name, tenant in run.outcome.tenants.items()}
        assert {name: end and (end.result.value, end.reason) for name, end in ends.items()} == {
            "1": ("stopped", "stopped by the program"),
            "16": ("not started", "stopped by the program"),
        }
        assert (here.has("desks"), here.has("rooms", tenant="16")) == (False, False)
        assert tenantry.migrate(project).finish().exit_code == 0
        assert here.has("rooms", "desks", tenant="16")


def test_cancel(here: Site, open_here: Open) -> None:
    """A run that is cancelled does not wait for the statement that is running: its file is rolled back."""
    here.write({"0003_sleep.sql": "CREATE TABLE chairs ();\nSELECT pg_catalog.pg_sleep(3600);\n"})
    with open_here(tenants="1") as project:
        run = tenantry.migrate(project)
        for event in run:
            if isinstance(event, tenantry.MigrationStarted) and event.migration.version == 3:
                wait_until(lambda: here.query(SLEEPING) == [(1,)])
                run.stop(cancel=True)
        assert run.outcome.exit_code == 6
    assert here.states() == {1: "applied", 2: "applied"}
    assert not here.has("chairs")


@pytest.mark.parametrize("way", ["project", "close", "with"])
def test_left_early(here: Site, open_here: Open, way: str) -> None:
    """A run that is left is closed: nobody is at work afterwards, no connection stays, and it has no outcome."""
    with open_here(jobs=1) as project:
        run = tenantry.migrate(project)
        for event in run:
            if isinstance(event, tenantry.MigrationStarted):
                break
        with pytest.raises(tenantry.RunError) as caught:
            _ = run.outcome
        assert str(caught.value) == "the run is not over: its outcome is available after its last event"
        assert caught.value.hint == "iterate over it to the end, or call finish()"
        if way == "close":
            run.close()
        elif way == "with":
            with run:
                pass
        else:
            project.close()
    for tenant in ("1", "16"):
        here.await_gone(tenant)
    assert not here.has("rooms", tenant="16")
    assert list(run) == []
    with pytest.raises(tenantry.RunError):
        run.finish()
    with open_here() as project:
        assert tenantry.migrate(project).finish().exit_code == 0


def test_create(here: Site, open_here: Open) -> None:
    """A database that does not exist on a real server is created where the program says so, and only there."""
    name = f"{here.databases['1']}_new"
    text = (here.folder / "tenants.yaml").read_text("utf-8")
    (here.folder / "tenants.yaml").write_text(f"{text}    - {{id: 7, database: {name}}}\n", "utf-8")
    try:
        with open_here(tenants="7") as project:
            assert tenantry.migrate(project).finish().totals == {tenantry.Result.REFUSED: 1}
        with open_here(tenants="7", create=True) as project:
            run = tenantry.migrate(project)
            created = [event.database for event in run if isinstance(event, tenantry.DatabaseCreated)]
            assert (created, run.outcome.exit_code) == ([name], 0)
    finally:
        here.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_what_status_says(here: Site, open_here: Open) -> None:
    """What a program is told of each version is what the ledger has."""
    with open_here(tenants="16") as project:
        tenantry.migrate(project).finish()
        (compared,) = [e for e in tenantry.status(project) if isinstance(e, tenantry.TenantCompared)]
    assert [(label(s.version, s.name), s.state) for s in compared.statuses] == [
        ("0001_rooms", tenantry.State.APPLIED),
        ("0002_desks", tenantry.State.APPLIED),
    ]


ROLLOUT = """rollout:
  stages:
    - {name: canary, match: "1"}
    - {name: early, match: "16"}
"""


def configure(here: Site) -> None:
    """Give the site a rollout of two stages."""
    config = here.folder / "tenants.yaml"
    config.write_text(f"{config.read_text('utf-8')}{ROLLOUT}", "utf-8")


def totals(run: tenantry.Run) -> dict[str, int]:
    """Return how many tenants ended in which way."""
    return {result.value: number for result, number in run.finish().totals.items()}


def test_rollout(here: Site, open_here: Open) -> None:
    """A program follows the rollout as far as it wants, or not at all."""
    configure(here)
    with open_here() as project:
        run = tenantry.migrate(project, stage="canary")
        stages = [event.stage for event in run if isinstance(event, tenantry.StageStarted)]
        assert (stages, run.outcome.totals) == (["canary"], {tenantry.Result.APPLIED: 1})
        run = tenantry.migrate(project, rollout=False)
        assert [event for event in run if isinstance(event, tenantry.StageStarted)] == []
        assert run.outcome.totals == {tenantry.Result.UP_TO_DATE: 1, tenantry.Result.APPLIED: 1}
        with pytest.raises(tenantry.InputError) as caught:
            tenantry.migrate(project, stage="canari")
        assert caught.value.problems == (
            tenantry.Problem(
                "--stage: unknown stage 'canari', expected one of canary, early, rest", "did you mean 'canary'?"
            ),
        )


@pytest.mark.parametrize("limit", [0, "0", "50%", "40%"])
def test_max_failures(here: Site, open_here: Open, limit: int | str) -> None:
    """After more failures than a program allows, no other tenant starts."""
    here.query("CREATE TABLE rooms ()")
    with open_here(jobs=1) as project:
        run = tenantry.migrate(project, max_failures=limit)
        expected = {"failed": 1, "applied": 1} if limit == "50%" else {"failed": 1, "not started": 1}
        assert totals(run) == expected
        assert run.outcome.exit_code == (3 if limit == "50%" else 6)


def test_deadline(open_here: Open) -> None:
    """No tenant starts that is not expected to finish in time."""
    with open_here() as project:
        run = tenantry.migrate(project, deadline=1e-6)
        assert (totals(run), run.outcome.exit_code) == ({"not started": 2}, 6)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"max_failures": -1},
            "max_failures: -1, expected a number of tenants, or a percentage up to 100%, such as 5 or 1%",
        ),
        (
            {"max_failures": "200%"},
            "max_failures: '200%', expected a number of tenants, or a percentage up to 100%, such as 5 or 1%",
        ),
        ({"deadline": 0}, "deadline: 0, expected more than 0 seconds"),
        ({"deadline": float("nan")}, "deadline: nan, expected more than 0 seconds"),
        ({"engine": "celery"}, "engine: 'celery', expected one of threads, procrastinate"),
        ({"resume": "last", "to": 1}, "to: has no effect with resume, which repeats the options of its run"),
        (
            {"resume": "last", "verify": False},
            "verify: has no effect with resume, which repeats the options of its run",
        ),
    ],
    ids=["negative", "percentage", "no time", "nan", "engine", "resume and to", "resume and verify"],
)
def test_wrong_arguments(open_here: Open, given: dict[str, Any], said: str) -> None:
    """What is wrong with an argument of the rollout is said before anything is touched."""
    with open_here() as project, pytest.raises(tenantry.InputError) as caught:
        tenantry.migrate(project, **given)
    assert [problem.message for problem in caught.value.problems] == [said]


def test_resume(here: Site, open_here: Open) -> None:
    """A program resumes a run: with its options, for the tenants that did not end well, and with the same files."""
    here.query("CREATE TABLE rooms ()")
    with open_here() as project:
        first = tenantry.migrate(project, to=1)
        assert totals(first) == {"failed": 1, "applied": 1}
    here.query("DROP TABLE rooms")
    with open_here(tenants="16") as project, pytest.raises(tenantry.InputError) as caught:
        tenantry.migrate(project, resume="last")
    assert [problem.message for problem in caught.value.problems] == [
        f"run {first.id[:8]}: tenant '1' remains and is not selected, expected all that remain"
    ]
    with open_here() as project:
        run = tenantry.migrate(project, resume=first.id[:8])
        ended = {event.tenant: event.verdict.result for event in run if isinstance(event, tenantry.TenantFinished)}
        assert ended == {"1": tenantry.Result.APPLIED}
        assert run.outcome.tenants["1"].applied == ["0001_rooms"]
        with pytest.raises(tenantry.InputError, match="every tenant ended well"):
            tenantry.migrate(project, resume=first.id)


def test_resume_with_other_files(here: Site, open_here: Open) -> None:
    """A run is not resumed with a file that was edited meanwhile."""
    here.query("CREATE TABLE rooms ()")
    with open_here() as project:
        tenantry.migrate(project).finish()
    here.write({"0002_desks.sql": "CREATE TABLE desks (id bigint PRIMARY KEY);\n"})
    with open_here() as project, pytest.raises(tenantry.InputError, match="0002_desks: edited since run"):
        tenantry.migrate(project, resume="last")


def test_shard(open_here: Open) -> None:
    """A program works on one part of the tenants."""
    with open_here(shard="1/1") as project:
        assert [tenant.name for tenant in project.tenants] == ["1", "16"]
    with open_here(shard="1/2", tenants="1") as project:
        assert [tenant.name for tenant in project.tenants] == ["1"]
    with pytest.raises(tenantry.InputError, match="shard: '5/4', expected a number from 1 up to the number of shards"):
        open_here(shard="5/4")
