"""Who ran what and why: the actor of a run, its reason, and no value of any row."""

import json
from pathlib import Path

import pytest

from tests.acceptance.fix_command import ROOMS, Fleet, MakeFleet

ACTORS = ("TENANTRY_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")
CLASH = "ALTER TABLE rooms ADD CONSTRAINT rooms_name_key UNIQUE (name);\n"
SECRET = "ann@example.org"  # a value of a row, and no password
REPORTS = {name: f"out/run.{name}" for name in ("html", "json", "junit", "markdown", "prometheus", "jsonl")}


@pytest.fixture
def clashing(fleet: MakeFleet) -> Fleet:
    """Return a fleet of one tenant whose rows clash with its pending file."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS})
    assert one.run("migrate").code == 0
    one.query("1", f"INSERT INTO rooms VALUES (1, '{SECRET}'), (2, '{SECRET}')")
    one.write("0001_names.sql", CLASH)
    return one


def read_reports(one: Fleet) -> str:
    """Return the text of all reports and journals."""
    journals = (one.folder / ".tenantry" / "runs").glob("*.jsonl")
    return "".join(path.read_text("utf-8") for path in (*(one.folder / "out").iterdir(), *journals))


def read_log(one: Fleet) -> str:
    return json.dumps(one.query("1", "SELECT detail::text FROM _migrations_log ORDER BY id"))


def migrate(one: Fleet, *options: str) -> str:
    """Run the file that clashes, with a report of each kind, and return stdout and stderr."""
    (one.folder / "out").mkdir(exist_ok=True)
    wanted = [word for name, path in REPORTS.items() for word in ("--report", f"{name}={path}")]
    done = one.run("migrate", *options, *wanted, "--allow", "constraint-index")
    assert done.code == 3, done.err
    return done.out + done.err


def test_values_stay_in_the_database(clashing: Fleet) -> None:
    """By default, nothing that a run says or keeps has a value of a row that failed; the columns are named."""
    said = migrate(clashing)
    assert "  detail: Key (name)=(...) is duplicated.\n" in said
    assert SECRET not in said + read_reports(clashing) + read_log(clashing)
    assert "Key (name)=(...) is duplicated." in read_reports(clashing)
    assert SECRET not in clashing.run("runs", "show").out


def test_values_are_shown_where_wanted(clashing: Fleet) -> None:
    """With --show-values, the report on stdout has them, and whatever is kept has not."""
    assert f"  detail: Key (name)=({SECRET}) is duplicated.\n" in migrate(clashing, "--show-values")
    assert SECRET not in read_reports(clashing) + read_log(clashing)


def test_values_are_kept_where_wanted(clashing: Fleet) -> None:
    """With `values: true` the ledger's log has them as well; reports and journals may travel, and have not."""
    path = clashing.folder / "tenants.yaml"
    path.write_text(path.read_text("utf-8") + "ledger: {values: true}\n", "utf-8")
    assert SECRET in migrate(clashing)
    assert SECRET in read_log(clashing)
    assert SECRET not in read_reports(clashing)


def test_the_reason_of_a_run(clashing: Fleet) -> None:
    """The reason is in the log of each attempt, in the report, and in the journal from which `runs show` repeats it."""
    said = migrate(clashing, "--reason", "  ticket 7  ")
    assert "1 tenant: 1 failed in " in said
    assert "\nreason: ticket 7\n" in said
    assert clashing.log("1")[-1] == (1, "failed", "ticket 7")
    assert "\nreason: ticket 7\n" in clashing.run("runs", "show").out
    record = json.loads((clashing.folder / REPORTS["json"]).read_text("utf-8"))
    assert record["run"]["reason"] == "ticket 7"
    for name in ("html", "markdown"):
        assert "ticket 7" in (clashing.folder / REPORTS[name]).read_text("utf-8"), name


def test_a_reason_that_is_resumed(clashing: Fleet) -> None:
    """A resumed run has the reason of the run that it resumes, and a run without one says nothing of it."""
    migrate(clashing, "--reason", "ticket 7")
    clashing.query("1", "DELETE FROM rooms WHERE id = 2")
    assert "\nreason: ticket 7\n" in clashing.run("migrate", "--resume").out
    assert clashing.log("1")[-1] == (1, "applied", "ticket 7")
    assert "reason" not in clashing.run("migrate").out


PRECEDENCE = {
    "all": (dict.fromkeys(ACTORS, "") | {"TENANTRY_ACTOR": "ann", "GITHUB_ACTOR": "bob"}, "ann"),
    "GitHub": ({"TENANTRY_ACTOR": " ", "GITHUB_ACTOR": "bob", "GITLAB_USER_LOGIN": "eve"}, "bob"),
    "GitLab": ({"GITLAB_USER_LOGIN": "eve"}, "eve"),
    "none": ({}, "deploy"),
    "on one line": ({"TENANTRY_ACTOR": "ann\nDROP\x1b[31m"}, "annDROP[31m"),
}


@pytest.mark.parametrize(("given", "actor"), PRECEDENCE.values(), ids=PRECEDENCE)
def test_actors(fleet: MakeFleet, given: dict[str, str], actor: str) -> None:
    """The person whom the CI names stands in ledger, log and journal: the first that is set, else the system's user."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS})
    assert one.run("migrate", "--no-verify", env={**dict.fromkeys(ACTORS, ""), **given}).code == 0
    for table in ("_migrations", "_migrations_log"):
        ((by,),) = one.query("1", f"SELECT applied_by FROM {table}")
        assert by.partition(" (")[2].partition("@")[0] == actor
    (journal,) = (one.folder / ".tenantry" / "runs").glob("*.jsonl")
    assert json.loads(journal.read_text("utf-8").partition("\n")[0])["user"].startswith(f"{actor}@")


def test_no_values_in_the_state_folder(clashing: Fleet) -> None:
    """Nothing that a failed run leaves below its state folder has a value of a row."""
    migrate(clashing)
    kept = [path for path in Path(clashing.folder / ".tenantry").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
