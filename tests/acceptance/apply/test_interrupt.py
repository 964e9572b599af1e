"""A run that is cut short: by a signal, by a reader that goes away, by a kill; what is begun is whole or not at all."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.fix_command import ROOMS, Fleet, MakeFleet, find_commands, read_events, read_report

# Waits for as long as the test holds `gate`, and not for a lock: such a wait would end early, and be reported.
WAIT = (
    "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database WHERE objid = 77"
    " AND locktype = 'advisory' AND datname = current_database()) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;\n"
)
# In tenant 1, and nowhere else.
LONG = "SELECT pg_sleep(CASE WHEN current_database() LIKE '%\\_1' THEN 600 ELSE 0 END);\n"
ENDLESS = "SELECT pg_sleep(60);\n"
# Longer than the time in which the same signal again counts once.
REPEAT_S = 1.2
# Other processes of the tests replay files on the same server.
MARK = 3600 + os.getpid()
BOTH = [pytest.param(signal.SIGINT, 130, id="SIGINT"), pytest.param(signal.SIGTERM, 6, id="SIGTERM")]
NOTES = "CREATE TABLE notes ();\n"
LOCKS = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


def endless_replay() -> str:
    """Return a statement that does not end where files are replayed, with a mark of this process in it."""
    return (
        f"DO $$ BEGIN IF current_database() LIKE 'tenantry\\_scratch%' THEN PERFORM pg_sleep({MARK}); END IF; END $$;\n"
    )


def await_replay(fleet: Fleet) -> str:
    """Wait until the endless statement runs on a scratch database, and return the name of that."""
    query = (
        "SELECT datname FROM pg_stat_activity WHERE datname LIKE 'tenantry\\_scratch%' AND wait_event = 'PgSleep'"
        f" AND position('pg_sleep({MARK})' IN query) > 0"
    )
    while not (rows := fleet.query("1", query)):
        time.sleep(0.05)  # the server tells nobody that a statement has begun: it is asked
    return str(rows[0][0])


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


@pytest.mark.parametrize(("number", "code"), BOTH)
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


@pytest.mark.parametrize(("number", "code"), BOTH)
def test_a_second_signal_cancels(fleet: MakeFleet, number: signal.Signals, code: int) -> None:
    """A second signal cancels the statement that runs: its file is rolled back, and the report is still printed."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES + ENDLESS})
    with one.start("migrate", "--jobs", "1") as process:
        one.await_activity("1", "pg_sleep(60)")
        interrupt(process, number)
        time.sleep(REPEAT_S)  # within that time, the same signal counts as the first one
        process.send_signal(number)
        out, err = finish(process)
    report = read_report(one, out)
    assert (process.returncode, report.column("result")) == (code, ["stopped", "not started"])
    assert "cancelling the running statements; what does not answer is closed after 5 s\n" in err
    assert "0001_notes was rolled back; the database is now at 0000_rooms\n" in report.text
    assert (one.versions("1"), one.tables("1")) == ([0], ["rooms"])
    assert one.log("1")[-1] == (1, "cancelled", None)
    one.write("0001_notes.sql", NOTES)
    assert (one.run("migrate").code, one.versions("1")) == (0, [0, 1])


