"""A run that is cut short: by a signal, by a reader that goes away, by a kill; what is begun is whole or not at all."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.fix_command import ROOMS, Fleet, MakeFleet, find_commands, read_events, read_report

# Waits for as long as the test holds `gate`, and not for a lock: such a wait would end early, and be reported.
WAIT = (
    "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database WHERE objid = 77"
    " AND locktype = 'advisory' AND datname = current_database()) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;\n"
)
ENDLESS = "SELECT pg_sleep(60);\n"
NOTES = "CREATE TABLE notes ();\n"
LOCKS = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


@pytest.fixture
def slow(fleet: MakeFleet) -> Fleet:
    """Return a fleet of three tenants whose first file waits at the gate, and whose second does not."""
    return fleet(tenants=["1", "16", "17"], files={"0000_rooms.sql": ROOMS + WAIT, "0001_notes.sql": NOTES})


@contextmanager
def gate(fleet: Fleet) -> Iterator[Callable[[], None]]:
    """Hold up the files of tenant 1 that wait, until the given callable is called or the block ends."""
    with fleet.session("1") as session:
        session.execute("SELECT pg_advisory_lock(77)")
        yield session.close


def interrupt(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal and wait until it was heard: two that come at once are one to the system."""
    process.send_signal(number)
    assert process.stderr is not None
    heard = f"{number.name}: finishing the running files; send it again to cancel them\n"
    assert heard in iter(process.stderr.readline, "")


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait until the command ends by itself; return its stdout and stderr."""
    return process.communicate(timeout=30)


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGINT, 130, id="SIGINT"), pytest.param(signal.SIGTERM, 6, id="SIGTERM")],
)
def test_a_signal_ends_the_run_in_order(slow: Fleet, number: signal.Signals, code: int) -> None:
    """The file that runs is finished, no other one starts, the report says where each tenant is, and how to go on."""
    with gate(slow) as release, slow.start("migrate", "--jobs", "1") as process:
        slow.await_activity("1", "objid = 77")
        interrupt(process, number)
        release()
        out, _ = finish(process)
    report = read_report(slow, out)
    name = number.name
    assert process.returncode == code
    assert report.column("result") == ["stopped", "not started", "not started"]
    assert report.column("version") == ["0000_rooms", "", ""]
    assert report.text == (
        f"tenant 1: stopped: {name}\n"
        "  hint: run the same command again to resume\n"
        "  the database is now at 0000_rooms\n"
        f"tenants 16, 17: not started: {name}\n"
        f"3 tenants: 1 stopped, 2 not started in 0 ms, ended by {name}\n"
        "next: tenantry migrate --jobs 1 --tenants 1,16,17\n"
    )
    assert [slow.versions(tenant) for tenant in ("1", "16", "17")] == [[0], [], []]
    (again,) = find_commands(out)
    assert slow.shell(again).code == 0
    assert [slow.versions(tenant) for tenant in ("1", "16", "17")] == [[0, 1]] * 3


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGINT, 130, id="SIGINT"), pytest.param(signal.SIGTERM, 6, id="SIGTERM")],
)
def test_a_second_signal_cancels(fleet: MakeFleet, number: signal.Signals, code: int) -> None:
    """A second signal cancels the statement that runs: its file is rolled back, and the report is still printed."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES + ENDLESS})
    with one.start("migrate", "--jobs", "1") as process:
        one.await_activity("1", "pg_sleep(60)")
        interrupt(process, number)
        process.send_signal(number)
        out, err = finish(process)
    report = read_report(one, out)
    assert (process.returncode, report.column("result")) == (code, ["stopped", "not started"])
    assert "cancelling the running statements\n" in err
    assert "0001_notes was rolled back; the database is now at 0000_rooms\n" in report.text
    assert (one.versions("1"), one.tables("1")) == ([0], ["rooms"])
    assert one.log("1")[-1] == (1, "cancelled", None)
    one.write("0001_notes.sql", NOTES)
    assert (one.run("migrate").code, one.versions("1")) == (0, [0, 1])


def test_a_failure_after_a_signal_is_in_the_log(fleet: MakeFleet) -> None:
    """A file that fails while the run is being ended is rolled back, reported and logged as a failure."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_broken.sql": f"{NOTES}{WAIT}SELECT 1 / 0;\n"})
    with gate(one) as release, one.start("migrate") as process:
        one.await_activity("1", "objid = 77")
        interrupt(process, signal.SIGINT)
        release()
        out, _ = finish(process)
    assert (process.returncode, one.versions("1"), one.tables("1")) == (130, [0], ["rooms"])
    assert "migrations/tenant/0001_broken.sql:3:1: division by zero (SQLSTATE 22012)\n" in out
    assert one.log("1") == [(0, "applied", None), (1, "failed", None)]


def test_a_signal_while_a_lock_is_awaited(fleet: MakeFleet) -> None:
    """A runner that waits for another one's lock ends on the first signal, and has written nothing."""
    one = fleet(tenants=["1"])
    with one.session("1") as other:
        other.execute("SELECT pg_advisory_lock(7369501148246035201)")
        with one.start("migrate", "--format", "jsonl") as process:
            assert process.stdout is not None
            assert any('"lock_awaited"' in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            out, _ = finish(process)
    last = read_events(out)[-1]
    assert (process.returncode, last["exit_code"], last["stopped_by"]) == (130, 130, "SIGINT")
    assert one.versions("1") == []


@pytest.mark.parametrize("text", ["", "-- transactional: false\n"], ids=["transactional", "not transactional"])
def test_a_killed_run_is_finished_by_the_next(fleet: MakeFleet, text: str) -> None:
    """After kill -9 in the middle of a file, rows and catalog agree, no lock is left, and the next run says what is."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_notes.sql": f"{text}{NOTES}{WAIT}"})
    with gate(one), one.start("migrate") as process:
        one.await_activity("1", "objid = 77")
        process.kill()
        process.wait()
    one.await_quiet("1")
    assert one.query("1", LOCKS) == [(0,)]
    if text:
        assert one.query("1", "SELECT state, statements_done FROM _migrations WHERE version = 1") == [("running", 1)]
    else:
        assert (one.versions("1"), one.tables("1")) == ([0], ["rooms"])
    assert (one.run("migrate").code, one.versions("1"), one.tables("1")) == (0, [0, 1], ["notes", "rooms"])


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_a_reader_that_goes_away(slow: Fleet, form: str) -> None:
    """When nobody reads stdout any more, the tenants are finished, no traceback is shown, and the exit code is 74."""
    with gate(slow) as release, slow.start("migrate", "--jobs", "1", "--format", form) as process:
        assert process.stdout is not None
        if form == "jsonl":
            process.stdout.readline()
        slow.await_activity("1", "objid = 77")
        process.stdout.close()
        release()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)
    assert "Traceback" not in err
    assert "Exception" not in err
    assert "BrokenPipe" not in err
    assert (process.returncode, slow.versions("17")) == (74, [0, 1])
    assert slow.run("migrate").code == 0


@pytest.mark.parametrize("command", ["status", "--help", "plan --sql"])
def test_the_output_is_cut(fleet: MakeFleet, command: str) -> None:
    """A pipe that takes one line, or none, gives neither a traceback nor a warning."""
    one = fleet(tenants=["1"])
    for reader in ("head -1", "true"):
        done = one.shell(f"tenantry {command} | {reader}")
        said = [line for line in done.err.splitlines() if not line.startswith("{")]
        assert (done.code, said) == (0, [])
