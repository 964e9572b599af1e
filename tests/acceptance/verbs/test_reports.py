"""`--report`: files next to the terminal, from one look at the servers; and again, from the journal."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.fix_command import RATES, ROOMS, Fleet, MakeFleet, Result, read_events

WHOLE = ("html", "json", "junit", "markdown", "prometheus")
BROKEN = "ALTER TABLE nowhere ADD COLUMN rate integer;\n"
LABELS = """\
servers: {main: SERVER}
tenants:
  migrations: migrations/tenant
  server: main
  database: PREFIX_{id}
  list: [{id: 16, name: Studio, labels: {tier: internal}}, 1]
"""


def run(fleet: Fleet, *args: str, formats: tuple[str, ...] = WHOLE) -> Result:
    """Run a verb with a report in each format, in files that are named after it."""
    return fleet.run(*args, *(word for name in formats for word in ("--report", f"{name}=run.{name}")))


def read(fleet: Fleet) -> dict[str, Any]:
    """Return the JSON report."""
    document: dict[str, Any] = json.loads((fleet.folder / "run.json").read_text())
    return document


def list_results(fleet: Fleet) -> list[tuple[str, str, int | None]]:
    """Return id, result and number of files behind of each tenant in the JSON report."""
    return [(one["id"], one["result"], one["behind"]) for one in read(fleet)["tenants"]]


def test_next_to_the_terminal(fleet: MakeFleet) -> None:
    """All reports of a run are written, and its exit code, table and messages are those that it has without them."""
    one = fleet()
    one.configure(LABELS)
    done = run(one, "migrate")
    assert done.code == 0
    assert "2 tenants: 2 applied" in done.out
    document = read(one)
    assert list_results(one) == [("1", "applied", 0), ("16", "applied", 0)]
    studio = document["tenants"][1]
    assert (studio["title"], studio["labels"], studio["server"]) == ("Studio", {"tier": "internal"}, "main")
    assert studio["database"] == one.database("16")
    assert [file["file"] for file in studio["applied"]] == ["0000_rooms", "0001_rates"]
    assert studio["proof"]["version"] == "0001_rates"
    assert studio["proof"]["fingerprint"] == document["tenants"][0]["proof"]["fingerprint"]
    assert 0 < studio["at_ms"] <= document["run"]["elapsed_ms"]
    assert "2 tenants: 2 applied" in (one.folder / "run.html").read_text()
    assert 'tenantry_tenants{verb="migrate",result="applied"} 2' in (one.folder / "run.prometheus").read_text()


def test_shown_again(fleet: MakeFleet) -> None:
    """The reports of a run that is shown again are those that it had."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": BROKEN})
    one.configure(LABELS)
    assert run(one, "migrate").code == 3
    before = {name: (one.folder / f"run.{name}").read_text() for name in WHOLE}
    assert list_results(one) == [("1", "failed", 1), ("16", "failed", 1)]
    assert run(one, "runs", "show").code == 3
    after = {name: (one.folder / f"run.{name}").read_text() for name in WHOLE}
    first, second = json.loads(before["json"]), json.loads(after["json"])
    for document in (first, second):
        for tenant in document["tenants"]:
            # The version of the server, and the command that opens a database, are kept of the first ones.
            del tenant["server_version"]
    assert second == first
    assert after["junit"] == before["junit"]
    assert after["markdown"] == before["markdown"]
    assert after["prometheus"] == before["prometheus"]
    assert "after fixing that" in after["html"]


@pytest.mark.parametrize("verb", ["status", "plan", "verify", "drift", "tenants", "log"])
def test_verbs_that_read(fleet: MakeFleet, verb: str) -> None:
    """Verbs that read have reports as well, of what they told."""
    one = fleet()
    assert one.run("migrate", "--tenants", "1").code == 0
    done = run(one, verb, "--tenants", "1")
    assert done.code == 0
    assert [result for _, result, _ in list_results(one)] == ["up to date" if verb == "plan" else "ok"]
    suites = ET.parse(one.folder / "run.junit").getroot()  # noqa: S314  # our own document
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")


