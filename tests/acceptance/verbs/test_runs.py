"""`runs`: every run that writes has a journal, which is listed, shown again, and compared with the databases."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.apply.test_interrupt import NOTES, WAIT, gate
from tests.acceptance.fix_command import RATES, ROOMS, Fleet, MakeFleet, read_events, read_report

RATES_BROKEN = "ALTER TABLE nowhere ADD COLUMN rate integer;\n"


def list_journals(fleet: Fleet) -> list[Path]:
    """Return the journals of a project, none if there is no folder of them yet."""
    return journals(fleet) if (fleet.folder / ".tenantry" / "runs").exists() else []


def journals(fleet: Fleet) -> list[Path]:
    """Return the journals of a project, oldest first."""
    return sorted((fleet.folder / ".tenantry" / "runs").iterdir())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal that are whole."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def read_ids(fleet: Fleet) -> list[str]:
    """Return the short ids of the runs, oldest first."""
    return [read_lines(path)[0]["run_id"][:8] for path in journals(fleet)]


def test_list_and_show(fleet: MakeFleet) -> None:
    """A run is listed with its result, and its report is printed again, in both formats and with its exit code."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES_BROKEN})
    before = one.run("migrate", "--jobs", "1")
    assert before.code == 3
    listed = read_report(one, one.run("runs").out)
    assert [(row["verb"], row["tenants"], row["state"], row["result"]) for row in listed.rows] == [
        ("migrate", "2", "finished", "2 failed")
    ]
    shown = one.run("runs", "show", read_ids(one)[0][:4])
    assert (shown.code, one.shown(shown.out)) == (3, one.shown(before.out))
    assert "after fixing that: tenantry migrate --jobs 1 --tenants 1,16" in shown.out
    events = read_events(one.run("runs", "show", "--format", "jsonl").out)
    assert [event["event"] for event in events if event.get("tenant") == "16"] == [
        "tenant_started",
        "database_opened",
        "tenant_compared",
        "tenant_planned",
        "migration_started",
        "migration_applied",
        "migration_started",
        "migration_failed",
        "tenant_finished",
    ]
    assert (events[-1]["exit_code"], events[-1]["totals"]) == (3, {"failed": 2})


