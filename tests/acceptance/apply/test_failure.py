"""When something goes wrong: that tenant alone stops, the others are done, and the report says what to do next."""

import json
import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tenantry.model.checksum import checksum
from tests.acceptance.fix_command import (
    FILES,
    MASTER_FILES,
    NOWHERE,
    RATES,
    ROOMS,
    Fleet,
    MakeFleet,
    create_databases,
    find_commands,
    read_events,
    read_report,
)

LEDGER_LOCK = 7_369_501_148_246_035_201
CHECK = (
    "-- Größe ÷ Preis\n"
    "DO $$ BEGIN\n"
    "    IF current_database() LIKE '%\\_16' THEN\n"
    "        RAISE 'a room is too dear' USING DETAIL = 'room 7', HINT = 'make it cheaper', ERRCODE = 'P0042';\n"
    "    END IF;\n"
    "END $$;\n"
)


@pytest.fixture
def role(server_dsn: str) -> Iterator[str]:
    """Return the name of a role that is not there; dropped afterwards if it is then."""
    name = f"acc_{secrets.token_hex(4)}"
    yield name
    with psycopg.connect(server_dsn, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def test_one_tenant_fails(fleet: MakeFleet) -> None:
    """A failing file is rolled back whole and named with all that the server said; the other tenants are done."""
    one = fleet(tenants=["1", "16", "17"], files={**FILES, "0002_dear.sql": f"CREATE TABLE t ();\n{CHECK}"})
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (3, ["applied", "failed", "applied"])
    assert report.column("version") == ["0002_dear", "0001_rates", "0002_dear"]
    assert report.text == (
        "tenant 16: failed: migrations/tenant/0002_dear.sql:5:9: a room is too dear (SQLSTATE P0042)\n"
        "  4 |     IF current_database() LIKE '%\\_16' THEN\n"
        "  5 |         RAISE 'a room is too dear' USING DETAIL = 'room 7', HINT = 'make it cheaper', ERRCODE = 'P00…\n"
        "    |         ^\n"
        "  6 |     END IF;\n"
        "  detail: room 7\n"
        "  context: PL/pgSQL function inline_code_block line 3 at RAISE\n"
        "  hint: make it cheaper\n"
        "  0002_dear was rolled back; the database is now at 0001_rates\n"
        "3 tenants: 2 applied, 1 failed in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 16\n"
    )
    assert (one.tables("16"), one.versions("16")) == (["rooms"], [0, 1])
    assert one.log("16")[-1] == (2, "failed", None)
    (detail,) = one.query("16", "SELECT detail FROM _migrations_log WHERE event = 'failed'")[0]
    assert (detail["sqlstate"], detail["message"], detail["line"]) == ("P0042", "a room is too dear", 5)
    one.write("0002_dear.sql", "CREATE TABLE t ();\n")
    (again,) = find_commands(done.out)
    assert (one.shell(again).code, one.versions("16")) == (0, [0, 1, 2])


@pytest.mark.parametrize(
    ("data", "place"),
    [
        pytest.param("SELECT\n  nothing FROM rooms;\n", "2:3", id="plain"),
        pytest.param("\ufeff-- bom\r\nSELECT\r\n  nothing FROM rooms;\r\n", "3:3", id="BOM and CRLF"),
        pytest.param("SELECT 'é€𝄞', nothing FROM rooms", "1:15", id="multi-byte"),
        pytest.param("BEGIN;\nSELECT nothing FROM rooms;\nCOMMIT;\n", "2:8", id="wrapped"),
        pytest.param("SELECT 1;\nCREATE TABLE t ();\n  SELECT 1 / 0;\n", "3:3", id="no position from the server"),
    ],
)
def test_where_it_failed(fleet: MakeFleet, data: str, place: str) -> None:
    """Line and column are those of the file as it is written, in characters from 1."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_wrong.sql": data.encode()})
    done = one.run("migrate")
    assert done.code == 3
    assert f"tenant 1: failed: migrations/tenant/0001_wrong.sql:{place}: " in done.out
    assert (one.versions("1"), one.tables("1")) == ([0], ["rooms"])


def test_a_role_that_exists(fleet: MakeFleet, role: str) -> None:
    """A role that the first database of a server created fails in the second, and the hint says why."""
    one = fleet(files={"0000_role.sql": f"CREATE ROLE {role};\n"})
    done = one.run("migrate", "--jobs", "1", "--no-verify")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (3, ["applied", "failed"])
    assert (
        "  hint: create roles and tablespaces in a DO block that checks for them first, or once on the master: all"
        " databases of a server share them\n"
    ) in report.text


def test_collisions_on_what_the_cluster_shares(fleet: MakeFleet, role: str) -> None:
    """Tenants that change one role at the same time collide and try again until each is through."""
    names = [str(number) for number in range(1, 6)]
    statements = "\n".join(f"ALTER ROLE {role} CONNECTION LIMIT {limit};" for limit in range(1, 9))
    one = fleet(tenants=names, files={"0000_role.sql": statements + "\nSELECT pg_sleep(0.02);\n"})
    one.query("1", f"CREATE ROLE {role}")
    done = one.run("migrate", "--format", "jsonl")
    events = read_events(done.out)
    assert (done.code, events[-1]["totals"]) == (0, {"applied": 5})
    assert "migration_retried" in {event["event"] for event in events}
    assert [one.versions(name) for name in names] == [[0]] * 5


def test_an_unreachable_tenant(fleet: MakeFleet) -> None:
    """A tenant whose server does not answer is unreachable, the others are done, and the exit code is 5."""
    one = fleet()
    one.configure(
        f"servers: {{main: SERVER, far: {json.dumps(NOWHERE)}}}\n"
        "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
        "  list: [1, {id: 16, server: far}]\n"
    )
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (5, ["applied", "unreachable"])
    assert report.text == (
        "tenant 16: unreachable: server 'far': connection to server on socket"
        ' "/nowhere/.s.PGSQL.5432" failed: No such file or directory; Is the server running locally and accepting'
        " connections on that socket?\n"
        "  hint: start the server, or correct 'far' under servers in tenants.yaml; then run the same command again\n"
        "2 tenants: 1 applied, 1 unreachable in 0 ms\n"
        "next: tenantry migrate --tenants 16\n"
    )


def test_a_held_migration_lock(fleet: MakeFleet) -> None:
    """A tenant whose lock another runner holds for longer than --lock-wait is blocked, and later it is not."""
    one = fleet()
    with one.session("16") as other:
        other.execute("SET application_name = 'a runner'")
        other.execute("SELECT pg_advisory_lock(%s)", [LEDGER_LOCK])
        done = one.run("migrate", "--lock-wait", "0.2")
    report = read_report(one, done.out)
    assert (done.code, report.column("result"), one.versions("16")) == (5, ["applied", "blocked"], [])
    assert report.text == (
        "tenant 16: blocked: another session has held the migration lock for 0 ms: pid 1, a runner, user"
        " postgres, for 0 ms\n"
        "  hint: wait for it to end and run the same command again, or wait longer with --lock-wait\n"
        "2 tenants: 1 applied, 1 blocked in 0 ms\n"
        "next: tenantry migrate --lock-wait 0.2 --tenants 16\n"
    )
    (again,) = find_commands(done.out)
    assert (one.shell(again).code, one.versions("16")) == (0, [0, 1])


def test_a_lock_that_is_awaited(fleet: MakeFleet) -> None:
    """A runner that finds the lock taken says who has it, and goes on as soon as it is free."""
    one = fleet(tenants=["1"])
    with one.session("1") as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LEDGER_LOCK])
        pid = other.info.backend_pid
        with one.start("migrate", "--lock-wait", "5") as process:
            assert process.stderr is not None
            line = json.loads(process.stderr.readline())
            other.execute("SELECT pg_advisory_unlock_all()")
            other.commit()
            process.communicate(timeout=60)
    assert (line["event"], line["tenant"]) == ("waiting for another runner", "1")
    assert line["holder"].startswith(f"pid {pid}, ")
    assert (process.returncode, one.versions("1")) == (0, [0, 1])


def test_a_lock_timeout(fleet: MakeFleet) -> None:
    """A table that somebody holds blocks that tenant, which is told from a failure; the file is rolled back."""
    one = fleet(files={"0000_rooms.sql": ROOMS})
    one.run("migrate")
    one.write("0001_rates.sql", f"SET lock_timeout = '100ms';\n{RATES}")
    with one.session("16") as other:
        other.execute("LOCK TABLE rooms")
        done = one.run("migrate", "--lock-wait", "0")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (5, ["applied", "blocked"])
    assert report.text == (
        "tenant 16: blocked: migrations/tenant/0001_rates.sql:2:1: canceling statement due to lock timeout (SQLSTATE"
        " 55P03)\n"
        "  1 | SET lock_timeout = '100ms';\n"
        "  2 | ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);\n"
        "    | ^\n"
        "  hint: find the session that holds the table in pg_stat_activity, and run the same command again\n"
        "  0001_rates was rolled back; the database is now at 0000_rooms\n"
        "2 tenants: 1 applied, 1 blocked in 0 ms\n"
        "next: tenantry migrate --lock-wait 0.0 --tenants 16\n"
    )
    assert one.log("16")[-1] == (1, "blocked", None)
    (again,) = find_commands(done.out)
    assert (one.shell(again).code, one.versions("16")) == (0, [0, 1])


def test_a_terminated_session(fleet: MakeFleet) -> None:
    """A session that the server ends in the middle of a file leaves nothing of it, and the next run finishes."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_rates.sql": f"{RATES}SELECT pg_sleep(60);"})
    with one.start("migrate") as process:
        pid = one.await_activity("1", "pg_sleep(60)")
        one.query("1", f"SELECT pg_terminate_backend({pid})")
        out, _ = process.communicate(timeout=60)
    report = read_report(one, out)
    assert (process.returncode, report.column("result"), one.versions("1")) == (5, ["unreachable"], [0])
    assert report.text.startswith(
        "tenant 1: unreachable: connection lost while 0001_rates ran: terminating connection due to administrator"
        " command\n"
        "  hint: run the same command again: uncommitted changes were rolled back\n"
    )
    one.write("0001_rates.sql", RATES)
    assert (one.run("migrate").code, one.versions("1")) == (0, [0, 1])


