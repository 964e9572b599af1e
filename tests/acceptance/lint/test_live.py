"""Migrations on a database in use: what the application at work notices of them, and what is refused beforehand."""

import re

import pytest

from bench.live import FILL, QUERIES, SAFE, UNSAFE, in_the_way
from bench.load import run_load
from tests.acceptance.fix_command import Fleet, MakeFleet
from tests.places import ROOT

OWN = {path.name: path.read_bytes() for path in (ROOT / "migrations" / "tenant").glob("*.sql")}
# The rows that are there when the files arrive: enough for locks to be held, few enough for a test.
ROWS = 50_000
IN_THE_WAY_S, LOCK_TIMEOUT_S = 6.0, 2.0


@pytest.fixture
def studio(fleet: MakeFleet) -> Fleet:
    """Return a fleet of one tenant with the application's tables up to 0009, and rows in them."""
    one = fleet(tenants=["1"], files=OWN)
    assert one.run("migrate", "--to", "9").code == 0
    one.query("1", FILL.format(rows=ROWS))
    return one


def test_an_application_at_work(studio: Fleet) -> None:
    """Columns, an index, a constraint and a backfill go through while nobody waits long for them."""
    for name, text in SAFE.items():
        studio.write(name, text)
    with run_load(studio.dsn("1"), QUERIES, rows=ROWS) as load, in_the_way(studio.dsn("1"), IN_THE_WAY_S):
        done = studio.run("migrate")
    assert (done.code, load.errors) == (0, [])
    assert studio.versions("1") == list(range(16))
    assert studio.query("1", "SELECT count(*) FROM sessions WHERE description IS DISTINCT FROM title") == [(0,)]
    # Without a timeout, all of them would queue behind the file for as long as it waits itself. That margin is wide.
    assert max(wait.took_s for wait in load.waits) < (LOCK_TIMEOUT_S + IN_THE_WAY_S) / 2


def test_the_unsafe_forms(studio: Fleet) -> None:
    """Files that would take the application down are found by lint, and refused with their safe forms, untouched."""
    names = {f"00{number}_unsafe.sql": rule for number, rule in enumerate(UNSAFE, 12)}
    for name, rule in names.items():
        studio.write(name, UNSAFE[rule])
    assert studio.run("migrate", "--to", "11").code == 0
    found, refused = studio.run("lint", "--from", "12"), studio.run("migrate")
    assert (found.code, refused.code, studio.versions("1")) == (1, 4, list(range(12)))
    for out in (found.out, refused.out):
        told = dict(re.findall(r"^.*/(\w+\.sql):\d+:\d+: danger: ([a-z-]+): ", out, re.MULTILINE))
        assert told == {name: rule.removesuffix("-key") for name, rule in names.items()}
        assert out.count("  help: ") == len(names)
