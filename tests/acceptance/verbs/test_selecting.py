"""`--tenants` with more than ids: whom a command works on, and that nothing it advises is wider."""

import json

from tests.acceptance.fix_command import FILES, MASTER_FILES, Fleet, MakeFleet, find_commands, read_events

LABELLED = """
servers: {main: SERVER, other: SERVER}
master: {server: main, database: PREFIX_master, migrations: migrations/master}
tenants:
  migrations: migrations/tenant
  server: main
  database: PREFIX_{id}
  list:
    - {id: 1, labels: {tier: internal}}
    - {id: 2, labels: {tier: trial}}
    - {id: 16, labels: {tier: trial}, server: other}
"""


def make(fleet: MakeFleet, **given: object) -> Fleet:
    """Return a fleet of three labelled tenants and a master."""
    one = fleet(tenants=["1", "2", "16"], master=MASTER_FILES, **given)
    one.configure(LABELLED)
    return one


def test_a_label_selects_and_is_shown(fleet: MakeFleet) -> None:
    """A label selects its tenants alone, and before anything is touched stderr says who they are."""
    one = make(fleet)
    done = one.run("migrate", "--tenants", "@tier=trial,!16")
    assert (done.code, one.versions("1"), one.versions("2"), one.versions("16")) == (0, [], [0, 1], [])
    first = json.loads(done.err.splitlines()[0])
    assert (first["event"], first["selection"], first["tenants"]) == ("1 tenant selected", "@tier=trial,!16", "2")
    events = read_events(one.run("status", "--tenants", "@server=other", "--format", "jsonl").out)
    assert events[1] == {"event": "tenants_selected", "selection": "@server=other", "number": 1, "first": ["16"]}


def test_a_selection_from_a_query(fleet: MakeFleet) -> None:
    """Labels of tenants that come from a query select as those of the list do; NULL is no label."""
    one = make(fleet)
    one.configure(
        LABELLED[: LABELLED.index("  list")]
        + '  query: >-\n    SELECT * FROM (VALUES (1, \'{"tier": "internal"}\'::jsonb), (2, NULL)) AS t (id, labels)\n'
    )
    assert one.run("migrate", "--tenants", "@tier").code == 0
    assert (one.versions("1"), one.versions("2")) == ([0, 1], [])
    none = one.run("migrate", "--tenants", "@tier=trial")
    assert (none.code, none.err) == (2, "error: --tenants: no tenant has tier=trial, expected internal\n")


def test_nothing_advised_is_wider(fleet: MakeFleet) -> None:
    """The next command names the tenants that are left and no other, consecutive ones as a range."""
    ids = [str(number) for number in range(1, 24)]
    one = fleet(tenants=ids, created=False)
    done = one.run("migrate", "--tenants", "all,!1")
    assert done.code == 4
    assert find_commands(done.out)[-1] == "tenantry migrate --create --tenants 2-23"


def test_a_selection_of_nobody(fleet: MakeFleet) -> None:
    """A term that names nobody ends the command before anything is touched, exit code 2."""
    one = make(fleet, files=FILES)
    done = one.run("migrate", "--tenants", "@teir=trial")
    said = "error: --tenants: unknown label 'teir', expected tier\nhint: did you mean 'tier'?\n"
    assert (done.code, done.out, done.err) == (2, "", said)
    failed = one.run("migrate", "--tenants", "failed")
    assert (failed.code, failed.err.splitlines()[0]) == (
        2,
        "error: --tenants: 'failed': no run is recorded here, expected the journal of an earlier one",
    )
    assert one.versions("1") == []