def test_resumed_to_the_first_version(fleet: MakeFleet) -> None:
    """A run up to version 0 is resumed up to version 0: no later file is applied that nobody asked for."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES}, created=True)
    one.query("16", "CREATE TABLE rooms ()")
    assert one.run("migrate", "--to", "0", "--lock-wait", "0").code == 3
    one.query("16", "DROP TABLE rooms")
    resumed = one.run("migrate", "--resume")
    assert resumed.code == 0, resumed.out + resumed.err
    assert (one.versions("1"), one.versions("16")) == ([0], [0])
    assert [read_lines(path)[0]["options"] for path in journals(one)] == [{"to": 0, "lock_wait": 0.0}] * 2


def test_nothing_recorded(fleet: MakeFleet) -> None:
    """Verbs that read, and dry runs, have no journal."""
    one = fleet()
    for words in (["status"], ["plan"], ["migrate", "--dry-run"], ["verify"]):
        one.run(*words)
    assert one.run("runs").out == "no run is recorded\n"
    assert one.run("runs", "show").err == ("error: .tenantry/runs: no run is recorded, expected at least one\n")


def test_killed_and_resumed(fleet: MakeFleet) -> None:
    """After kill -9, --resume takes the tenants that are left, with the options of the run, and each once."""
    names = ["1", *map(str, range(16, 24))]
    one = fleet(tenants=names, files={"0000_rooms.sql": ROOMS, "0001_notes.sql": WAIT + NOTES, "0002_x.sql": NOTES})
    with gate(one), one.start("migrate", "--to", "1", "--jobs", "2") as process:
        one.await_activity("1", "objid = 77")
        await_ends(one, 3)
        process.send_signal(signal.SIGKILL)
        process.wait()
    one.await_quiet("1")
    (killed,) = journals(one)
    done = {line["tenant"] for line in read_lines(killed) if line.get("event") == "tenant_finished"}
    assert 3 <= len(done) < len(names)
    (row,) = read_report(one, one.run("runs").out).rows
    assert row["state"] == "killed"
    assert one.run("runs", "show").code == 6
    resumed = one.run("migrate", "--resume")
    assert resumed.code == 0, resumed.out + resumed.err
    assert read_report(one, resumed.out).column("tenant") == [name for name in names if name not in done]
    for name in names:
        assert one.versions(name) == [0, 1]
        assert [entry[:2] for entry in one.log(name)] == [(0, "applied"), (1, "applied")]
    first, last = read_ids(one)
    checked = one.run("runs", "check", first)
    assert checked.code == 0, checked.out + checked.err
    assert one.run("runs", "check", last).code == 0
    again = one.run("migrate", "--resume", first)
    assert (again.code, again.err) == (
        2,
        f"error: run {first}: every tenant ended well, expected one to resume\n"
        'hint: run "tenantry status --tenants all" to see them\n',
    )


def await_ends(fleet: Fleet, number: int) -> None:
    """Wait until the journal of the only run has the ends of so many tenants."""
    deadline = time.monotonic() + 60
    while sum(line.get("event") == "tenant_finished" for line in read_lines(journals(fleet)[0])) < number:
        assert time.monotonic() < deadline, "the run does not go on"
        time.sleep(0.02)  # nobody tells when a file has grown


def test_still_running(fleet: MakeFleet) -> None:
    """A run that is still going on is listed as such, and cannot be resumed."""
    one = fleet(files={"0000_rooms.sql": ROOMS + WAIT})
    with gate(one) as opened, one.start("migrate") as process:
        one.await_activity("1", "objid = 77")
        assert read_report(one, one.run("runs").out).column("state") == ["running"]
        refused = one.run("migrate", "--resume")
        opened()
        assert_over(process)
    assert (refused.code, refused.err) == (
        5,
        f"error: run {read_ids(one)[0]}: still going on, expected one that has ended\n",
    )


def assert_over(process: subprocess.Popen[str]) -> None:
    """Wait for a command that is to end well."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err


def test_other_files(fleet: MakeFleet) -> None:
    """A run is not resumed with other files than it had: each difference is named, and nothing is touched."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES_BROKEN, "0002_notes.sql": NOTES})
    assert one.run("migrate").code == 3
    (run,) = read_ids(one)
    checksum = next(mark for mark in read_lines(journals(one)[0])[0]["files"] if mark["version"] == 1)["checksum"]
    one.write("0001_rates.sql", "ALTER TABLE rooms ADD COLUMN rate integer;\n")
    one.remove("0002_notes.sql")
    one.write("0003_more.sql", NOTES)
    refused = one.run("migrate", "--resume")
    assert (refused.code, refused.out, refused.err) == (
        4,
        "",
        f"error: tenant 0001_rates: edited since run {run}, when it had {checksum}\n"
        f"error: tenant 0002_notes: deleted since run {run}\n"
        f"error: tenant 0003_more: added since run {run}\n"
        'hint: restore the files of that run, or run "tenantry migrate --tenants 1,16" to apply the current ones\n',
    )
    assert one.versions("1") == [0]
    assert len(journals(one)) == 1


def test_options_of_the_run(fleet: MakeFleet) -> None:
    """The options of the run are repeated, so none of them may be typed; its servers have to be."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES_BROKEN})
    server = f"main={one.server}"
    assert one.run("migrate", "--to", "1", "--tenants", "16", "--server", server).code == 3
    mixed = one.run("migrate", "--resume", "--to", "1", "--tenants", "1")
    assert (mixed.code, mixed.err) == (
        2,
        "error: --tenants: has no effect with --resume, which repeats the options of its run\n"
        "error: --to: has no effect with --resume, which repeats the options of its run\n",
    )
    (run,) = read_ids(one)
    without = one.run("migrate", "--resume")
    assert (without.code, without.err) == (
        2,
        f"error: run {run}: it had --server main=..., which no journal keeps, expected it again\n",
    )
    assert one.server not in journals(one)[0].read_text()
    again = one.run("migrate", "--resume", "--server", server)
    assert again.code == 3
    assert "after fixing that: tenantry migrate --to 1 --server main=... --tenants 16\n" in again.out


