"""The verbs that read: what they say of every state, and that they leave no trace."""

import subprocess

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.acceptance.fix_command import (
    FILES,
    MASTER_FILES,
    NOWHERE,
    RATES,
    ROOMS,
    Fleet,
    MakeFleet,
    create_databases,
    dump_schema,
    read_events,
    read_report,
)
from tests.fix_postgres import binaries_of

NOTES = "CREATE TABLE notes ();\n"
UNFINISHED = "-- transactional: false\nCREATE TABLE t ();\nSELECT 1 / 0;\n"
READING = [
    pytest.param(["status"], id="status"),
    pytest.param(["plan"], id="plan"),
    pytest.param(["plan", "--sql"], id="plan --sql"),
    pytest.param(["verify"], id="verify"),
    pytest.param(["log"], id="log"),
    pytest.param(["tenants"], id="tenants"),
    pytest.param(["migrate", "--dry-run"], id="migrate --dry-run"),
]


def make_states(fleet: MakeFleet) -> Fleet:
    """Return a fleet with a tenant in each state, named by it."""
    files = {**FILES, "0003_notes.sql": NOTES}
    one = fleet(tenants=["done", "older", "empty", "edited", "gone", "late", "half"], files=files)
    assert one.run("migrate", "--tenants", "done,edited,gone,late").code == 0
    assert one.run("migrate", "--tenants", "older,half", "--to", "0").code == 0
    one.query("edited", "UPDATE _migrations SET checksum = 'sha256:0' WHERE version = 1")
    one.query("gone", "UPDATE _migrations SET version = 2, name = 'lost' WHERE version = 1")
    one.query("late", "DELETE FROM _migrations WHERE version = 1")
    one.query("half", "UPDATE _migrations SET state = 'failed', statements = 2, finished_at = NULL")
    return one


def test_status_of_every_state(fleet: MakeFleet) -> None:
    """`status` says for each tenant its version, what is pending, its state, and who applied what last."""
    one = make_states(fleet)
    done = one.run("status")
    report = read_report(one, done.out)
    assert done.code == 0
    assert [(row["tenant"], row["version"], row["pending"], row["state"]) for row in report.rows] == [
        ("done", "0003", "0", "up to date"),
        ("older", "0000", "2", "pending"),
        ("empty", "", "3", "pending"),
        ("edited", "0003", "0", "changed: 0001_rates"),
        ("gone", "0003", "1", "missing: 0002_lost; out of order: 0001_rates"),
        ("late", "0003", "1", "out of order: 0001_rates"),
        ("half", "", "3", "incomplete: 0000_rooms"),
    ]
    assert report.text == (
        "7 tenants: 1 up to date, 2 pending, 1 incomplete, 1 changed, 1 missing, 1 out of order in 0 ms\n"
    )
    assert report.column("last applied") == ["2001-02-03 UTC"] * 2 + [""] + ["2001-02-03 UTC"] * 3 + [""]
    assert report.column("by")[0] == "postgres (deploy@host)"
    assert report.column("failure") == [""] * 7
    strict = [one.run("status", "--exit-code", "--tenants", name).code for name in ("done", "older", "late")]
    assert strict == [0, 1, 1]


def test_status_as_json_lines(fleet: MakeFleet) -> None:
    """`status --format jsonl` gives a row for each tenant, with its time in ISO 8601, and the exit code at the end."""
    one = fleet(tenants=["1"])
    one.run("migrate")
    done = one.run("status", "--format", "jsonl")
    events = read_events(done.out)
    (row,) = [event for event in events if event["event"] == "row_reported"]
    cells = row["cells"]
    assert (row["tenant"], cells["pending"], cells["state"]) == ("1", 0, "up to date")
    assert cells["last applied"].endswith("+00:00")
    assert (events[-1]["event"], events[-1]["exit_code"], done.code) == ("run_finished", 0, 0)


def test_status_shows_the_last_failure(fleet: MakeFleet) -> None:
    """`status` shows what stopped a file that has yet to run, of every kind of attempt, until it has run."""
    one = fleet(tenants=["1", "16"], files={**FILES, "0003_half.sql": UNFINISHED})
    one.run("migrate")
    lost = """UPDATE _migrations_log SET event = 'lost', detail = '{"message": "gone"}' WHERE event = 'failed'"""
    one.query("16", lost)
    report = read_report(one, one.run("status").out)
    assert report.column("failure") == [
        "0003_half: line 3: division by zero (SQLSTATE 22012)",
        "0003_half: lost: gone",
    ]
    assert report.column("last failure") == ["2001-02-03 UTC"] * 2
    assert report.text == "2 tenants: 2 incomplete in 0 ms\n"
    one.write("0003_half.sql", UNFINISHED.replace("1 / 0", "1"))
    one.run("migrate", "--tenants", "1")
    (done, _) = read_report(one, one.run("status").out).rows
    assert (done["state"], done["failure"], done["last failure"]) == ("up to date", "", "")


