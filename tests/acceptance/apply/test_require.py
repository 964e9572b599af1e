"""Assertions in files, as a user meets them: who is refused, what is rolled back, and what `plan` says ahead."""

import json

import pytest

from tests.acceptance.fix_command import FILES, Fleet, MakeFleet, read_events

UNIQUE = """\
-- No two clients with one address.
-- require:
-- ```
-- SELECT count(*) = 0, count(*) || ' duplicate e-mails'
-- FROM (SELECT email FROM clients GROUP BY email HAVING count(*) > 1) AS twice
-- ```
-- ensure: SELECT obj_description(CAST('clients' AS regclass)) = 'no two alike'
COMMENT ON TABLE clients IS 'no two alike';
"""
CLIENTS = {"0010_clients.sql": "CREATE TABLE clients (email text);\n", "0011_unique_email.sql": UNIQUE}
# Applied with the first file, and one of them with what the second does not want.
TWICE = "INSERT INTO clients SELECT 'a@b.c' FROM generate_series(1, 2)"
PLACE = "migrations/tenant/0011_unique_email.sql:4:4"


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return tenants 1 and 16 with clients; 16 has one twice."""
    one = fleet(files={**FILES, **CLIENTS})
    assert one.run("migrate", "--to", "10").code == 0
    one.query("16", TWICE)
    return one


def finished(one: Fleet, *args: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Run a command; return its exit code, and how each tenant ended."""
    done = one.run(*args, "--format", "jsonl")
    events = read_events(done.out)
    return done.code, {e["tenant"]: e["verdict"] for e in events if e["event"] == "tenant_finished"}


def test_refused(one: Fleet) -> None:
    """A tenant that is not what a file requires is refused with what was found, and nothing of the file ran."""
    code, ended = finished(one, "migrate")
    assert code == 4
    assert ended["1"]["result"] == "applied"
    assert (ended["16"]["result"], ended["16"]["reason"], ended["16"]["hint"]) == (
        "refused",
        f"{PLACE}: require: 1 duplicate e-mails",
        "make it true in this database, then run the same command again: no statement of "
        "migrations/tenant/0011_unique_email.sql has run",
    )
    assert one.query("16", "SELECT max(version) FROM _migrations") == [(10,)]
    one.query("16", "DELETE FROM clients")
    assert finished(one, "migrate")[0] == 0
    assert one.query("16", "SELECT max(version) FROM _migrations") == [(11,)]


@pytest.mark.parametrize("command", [("plan",), ("migrate", "--dry-run")], ids=" ".join)
def test_planned(one: Fleet, command: tuple[str, ...]) -> None:
    """Ahead of the rollout, `plan` names the tenants that a file would be refused in, and what was found there."""
    done = one.run(*command)
    assert done.code == 1
    assert "tenant 16: 0011_unique_email: 1 duplicate e-mails" in done.out
    assert "tenant 1: " not in done.out
    code, ended = finished(one, *command)
    assert code == 1
    assert (ended["16"]["result"], ended["16"]["reason"]) == ("finding", "1 requirement is not met")
    assert ended["1"]["result"] == "ok"


def test_planned_too_early(one: Fleet) -> None:
    """What an earlier pending file may make cannot be asked about yet: that is said, and is no finding."""
    one.write("0012_rooms.sql", "CREATE TABLE desks (id integer);\n")
    one.write("0013_desks.sql", "-- require: SELECT count(*) = 0 FROM desks\nSELECT 1;\n")
    done = one.run("plan", "--tenants", "1")
    assert done.code == 0
    said = '0013_desks: its requirement cannot be evaluated yet: relation "desks" does not exist (SQLSTATE 42P01)'
    assert said in [json.loads(line)["event"] for line in done.err.splitlines()]
    assert one.run("migrate", "--tenants", "1").code == 0


def test_begun(one: Fleet) -> None:
    """What a begun file required was asked before its first statement: `plan` does not ask again, and says it is begun.

    What it requires need not be so any more, by its own doing.
    """
    steps = "DELETE FROM clients WHERE email IS NOT NULL;\nSELECT 1 / 0;\n"
    text = f"-- transactional: false\n-- require: SELECT count(*) = 2 FROM clients\n{steps}"
    one.write("0011_unique_email.sql", text)
    assert one.run("migrate", "--tenants", "16", "--allow", "unmeasured").code == 3
    done = one.run("plan", "--tenants", "16")
    assert done.code == 0, done.out
    said = "0011_unique_email: started by an earlier run, 1 of 2 statements done"
    assert said in [json.loads(line)["event"] for line in done.err.splitlines()]


def test_rolled_back(one: Fleet) -> None:
    """A file whose end is not what it ensures is rolled back whole, shows the place, and fails its tenant alone."""
    one.remove("0011_unique_email.sql")
    one.write(
        "0011_addresses.sql",
        "-- ensure: SELECT count(*) = 0, count(*) || ' without a name' FROM clients WHERE name IS NULL\n"
        "ALTER TABLE clients ADD COLUMN name text;\n",
    )
    done = one.run("migrate")
    assert done.code == 3
    assert "ensure: 2 without a name" in done.out + done.err
    assert "0011_addresses.sql:1:12" in done.out + done.err
    assert one.query("16", "SELECT max(version) FROM _migrations") == [(10,)]
    assert one.query(
        "16", "SELECT count(*) FROM information_schema.columns WHERE (table_name, column_name) = ('clients', 'name')"
    ) == [(0,)]
    assert one.query("1", "SELECT max(version) FROM _migrations") == [(11,)]


def test_refused_before_any_database(one: Fleet) -> None:
    """An assertion that is no query is a fault of the files: nothing is connected to."""
    one.write("0012_bad.sql", "-- require: DELETE FROM clients\nSELECT 1;\n")
    done = one.run("migrate")
    assert (done.code, done.out) == (2, "")
    assert "migrations/tenant/0012_bad.sql:1:13: require: not a query, expected a query that only reads" in done.err


def test_checked(one: Fleet) -> None:
    """`check` finds an assertion that is about what no file makes, and asks nothing about data."""
    assert one.run("check").code == 0
    one.write("0012_bad.sql", "-- ensure: SELECT count(*) = 0 FROM client\nSELECT 1;\n")
    done = one.run("check")
    assert done.code == 4
    assert 'migrations/tenant/0012_bad.sql:1:37: ensure: relation "client" does not exist' in done.out
