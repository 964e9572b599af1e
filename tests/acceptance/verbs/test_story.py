"""The outage that this was made after: three studios, changed by hand in three ways, brought back to one schema."""

import re

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet, read_report
from tests.places import ROOT

MIGRATIONS = ROOT / "migrations" / "tenant"
FILES = {path.name: path.read_text("utf-8") for path in MIGRATIONS.glob("*.sql")}
CHECKS = {path.name: path.read_text("utf-8") for path in (MIGRATIONS / "checks").glob("*.sql")}
TYPED = "ALTER TABLE sessions ADD COLUMN deposit_amount numeric(10,2), ADD COLUMN project_id integer"
HALF = (
    "ALTER TABLE clients ADD COLUMN first_name varchar(100), ADD COLUMN last_name varchar(100),"
    " ADD COLUMN middle_name varchar(100);"
    " CREATE TABLE client_notes (id serial PRIMARY KEY,"
    " client_id integer NOT NULL REFERENCES clients (id) ON DELETE CASCADE, note text NOT NULL,"
    " created_at timestamp NOT NULL DEFAULT now(), created_by integer)"
)
PAGES = "column sessions.project_id does not exist"


@pytest.fixture
def studios(fleet: MakeFleet) -> Fleet:
    """Return a fleet without a ledger: 1 by files 0000 to 0009, 3 with half of 0004, 16 from 0000 and typed columns."""
    one = fleet(tenants=["1", "3", "16"], files=FILES)
    (one.folder / "migrations/tenant/checks").mkdir()
    for name, text in CHECKS.items():
        (one.folder / "migrations/tenant/checks" / name).write_text(text, "utf-8")
    for tenant, newest in (("1", 9), ("3", 3), ("16", 0)):
        for name in sorted(FILES):
            if int(name[:4]) <= newest:
                one.query(tenant, FILES[name])
    one.query("3", HALF)
    one.query("16", TYPED)
    return one


def find_repairs(out: str) -> list[str]:
    """Return the SQL that `adopt` shows below each file that is half there."""
    blocks = re.findall(r"^tenant \S+: \S+: partly applied: .*\n((?:(?:  .*)?\n)*?)  hint: ", out, re.MULTILINE)
    return [re.sub(r"(?m)^  ", "", block) for block in blocks]


def test_three_studios_are_brought_to_one_schema(studios: Fleet) -> None:
    """Consensus shows that they differ, adopt what each has, and after adopt and migrate all three are proven."""
    done = studios.run("drift", "--consensus")
    assert (done.code, read_report(studios, done.out).column("group")) == (1, ["A", "B", "C"])
    assert "tenant 16: sessions.deposit_amount: extra, found numeric(10,2)" in done.out

    found = studios.run("adopt")
    report = read_report(studios, found.out)
    assert found.code == 1
    assert report.column("schema") == ["match 0009", "partial", "partial"]
    assert report.column("present") == ["0000-0009", "0000-0003", "0000"]
    assert report.column("partial") == ["", "0004", "0010"]
    assert report.column("missing") == ["0010 and 0011", "0005-0011", "0001-0009 and 0011"]
    assert (
        "tenant 3: 0004_client_details_and_track_comments: partly applied: 3 of 16 columns, 1 of 3 tables\n"
        in found.out
    )
    assert (
        "tenant 16: 0010_missing_columns: partly applied: 2 of 13 columns, 0 of 1 comment, 0 of 1 constraint\n"
        in found.out
    )
    assert [studios.versions(tenant) for tenant in ("1", "3", "16")] == [[], [], []]

    repair3, repair16 = find_repairs(found.out)
    studios.query("3", repair3)
    studios.query("16", repair16)
    written = studios.run("adopt", "--write")
    assert (written.code, read_report(studios, written.out).column("partial")) == (0, ["", "", ""])
    assert [studios.versions(tenant) for tenant in ("1", "3", "16")] == [
        list(range(10)),
        list(range(5)),
        [0, 10],
    ]
    assert {(version, event) for version, event, _ in studios.log("16")} == {
        (0, "adopted"),
        (10, "adopted"),
        *((version, "allowed") for version in range(1, 10)),
    }

    migrated = studios.run("migrate")
    assert (migrated.code, read_report(studios, migrated.out).column("result")) == (0, ["applied"] * 3), migrated.out
    assert [studios.versions(tenant) for tenant in ("1", "3", "16")] == [list(range(12))] * 3
    verified = studios.run("verify")
    assert (verified.code, read_report(studios, verified.out).column("result")) == (0, ["ok"] * 3), verified.out
    agreed = studios.run("drift", "--consensus")
    assert (agreed.code, read_report(studios, agreed.out).column("tenants")) == (0, ["3"] * 3)


def test_the_pages_failed_before(studios: Fleet) -> None:
    """The queries of the pages fail in a tenant that lacks the thirteen columns although its record says otherwise."""
    studios.run("adopt", "--tenants", "1", "--write")
    studios.run("mark", "10", "--tenants", "1", "--reason", "the tools said success", "--force")
    studios.run("mark", "11", "--tenants", "1", "--reason", "the tools said success", "--force")
    done = studios.run("verify", "--tenants", "1")
    assert done.code == 1
    assert "tenant 1: sessions.deposit_amount: missing, expected numeric(10,2)\n" in done.out
    assert f"tenant 1: migrations/tenant/checks/sessions.sql:23:37: {PAGES} (SQLSTATE 42703)\n" in done.out
    assert "migrations/tenant/checks/invoices.sql" in done.out
    assert "migrations/tenant/checks/time_tracking.sql" in done.out
    assert "migrations/tenant/checks/reports.sql" in done.out