def test_a_login_that_may_not_read_the_log(fleet: MakeFleet) -> None:
    """A tenant whose last failure cannot be read is refused, with the privilege that is missing."""
    one = fleet(tenants=["1"])
    one.run("migrate", "--to", "0")
    role = f"{one.prefix}_reader"
    one.query("1", f"CREATE ROLE {role} LOGIN; GRANT SELECT ON _migrations TO {role}")
    one.configure((one.folder / "tenants.yaml").read_text("utf-8") + "ledger: {owner: postgres}\n")
    try:
        done = one.run("status", "--server", f"main={make_conninfo(one.server, user=role)}")
    finally:
        one.query("1", f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert (done.code, read_report(one, done.out).text) == (
        4,
        "tenant 1: refused: public._migrations: permission denied for table _migrations_log\n"
        "  hint: as the owner: GRANT SELECT ON public._migrations, public._migrations_log TO "
        f"{one.shown(role)};\n1 tenant: 1 refused in 0 ms\n",
    )


@pytest.mark.parametrize("verb", ["migrate", "status", "plan"])
def test_a_copied_ledger(fleet: MakeFleet, verb: str) -> None:
    """A ledger that was copied into an empty database is refused: what it says was never seen there."""
    one = fleet(tenants=["1"])
    one.run("migrate")
    one.query("1", "DROP TABLE rooms")
    done = one.run(verb)
    said = "tenant 1: refused: database 'studio_fleet_1' is empty, but its ledger has 2 migrations: it was copied there"
    assert (done.code, said in one.shown(done.out)) == (4, True), done.out
    one.query("1", "DROP TABLE _migrations, _migrations_log")
    assert (one.run("migrate").code, one.tables("1")) == (0, ["rooms"])


def test_an_empty_database_that_is_right(fleet: MakeFleet) -> None:
    """Files that leave nothing leave an empty database, which is proven, and not refused."""
    one = fleet(tenants=["1"], files={"0000_a.sql": "CREATE TABLE a ();\n", "0001_gone.sql": "DROP TABLE a;\n"})
    assert [one.run("migrate").code, one.run("migrate").code, one.run("status").code] == [0, 0, 0]
    one.write("0002_data.sql", "SELECT 1;\n")
    assert (one.run("migrate").code, one.run("migrate").code) == (0, 0)


READ_TOTALS = {
    "tenants": "4 tenants: 3 connected, 1 no database in ",
    "status": "4 tenants: 1 up to date, 2 pending, 1 no database in ",
    "log": "4 tenants: 2 with a log, 1 without a log, 1 no database in ",
}


@pytest.mark.parametrize("verb", READ_TOTALS)
def test_totals_say_what_was_seen(fleet: MakeFleet, verb: str) -> None:
    """A verb that reads counts the tenants by the state that it found, and calls none of them ok."""
    one = fleet(tenants=["done", "older", "empty", "absent"])
    one.run("migrate", "--tenants", "done")
    one.run("migrate", "--tenants", "older", "--to", "0")
    with psycopg.connect(one.server, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(one.database("absent"))))
    done = one.run(verb)
    assert (done.code, done.out.splitlines()[-1]) == (4, READ_TOTALS[verb] + done.out.rpartition(" in ")[2].strip())


@pytest.mark.parametrize("command", READING)
def test_reading_leaves_no_trace(fleet: MakeFleet, command: list[str]) -> None:
    """A verb that reads makes nothing in an empty database, not even a table."""
    one = fleet(tenants=["1"])
    before = one.trace("1")
    assert one.run(*command).code in (0, 1)
    assert one.trace("1") == before


@pytest.mark.parametrize("verb", ["status", "plan", "verify"])
def test_reading_what_is_not_there(fleet: MakeFleet, verb: str) -> None:
    """A verb that reads creates no database, and says that there is none with exit code 4."""
    one = fleet(tenants=["1"], created=False)
    done = one.run(verb)
    assert (done.code, one.exists("1")) == (4, False)
    assert 'database "studio_fleet_1" does not exist' in one.shown(done.out)


@pytest.mark.parametrize("command", READING)
def test_an_unreadable_tenant_is_no_success(fleet: MakeFleet, command: list[str]) -> None:
    """A verb that reads exits with 5 when a server does not answer, and never with 0."""
    done = fleet(tenants=["1"], created=False).run(*command, "--server", f"main={NOWHERE}")
    assert done.code == 5
    assert "unreachable" in done.out


