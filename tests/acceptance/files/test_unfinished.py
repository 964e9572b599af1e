"""A file that is not finished: verbs that run no migration warn of it and work; those that would run it refuse."""

import pytest

from tests.acceptance.fix_command import FILES, Fleet, MakeFleet

FAULT = "migrations/tenant/0002_later.sql:7:1: syntax error at or near "


@pytest.fixture
def unfinished(fleet: MakeFleet) -> Fleet:
    """Return a project with one tenant that has all its files, and then a new file that nobody has written."""
    one = fleet(tenants=["1"], files=FILES)
    assert one.run("migrate", "--tenants", "1").code == 0
    assert one.run("new", "later").code == 0
    return one


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("log",),
        ("tenants",),
        ("lint", "1"),
        ("forget", "1", "--tenants", "1", "--reason", "x", "--dry-run"),
    ],
    ids=lambda command: command[0],
)
def test_reading(unfinished: Fleet, command: tuple[str, ...]) -> None:
    """A verb that runs no migration says what is wrong with the file, and does its work."""
    done = unfinished.run(*command)
    assert done.code == 0, done.err
    assert FAULT in done.err


@pytest.mark.parametrize("command", [("migrate",), ("lint",), ("lint", "2"), ("verify",)], ids=" ".join)
def test_running(unfinished: Fleet, command: tuple[str, ...]) -> None:
    """A verb that would run the file is refused before it begins."""
    done = unfinished.run(*command)
    assert (done.code, done.out) == (2, "")
    assert FAULT in done.err


def test_status(unfinished: Fleet) -> None:
    """The file is pending like any other."""
    assert unfinished.run("status", "--tenants", "1", "--exit-code").code == 1


def test_all_faults(unfinished: Fleet) -> None:
    """A fault in the header hides no fault of the SQL; that it cannot run in a transaction is left for later."""
    unfinished.write("0002_later.sql", "-- transactionl: false\nVACUUM;\nSELCT 1;\n")
    lines = [line for line in unfinished.run("check").err.splitlines() if line.startswith("error")]
    assert lines == [
        "error: migrations/tenant/0002_later.sql:1: header key 'transactionl': not a key, expected transactional",
        'error: migrations/tenant/0002_later.sql:3:1: syntax error at or near "SELCT"',
    ]
