"""`drift`: what differs from the files, from another tenant, from a file of SQL, or from what most tenants have."""

import json
import secrets
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.fix_command import FILES, MASTER_FILES, NOWHERE, Fleet, MakeFleet, read_events, read_report
from tests.fix_postgres import binaries_of

DROPPED = "tenant 16: rooms.rate: missing, expected numeric(10,2)\n"
ADDED = "tenant 16: index dba_rooms: extra, found CREATE INDEX dba_rooms ON public.rooms USING btree (name)\n"
TIE = (
    "tenants 1, 16: finding: no majority: A 1, B 1\n  hint: choose the tenant that is right with --against tenant:ID\n"
)
DRIFT = "ALTER TABLE rooms DROP COLUMN rate; CREATE INDEX dba_rooms ON rooms (name)"


def run_script(one: Fleet, name: str, script: str) -> None:
    """Run SQL in a tenant as a person does, with psql."""
    command: list[str | Path] = [binaries_of("17") / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", one.dsn(name)]
    done = subprocess.run(command, input=script, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def write_dump(one: Fleet, name: str, path: Path, *options: str) -> str:
    """Write what pg_dump prints of a tenant, as it prints it."""
    command: list[str | Path] = [binaries_of("17") / "pg_dump", *options, "--dbname", one.dsn(name)]
    text = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    path.write_text(text, "utf-8")
    return text


@pytest.fixture
def migrated(fleet: MakeFleet) -> Fleet:
    """Return a fleet of two tenants that are at the head."""
    one = fleet(files=FILES)
    assert one.run("migrate", "--no-verify").code == 0
    return one


def test_against_files(migrated: Fleet) -> None:
    """What was dropped and added by hand is named, what is pending is no drift, and tenants as recorded are ok."""
    migrated.write("0002_notes.sql", "CREATE TABLE notes ();\n")
    migrated.query("16", DRIFT)
    before = migrated.trace("16")
    done = migrated.run("drift")
    assert done.code == 1
    assert read_report(migrated, done.out).column("result") == ["ok", "finding"]
    assert DROPPED + ADDED in done.out
    assert migrated.trace("16") == before
    assert migrated.run("drift", "--tenants", "1").code == 0
    events = read_events(migrated.run("drift", "--format", "jsonl").out)
    assert [event["problem"]["message"] for event in events if event["event"] == "finding_reported"] == [
        line.removeprefix("tenant 16: ").rstrip("\n") for line in (DROPPED, ADDED)
    ]
    assert (events[-1]["event"], events[-1]["exit_code"]) == ("run_finished", 1)


def test_draft_makes_it_match(migrated: Fleet) -> None:
    """The statements of --sql make a tenant match, once a person has decided about what they drop."""
    migrated.query("16", DRIFT)
    script = migrated.run("drift", "--sql")
    assert script.code == 1
    assert "-- DROP INDEX public.dba_rooms;" in script.out
    run_script(migrated, "16", script.out.replace("-- DROP", "DROP"))
    assert migrated.run("drift").code == 0


def test_against_tenant(migrated: Fleet) -> None:
    """Tenants are held against another one, which must be known and there."""
    migrated.query("16", DRIFT)
    done = migrated.run("drift", "--against", "tenant:1")
    assert done.code == 1
    assert DROPPED + ADDED in done.out
    unknown = migrated.run("drift", "--against", "tenant:x")
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err == "error: --against: unknown tenant 'x', expected one of 1, 16\n"
    several = migrated.run("drift", "--against", "tenant:1,16")
    assert (several.code, several.out) == (2, "")
    assert several.err.startswith("error: --against: unknown tenant '1,16', expected one of 1, 16\n")


def test_tenant_on_a_server_that_nobody_selected(fleet: MakeFleet) -> None:
    """The tenant that others are held against may be on another server than they."""
    one = fleet(files=FILES)
    one.configure(
        "servers: {main: SERVER, other: SERVER}\n"
        "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
        "  list: [16, {id: 1, server: other}]\n"
    )
    assert one.run("drift", "--tenants", "16", "--against", "tenant:1").code == 0


def test_against_dump(migrated: Fleet) -> None:
    """What pg_dump wrote is compared as it is; one with data is refused, and so is no file at all."""
    dump = write_dump(migrated, "1", migrated.folder / "schema.sql", "--schema-only")
    assert "\\restrict" in dump
    assert migrated.run("drift", "--against", "schema.sql").code == 0
    migrated.query("16", DRIFT)
    done = migrated.run("drift", "--against", "schema.sql")
    assert done.code == 1
    assert DROPPED + ADDED in done.out
    (migrated.folder / "none.sql").write_text("-- none\n", "utf-8")
    none = migrated.run("drift", "--against", "none.sql")
    message = "error: none.sql: no statements, expected those that create the schema\n"
    assert (none.code, none.out, none.err) == (2, "", message)
    absent = migrated.run("drift", "--against", "absent.sql")
    message = "error: --against: 'absent.sql' is not a file, expected files, tenant:ID or a file of SQL\n"
    assert (absent.code, absent.err) == (2, message)


def test_against_dump_with_data(migrated: Fleet) -> None:
    """A dump that holds data is refused at the first of it, whatever the data looks like."""
    migrated.query("1", "INSERT INTO rooms VALUES (1, 'it''s $one$ /* \"room')")
    write_dump(migrated, "1", migrated.folder / "whole.sql", "--table=rooms")
    done = migrated.run("drift", "--against", "whole.sql")
    assert (done.code, done.out) == (2, "")
    line = (migrated.folder / "whole.sql").read_text("utf-8").split("\nCOPY ")[0].count("\n") + 2
    assert done.err == (
        f'error: whole.sql:{line}:1: holds data, expected a schema\nhint: create it with "pg_dump --schema-only"\n'
    )


def test_consensus(fleet: MakeFleet) -> None:
    """Without any record, tenants are grouped by their schemas, and the master is none of them."""
    one = fleet(tenants=["1", "3", "16"], files=FILES, master=MASTER_FILES)
    for name in ("1", "3", "16"):
        for text in FILES.values():
            one.query(name, text)
    one.query("16", DRIFT)
    done = one.run("drift", "--consensus")
    report = read_report(one, done.out)
    assert done.code == 1
    assert list(zip(report.column("tenant"), report.column("group"), report.column("tenants"), strict=True)) == [
        ("1", "A", "2"),
        ("3", "A", "2"),
        ("16", "B", "1"),
    ]
    assert DROPPED + ADDED in done.out
    for name in ("16", "master"):
        alone = one.run("drift", "--consensus", "--tenants", name)
        message = "error: --consensus: 1 tenant is selected, expected two or more to compare\n"
        assert (alone.code, alone.out, alone.err) == (2, "", message)
    message = "--tenants: master together with tenants, expected one or the other: their schemas differ by design"
    for compared in (["--consensus"], ["--against", "tenant:1"]):
        both = one.run("drift", *compared, "--tenants", "master,1,3")
        assert (both.code, both.out, both.err) == (2, "", f"error: {message}\n")


def test_roles(migrated: Fleet) -> None:
    """Where tenants are read as several roles, each row says as which: what that role owns counts as its own."""
    role = f"clerk_{secrets.token_hex(4)}"
    migrated.query("1", f"CREATE ROLE {role} LOGIN SUPERUSER")
    try:
        migrated.configure(
            f"servers: {{main: SERVER, other: {json.dumps(f'{migrated.server} user={role}')}}}\n"
            "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
            "  list: [1, {id: 16, server: other}]\n"
        )
        done = migrated.run("drift", "--consensus")
        assert read_report(migrated, done.out).column("role") == ["postgres", role]
        migrated.configure(
            "servers: {main: SERVER}\n"
            "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
            f"  list: [1, {{id: 16, role: {role}}}]\n"
        )
        done = migrated.run("drift", "--consensus")
        assert read_report(migrated, done.out).column("role") == ["postgres", role]
    finally:
        migrated.query("1", f"DROP ROLE {role}")


def test_no_majority(migrated: Fleet) -> None:
    """Where two groups are the largest, none is called right: both end in a finding, and their difference is shown."""
    migrated.query("16", DRIFT)
    done = migrated.run("drift", "--consensus", "--format", "jsonl")
    ends = {event["tenant"]: event["verdict"] for event in read_events(done.out) if "verdict" in event}
    assert {name: (end["result"], end["reason"]) for name, end in ends.items()} == dict.fromkeys(
        ("1", "16"), ("finding", "no majority: A 1, B 1")
    )
    assert done.code == 1
    shown = migrated.run("drift", "--consensus").out
    assert DROPPED + ADDED in shown
    assert TIE in shown


def test_one_that_can_be_read(migrated: Fleet) -> None:
    """A tenant that no other one can be compared with is refused, and never taken for what most have."""
    migrated.configure(
        f"servers: {{main: SERVER, away: {NOWHERE}}}\n"
        "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
        "  list: [1, {id: 16, server: away}]\n"
    )
    done = migrated.run("drift", "--consensus")
    assert (done.code, read_report(migrated, done.out).column("result")) == (4, ["refused", "unreachable"])
    assert "no other tenant could be read, expected two or more to compare" in done.out


def test_no_record(fleet: MakeFleet) -> None:
    """A tenant without a record is refused with what can be done; one that is not there is unreachable."""
    one = fleet(tenants=["1"], files=FILES)
    done = one.run("drift")
    assert done.code == 4
    assert "no record of migrations, so the expected schema is unknown" in done.out
    assert 'run "tenantry adopt --tenants 1", or compare with --consensus or --against' in done.out
    away = one.run("drift", "--server", "main=host=/nowhere user=postgres")
    assert (away.code, read_report(one, away.out).column("result")) == (5, ["unreachable"])