def test_plan_groups_tenants(fleet: MakeFleet) -> None:
    """`plan` shows tenants that would get the same files as one plan, the largest first, and those that get none."""
    one = fleet(tenants=["1", "2", "3", "4", "5"], master=MASTER_FILES, files={**FILES, "0003_notes.sql": NOTES})
    one.run("migrate", "--tenants", "master,3,5")
    one.run("migrate", "--tenants", "2", "--to", "1")
    done = one.run("plan")
    assert (done.code, done.out) == (
        0,
        "2 tenants: plan A: 3 files for tenants 1, 4\n"
        "  0000_rooms  migrations/tenant/0000_rooms.sql\n"
        "  0001_rates  migrations/tenant/0001_rates.sql\n"
        "  0003_notes  migrations/tenant/0003_notes.sql\n"
        "    0003_notes.sql:1  CREATE TABLE notes ()\n"
        "1 tenant: plan B: 1 file for tenant 2\n"
        "  0003_notes  migrations/tenant/0003_notes.sql\n"
        "    0003_notes.sql:1  CREATE TABLE notes ()\n"
        "3 tenants: up to date: tenants master, 3, 5\n",
    )


def test_plan_names_what_is_refused(fleet: MakeFleet) -> None:
    """A tenant that `migrate` would refuse is in no plan: it is named with the reason, and the exit code is 4."""
    one = fleet()
    one.run("migrate", "--tenants", "16")
    one.query("16", "UPDATE _migrations SET checksum = 'sha256:0' WHERE version = 1")
    done = one.run("plan")
    assert done.code == 4
    assert done.out == (
        "1 tenant: plan A: 2 files for tenant 1\n"
        "  0000_rooms  migrations/tenant/0000_rooms.sql\n"
        "  0001_rates  migrations/tenant/0001_rates.sql\n"
        "tenant 16: refused: changed: 0001_rates\n"
        '  hint: run "tenantry verify --tenants 16" to see the reason\n'
    )


def test_plan_up_to_a_version(fleet: MakeFleet) -> None:
    """`plan --to` plans what `migrate --to` applies."""
    one = fleet(tenants=["1"])
    done = one.run("plan", "--to", "0")
    assert (done.code, done.out) == (
        0,
        "1 tenant: plan A: 1 file for tenant 1\n  0000_rooms  migrations/tenant/0000_rooms.sql\n",
    )
    assert one.run("plan", "--to", "5").err == ("error: --to: there is no migration 5; the newest is 0001_rates\n")


