"""The sizes of a tenant's own tables: what `migrate` refuses where they are large, and applies where nobody waits."""

import pytest

from tests.acceptance.fix_command import MASTER_FILES, Fleet, MakeFleet, read_events, read_report
from tests.acceptance.lint.test_danger import COLUMN, GUARD, INDEX, RENAME, REQUIRED, allow, dangers, find

BROKEN = "SELECT 1 / 0;\n"
MENDED = "SELECT 1;\n"
UNIQUE = "ALTER TABLE rooms ADD COLUMN email text UNIQUE;\n"
NEEDED = "ALTER TABLE rooms ADD COLUMN floor integer NOT NULL;\n"
# More than 1 MB of rows.
LARGE = "INSERT INTO rooms SELECT n, repeat('x', 100) FROM generate_series(1, 12000) AS n"
OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
# Every danger that does no harm to an empty table, and one that nobody can measure.
DANGEROUS = INDEX + REQUIRED + UNIQUE + NEEDED + "UPDATE rooms SET rate = 1;\n"


def apply(one: Fleet) -> Fleet:
    done = one.run("migrate")
    assert done.code == 0, done
    return one


@pytest.fixture
def pair(fleet: MakeFleet) -> Fleet:
    """Return a fleet of two tenants that have two files, of which the second one has a large table."""
    one = apply(fleet())
    one.query("16", LARGE)
    return one


@pytest.mark.parametrize("later", [DANGEROUS, GUARD.replace("<", ">")], ids=["dangerous", "cannot be measured"])
def test_stopped_first_install(fleet: MakeFleet, later: str) -> None:
    """A first install that stopped at a file goes on to its end in one step, once the file is mended."""
    one = fleet(tenants=["1"])
    one.write("0002_broken.sql", BROKEN)
    one.write("0003_later.sql", later)
    assert one.run("migrate").code == 3
    assert one.versions("1") == [0, 1]
    one.write("0002_broken.sql", MENDED)
    assert [one.run(verb).code for verb in ("plan", "migrate", "verify")] == [0, 0, 0]
    assert one.versions("1") == [0, 1, 2, 3]


def test_killed_first_install(fleet: MakeFleet) -> None:
    """A first install that was killed goes on to its end in one step, also where its files brought rows."""
    one = fleet(tenants=["1"])
    one.write("0002_seed.sql", "INSERT INTO rooms SELECT n, 'Live' FROM generate_series(1, 100) AS n;\n")
    one.write("0003_slow.sql", "SELECT pg_sleep(30);\n")
    one.write("0004_names.sql", INDEX + "CREATE TABLE halls (id int);\n" + GUARD.replace("<", ">"))
    with one.start("migrate"):
        one.await_activity("1", "pg_sleep(30)")
    one.query("1", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}")
    one.await_quiet("1")
    one.write("0003_slow.sql", MENDED)
    assert one.run("migrate").code == 0
    assert one.versions("1") == [0, 1, 2, 3, 4]


def test_large_table_of_one_tenant(pair: Fleet) -> None:
    """A danger counts in the tenant whose table is large, which is named with its size; another one gets the file."""
    pair.write("0002_names.sql", INDEX)
    ((size,),) = pair.query("16", "SELECT pg_relation_size('rooms')")
    planned, done = pair.run("plan", "--format", "jsonl"), pair.run("migrate", "--format", "jsonl")
    assert (dangers(planned), dangers(done)) == ([("", "index", 1)], [("16", "index", 1)])
    (found,) = find(read_events(done.out), "hazard_found")
    assert (found["hazard"]["harm"], found["hazard"]["weighed"]) == ("large", ["public.rooms"])
    assert [(one["relation"], one["tenant"], one["bytes"]) for one in found["sizes"]] == [("public.rooms", "16", size)]
    assert found["hazard"]["message"].endswith(f"; rooms: {size // 1024} kB on tenant 16")
    assert [pair.versions(name) for name in ("1", "16")] == [[0, 1, 2], [0, 1]]


@pytest.mark.parametrize(
    ("text", "rules"),
    {
        "renamed by an earlier file": ("ALTER TABLE rooms RENAME TO halls;\n", ["index"]),
        "renamed in a block": ("DO $$ BEGIN ALTER TABLE rooms RENAME TO halls; END $$;\n", ["index"]),
        "moved": ("CREATE SCHEMA halls; ALTER TABLE rooms SET SCHEMA halls;\n", ["index"]),
        "exchanged with a small one": (
            "CREATE TABLE tiny (id int, name text);\nALTER TABLE rooms RENAME TO halls;\n"
            "ALTER TABLE tiny RENAME TO rooms;\n",
            ["index"],
        ),
        "created anew": ("CREATE TABLE halls (id int, name text);\n", []),
        "created in a block": ("DO $$ BEGIN CREATE TABLE halls (id int, name text); END $$;\n", []),
    }.values(),
)
def test_names_of_pending_files(pair: Fleet, text: str, rules: list[str]) -> None:
    """A table is weighed under the name that it has in the tenant now, and one that is created there is empty."""
    table = "halls.rooms" if "SCHEMA" in text else "halls"
    pair.write("0002_halls.sql", allow("rename") + text)
    pair.write("0003_names.sql", f"CREATE INDEX halls_name ON {table} (name);\n")
    done = pair.run("migrate", "--tenants", "16", "--format", "jsonl")
    assert (done.code, [rule for _, rule, _ in dangers(done)]) == (4 if rules else 0, rules)
    for found in find(read_events(done.out), "hazard_found"):
        assert [size["relation"] for size in found["sizes"]] == ["public.rooms"]