def test_the_same_signal_again_at_once_is_one(slow: Fleet) -> None:
    """A signal that comes to the process and to its group, as `timeout` sends it, does not cancel the running file."""
    with gate(slow) as release, slow.start("migrate", "--jobs", "1") as process:
        slow.await_activity("1", "objid = 77")
        interrupt(process, signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        time.sleep(REPEAT_S / 2)  # nothing is to come of the second one, and there is no event for that
        release()
        out, err = finish(process)
    assert (process.returncode, slow.versions("1"), "cancelling" in err) == (6, [0], False)
    assert read_report(slow, out).column("result") == ["stopped", "not started", "not started"]


@contextmanager
def silence(fleet: Fleet, name: str) -> Iterator[None]:
    """Stop the server's process that sleeps in a tenant's database, and end it: the kernel still answers for it."""
    # Asleep, or it might be stopped with a lock of the server's own, for which every other process would wait.
    pid = fleet.await_activity(name, "pg_sleep", waits_for="Timeout")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        fleet.query(name, f"SELECT pg_terminate_backend({pid})")


@pytest.mark.parametrize("third", [False, True], ids=["two signals", "three signals"])
def test_a_silent_server(fleet: MakeFleet, third: bool) -> None:
    """Two signals end a run whose server fell silent, three at once: the other tenant is whole, the report comes."""
    one = fleet(files={"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES + LONG})
    # Without the proof: where its scratch database is on this server, DROP DATABASE waits for every process of it.
    command = one.start("migrate", "--no-verify")
    with command as process, silence(one, "1"):
        # The other tenant is not held up by this one.
        while one.versions("16") != [0, 1]:
            time.sleep(0.05)  # its ledger is asked: the command says nothing until its end
        one.await_quiet("16")
        interrupt(process, signal.SIGTERM)
        for _ in range(2 if third else 1):
            time.sleep(REPEAT_S)  # as above
            process.send_signal(signal.SIGTERM)
        out, err = finish(process)
        report = read_report(one, out)
        assert (process.returncode, report.column("result")) == (6, ["unreachable", "applied"])
        assert ("closing the connections\n" in err) is third
        assert (
            "tenant 1: unreachable: the server did not answer, and the run closed the connection while 0001_notes ran\n"
            "  hint: run the same command again once the server answers: the ledger says there whether the file was "
            "committed\n"
        ) in report.text
    one.await_quiet("1")
    one.write("0001_notes.sql", NOTES)
    assert one.run("migrate", "--tenants", "1").code == 0
    assert (one.versions("1"), one.tables("1")) == ([0, 1], ["notes", "rooms"])


@pytest.mark.parametrize(("number", "code"), BOTH)
def test_a_signal_while_the_proof_replays(fleet: MakeFleet, number: signal.Signals, code: int) -> None:
    """The first signal ends a replay on a scratch database: its result is of no use, and the file stays applied."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS + endless_replay()})
    with one.start("migrate") as process:
        scratch = await_replay(one)
        interrupt(process, number)
        out, _ = finish(process)
    assert (process.returncode, one.versions("1")) == (code, [0])
    assert f"tenant 1: stopped: {number.name}\n  hint: run the same command again to resume\n" in out
    assert one.query("1", f"SELECT FROM pg_database WHERE datname = '{scratch}'") == []


@pytest.mark.parametrize(("verb", "said"), [("lint", "ended before the run began"), ("check", "stopped: SIGINT")])
def test_a_signal_while_files_are_measured(fleet: MakeFleet, verb: str, said: str) -> None:
    """The first signal ends a verb that runs files on a scratch database for their own sake."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS + endless_replay()})
    with one.start(verb) as process:
        await_replay(one)
        process.send_signal(signal.SIGINT)
        out, err = finish(process)
    assert (process.returncode, said in out + err, "Traceback" in err) == (130, True, False)


def test_a_signal_while_the_gate_measures(fleet: MakeFleet) -> None:
    """The first signal ends the measuring of a file for a database in use, and the file is not applied."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS})
    assert one.run("migrate").code == 0
    one.write("0001_notes.sql", NOTES + endless_replay())
    with one.start("migrate") as process:
        await_replay(one)
        interrupt(process, signal.SIGINT)
        out, _ = finish(process)
    assert (process.returncode, one.versions("1")) == (130, [0])
    assert "tenant 1: stopped: SIGINT\n" in out


@pytest.mark.parametrize(("number", "code"), BOTH)
def test_a_signal_before_the_run(fleet: MakeFleet, number: signal.Signals, code: int) -> None:
    """A signal while input is read ends the command there, however long the reading would take."""
    one = fleet(tenants=["1"])
    os.mkfifo(one.folder / "endless.yaml")
    with one.start("--config", "endless.yaml", "migrate") as process, (one.folder / "endless.yaml").open("w") as pipe:
        pipe.write("servers:\n")
        pipe.flush()
        time.sleep(0.3)  # nothing tells that the command waits for more
        process.send_signal(number)
        _, err = finish(process)
    assert (process.returncode, err) == (code, f"{number.name}: ended before the run began: no tenant was changed\n")


def test_a_signal_while_tenants_are_queried(fleet: MakeFleet) -> None:
    """A signal ends the query that names the tenants, in the server too."""
    one = fleet(tenants=["1"], master={"0000_organizations.sql": NOTES})
    text = (one.folder / "tenants.yaml").read_text(encoding="utf-8")
    query = "query: SELECT id FROM (SELECT '1' AS id, pg_sleep(25)) AS endless"
    (one.folder / "tenants.yaml").write_text(text.replace('list: ["1"]', query), encoding="utf-8")
    with one.start("status") as process:
        one.await_activity("master", "pg_sleep(25)")
        process.send_signal(signal.SIGINT)
        _, err = finish(process)
    assert (process.returncode, err) == (130, "SIGINT: ended before the run began: no tenant was changed\n")
    one.await_quiet("master")


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
