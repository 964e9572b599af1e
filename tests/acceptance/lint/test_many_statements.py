"""Files of very many statements: those that differ in their constants alone are measured once."""

import signal
import time

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet, read_events
from tests.acceptance.lint.test_danger import INDEX, STRICT, allow, dangers, find

# Arbitrary: measured one by one, these would take a minute.
MANY = 10_000
SEED = "\n".join(f"INSERT INTO rooms VALUES ({n}, 'a city and its postcode {n}');" for n in range(MANY))


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return a fleet of one tenant that has two files already, and whose dangers all count."""
    one = fleet(tenants=["1"], settings=STRICT)
    assert one.run("migrate").code == 0
    return one


def test_seed_file(one: Fleet) -> None:
    """A file of many one-row INSERTs is measured within seconds, and hides no danger before or after them."""
    one.write("0002_seed.sql", f"{INDEX}{SEED}\nALTER TABLE rooms ALTER COLUMN name TYPE char(100);\n")
    started = time.monotonic()
    done = one.run("lint", "2", "--format", "jsonl")
    assert time.monotonic() - started < 25
    assert (done.code, [(rule, line) for _, rule, line in dangers(done)]) == (
        1,
        [("index", 1), ("column-type", MANY + 2)],
    )
    planned = one.run("plan", "--format", "jsonl")
    (measured,) = find(read_events(planned.out), "migration_measured")
    assert [statement["effect"]["text"][:6] for statement in measured["statements"]] == ["CREATE", "INSERT", "ALTER "]
    assert one.run("migrate").code == 4
    one.write(
        "0002_seed.sql",
        f"{allow('index')}{allow('column-type')}{INDEX}{SEED}\nALTER TABLE rooms ALTER name TYPE char(100);\n",
    )
    assert one.run("migrate").code == 0
    assert one.query("1", "SELECT count(*) FROM rooms") == [(MANY,)]


def test_functions_of_files(one: Fleet) -> None:
    """Where a function of the files' own is called, its constants may decide, and each call is measured."""
    body = "BEGIN EXECUTE what; RETURN length(what); END"
    act = f"CREATE FUNCTION act(what text) RETURNS int LANGUAGE plpgsql AS '{body}';\n"
    insert = "INSERT INTO rooms VALUES (act('{}'), 'a');\n"
    one.write("0002_halls.sql", "CREATE TABLE halls (id int);\n")
    text = f"{insert.format('SELECT 1')}{insert.format('SELECT 2')}{insert.format('ALTER TABLE halls SET UNLOGGED')}"
    one.write("0003_act.sql", f"{act}{text}")
    lines = [(rule, line) for _, rule, line in dangers(one.run("lint", "3", "--format", "jsonl"))]
    assert lines == [("table-rewrite", 4)]


@pytest.mark.parametrize(
    "second", ["DELETE FROM rooms WHERE 1 = 1", "DELETE FROM rooms WHERE id IS NOT NULL"], ids=["constants", "columns"]
)
def test_constants_that_decide(one: Fleet, second: str) -> None:
    """Statements are alike only if no constant decides which rows are looked for."""
    first = second.replace("1 = 1", "1 = 2").replace("id IS NOT NULL", "id = 3")
    one.write("0002_delete.sql", f"ALTER TABLE rooms ADD COLUMN x int;\n{first};\n{second};\n")
    lines = [(rule, line) for _, rule, line in dangers(one.run("lint", "2", "--format", "jsonl"))]
    assert lines == [("backfill", 3)]


def await_running(one: Fleet, statement: str, running: bool) -> None:
    """Wait until a statement runs in some database, or does so no more."""
    # It may be one of several in a message, and so is the question.
    others = f"state = 'active' AND pid <> pg_backend_pid() AND position($${statement}$$ IN query) > 0"
    query = f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {others})"
    deadline = time.monotonic() + (30 if running else 5)
    while one.query("1", query) != [(running,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # the server tells nobody: it is asked


@pytest.mark.parametrize("verb", ["lint", "migrate", "plan"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 6)], ids=["SIGINT", "SIGTERM"])
def test_signal(one: Fleet, verb: str, number: signal.Signals, code: int) -> None:
    """One signal ends a measurement at once, also in the middle of a statement."""
    statement = f"SELECT pg_sleep(50), '{one.prefix}'"
    one.write("0002_slow.sql", f"{statement};\n")
    with one.start(verb) as running:
        await_running(one, statement, True)
        running.send_signal(number)
        await_running(one, statement, False)
        # The scratch database is dropped first, for which the server writes to the disk.
        out, err = running.communicate(timeout=30)
    assert (running.returncode, "bug" in out + err) == (code, False), out + err
    assert one.versions("1") == [0, 1]
