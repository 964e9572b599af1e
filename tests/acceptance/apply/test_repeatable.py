"""Repeatables, as a user meets them: when they run, what every verb says of them, and that a run proves them."""

import pytest

from tests.acceptance.fix_command import FILES, Fleet, MakeFleet, read_events, read_report

COUNT = "CREATE OR REPLACE VIEW room_count AS SELECT count(*) AS rooms FROM rooms;\n"
DOUBLE = "-- depends: room_count\nCREATE OR REPLACE VIEW doubled AS SELECT rooms * 2 AS rooms FROM room_count;\n"
TRIPLE = DOUBLE.replace("* 2", "* 3")


def repeat(one: Fleet, **files: str) -> None:
    """Write repeatables, by name."""
    folder = one.folder / "migrations" / "tenant" / "repeatable"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text, "utf-8")


def recorded(one: Fleet, tenant: str) -> list[str]:
    """Return the names of what is recorded, in the order in which it was applied."""
    return [name for (name,) in one.query(tenant, "SELECT name FROM _migrations_repeatable ORDER BY applied_at")]


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return tenants 1 and 16 with migrations and two views that are repeatables, the first needing the second."""
    one = fleet(files=FILES)
    repeat(one, room_count=COUNT, doubled=DOUBLE)
    return one


def test_life(one: Fleet) -> None:
    """Repeatables run behind the migrations, again whenever their text is another one, and a run without is no work."""
    done = one.run("migrate")
    assert done.code == 0, done.out + done.err
    assert recorded(one, "16") == ["room_count", "doubled"]
    assert one.query("16", "SELECT rooms FROM doubled") == [(0,)]
    assert [row["result"] for row in read_report(one, one.run("migrate").out).rows] == ["up to date", "up to date"]
    repeat(one, doubled=TRIPLE)
    assert "1 repeatable pending" in one.run("status").out
    done = one.run("migrate", "--format", "jsonl")
    applied = [e["migration"]["name"] for e in read_events(done.out) if e["event"] == "migration_applied"]
    assert (done.code, applied) == (0, ["doubled", "doubled"])
    repeat(one, doubled=DOUBLE)
    assert one.run("migrate").code == 0
    assert "* 2" in str(one.query("1", "SELECT pg_get_viewdef('doubled')"))
    assert one.query("1", "SELECT detail ->> 'name' FROM _migrations_log WHERE event = 'repeated'") == [
        ("room_count",),
        ("doubled",),
        ("doubled",),
        ("doubled",),
    ]


def test_read(one: Fleet) -> None:
    """What reads says that they are pending, and afterwards that the tenant has what they stand for."""
    assert one.run("migrate", "--to", "1").code == 0
    assert one.query("1", "SELECT to_regclass('_migrations_repeatable')") == [(None,)]
    plan = one.run("plan")
    assert (plan.code, plan.out) == (
        0,
        "2 tenants: plan A: 2 files for tenants 1, 16\n"
        "  repeatable/room_count  migrations/tenant/repeatable/room_count.sql\n"
        "  repeatable/doubled  migrations/tenant/repeatable/doubled.sql\n",
    )
    sql = one.run("plan", "--sql", "--tenants", "1").out
    assert sql.count("-- tenantry writes its row to _migrations_repeatable here\n") == 2
    assert read_report(one, one.run("status").out).column("state") == ["2 repeatables pending"] * 2
    assert one.run("status", "--exit-code").code == 1
    verify = one.run("verify", "--tenants", "1")
    assert verify.code == 1
    assert "repeatable/doubled: pending: its current text has not been applied" in verify.out
    assert one.run("migrate").code == 0
    assert (one.run("verify").code, one.run("drift").code, one.run("status", "--exit-code").code) == (0, 0, 0)


def test_drift(one: Fleet) -> None:
    """A repeatable is a part of the schema that a tenant is to have, with the text that ran there."""
    assert one.run("migrate").code == 0
    one.query("16", "CREATE OR REPLACE VIEW doubled AS SELECT rooms * 5 AS rooms FROM room_count")
    assert one.run("drift", "--tenants", "1").code == 0
    done = one.run("drift", "--tenants", "16")
    assert done.code == 1
    assert "view doubled" in done.out
    repeat(one, doubled=TRIPLE)
    assert one.run("drift", "--tenants", "1").code == 0


def test_failure(one: Fleet) -> None:
    """One that fails is rolled back, stops its tenant behind its migrations, and is in the log."""
    repeat(one, broken="CREATE TABLE left_over (); SELECT 1 / 0;\n")
    done = one.run("migrate", "--tenants", "1")
    assert done.code == 3
    assert "repeatable/broken" in done.out
    assert "division by zero" in done.out
    assert one.query("1", "SELECT max(version) FROM _migrations") == [(1,)]
    assert one.query("1", "SELECT to_regclass('left_over')") == [(None,)]
    assert one.query("1", "SELECT to_regclass('_migrations_repeatable')") == [(None,)]
    logged = "SELECT version, detail ->> 'name' FROM _migrations_log WHERE event = 'failed'"
    assert one.query("1", logged) == [(None, "broken")]


def test_gone(one: Fleet) -> None:
    """One whose file is gone is said to be so, and what it made is a difference until it is dropped."""
    assert one.run("migrate", "--tenants", "1").code == 0
    (one.folder / "migrations" / "tenant" / "repeatable" / "doubled.sql").unlink()
    done = one.run("verify", "--tenants", "1")
    assert done.code == 1
    assert "repeatable/doubled: its file is gone, and the objects it created may still be in the database" in done.err
    assert "view doubled" in done.out
    one.write("0002_no_double.sql", "DROP VIEW IF EXISTS doubled;\n")
    done = one.run("migrate", "--tenants", "1")
    assert done.code == 0, done.out + done.err
    one.query("1", "DELETE FROM _migrations_repeatable WHERE name = 'doubled'")
    assert one.run("verify", "--tenants", "1").code == 0


def test_undone(one: Fleet) -> None:
    """Where a migration drops what a repeatable made, that is found, with how to have it run again."""
    assert one.run("migrate", "--tenants", "1").code == 0
    one.write("0002_no_double.sql", "DROP VIEW IF EXISTS doubled;\n")
    done = one.run("migrate", "--tenants", "1")
    assert done.code == 1
    hint = 'if a repeatable creates it, change a comment in that file and run "tenantry migrate --tenants 1"'
    assert f"tenant 1: view doubled: missing\n  hint: {hint}\n" in done.out
    repeat(one, doubled=f"-- Twice.\n{DOUBLE}")
    assert one.run("migrate", "--tenants", "1").code == 0


def test_check(one: Fleet) -> None:
    """`check` runs each twice and names those that fail, or change something, the second time."""
    assert one.run("check").code == 0
    repeat(one, once="CREATE TABLE once ();\n", more="CREATE OR REPLACE FUNCTION f() RETURNS int RETURN 1;\n")
    repeat(one, grows="DO $$ BEGIN EXECUTE 'CREATE TABLE t' || (SELECT count(*) FROM pg_class) || ' ()'; END $$;\n")
    done = one.run("check")
    assert done.code == 1, done.out + done.err
    folder = "migrations/tenant/repeatable"
    assert f'{folder}/once.sql: fails when run again: relation "once" already exists (SQLSTATE 42P07)' in done.out
    assert f"{folder}/grows.sql: changes the schema when run again" in done.out
    assert f"{folder}/more.sql" not in done.out


def test_refused(one: Fleet) -> None:
    """A folder that has what is no repeatable is refused before any database is touched."""
    repeat(one, Bad="SELECT 1;\n")
    done = one.run("migrate")
    assert (done.code, done.out) == (2, "")
    assert "migrations/tenant/repeatable/Bad.sql: not a repeatable file name, expected name.sql" in done.err