def test_the_script_of_a_plan(fleet: MakeFleet) -> None:
    """What `plan --sql` prints, psql runs, and it makes the same schema as `migrate`."""
    files = {
        **FILES,
        "0002_wrapped.sql": "-- a DBA's habit\nBEGIN;\nCREATE TABLE wrapped (note text DEFAULT 'COMMIT;');\nCOMMIT;\n",
        "0003_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_name ON rooms (name);\n",
        "0004_comment.sql": "COMMENT ON TABLE rooms IS 'where it is recorded' -- no semicolon;",
        "0005_no_op.sql": "-- deliberately nothing\n",
    }
    one = fleet(tenants=["1"], files=files)
    create_databases(one, "other")
    script = one.run("plan", "--sql")
    assert script.code == 0
    psql = [
        str(binaries_of("17") / "psql"),
        "--no-psqlrc",
        "--quiet",
        "-v",
        "ON_ERROR_STOP=1",
        "--dbname",
        one.dsn("other"),
    ]
    ran = subprocess.run(psql, input=script.out, capture_output=True, encoding="utf-8", check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert one.run("migrate").code == 0
    schema = dump_schema(one.dsn("1"))
    assert "where it is recorded" in schema
    assert dump_schema(one.dsn("other")) == schema


def test_one_script_for_each_plan(fleet: MakeFleet) -> None:
    """`plan --sql` says which tenants a script is for, and each file's path and checksum."""
    one = fleet(tenants=["1", "16"], files={"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES})
    one.run("migrate", "--tenants", "16", "--to", "0")
    lines = one.run("plan", "--sql").out.splitlines()
    assert [line for line in lines if line.startswith("-- plan")] == [
        "-- plan A, for tenant 1",
        "-- plan B, for tenant 16",
    ]
    assert [line.split(",")[0] for line in lines if line.startswith("-- migrations")] == [
        "-- migrations/tenant/0000_rooms.sql",
        "-- migrations/tenant/0001_rates.sql",
        "-- migrations/tenant/0001_rates.sql",
    ]


def test_verify_of_what_is_right(fleet: MakeFleet) -> None:
    """`verify` exits with 0 when files and ledger agree, and with 1 when a file is pending."""
    one = fleet(tenants=["1"])
    one.run("migrate", "--to", "0")
    behind = one.run("verify")
    assert (behind.code, read_report(one, behind.out).text) == (
        1,
        "tenant 1: 0001_rates: pending\n1 tenant: 1 finding in 0 ms\n",
    )
    one.run("migrate")
    right = one.run("verify")
    report = read_report(one, right.out)
    assert (right.code, report.column("result"), report.text) == (0, ["ok"], "1 tenant: 1 ok in 0 ms\n")


def test_log(fleet: MakeFleet) -> None:
    """`log` shows who did what when, failures and repairs among it; `--version` keeps what is about one version."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_rates.sql": "SELECT 1 / 0;\n"})
    one.run("migrate")
    one.run("mark", "1", "--tenants", "1", "--reason", "typed by hand", "--force")
    done = one.run("log")
    report = read_report(one, done.out)
    assert (done.code, [(row["version"], row["event"], row["by"]) for row in report.rows]) == (
        0,
        [(version, event, "postgres (deploy@host)") for version, event in zip("011", _EVENTS, strict=True)],
    )
    assert report.column("reason")[1:] == ["line 1: division by zero (SQLSTATE 22012)", "typed by hand"]
    assert report.column("at") == ["2001-02-03 UTC"] * 3
    only = read_report(one, one.run("log", "--version", "0").out)
    assert only.column("version") == ["0"]


_EVENTS = ("applied", "failed", "marked")


def test_log_prints_the_text_that_was_applied(fleet: MakeFleet) -> None:
    """`log --version --sql` prints what was applied, whatever the file says now, so that it can be kept as a file."""
    one = fleet(tenants=["1"])
    one.run("migrate")
    one.write("0001_rates.sql", "SELECT 'edited';\n")
    done = one.run("log", "--version", "1", "--sql")
    assert (done.code, done.out) == (0, RATES)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param(
            ["--sql"], 2, "error: --sql: --version is missing, expected the version to print\n", id="no version"
        ),
        pytest.param(["--sql", "--version", "9"], 4, "version 9 is not recorded", id="not recorded"),
    ],
)
def test_log_has_no_text(fleet: MakeFleet, args: list[str], code: int, said: str) -> None:
    """`log --sql` without a version that is recorded says so, and does not exit with 0."""
    one = fleet(tenants=["1"])
    one.run("migrate", "--to", "0")
    done = one.run("log", *args)
    assert (done.code, said in done.out + done.err) == (code, True)


def test_tenants(fleet: MakeFleet) -> None:
    """`tenants` shows what tenants.yaml means, master first, and tries each connection."""
    one = fleet(tenants=["1"], master=MASTER_FILES)
    one.configure(
        f"servers: {{main: SERVER, far: '{NOWHERE}'}}\n"
        "master: {server: main, database: PREFIX_master, migrations: migrations/master}\n"
        "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
        "  list: [{id: 1, name: North, labels: {tier: gold, beta: true}}, {id: 16, server: far}]\n"
    )
    done = one.run("tenants")
    report = read_report(one, done.out)
    assert done.code == 5
    wanted = [
        ("master", "", "master", "1", "main", "studio_fleet_master", "", "PostgreSQL 17.0 as postgres"),
        ("1", "North", "tenant", "2", "main", "studio_fleet_1", "tier=gold, beta=true", "PostgreSQL 17.0 as postgres"),
        ("16", "", "tenant", "2", "far", "studio_fleet_16", "", "unreachable"),
    ]
    assert [tuple(row.values()) for row in report.rows] == wanted
    assert report.rows[0].keys() == {
        "tenant": 0, "name": 0, "set": 0, "files": 0, "server": 0, "database": 0, "labels": 0, "connection": 0
    }.keys()  # fmt: skip


def test_tenants_from_a_query(fleet: MakeFleet) -> None:
    """Tenants that a query on the master names are migrated after it, once the master has their table."""
    one = fleet(tenants=["1", "16"], master={"0000_tenants.sql": "CREATE TABLE t (id integer, database text);\n"})
    one.configure(
        "servers: {main: SERVER}\n"
        "master: {server: main, database: PREFIX_master, migrations: migrations/master}\n"
        "tenants:\n  migrations: migrations/tenant\n  server: main\n  query: SELECT id, database FROM t ORDER BY id\n"
    )
    early = one.run("migrate")
    assert early.code == 2
    assert early.err == (
        'error: tenants.yaml:6:10: the query for the tenants failed: relation "t" does not exist (42P01)\n'
        'hint: if the master\'s migrations create its table, run "tenantry migrate --tenants master" first\n'
    )
    assert one.shell("tenantry migrate --tenants master").code == 0
    for name in ("16", "1"):
        one.query("master", f"INSERT INTO t VALUES ({name}, '{one.database(name)}')")
    done = one.run("migrate")
    assert (done.code, read_report(one, done.out).column("tenant")) == (0, ["master", "1", "16"])
    assert one.versions("16") == [0, 1]