def test_lagging_tenant(pair: Fleet) -> None:
    """A tenant that has fallen behind gets everything while its tables are empty, and nothing where one is large."""
    pair.write("0002_later.sql", DANGEROUS)
    pair.write("0003_guard.sql", GUARD.replace("<", ">"))
    done = pair.run("migrate", "--format", "jsonl")
    assert {tenant for tenant, _, _ in dangers(done)} == {"16"}
    assert [pair.versions(name) for name in ("1", "16")] == [[0, 1, 2, 3], [0, 1]]


def test_rows_decide(fleet: MakeFleet) -> None:
    """A small table is no excuse for a file that fails on its first row, nor for one that could not be measured."""
    one = apply(fleet(tenants=["1"]))
    one.query("1", "INSERT INTO rooms VALUES (1, 'Live')")
    one.write("0002_names.sql", INDEX + REQUIRED.replace("rate", "name"))
    one.write("0003_needed.sql", NEEDED)
    one.write("0004_guard.sql", GUARD)
    done = one.run("migrate", "--format", "jsonl")
    assert dangers(done) == [("1", "required-column", 1), ("1", "unmeasured", 1)]
    assert one.run("migrate", "--to", "2").code == 0


def test_unknown_size(fleet: MakeFleet) -> None:
    """A table whose size nobody can tell is not small."""
    one = apply(fleet(tenants=["1"]))
    one.write("0002_total.sql", "CREATE MATERIALIZED VIEW total AS SELECT count(*) FROM rooms;\n")
    apply(one)
    one.query(
        "1",
        "DROP MATERIALIZED VIEW total; DROP TABLE rooms; CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN "
        "DATA WRAPPER far; CREATE FOREIGN TABLE rooms (id int, name text) SERVER far",
    )
    one.write("0003_refresh.sql", "REFRESH MATERIALIZED VIEW total;\n")
    text = read_report(one, one.run("migrate").out).text
    assert "while its query runs; rooms: size unknown on tenant 1, total: size unknown on tenant 1" in text


def test_another_schema(fleet: MakeFleet) -> None:
    """A name without a schema stands for the table that the tenant's own search path finds."""
    one = apply(fleet(tenants=["1"]))
    one.query("1", f"CREATE SCHEMA app; CREATE TABLE app.rooms (LIKE rooms); {LARGE.replace('rooms', 'app.rooms')}")
    one.query("1", f"ALTER DATABASE {one.database('1')} SET search_path = app, public")
    one.write("0002_names.sql", INDEX)
    assert dangers(one.run("migrate", "--no-verify", "--format", "jsonl")) == [("1", "index", 1)]


def test_small_enough(pair: Fleet) -> None:
    """The size from which a table is not small is that of tenants.yaml."""
    pair.write("0002_names.sql", INDEX)
    config = pair.folder / "tenants.yaml"
    config.write_text(config.read_text("utf-8") + "lint:\n  small-table: 1 GB\n", "utf-8")
    assert pair.run("migrate").code == 0


def test_partitions_and_children(fleet: MakeFleet) -> None:
    """The rows of a table are those of its partitions and of the tables that inherit from it as well."""
    one = apply(fleet(tenants=["1"]))
    one.query("1", f"CREATE TABLE old_rooms () INHERITS (rooms); {LARGE.replace('rooms', 'old_rooms')}")
    one.write("0002_rate.sql", "ALTER TABLE rooms ALTER COLUMN rate TYPE text;\n")
    assert dangers(one.run("migrate", "--format", "jsonl")) == [("1", "column-type", 1)]


def test_safe_column(pair: Fleet) -> None:
    """A large table is no reason to refuse a file that has no danger."""
    pair.write("0002_notes.sql", allow("rename") + RENAME + COLUMN)
    assert pair.run("migrate").code == 0


def test_refusals_come_first(fleet: MakeFleet) -> None:
    """What is refused for one tenant is said, once, before the first one is touched, whatever the order."""
    one = apply(fleet(tenants=["1", "2", "16"], master=MASTER_FILES))
    one.query("16", LARGE)
    one.write("0002_names.sql", INDEX)
    assert one.run("migrate", "--tenants", "2").code == 0
    one.write("0003_notes.sql", COLUMN)
    one.write("0001_more.sql", "CREATE TABLE more (id int);\n", "master")
    events = read_events(one.run("migrate", "--jobs", "1", "--format", "jsonl").out)
    said = [
        (event["event"], event["tenant"]) for event in events if event["event"] in ("hazard_found", "migration_applied")
    ]
    assert said[0] == ("hazard_found", "16")
    assert sorted(said[1:]) == [("migration_applied", name) for name in ("1", "1", "2", "master")]
    ends = {event["tenant"]: event["verdict"]["result"] for event in find(events, "tenant_finished")}
    assert ends == {"master": "applied", "1": "applied", "2": "applied", "16": "refused"}


def test_lint_says_what_passes(pair: Fleet) -> None:
    """Lint finds a danger in any case, and says so where the tables of all tenants asked are small."""
    pair.write("0002_names.sql", INDEX)
    small, large = (pair.run("lint", "2", "--tenants", name, "--format", "jsonl") for name in ("1", "all"))
    for done, passes in ((small, True), (large, False)):
        (found,) = find(read_events(done.out), "hazard_found")
        assert (done.code, found["hazard"]["message"].endswith(", so small that migrate applies it")) == (1, passes)
