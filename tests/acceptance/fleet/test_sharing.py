"""Servers that several workers share: their connections are counted over all of them, and those of the dead end."""

import time

import pytest

from tests.acceptance.fix_command import MASTER_FILES, MakeFleet, read_events
from tests.acceptance.fleet.fix_workers import make_served, working
from tests.acceptance.fleet.test_workers import migrate
from tests.acceptance.postgres.test_connections import SEEN, ends, most_seen

pytestmark = pytest.mark.timeout(600)

IDS = [str(number) for number in range(1, 25)]
ENDLESS = "SELECT pg_catalog.pg_sleep(300);\n"


def count_here(text: str, prefix: str) -> str:
    """Return a file that counts the connections to the tenants of one fleet alone."""
    return text.replace("LIKE 'tenantry/%'", f"LIKE 'tenantry/%' AND datname ~ '^{prefix}_[0-9]'")


@pytest.mark.parametrize(("most", "at_work"), [(4, 1), (7, 2)])
def test_connections_of_all_workers(fleet: MakeFleet, most: int, at_work: int) -> None:
    """Two workers together have no more connections to a server than tenants.yaml allows."""
    one = make_served(fleet, f"connections: {most}\n", tenants=IDS, files={})
    one.write("0001_seen.sql", count_here(SEEN, one.prefix))
    with working(one, 2) as workers:
        done = migrate(one, "--tenants", "1-24", "--jobs", "24", "--format", "jsonl")
        said = [worker.read() for worker in workers]
    assert (done.code, set(ends(done).values())) == (0, {"applied"}), done.out
    assert not [event for event in read_events(done.out) if event["event"] == "tenant_postponed"]
    assert 1 <= most_seen(one, IDS) <= most
    assert sum(": done\n" in text for text in said) >= at_work


def test_the_statement_of_a_dead_worker(fleet: MakeFleet) -> None:
    """A statement whose worker was killed is ended by the server, and rolled back: its tenant is free for another."""
    one = make_served(fleet, tenants=["1"], files={"0000_rooms.sql": ENDLESS}, master=MASTER_FILES)
    command = one.start("migrate", "--engine", "procrastinate", "--tenants", "1", "--no-verify")
    with working(one) as (worker,), command as process:
        one.await_activity("1", "pg_sleep(300)")
        worker.kill()
        process.kill()
        process.wait()
        since = time.monotonic()
        one.await_quiet("1")
    # It looks every two seconds; a busy machine takes longer, but not five minutes.
    assert time.monotonic() - since < 60
    assert one.tables("1") == []