def test_a_linted_folder(fleet: MakeFleet) -> None:
    """The findings of lint are in its reports, and SARIF may be one of them."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": "DROP TABLE rooms;\n"})
    done = run(one, "lint", formats=(*WHOLE, "sarif"))
    assert done.code == 1
    assert len(read(one)["hazards"]) == len(json.loads((one.folder / "run.sarif").read_text())["runs"][0]["results"])
    assert "** <code>migrations/tenant/0001_rates.sql:1</code>" in (one.folder / "run.markdown").read_text()


def test_servers_are_asked_once(fleet: MakeFleet) -> None:
    """A run with all reports sends the servers what it sends without them."""
    one = fleet()
    assert one.run("migrate").code == 0
    # The least of some: autovacuum comes when it likes, and is counted as well.
    bare, reported = (min(_count_statements(one, formats) for _ in range(3)) for formats in ((), WHOLE))
    assert bare == reported


def _count_statements(fleet: Fleet, formats: tuple[str, ...]) -> int:
    """Return how many transactions a status of tenant 1 costs its database."""
    before = _count_transactions(fleet)
    assert run(fleet, "status", "--tenants", "1", formats=formats).code == 0
    return _count_transactions(fleet) - before


def _count_transactions(fleet: Fleet) -> int:
    """Return how many transactions the database of tenant 1 has had, which is asked from another one."""
    # The counts of a session are added when it ends.
    fleet.await_quiet("1")
    query = f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{fleet.database('1')}'"
    ((count,),) = fleet.query("16", query)
    return int(count)


def test_stdout(fleet: MakeFleet) -> None:
    """One report may go to stdout: then there is no table, and the file is that of `--report FORMAT=FILE`."""
    one = fleet()
    assert one.run("migrate").code == 0
    done = one.run("status", "--report", "json=-", "--report", "json=run.json")
    assert done.code == 0
    assert [tenant["id"] for tenant in json.loads(done.out)["tenants"]] == ["1", "16"]
    assert done.out == (one.folder / "run.json").read_text()


REFUSED = {
    "run.html": "--report: 'run.html' is not FORMAT=FILE, expected a report such as html=run.html",
    "htm=a": "--report: unknown format 'htm', expected one of html, json, junit, markdown, prometheus, jsonl",
    "html=a --report json=a": "--report: 'a' is given more than once, expected a file for each report",
    "html=no/a": "--report: no/a: no such file or directory, expected a file that can be written",
    "json=- --format jsonl": "--report json=-: together with --format, expected one of them on stdout",
}


def test_refused(fleet: MakeFleet) -> None:
    """A report that cannot be written ends the run before any database is touched."""
    one = fleet()
    for args, message in REFUSED.items():
        done = one.run("migrate", "--report", *args.split())
        assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}")
    assert one.tables("1") == []
    assert [path.name for path in one.folder.iterdir() if path.suffix] == ["tenants.yaml"]


def test_lost(fleet: MakeFleet) -> None:
    """A report that is lost on the way is said, and is an error of its own: the databases are as they were told."""
    slow = {"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES + "SELECT pg_sleep(2);\n"}
    one = fleet(files=slow, tenants=("1",))
    folder = one.folder / "reports"
    folder.mkdir()
    with one.start("migrate", "--no-verify", "--report", "json=reports/run.json") as process:
        one.await_activity("1", "pg_sleep")
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 74
    assert "1 tenant: 1 applied" in out
    assert "error: reports/run.json: no such file or directory, the report was not written" in err


def test_a_journal_of_today(fleet: MakeFleet) -> None:
    """A journal that an older version wrote, without databases and times, has its reports too."""
    one = fleet()
    assert one.run("migrate").code == 0
    (path,) = (one.folder / ".tenantry" / "runs").iterdir()
    _make_older(path)
    assert run(one, "runs", "show").code == 0
    assert list_results(one) == [("1", "applied", 0), ("16", "applied", 0)]
    assert all(tenant["at_ms"] > 0 for tenant in read(one)["tenants"])
    assert [file["name"] for file in read(one)["files"]] == ["rooms", "rates"]


def _make_older(path: Path) -> None:
    """Take from a journal what versions before reports did not write."""
    header, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [line for line in lines if line["event"] not in ("project_described", "schema_proven")]
    for number, line in enumerate(kept, start=2):
        line["n"] = number
    path.write_text("".join(f"{json.dumps(line)}\n" for line in (header, *kept)))


def test_jsonl_next_to_a_table(fleet: MakeFleet) -> None:
    """The events may be written to a file while the table is on the terminal."""
    one = fleet()
    done = run(one, "migrate", formats=("jsonl",))
    assert "2 tenants: 2 applied" in done.out
    events = read_events((one.folder / "run.jsonl").read_text())
    assert [events[0]["event"], events[1]["event"], events[-1]["event"]] == [
        "run_started",
        "project_described",
        "run_finished",
    ]
