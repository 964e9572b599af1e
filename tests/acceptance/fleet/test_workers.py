"""Runs over workers: the same report as by threads, whoever of them dies."""

import re
import signal
import subprocess
import time
from collections import defaultdict
from typing import Any

import pytest

from tests.acceptance.apply.test_interrupt import NOTES, WAIT, gate
from tests.acceptance.fix_command import MASTER_FILES, ROOMS, Fleet, MakeFleet, Result, read_events, read_report
from tests.acceptance.fleet.fix_workers import make_served, working

pytestmark = pytest.mark.timeout(600)

# Longer than any of these runs takes on a busy machine.
DONE_S = 240
IDS = [str(number) for number in range(1, 13)]
STAGES = """rollout:
  stages:
    - {name: canary, match: "1-2", max-failures: 0, verify: true}
    - {name: early, match: "3-4", max-failures: 1}
    - {name: rest, jobs: 2}
"""
FILES = {"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES}


def migrate(one: Fleet, *args: str) -> Result:
    """Have workers carry a run."""
    return one.run("migrate", "--engine", "procrastinate", *args)


def tell(result: Result) -> tuple[int, dict[str, list[Any]]]:
    """Return the exit code, and the events of each tenant without what differs from run to run."""
    told: dict[str, list[Any]] = defaultdict(list)
    for event in read_events(result.out):
        kind, tenant = event["event"], event.get("tenant", "")
        if kind == "tenant_finished":
            told[tenant].append((kind, event["verdict"]["result"], _blank(event["verdict"]["reason"])))
        elif kind == "run_finished":
            told[""].append((kind, event["stopped_by"], event["totals"]))
        elif tenant:
            told[tenant].append((kind, event.get("migration", {}).get("path"), _blank(str(event.get("failure")))))
        elif kind.startswith("stage"):
            told[""].append((kind, event["stage"]))
    return result.code, dict(told)


def _blank(text: str) -> str:
    return re.sub(r"\d+(\.\d+)? m?s\b|\bpid \d+|acc_[0-9a-f]{8}", "_", text)


def assert_once(one: Fleet, names: list[str], versions: list[int]) -> None:
    """Assert that each of these files was applied exactly once to each of these tenants."""
    for name in names:
        assert one.versions(name) == versions, name
        assert [entry[:2] for entry in one.log(name)] == [(version, "applied") for version in versions], name


def check(one: Fleet) -> None:
    """Assert that the journal of the last run, the ledgers and the catalogs agree."""
    checked = one.run("runs", "check", "last")
    assert checked.code == 0, checked.out + checked.err


def test_a_run_over_two_workers(fleet: MakeFleet) -> None:
    """Workers apply what threads would, report it in the same words, and both have a part in it."""
    one, other = make_served(fleet, tenants=IDS), fleet(tenants=IDS, master=MASTER_FILES)
    with working(one, 2) as workers:
        done = migrate(one)
        assert done.code == 0, done.out + done.err
        said = [worker.read() for worker in workers]
        assert [worker.end() for worker in workers] == [0, 0]
    by_threads = other.run("migrate")
    ours, theirs = read_report(one, done.out), read_report(other, by_threads.out)
    for column in ("tenant", "result", "version", "applied"):
        assert ours.column(column) == theirs.column(column)
    assert ours.text == theirs.text
    assert all(": done\n" in text for text in said)
    assert_once(one, IDS, [0, 1])
    check(one)
    assert one.run("verify").code == 0
    assert one.query("1", "SELECT DISTINCT applied_by FROM _migrations") == other.query(
        "1", "SELECT DISTINCT applied_by FROM _migrations"
    )
    # Nothing is left of it in the control database: its journal has all.
    assert one.query("master", "SELECT count(*) FROM tenantry_workers.runs") == [(0,)]
    assert one.query("master", "SELECT count(*) FROM tenantry_workers.procrastinate_jobs") == [(0,)]
    assert one.query("master", "SELECT count(*) FROM tenantry_workers.workers") == [(0,)]


def test_stages_and_brake_are_those_of_threads(fleet: MakeFleet) -> None:
    """A stage beyond its limit stops the run in the same way, with the same events of each tenant and exit code."""
    one, other = make_served(fleet, STAGES, tenants=IDS), fleet(tenants=IDS, master=MASTER_FILES, settings=STAGES)
    for each in (one, other):
        for name in ("3", "4"):
            each.query(name, ROOMS)
    with working(one, 2):
        done = migrate(one, "--format", "jsonl")
    by_threads = other.run("migrate", "--format", "jsonl")
    assert done.code == 6, done.err
    assert tell(done) == tell(by_threads)


def test_a_blocked_tenant_has_a_second_turn(fleet: MakeFleet) -> None:
    """Who is blocked has another turn after all others, on workers as in threads; and it ends as blocked."""
    one, other = make_served(fleet, tenants=IDS[:3]), fleet(tenants=IDS[:3], master=MASTER_FILES)
    with working(one, 2):
        told = []
        for each, words in ((one, ["--engine", "procrastinate"]), (other, [])):
            with each.session("2") as session:
                session.execute("CREATE TABLE rooms (id integer)")
                args = ("--lock-wait", "1", "--format", "jsonl", *words)
                told.append(tell(each.run("migrate", *args)))
    assert told[0] == told[1]
    assert told[0][0] == 5
    kinds = [event[0] for event in told[0][1]["2"]]
    assert (kinds.count("tenant_postponed"), kinds.count("tenant_started")) == (1, 2)


def test_a_worker_is_killed(fleet: MakeFleet) -> None:
    """Another worker takes the tenants of a dead one over; each gets its files once, and the report is whole."""
    one = make_served(fleet, tenants=IDS, files={**FILES, "0001_notes.sql": WAIT + NOTES})
    words = ("migrate", "--engine", "procrastinate", "--jobs", "2", "--format", "jsonl")
    with working(one) as (first,), gate(one) as opened, one.start(*words) as process:
        one.await_activity("1", "objid = 77")
        with working(one, name="other"):
            first.kill()
            opened()
            out, err = process.communicate(timeout=DONE_S)
    assert process.returncode == 0, out + err
    told = read_events(out)
    died = [event["problem"]["message"] for event in told if event["event"] == "warning_raised"]
    assert [re.sub(r"at \S+( to \S+)?", "at _", text) for text in died] == [
        "the worker at _ died or was told to end: another one takes its tenants over"
    ]
    ends = [event for event in told if event["event"] == "tenant_finished"]
    assert {event["tenant"]: event["verdict"]["result"] for event in ends} == dict.fromkeys(["master", *IDS], "applied")
    assert len(ends) == len(IDS) + 1
    assert_once(one, IDS, [0, 1])
    check(one)


def test_the_coordinator_is_killed(fleet: MakeFleet) -> None:
    """The workers finish the batches of a dead coordinator, and its run is resumed: each tenant once."""
    one = make_served(fleet, tenants=IDS, files={**FILES, "0001_notes.sql": WAIT + NOTES})
    with working(one, 2), gate(one) as opened:
        with one.start("migrate", "--engine", "procrastinate", "--jobs", "2") as process:
            one.await_activity("1", "objid = 77")
            process.send_signal(signal.SIGKILL)
            process.wait()
        opened()
        resumed = one.run("migrate", "--resume")
        assert resumed.code == 0, resumed.out + resumed.err
    assert_once(one, IDS, [0, 1])
    check(one)
    assert one.run("verify").code == 0


def test_a_worker_is_told_to_end(fleet: MakeFleet) -> None:
    """A worker that gets SIGTERM finishes the running files, gives the rest back, and ends with 0."""
    one = make_served(fleet, tenants=IDS[:4], files={**FILES, "0000_rooms.sql": WAIT + ROOMS})
    words = ("migrate", "--engine", "procrastinate", "--jobs", "1")
    with working(one) as (first,), gate(one) as opened, one.start(*words) as process:
        one.await_activity("1", "objid = 77")
        first.process.send_signal(signal.SIGTERM)
        first.await_line("SIGTERM: finishing the running files")
        opened()
        assert first.process.wait(DONE_S) == 0
        with working(one, name="other"):
            out, err = process.communicate(timeout=DONE_S)
    assert process.returncode == 0, out + err
    assert ": given back\n" in first.read()
    assert_once(one, IDS[:4], [0, 1])
    check(one)


def test_a_run_is_told_to_end(fleet: MakeFleet) -> None:
    """SIGTERM ends the run in order on all workers: nobody else starts, and the report says who is left."""
    one = make_served(fleet, tenants=IDS, files={**FILES, "0000_rooms.sql": WAIT + ROOMS})
    words = ("migrate", "--engine", "procrastinate", "--jobs", "1", "--format", "jsonl")
    with working(one), gate(one) as opened, one.start(*words) as process:
        one.await_activity("1", "objid = 77")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert any("SIGTERM: finishing" in line for line in iter(process.stderr.readline, ""))
        # The worker looks for orders several times a second, and the file goes on until then.
        _await_order(one, "end")
        opened()
        out, err = process.communicate(timeout=DONE_S)
    assert process.returncode == 6, out + err
    ends = {event["tenant"]: event["verdict"] for event in read_events(out) if event["event"] == "tenant_finished"}
    assert len(ends) == len(IDS) + 1
    assert ends["1"]["result"] == "stopped"
    assert {ends[name]["result"] for name in IDS[1:]} == {"not started"}
    assert {ends[name]["reason"] for name in IDS} == {"SIGTERM"}


def _await_order(one: Fleet, orders: str) -> None:
    until = time.monotonic() + DONE_S
    while one.query("master", "SELECT orders FROM tenantry_workers.runs") != [(orders,)]:
        assert time.monotonic() < until
        time.sleep(0.05)  # the coordinator tells nobody else
    time.sleep(1)  # and the worker nobody that it has read it


def test_the_control_database_is_away(fleet: MakeFleet) -> None:
    """Coordinator and workers reconnect by themselves when all connections are lost, and nothing is done twice."""
    one = make_served(fleet, tenants=IDS, files={**FILES, "0001_notes.sql": WAIT + NOTES})
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'tenantry/% workers'"
    )
    with working(one, 2) as workers, gate(one) as opened:
        with one.start("migrate", "--engine", "procrastinate", "--jobs", "2") as process:
            one.await_activity("1", "objid = 77")
            assert len(one.query("master", cut)) >= 5
            for worker in workers:
                worker.await_line("the control database answers again")
            opened()
            out, err = process.communicate(timeout=DONE_S)
        assert process.returncode == 0, out + err
        # They still hear of new runs.
        assert migrate(one, "--tenants", "1,2").code == 0
    assert_once(one, IDS, [0, 1])
    check(one)


