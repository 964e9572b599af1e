"""`tenantry migrate` on healthy databases: what is applied where, in which order, and what is said about it."""

import json
from itertools import groupby

import pytest

from tests.acceptance.fix_command import (
    MASTER_FILES,
    NOWHERE,
    RATES,
    ROOMS,
    MakeFleet,
    Result,
    drop_databases,
    find_commands,
    read_events,
    read_report,
)
from tests.fix_postgres import binaries_of


def selected(result: Result) -> list[str]:
    """Return the tenants that a run with `--format jsonl` was for."""
    tenants: list[str] = read_events(result.out)[0]["tenants"]
    return tenants


def test_first_and_second_run(fleet: MakeFleet) -> None:
    """The first run applies every file to every tenant, the second one finds nothing to do, and both exit 0."""
    one = fleet()
    first = one.run("migrate", "--tenants", "1,16")
    applied = {"result": "applied", "version": "0001_rates", "applied": "2", "time": "0 ms"}
    report = read_report(one, first.out)
    look = "inspect a tenant: psql 'user=postgres host=/socket port=5432 dbname=studio_fleet_1'\n"
    assert (first.code, report.rows) == (0, [{"tenant": "1", **applied}, {"tenant": "16", **applied}])
    assert report.text == f"2 tenants: 2 applied in 0 ms\n{look}"
    typed = first.out.rpartition("inspect a tenant: ")[2].strip()
    looked = one.shell(f"PATH={binaries_of('17')}:$PATH; {typed} -XAtc 'SELECT count(*) FROM rooms'")
    assert (looked.code, looked.out) == (0, "0\n")
    second = one.run("migrate", "--tenants", "1,16")
    idle = {"result": "up to date", "version": "0001_rates", "time": "0 ms"}
    report = read_report(one, second.out)
    assert (second.code, report.rows) == (0, [{"tenant": "1", **idle}, {"tenant": "16", **idle}])
    assert (report.text, second.err) == (f"2 tenants: 2 up to date in 0 ms\n{look}", "")
    for name in ("1", "16"):
        assert one.versions(name) == [0, 1]
        assert one.log(name) == [(0, "applied", None), (1, "applied", None)]


def test_steps_are_logged_to_stderr(fleet: MakeFleet) -> None:
    """Where stderr is no terminal, each applied file is a line of JSON there, and stdout holds the report alone."""
    one = fleet(tenants=["1"])
    done = one.run("migrate")
    lines = [json.loads(line) for line in done.err.splitlines()]
    steps = [(line["level"], line["event"], line["tenant"], line["migration"]) for line in lines]
    assert steps == [("info", "applied", "1", "0000_rooms"), ("info", "applied", "1", "0001_rates")]


def test_the_row_says_who_ran_what(fleet: MakeFleet) -> None:
    """A row of the ledger holds the file's text, its checksum, how many statements ran, and who ran it."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS + RATES})
    run_id = read_events(one.run("migrate", "--format", "jsonl").out)[0]["run_id"]
    query = "SELECT version, name, origin, state, set_name, tenant, statements, statements_done, sql_text, run_id::text"
    (row,) = one.query("1", f"{query}, applied_by, finished_at >= started_at FROM _migrations")
    by = one.shown(row[10])
    assert row[:10] == (0, "rooms", "applied", "applied", "tenant", "1", 2, 2, ROOMS + RATES, run_id)
    assert (by, row[11]) == ("postgres (deploy@host)", True)


def test_a_tenant_is_at_the_version_asked_for(fleet: MakeFleet) -> None:
    """`--to` applies up to and including a version, by its number or file name; the next run without it the rest."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES, "0003_notes.sql": "SELECT 1"})
    assert (one.run("migrate", "--to", "0000_rooms.sql").code, one.versions("1")) == (0, [0])
    assert (one.run("migrate", "--to", "1").code, one.versions("1")) == (0, [0, 1])
    assert (one.run("migrate").code, one.versions("1")) == (0, [0, 1, 3])


def test_an_unknown_target_is_refused(fleet: MakeFleet) -> None:
    """`--to` with a version that no file has exits with 2, names the newest one, and applies nothing."""
    one = fleet(tenants=["1"])
    done = one.run("migrate", "--to", "7")
    said = "error: --to: there is no migration 7; the newest is 0001_rates\n"
    assert (done.code, done.out, done.err) == (2, "", said)
    assert one.versions("1") == []


def test_dry_run(fleet: MakeFleet) -> None:
    """`--dry-run` names the files that each tenant would get, exits 0 and leaves no trace."""
    one = fleet(tenants=["1", "16"])
    one.run("migrate", "--tenants", "1", "--to", "0")
    before = [one.trace("1"), one.trace("16")]
    done = one.run("migrate", "--dry-run")
    report = read_report(one, done.out)
    lock = "0001_rates.sql:1  ALTER TABLE rooms ADD COLUMN rate numeric(10, 2)  ACCESS EXCLUSIVE on rooms\n"
    assert (done.code, report.text) == (0, f"{lock}2 tenants: 2 pending in 0 ms\n")
    assert report.rows == [
        {"tenant": "1", "version": "0000_rooms", "would apply": "1", "files": "0001_rates"},
        {"tenant": "16", "version": "", "would apply": "2", "files": "0000_rooms, 0001_rates"},
    ]
    assert [one.trace("1"), one.trace("16")] == before