def test_nothing_of_a_session_is_left_to_the_next_file(fleet: MakeFleet, role: str) -> None:
    """Settings, a role, a temporary table, LISTEN and a lock of one file reach neither the ledger nor the next file."""
    untidy = (
        "SET search_path = '';\nSET statement_timeout = 60000;\nSET timezone = 'Asia/Tokyo';\n"
        "CREATE TEMP TABLE _migrations (version text);\nLISTEN news;\nSELECT pg_advisory_lock(5);\n"
        f"CREATE ROLE {role};\nSET ROLE {role};\n"
    )
    tidy = (
        "CREATE TABLE seen AS SELECT current_setting('search_path') AS path, current_setting('timezone') AS zone,\n"
        "    current_setting('statement_timeout') AS timeout, current_user::text AS role,\n"
        "    (SELECT count(*) FROM pg_listening_channels()) AS channels,\n"
        "    (SELECT count(*) FROM pg_locks\n"
        "     WHERE locktype = 'advisory' AND objid = 5 AND pid = pg_backend_pid()) AS locks,\n"
        "    to_regclass('pg_temp._migrations')::text AS temporary;\n"
    )
    one = fleet(tenants=["1"], files={"0000_untidy.sql": untidy, "0001_tidy.sql": tidy})
    done = one.run("migrate", "--no-verify")
    assert (done.code, one.versions("1")) == (0, [0, 1]), done.out
    zone = one.query("1", "SHOW timezone")[0][0]
    assert one.query("1", "TABLE seen") == [('"$user", public', zone, "0", "postgres", 0, 0, None)]


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        pytest.param(
            "DO $$ BEGIN COMMIT; END $$;",
            'add the header line "-- transactional: false" if the block or procedure is to commit by itself; otherwise'
            " remove its COMMIT and ROLLBACK: tenantry commits the file together with its row",
            id="COMMIT in a DO block",
        ),
        pytest.param(
            "DO $$ BEGIN EXECUTE 'VACUUM'; END $$;",
            'add the header line "-- transactional: false", and move statements that must commit together into another'
            " file",
            id="VACUUM by EXECUTE",
        ),
    ],
)
def test_what_only_the_server_can_see(fleet: MakeFleet, statement: str, hint: str) -> None:
    """A file that would end the runner's transaction from within fails, is rolled back, and is told what to do."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS, "0001_block.sql": f"CREATE TABLE t ();\n{statement}"})
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, one.versions("1"), one.tables("1")) == (3, [0], ["rooms"])
    assert f"\n  hint: {hint}\n" in report.text


def test_another_tenants_database(fleet: MakeFleet) -> None:
    """A database whose ledger names another tenant, or the master, is refused before anything is done to it."""
    one = fleet(master=MASTER_FILES)
    one.run("migrate")
    before = [one.trace(name) for name in ("master", "1")]
    one.configure(
        "servers: {main: SERVER}\ntenants:\n  migrations: migrations/tenant\n  server: main\n"
        "  list: [{id: 7, database: PREFIX_1}, {id: 8, database: PREFIX_master}]\n"
    )
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (4, ["refused", "refused"])
    assert report.text == (
        "tenant 7: refused: public._migrations: database 'studio_fleet_1' belongs to tenant 1, expected tenant"
        " 7\n"
        "  hint: correct the server or database of this tenant in tenants.yaml\n"
        "tenant 8: refused: public._migrations: database 'studio_fleet_master' belongs to the master, expected"
        " tenant 8\n"
        "  hint: correct the server or database of this tenant in tenants.yaml\n"
        "2 tenants: 2 refused in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 7,8\n"
    )
    assert [one.trace(name) for name in ("master", "1")] == before


def test_a_ledger_that_is_not_ours(fleet: MakeFleet) -> None:
    """A table of that name that is somebody else's, or of a newer layout, is refused and left as it is."""
    one = fleet(files={"0000_rooms.sql": ROOMS})
    one.run("migrate", "--tenants", "16")
    one.query("1", "CREATE TABLE _migrations (id integer, filename text)")
    one.query("16", "UPDATE _migrations SET layout = 99")
    before = [one.trace(name) for name in ("1", "16")]
    done = one.run("migrate")
    report = read_report(one, done.out)
    assert (done.code, report.column("result")) == (4, ["refused", "refused"])
    assert report.text == (
        "tenant 1: refused: public._migrations: not tenantry's ledger, expected the ledger's columns and comment\n"
        '  hint: set another schema under "ledger" in tenants.yaml; if a restore lost the comment, run COMMENT ON TABLE'
        " public._migrations IS 'tenantry ledger, layout 1'\n"
        "tenant 16: refused: public._migrations: layout 99, expected at most 1, the newest that this version of"
        " tenantry knows\n"
        "  hint: a newer version of tenantry has written it: upgrade this one\n"
        "2 tenants: 2 refused in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 1,16\n"
    )
    assert [one.trace(name) for name in ("1", "16")] == before