@pytest.mark.parametrize("why", ["none", "files"])
def test_no_worker_for_a_server(fleet: MakeFleet, why: str) -> None:
    """A run that no worker serves says so at once, and with whom it is: one with other files takes nothing."""
    one = make_served(fleet, tenants=["1", "2"])
    with working(one, 0 if why == "none" else 1) as workers:
        if workers:
            one.write("0002_x.sql", "CREATE TABLE x ();\n")
        with one.start("migrate", "--engine", "procrastinate", "--tenants", "1,2") as process:
            assert process.stderr is not None
            line = next(line for line in iter(process.stderr.readline, "") if "no worker serves" in line)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=DONE_S)
    other = "" if why == "none" else " with these files and this version; with others: "
    assert f"no worker serves 'main'{other}" in line
    assert process.returncode == 6, out + err
    assert "tenants 1, 2: not started: SIGTERM\n" in out
    assert one.versions("1") == []


def test_files_that_change_under_a_worker(fleet: MakeFleet) -> None:
    """A worker whose files were edited since its start gives the batch back, says why, and ends with 4."""
    one = make_served(fleet, tenants=["1", "2"])
    with working(one) as (worker,), one.session("master") as session:
        # The run reads the files before they are edited, and the worker after it.
        session.execute("LOCK TABLE tenantry_workers.runs IN ACCESS EXCLUSIVE MODE")
        with one.start("migrate", "--engine", "procrastinate", "--tenants", "1,2") as process:
            one.await_activity("master", "batches")
            one.write("0002_x.sql", "CREATE TABLE x ();\n")
            session.rollback()
            assert worker.process.wait(DONE_S) == 4
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=DONE_S)
    assert "the files of set tenant are neither those of run" in worker.read()
    assert "the files of set tenant are neither those of run" in err
    assert one.versions("1") == []


def test_a_worker_with_other_tenants(fleet: MakeFleet) -> None:
    """A worker whose tenants.yaml has a tenant in another database refuses it, and nothing there is touched."""
    one = make_served(fleet, tenants=["1", "2"])
    text = (one.folder / "tenants.yaml").read_text()
    with working(one):
        other = one.folder.parent / "other"
        subprocess.run(["cp", "-r", str(one.folder), str(other)], check=True)
        (other / "tenants.yaml").write_text(text.replace('"1"', "{id: 1, database: elsewhere}"))
        done = one.run(
            "--config", str(other / "tenants.yaml"), "migrate", "--engine", "procrastinate", "--tenants", "1,2"
        )
    assert done.code == 4, done.out + done.err
    # Each is a batch of its own.
    assert read_report(one, done.out).column("result") == ["refused", "applied"]
    assert f"tenant 1: in database {one.database('1')!r} here, in 'elsewhere' by the run" in done.out
    assert one.versions("1") == []