def test_dry_run_creates_no_database(fleet: MakeFleet) -> None:
    """`--dry-run --create` says what would come into a database that is not there, and does not create it."""
    one = fleet(tenants=["1"], created=False)
    done = one.run("migrate", "--dry-run", "--create")
    assert (done.code, one.exists("1")) == (0, False)
    assert read_report(one, done.out).column("files") == ["0000_rooms, 0001_rates"]


@pytest.mark.parametrize(
    ("text", "tenants"),
    [
        pytest.param("17,1", ["1", "17"], id="in the order of tenants.yaml"),
        pytest.param(" 1 , 16 ", ["1", "16"], id="blanks"),
        pytest.param("16,master", ["master", "16"], id="master and a tenant"),
        pytest.param("all", ["master", "1", "16", "17"], id="all"),
        pytest.param(None, ["master", "1", "16", "17"], id="by default all"),
    ],
)
def test_the_selection(fleet: MakeFleet, text: str | None, tenants: list[str]) -> None:
    """`--tenants` selects ids, the master or all; the master comes first."""
    one = fleet(tenants=["1", "16", "17"], master=MASTER_FILES, created=False)
    chosen = [] if text is None else ["--tenants", text]
    assert selected(one.run("migrate", *chosen, "--format", "jsonl", "--server", f"main={NOWHERE}")) == tenants


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "61",
            "error: --tenants: unknown tenant '61', expected one of 1, 16, 17\nhint: did you mean '1'?\n",
            id="unknown",
        ),
        pytest.param(
            "1,x,18",
            "error: --tenants: unknown tenant 'x', expected one of 1, 16, 17\n"
            "error: --tenants: unknown tenant '18', expected one of 1, 16, 17\nhint: did you mean '1'?\n",
            id="unknown ones",
        ),
        pytest.param("", "error: --tenants: empty, expected ids separated by commas, master or all\n", id="empty"),
        pytest.param(
            "1,,16",
            "error: --tenants: an id is missing in '1,,16', expected ids separated by single commas\n"
            "hint: write --tenants 1,16\n",
            id="missing",
        ),
        pytest.param(
            "1,16,1",
            "error: --tenants: '1' is given twice, expected every tenant once\nhint: write --tenants 1,16\n",
            id="duplicate",
        ),
        pytest.param(
            "1 16",
            "error: --tenants: unknown tenant '1 16', expected one of 1, 16, 17\n"
            "hint: separate them with commas: --tenants 1,16\n",
            id="no comma",
        ),
        pytest.param(
            "all,1",
            "error: --tenants: 'all' is given with other names in 'all,1', expected it alone\n",
            id="all and one",
        ),
        pytest.param(
            "master",
            "error: --tenants: tenants.yaml has no master, expected one of 1, 16, 17\n",
            id="no master",
        ),
    ],
)
def test_a_wrong_selection_is_refused(fleet: MakeFleet, text: str, said: str) -> None:
    """A selection that names what is not there, or nothing, exits with 2 and says what was expected."""
    one = fleet(tenants=["1", "16", "17"], created=False)
    done = one.run("migrate", "--tenants", text)
    assert (done.code, done.out, done.err) == (2, "", said)


def test_databases_are_created_only_where_asked_for(fleet: MakeFleet) -> None:
    """On a server of one's own, a missing database is named with the option that creates it; with it, it is."""
    one = fleet(tenants=["1"], created=False)
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, one.exists("1")) == (4, False)
    assert report.rows == [{"tenant": "1", "result": "refused", "time": "0 ms"}]
    assert report.text == (
        "tenant 1: refused: server 'main': connection to server on socket \"/socket/.s.PGSQL.5432\" failed:"
        ' database "studio_fleet_1" does not exist\n'
        "  hint: run \"tenantry migrate --tenants 1 --create\" to create the database 'studio_fleet_1'\n"
        "1 tenant: 1 no database in 0 ms\n"
        "after fixing that: tenantry migrate --create --tenants 1\n"
    )
    _, create = find_commands(done.out)
    assert one.shell(create).code == 0
    assert one.versions("1") == [0, 1]