def test_the_worst_decides_the_exit_code(fleet: MakeFleet) -> None:
    """A failed tenant outweighs a refused one, and that one an unreachable one."""
    one = fleet(tenants=["1", "16"], files={"0000_rooms.sql": ROOMS})
    create_databases(one, "17")
    one.run("migrate", "--tenants", "16")
    one.query("16", "UPDATE _migrations SET checksum = 'sha256:0'")
    one.query("1", "CREATE TABLE rooms ()")
    one.configure(
        f"servers: {{main: SERVER, far: {json.dumps(NOWHERE)}}}\n"
        "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
        "  list: [1, 16, 17, {id: 18, server: far}]\n"
    )
    done = one.run("migrate")
    assert (done.code, read_report(one, done.out).column("result")) == (
        3,
        ["failed", "refused", "applied", "unreachable"],
    )
    assert one.run("migrate", "--tenants", "16,17,18").code == 4
    assert one.run("migrate", "--tenants", "17,18").code == 5


def test_an_unfinished_file(fleet: MakeFleet) -> None:
    """A non-transactional file that fails half-way keeps what it did, and can be finished by hand."""
    one = fleet(tenants=["1"], files={"0000_rooms.sql": ROOMS})
    one.run("migrate")
    one.query("1", "INSERT INTO rooms VALUES (1, 'A'), (2, 'A')")
    statements = "CREATE INDEX CONCURRENTLY a ON rooms (name);\nCREATE UNIQUE INDEX CONCURRENTLY b ON rooms (name);\n"
    one.write("0001_indexes.sql", f"-- transactional: false\n{statements}")
    failed = one.run("migrate")
    report = read_report(one, failed.out)
    assert failed.code == 3
    assert report.text == (
        'tenant 1: failed: migrations/tenant/0001_indexes.sql:3:1: could not create unique index "b" (SQLSTATE 23505)\n'
        "  2 | CREATE INDEX CONCURRENTLY a ON rooms (name);\n"
        "  3 | CREATE UNIQUE INDEX CONCURRENTLY b ON rooms (name);\n"
        "    | ^\n"
        "  detail: Key (name)=(...) is duplicated.\n"
        '  hint: correct the file or the database, then run "tenantry migrate --tenants 1" to resume at this '
        'statement; or finish or undo the file by hand, then run "tenantry mark 1 --tenants 1 --reason ..." '
        'if it is finished, or "tenantry forget 1 --tenants 1 --reason ..." if it is to run again\n'
        "  0001_indexes was left unfinished; the database is now at 0000_rooms\n"
        "1 tenant: 1 failed in 0 ms\n"
        "after fixing that: tenantry migrate --tenants 1\n"
    )
    found = one.run("verify")
    report = read_report(one, found.out)
    assert (found.code, report.column("result")) == (1, ["finding"])
    assert report.text.startswith("tenant 1: 0001_indexes: not finished, 1 of 2 statements done\n  hint: ")
    assert one.query("1", "SELECT state, statements, statements_done FROM _migrations WHERE version = 1") == [
        ("failed", 2, 1)
    ]
    _finish_by_hand(one, failed.out)