def test_check(fleet: MakeFleet) -> None:
    """Each point on which journal, ledger and catalog do not agree is named."""
    one = fleet()
    assert one.run("migrate").code == 0
    (run,) = read_ids(one)
    assert one.run("runs", "check").code == 0
    one.query("1", "DELETE FROM _migrations WHERE version = 1")
    one.query("16", "UPDATE _migrations_log SET event = 'failed' WHERE version = 0")
    one.query("16", "CREATE TABLE stray ()")
    checked = one.run("runs", "check", run)
    assert checked.code == 1
    text = read_report(one, checked.out).text
    assert f"tenant 1: 0001_rates: applied by the journal of run {run}, not recorded in the ledger\n" in text
    assert f"tenant 16: 0000_rooms: applied by the journal of run {run}, not by the log\n" in text
    assert "tenant 16: stray: extra, found a table\n" in text
    unproven = one.run("runs", "check", run, "--no-verify", "--format", "jsonl")
    assert "stray" not in unproven.out


def test_unwritable(fleet: MakeFleet) -> None:
    """A journal that cannot be written is one warning, and the run goes on."""
    one = fleet()
    (one.folder / ".tenantry").mkdir()
    (one.folder / ".tenantry" / "runs").write_text("in the way")
    done = one.run("migrate")
    assert done.code == 0
    warnings = [json.loads(line) for line in done.err.splitlines() if '"warning"' in line]
    assert [(line["event"], line["hint"]) for line in warnings] == [
        (
            ".tenantry/runs: file exists, expected a folder that only you write to: this run has no complete journal",
            "correct its owner and mode, or set TENANTRY_STATE to another folder, to be able to resume a run",
        )
    ]