@pytest.mark.parametrize(
    ("named", "option", "code"),
    [
        pytest.param("SERVER", "", 0, id="environment"),
        pytest.param("", "SERVER", 0, id="option"),
        pytest.param(NOWHERE, "SERVER", 0, id="option over environment"),
        pytest.param("", "", 5, id="neither"),
    ],
)
def test_a_server_for_one_run(fleet: MakeFleet, named: str, option: str, code: int) -> None:
    """TENANTRY_SERVER_MAIN and --server give a server's connection string for one run, the option before it."""
    one = fleet(tenants=["1"])
    path = one.folder / "tenants.yaml"
    path.write_text(path.read_text().replace(json.dumps(one.server), json.dumps(NOWHERE)))
    environment = {"TENANTRY_SERVER_MAIN": named.replace("SERVER", one.server)} if named else {}
    options = ["--server", f"main={option.replace('SERVER', one.server)}"] if option else []
    assert one.run("migrate", *options, env=environment).code == code
    assert one.versions("1") == ([0, 1] if code == 0 else [])


def test_json_lines(fleet: MakeFleet) -> None:
    """With `--format jsonl`, stdout is one event a line, from run_started to run_finished with the exit code."""
    one = fleet()
    one.write("0002_broken.sql", "SELECT 1 / 0;")
    done = one.run("migrate", "--format", "jsonl")
    events = read_events(done.out)
    assert (events[0]["event"], events[0]["verb"], events[0]["tenants"]) == ("run_started", "migrate", ["1", "16"])
    last = events[-1]
    assert (last["event"], last["exit_code"], last["tenants"], last["totals"]) == ("run_finished", 3, 2, {"failed": 2})
    assert done.code == 3
    kinds = [event["event"] for event in events if event.get("tenant") == "1"]
    assert kinds == [
        "tenant_started",
        "database_opened",
        "tenant_compared",
        "tenant_planned",
        *["migration_started", "migration_applied"] * 2,
        "migration_started",
        "migration_failed",
        "tenant_finished",
    ]


def test_one_tenant_at_a_time(fleet: MakeFleet) -> None:
    """With `--jobs 1`, a tenant starts when the one before has finished."""
    one = fleet(tenants=["1", "16", "17"])
    events = read_events(one.run("migrate", "--jobs", "1", "--format", "jsonl").out)
    turns = [event["tenant"] for event in events if "tenant" in event]
    assert [tenant for tenant, _ in groupby(turns)] == ["1", "16", "17"]


def test_several_tenants_at_once(fleet: MakeFleet) -> None:
    """With `--jobs 2`, two tenants are at work at once: both have begun before either is done."""
    one = fleet(files={"0000_wait.sql": "SELECT pg_advisory_xact_lock(1);"})
    with one.session("1") as first, one.session("16") as second:
        for session in (first, second):
            session.execute("SELECT pg_advisory_xact_lock(1)")
        with one.start("migrate", "--jobs", "2") as process:
            for name in ("1", "16"):
                one.await_activity(name, "pg_advisory_xact_lock(1)", waits_for="Lock")
            first.commit()
            second.commit()
            process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_master_goes_first(fleet: MakeFleet) -> None:
    """No tenant starts before the master has finished."""
    one = fleet(master=MASTER_FILES)
    done = one.run("migrate", "--format", "jsonl")
    turns = [
        (event["tenant"], event["event"])
        for event in read_events(done.out)
        if event["event"] in ("tenant_started", "tenant_finished")
    ]
    assert (done.code, turns[:2]) == (0, [("master", "tenant_started"), ("master", "tenant_finished")])
    assert {tenant for tenant, _ in turns[2:]} == {"1", "16"}
    assert one.tables("master") == ["organizations"]
    assert one.query("master", "SELECT set_name, tenant FROM _migrations") == [("master", "master")]


def test_no_tenant_starts_when_the_master_fails(fleet: MakeFleet) -> None:
    """When the master fails, no tenant is started, all are named, the run exits with 3, and the next one goes on."""
    one = fleet(master={"0000_organizations.sql": "CREATE TABLE organisations (id integr);\n"})
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, report.column("tenant")) == (3, ["master", "1", "16"])
    assert report.column("result") == ["failed", "not started", "not started"]
    assert "tenants 1, 16: not started: master did not succeed\n" in report.text
    assert one.versions("1") == []
    one.write("0000_organizations.sql", MASTER_FILES["0000_organizations.sql"], "master")
    (again,) = find_commands(done.out)
    assert (again, one.shell(again).code) == ("tenantry migrate --tenants master,1,16", 0)


def test_nothing_of_a_password_is_shown(fleet: MakeFleet) -> None:
    """A password in a connection string is in no output, in no format, whether the run succeeds or fails."""
    one = fleet(tenants=["1", "16"])
    secret = f"main={one.server} password=s3cr3t"
    drop_databases(one)
    said = [
        one.run("-v", verb, "--server", secret, "--format", form)
        for verb in ("migrate", "tenants")
        for form in ("table", "jsonl")
    ]
    said.append(one.run("migrate", "--server", secret, "--create"))
    said.append(one.run("migrate", "--server", "main=host=/nowhere password=s3cr3t"))
    assert [result.code for result in said] == [4, 4, 4, 4, 0, 5]
    assert not [result for result in said if "s3cr3t" in result.out + result.err]