def _finish_by_hand(fleet: Fleet, out: str) -> None:
    """Finish the indexes as a DBA does, then type what the hint says."""
    fleet.query("1", "DELETE FROM rooms WHERE id = 2")
    fleet.query("1", "CREATE UNIQUE INDEX CONCURRENTLY b ON rooms (name)")
    mark = next(command for command in find_commands(out) if " mark " in command)
    assert fleet.shell(mark).code == 0
    assert (fleet.run("migrate").code, fleet.versions("1")) == (0, [0, 1])
    assert [event for _, event, _ in fleet.log("1")] == ["applied", "started", "failed", "marked"]


def test_the_checksum_is_the_files(fleet: MakeFleet) -> None:
    """The recorded checksum is that of the file as written, also where a BEGIN ... COMMIT around it was not sent."""
    text = f"BEGIN;\n{ROOMS}COMMIT;\n"
    one = fleet(tenants=["1"], files={"0000_rooms.sql": text})
    one.run("migrate")
    assert one.query("1", "SELECT checksum, sql_text FROM _migrations") == [(checksum(text), text)]


def test_hostile_message(fleet: MakeFleet) -> None:
    """What a database says clears no screen, forges no line of the report and gives a CI no command."""
    said = r"\x1b[2J\x1b[32m2 tenants: 2 applied\x1b[0m\n::error file=x::boo"
    text = (
        "DO $$ BEGIN\n"
        "    IF current_database() LIKE '%\\_16' THEN\n"
        f"        RAISE EXCEPTION E'{said}' USING DETAIL = E'a\\n::notice::b', HINT = E'c\\u202ed';\n"
        "    END IF;\n"
        "END $$;\n"
    )
    one = fleet(tenants=["16"], files={**FILES, "0002_said.sql": text})
    done = one.run("migrate")
    shown = r"\x1b[2J\x1b[32m2 tenants: 2 applied\x1b[0m" + "\n    \\x3a:error file=x::boo"
    assert done.code == 3
    assert shown in done.out
    assert "  detail: a\n      \\x3a:notice::b\n" in done.out
    assert "hint: c\\u202ed" in done.out
    assert not {"\x1b", "\u202e"} & {*done.out, *done.err}
    assert not any(line.lstrip().startswith("::") for line in (done.out + done.err).splitlines())
    lines = one.run("migrate", "--format", "jsonl").out
    failed = next(event for event in read_events(lines) if event["event"] == "migration_failed")
    assert "\x1b[2J" in failed["failure"]["message"]
