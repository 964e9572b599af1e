"""The page for agents: each of its sentences on a command holds, on a real fleet."""

import re
from pathlib import Path

import pytest

from tenantry.verbs.verb import VERBS
from tests.acceptance.fix_command import ROOMS, Fleet, MakeFleet, Result, read_events
from tests.acceptance.takeover.drizzle import import_files, run_drizzle, set_up
from tests.places import ROOT
from tests.unit.docs.markdown import read_table

DOCS = ROOT / "docs"
PAGE = (DOCS / "for-agents.md").read_text("utf-8")
CHANGES = dict(read_table(PAGE, "## The verbs by what they change", "verb"))
# How a verb is called where it needs more than its name.
CALLS = {
    "drift": ("--consensus",),
    "lint": ("--tenants", "1"),
    "runs": (),
    "completion": ("bash",),
    "adopt": ("--tenants", "1"),
    "migrate": ("--dry-run",),
    "rollback": ("0", "--dry-run", "--tenants", "1", "--reason", "a test"),
}
READING = [verb.strip("`") for verb, changes in CHANGES.items() if changes.startswith("nothing")]
# It needs a tenant with the records of another tool, and has a test of its own.
READING.remove("import")
DRY = [verb.strip("`") for verb, changes in CHANGES.items() if changes.endswith("nothing with `--dry-run`")]
# The pending file is a finding of verify, and its danger one of lint.
ENDS = {"verify": 1, "lint": 1}
SITE = """\
servers: {main: SERVER}
tenants: {migrations: migrations/tenant, server: main, database: 'PREFIX_{id}', list: [1, 16]}
"""


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return a fleet whose tenants have the first of three files, and whose second has a danger."""
    found = fleet()
    found.configure(SITE)
    found.remove("0001_rates.sql")
    found.write("0000_rooms.rollback.sql", "DROP TABLE rooms;\n")
    assert found.run("migrate").code == 0
    found.write("0001_index.sql", "CREATE INDEX rooms_name_idx ON rooms (name);\n")
    return found


def ask(fleet: Fleet, *args: str) -> tuple[Result, list[dict[str, object]]]:
    result = fleet.run(*args, "--format", "jsonl")
    return result, read_events(result.out)


def find(events: list[dict[str, object]], kind: str) -> list[dict[str, object]]:
    return [event for event in events if event["event"] == kind]


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a project, apart from what tenantry keeps for itself."""
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".tenantry" not in path.parts
    }


def test_every_verb_is_on_the_page() -> None:
    """The table says of each verb whether it changes anything."""
    assert sorted(verb.strip("`") for verb in CHANGES) == sorted(VERBS)


@pytest.mark.parametrize("verb", [*READING, *DRY])
def test_a_verb_that_changes_nothing_leaves_no_trace(one: Fleet, verb: str) -> None:
    """Catalog, ledger, log and files are the same after a verb that only reads."""
    before = ([one.trace(name) for name in ("1", "16")], [one.log(name) for name in ("1", "16")])
    files = read_files(one.folder)
    result = one.run(verb, *CALLS.get(verb, ()))
    assert result.code == ENDS.get(verb, 0), result.err
    assert ([one.trace(name) for name in ("1", "16")], [one.log(name) for name in ("1", "16")]) == before
    assert read_files(one.folder) == files


def test_import_writes_the_record_alone(fleet: MakeFleet) -> None:
    """Import takes over the records of a real tool: without --write it leaves no trace, and with it rows alone."""
    found = fleet(files={})
    set_up(found)
    import_files(found)
    run_drizzle(found, "1")
    before = found.trace("1")
    call = ("import", "--from", "drizzle", "drizzle", "--tenants", "1")
    # The file that drizzle passed over is a finding.
    result, events = ask(found, *call)
    assert (result.code, found.trace("1")) == (1, before)
    (proposed,) = find(events, "repair_proposed")
    recorded = [f"{name}: would be recorded as imported" for name in ("0000_rooms", "0001_guests", "0003_notes")]
    assert proposed["changes"] == [*recorded, "0002_bills: would be allowed although newer ones are present"]
    assert ask(found, *call, "--write")[0].code == 1
    assert found.versions("1") == [0, 1, 3]


def test_a_plan_is_read_from_its_events(one: Fleet) -> None:
    """Steps, locks, results and the exit code are where the table says."""
    result, events = ask(one, "plan")
    assert [event["event"] for event in events[-1:]] == ["run_finished"]
    assert events[-1]["exit_code"] == result.code == 0
    steps = [event["plan"]["steps"] for event in find(events, "tenant_planned")]  # type: ignore[index] # an object
    assert [(step["version"], step["name"]) for step in steps[0]] == [(1, "index")]
    assert steps[0][0]["path"].endswith("0001_index.sql")
    (measured,) = find(events, "migration_measured")
    locks = measured["statements"][0]["effect"]["locks"]  # type: ignore[index] # a list of objects
    assert locks == [{"relation": "public.rooms", "mode": "SHARE"}]