BAD: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "middle": (
        lambda lines: [lines[0], lines[1][:20] + "\n", *lines[2:]],
        "line 2: damaged, expected an event of a run",
    ),
    "missing": (lambda lines: [*lines[:2], *lines[3:]], "line 3: numbered 4, expected 3: lines are missing"),
    "headless": (lambda lines: lines[1:], "line 1: damaged"),
    "newer": (
        lambda lines: [lines[0].replace('"journal":1', '"journal":2'), *lines[1:]],
        "of format 2, which a newer tenantry wrote, expected format 1",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_journals(fleet: MakeFleet, case: str) -> None:
    """A journal that is not whole, or of a newer version, is named, and no run is resumed from it."""
    damage, expected = BAD[case]
    one = fleet()
    assert one.run("migrate").code == 0
    (path,) = journals(one)
    path.write_text("".join(damage(path.read_text().splitlines(keepends=True))))
    for words in (["runs", "show"], ["migrate", "--resume"]):
        refused = one.run(*words)
        assert refused.code == 2
        assert f".tenantry/runs/{path.name}: {expected}" in refused.err


def test_cut_at_the_end(fleet: MakeFleet) -> None:
    """The last line may be half, as a kill leaves it."""
    one = fleet()
    assert one.run("migrate").code == 0
    (path,) = journals(one)
    path.write_text(path.read_text()[:-30])
    assert one.run("runs", "show").code == 6


def test_other_project(fleet: MakeFleet) -> None:
    """A run of another tenants.yaml is not in the list, and is named where it is asked for."""
    one = fleet()
    assert one.run("migrate").code == 0
    (run,) = read_ids(one)
    (one.folder / "other.yaml").write_text((one.folder / "tenants.yaml").read_text())
    assert one.run("runs", "--config", "other.yaml").out == "no run is recorded\n"
    refused = one.run("runs", "show", run, "--config", "other.yaml")
    assert (refused.code, one.shown(refused.err)) == (
        2,
        f"error: run {run}: belongs to /project/tenants.yaml, expected a run of /project/other.yaml\n"
        "hint: name that file with --config\n",
    )


def test_unknown(fleet: MakeFleet) -> None:
    """An id that no run has is an error with the nearest one."""
    one = fleet()
    assert one.run("migrate").code == 0
    (run,) = read_ids(one)
    wrong = run[:-1] + ("0" if run[-1] != "0" else "1")
    refused = one.run("runs", "show", wrong)
    assert (refused.code, refused.err) == (
        2,
        f"error: run '{wrong}': unknown, expected one of last, {run}\nhint: did you mean '{run}'?\n",
    )


@pytest.mark.slow
def test_killed_again_and_again(fleet: MakeFleet) -> None:
    """A run that is killed at any moment, and whose resumption is killed too, ends with every file run once."""
    names = [str(number) for number in range(1, 41)]
    pause = "SELECT pg_sleep(0.01);\n"
    one = fleet(tenants=names, files={"0000_rooms.sql": ROOMS + pause, "0001_notes.sql": NOTES + pause})
    chance = random.Random(7)  # the same moments in each run of the test
    words, started = list[str](), 0
    for _ in range(6):
        with one.start("migrate", "--jobs", "3", *words) as process:
            while len(list_journals(one)) == started and process.poll() is None:
                time.sleep(0.005)  # nobody tells when a file appears
            time.sleep(chance.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
        words, started = ["--resume"] if list_journals(one) else [], len(list_journals(one))
    assert "killed" in read_report(one, one.run("runs").out).column("state")
    last = one.run("migrate", "--resume")
    assert last.code in (0, 2), last.out + last.err
    for name in names:
        assert one.versions(name) == [0, 1]
        assert [entry[:2] for entry in one.log(name)] == [(0, "applied"), (1, "applied")]
    checked = one.run("runs", "check", read_ids(one)[0])
    assert checked.code == 0, checked.out + checked.err


def test_states(fleet: MakeFleet) -> None:
    """A selection by state takes the tenants that the last runs left in it, and nobody where no run is recorded."""
    one = fleet(files={"0000_rooms.sql": ROOMS})
    none = one.run("status", "--tenants", "failed")
    assert (none.code, "no run is recorded here" in none.err) == (2, True)
    assert one.run("migrate", "--no-verify").code == 0
    one.query("16", "CREATE TABLE rates (id integer)")
    one.write("0001_rates.sql", "CREATE TABLE rates (id integer);\n")
    assert one.run("migrate", "--no-verify").code == 3
    for state, names in {"failed": ["16"], "behind": ["16"], "unproven": ["1"]}.items():
        shown = read_report(one, one.run("status", "--tenants", state).out)
        assert [row["tenant"] for row in shown.rows] == names, state
    assert one.run("status", "--tenants", "blocked").code == 2


def test_states_that_ended(fleet: MakeFleet, tmp_path: Path) -> None:
    """A tenant chosen by a state that its ledger does not confirm, or that has left tenants.yaml, is said to be so."""
    one = fleet(tenants=["1", "16", "17"], files={"0000_rooms.sql": ROOMS})
    for name in ("16", "17"):
        one.query(name, "CREATE TABLE rooms ()")
    assert one.run("migrate", "--no-verify").code == 3
    # Somebody else repairs one of them, on a machine with other journals.
    one.query("16", "DROP TABLE rooms")
    elsewhere = {"TENANTRY_STATE": str(tmp_path / "elsewhere")}
    assert one.run("migrate", "--no-verify", "--tenants", "16", env=elsewhere).code == 0
    config = one.folder / "tenants.yaml"
    config.write_text(config.read_text("utf-8").replace(', "17"', ""), "utf-8")
    for command in (["status"], ["plan"], ["migrate", "--no-verify"]):
        done = one.run(*command, "--tenants", "failed")
        assert done.code == 0
        said = done.out + done.err
        assert "--tenants failed: 1 tenant (16) left so by the last run, with nothing pending any more" in said
        assert "--tenants failed: 1 tenant (17) left so by the last run, not in tenants.yaml any more" in said
    assert "left so" not in (again := one.run("status", "--tenants", "16")).out + again.err
