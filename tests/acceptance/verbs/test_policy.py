"""Tenants that are pinned or frozen: skipped by policy, counted, and never failed."""

import pytest

from tests.acceptance.fix_command import FILES, Fleet, MakeFleet, read_report

BEDS = {"0002_beds.sql": "CREATE TABLE beds (id integer PRIMARY KEY);\n"}
SITE = """\
servers: {main: SERVER}
tenants:
  migrations: migrations/tenant
  server: main
  database: PREFIX_{id}
  list:
    - 1
    - {id: 16, pin: 0001}
    - {id: 17, freeze: {until: 2999-12-31, reason: year-end closing}}
"""
PINNED = "tenant 16: skipped by policy: pinned to 0001; left out: 0002_beds\n"
FROZEN = "tenant 17: skipped by policy: frozen until 2999-12-31: year-end closing\n"


@pytest.fixture
def kept(fleet: MakeFleet) -> Fleet:
    """Return a fleet with a free tenant, a pinned one and a frozen one."""
    one = fleet(tenants=("1", "16", "17"), files=FILES | BEDS)
    one.configure(SITE)
    return one


def test_migrate(kept: Fleet) -> None:
    """A pinned tenant gets its files up to there, a frozen one is not touched, and plan says the same before."""
    before = kept.trace("17")
    planned = kept.run("plan")
    assert planned.code == 0
    assert PINNED in planned.out
    assert FROZEN in planned.out
    done = kept.run("migrate")
    report = read_report(kept, done.out)
    assert (done.code, report.column("result")) == (0, ["applied", "skipped by policy", "skipped by policy"])
    assert report.column("applied") == ["3", "2", "0"]
    assert PINNED + FROZEN in report.text
    assert report.text.endswith(
        "3 tenants: 1 applied, 2 skipped by policy in 0 ms\n" + report.text[report.text.index("inspect a tenant") :]
    )
    assert [kept.versions(name) for name in ("1", "16")] == [[0, 1, 2], [0, 1]]
    assert kept.trace("17") == before
    again = kept.run("migrate")
    assert "3 tenants: 1 up to date, 2 skipped by policy in" in again.out


def test_reading(kept: Fleet) -> None:
    """Status shows the policy, and neither it nor verify finds fault with files that are left out."""
    kept.run("migrate")
    status = kept.run("status", "--exit-code")
    report = read_report(kept, status.out)
    policies = ["", "pinned to 0001", "frozen until 2999-12-31: year-end closing"]
    assert (status.code, report.column("policy")) == (0, policies)
    assert "3 tenants: 1 up to date, 2 skipped by policy" in status.out
    proven = kept.run("verify", "--tenants", "16")
    assert (proven.code, PINNED in proven.out) == (0, True)


def test_by_hand(kept: Fleet) -> None:
    """A change by hand of a frozen tenant is refused: it was asked for by name, and is not done."""
    said = kept.run("mark", "0", "--tenants", "17", "--reason", "a test")
    assert said.code == 4
    assert "tenant 17: refused: frozen until 2999-12-31: year-end closing\n" in said.out


def test_over(kept: Fleet) -> None:
    """A freeze that is over changes nothing."""
    kept.configure(SITE.replace("2999", "2001"))
    assert kept.run("migrate", "--tenants", "17").code == 0
    assert kept.versions("17") == [0, 1, 2]


def test_bad_pin(kept: Fleet) -> None:
    """A pin to a version that no file has is named with its place, and nothing is touched."""
    kept.configure(SITE.replace("0001", "0009"))
    said = kept.run("migrate")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: tenants.yaml:8:21: tenant '16': pin: there is no migration 9, expected one up to 2\n"