def test_hazards_findings_and_standings_are_read_from_their_events(one: Fleet) -> None:
    """lint, check and status answer where the table says."""
    result, events = ask(one, "lint")
    (hazard,) = (event["hazard"] for event in find(events, "hazard_found"))
    assert result.code == 1
    assert isinstance(hazard, dict)
    assert (hazard["rule"], hazard["level"], hazard["line"]) == ("index", "danger", 1)
    assert hazard["path"].endswith("0001_index.sql")
    assert "CREATE INDEX CONCURRENTLY" in hazard["help"]

    result, events = ask(one, "status")
    verdicts = [event["verdict"] for event in find(events, "tenant_finished")]
    assert (result.code, [verdict["standing"] for verdict in verdicts]) == (0, ["pending"] * 2)  # type: ignore[index]

    one.write("0001_index.rollback.sql", "SELECT 1;\n")
    result, events = ask(one, "check")
    assert result.code == 1
    (problem,) = (event["problem"] for event in find(events, "finding_reported"))
    assert isinstance(problem, dict)
    assert "does not undo its file" in problem["message"]
    assert problem["hint"]
    one.write("0002_rooms_again.sql", ROOMS)
    result, events = ask(one, "check")
    (verdict,) = (event["verdict"] for event in find(events, "tenant_finished"))
    assert isinstance(verdict, dict)
    assert (result.code, verdict["result"]) == (4, "refused")
    assert 'relation "rooms" already exists' in verdict["reason"]


def test_a_tenant_that_fails_says_so_in_its_verdict(one: Fleet) -> None:
    """The result, its reason and its hint are in `tenant_finished`; the others are done, with exit code 3."""
    one.remove("0001_index.sql")
    one.query("16", "INSERT INTO rooms VALUES (1, 'attic')")
    one.write("0001_rates.sql", "ALTER TABLE rooms ADD COLUMN rate numeric;\nSELECT 1 / (count(*) - 1) FROM rooms;\n")
    result, events = ask(one, "migrate", "--no-verify")
    assert result.code == events[-1]["exit_code"] == 3
    results = {event["tenant"]: event["verdict"]["result"] for event in find(events, "tenant_finished")}  # type: ignore[index]
    assert results == {"1": "applied", "16": "failed"}


def test_wrong_input_leaves_stdout_empty(one: Fleet) -> None:
    """The errors are on stderr, each with a hint that can be typed."""
    result = one.run("migrate", "--tenants", "17", "--format", "jsonl")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert "\nhint: " in result.err


def test_production_wants_a_person(one: Fleet) -> None:
    """A verb that writes is refused with exit code 2 without --yes, and one that reads is not."""
    one.configure(SITE.replace("{main: SERVER}", "{main: {dsn: SERVER, environment: production}}"))
    assert one.run("status").code == 0
    refused = one.run("migrate")
    assert (refused.code, one.versions("1")) == (2, [0])
    assert "--yes" in refused.err


def test_a_danger_is_refused_with_its_safe_form(one: Fleet) -> None:
    """Migrate refuses what lint calls a danger, and nothing is applied."""
    one.query("1", "INSERT INTO rooms SELECT n, repeat('x', 500) FROM generate_series(1, 20000) AS n")
    result = one.run("migrate", "--tenants", "1")
    assert (result.code, one.versions("1")) == (4, [0])


def test_an_edited_file_is_found_against_the_branch(one: Fleet) -> None:
    """Check --base refuses a merged file that was edited."""
    git = "git -c user.name=a -c user.email=a@example.org"
    for command in (f"{git} init -q -b main .", f"{git} add .", f"{git} commit -qm first"):
        assert one.shell(command).code == 0
    one.write("0000_rooms.sql", ROOMS.replace("integer", "bigint"))
    assert one.run("check", "--base", "main").code == 1


def test_the_exit_codes_are_those_of_every_verb() -> None:
    """The table has each code that the reference has, and no other."""
    reference = (DOCS / "reference" / "exit-codes.md").read_text("utf-8")
    assert [code for code, _ in read_table(PAGE, "## Exit codes", "code")] == [
        code for code, *_ in read_table(reference, "## Codes", "code")
    ]


def test_the_list_for_language_models_is_whole() -> None:
    """llms.txt has the form that is agreed on, and its links lead to pages."""
    text = (DOCS / "llms.txt").read_text("utf-8")
    title, _, summary, *_ = text.splitlines()
    assert (title, summary[:2]) == ("# tenantry", "> ")
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", text, re.MULTILINE)
    assert len(links) == sum(line.startswith("- ") for line in text.splitlines())
    assert [link for link in links if not (DOCS / link).is_file()] == []
