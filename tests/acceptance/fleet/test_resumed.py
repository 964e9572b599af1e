"""Runs of workers that are resumed in threads: nobody works on for the run before, and nothing runs twice."""

import re
import signal

import pytest

from tests.acceptance.apply.test_interrupt import NOTES, WAIT, gate
from tests.acceptance.fix_command import ROOMS, Fleet, MakeFleet, read_events
from tests.acceptance.fleet.fix_workers import SETTINGS, make_served, working
from tests.acceptance.fleet.test_workers import assert_once, check

pytestmark = pytest.mark.timeout(600)

IDS = [str(number) for number in range(1, 9)]
FILES = {"0000_rooms.sql": ROOMS, "0001_notes.sql": WAIT + NOTES}
BUSY = "workers are still working on the run being resumed: waiting for them to stop"
RESUME = ("migrate", "--resume", "--engine", "threads", "--format", "jsonl")


def kill_coordinator(one: Fleet) -> None:
    """Start a run of workers, and kill it once one of them is held up in tenant 1."""
    with one.start("migrate", "--engine", "procrastinate", "--jobs", "1") as process:
        one.await_activity("1", "objid = 77")
        process.send_signal(signal.SIGKILL)
        process.wait()


def list_warnings(out: str) -> list[str]:
    """Return the warnings of a run that are no tenant's."""
    events = read_events(out)
    return [event["problem"]["message"] for event in events if event["event"] == "warning_raised"]


def test_workers_are_told_to_stop(fleet: MakeFleet) -> None:
    """Threads begin only once the workers have stopped: each file runs once, and all agree on it."""
    one = make_served(fleet, tenants=IDS, files=FILES)
    with working(one) as (worker,), gate(one) as opened:
        kill_coordinator(one)
        with one.start(*RESUME) as process:
            assert process.stdout is not None
            told = [next(line for line in process.stdout if BUSY in line)]
            assert one.query("master", "SELECT DISTINCT orders FROM tenantry_workers.runs") == [("end",)]
            opened()
            told += process.stdout.readlines()
            assert process.wait() == 0
        worker.await_line(": done\n")
        said = worker.read()
    # What the worker had not begun, it has left alone: the threads did the rest.
    assert [one.versions(name) for name in IDS] == [[0, 1]] * len(IDS)
    assert "job 3" not in said
    assert_once(one, IDS, [0, 1])
    check(one)
    assert one.query("master", "SELECT count(*) FROM tenantry_workers.runs") == [(0,)]


@pytest.mark.parametrize("gone", ["key", "schema"])
def test_without_the_control_database(fleet: MakeFleet, gone: str) -> None:
    """Workers that cannot be told are warned of, and the locks and ledgers of the tenants keep a file from two runs."""
    one = make_served(fleet, tenants=IDS, files=FILES)
    with working(one), gate(one) as opened:
        kill_coordinator(one)
        text = (one.folder / "tenants.yaml").read_text()
        if gone == "key":
            (one.folder / "tenants.yaml").write_text(text.replace(SETTINGS, ""))
        else:
            one.query("master", "DROP SCHEMA tenantry_workers CASCADE")
        with one.start(*RESUME) as process:
            assert process.stdout is not None
            told = [next(line for line in process.stdout if '"lock_awaited"' in line)]
            opened()
            out = "".join([*told, *process.stdout.readlines()])
            assert process.wait() == 0, out
        said = list_warnings(one.run("runs", "show", "last", "--format", "jsonl").out)
    assert_once(one, IDS, [0, 1])
    expected = "the workers of the run being resumed could not be told to stop: tenants.yaml: no workers, expected"
    assert [re.sub(r" the key.*", "", text) for text in said] == ([expected] if gone == "key" else [])
