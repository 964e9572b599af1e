"""Proofs on each server: every planted difference is found, and nothing that was not planted."""

from pathlib import Path

import psycopg
import pytest

from tenantry.model.events import FindingReported, Verdict
from tenantry.model.results import Result
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import lend_role
from tests.integration.proof.fix_proven import DESKS, INDEX, LAMPS, ROOMS, MakeProven, prepare, said

# What somebody did by hand, and what is said of it.
PLANTED = {
    "a column dropped": ("ALTER TABLE rooms DROP fee", ["rooms.fee: missing, expected numeric(10,2)"]),
    "a type changed": ("ALTER TABLE rooms ALTER fee TYPE text", ["rooms.fee: type text, expected numeric(10,2)"]),
    "a type narrowed": (
        "ALTER TABLE rooms ALTER fee TYPE numeric(10,1)",
        ["rooms.fee: type numeric(10,1), expected numeric(10,2)"],
    ),
    "not null dropped": ("ALTER TABLE rooms ALTER name DROP NOT NULL", ["rooms.name: nullable, expected not null"]),
    "a table too much": ("CREATE TABLE notes (id int PRIMARY KEY)", ["notes: extra, found a table"]),
    "a table dropped": ("DROP TABLE desks", ["desks: missing, expected a table"]),
    "an index dropped": (
        "DROP INDEX desks_once",
        ["index desks_once: missing, expected CREATE UNIQUE INDEX desks_once ON public.desks USING btree (id)"],
    ),
    "a constraint not validated": (
        "ALTER TABLE desks DROP CONSTRAINT desks_room, ADD CONSTRAINT desks_room CHECK (room > 0) NOT VALID",
        ["constraint desks.desks_room: NOT VALID"],
    ),
    "several": (
        "ALTER TABLE rooms DROP fee; DROP TABLE desks; CREATE VIEW v AS SELECT 1 AS one",
        ["desks: missing, expected a table", "rooms.fee: missing, expected numeric(10,2)", "view v: extra"],
    ),
}


class TestPlanted:
    @pytest.mark.parametrize(("statement", "lines"), PLANTED.values(), ids=PLANTED)
    def test_named(self, proven: MakeProven, statement: str, lines: list[str]) -> None:
        """What somebody changed by hand is named, and nothing else is."""
        here = proven(ROOMS | DESKS)
        assert (here.verify().verdict(), here.verify().exit_code) == (Verdict(Result.OK), 0)
        here.site.query(statement)
        ran = here.verify()
        assert sorted(said(ran)) == lines
        count = "1 difference" if len(lines) == 1 else f"{len(lines)} differences"
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.FINDING, count), 1)

    def test_invalid_index(self, proven: MakeProven) -> None:
        """An index that was left invalid is named, although it is there and has the right definition."""
        here = proven(ROOMS | DESKS)
        here.site.query("DROP INDEX desks_once; INSERT INTO desks VALUES (1, 1), (1, 2)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            here.site.query("CREATE UNIQUE INDEX CONCURRENTLY desks_once ON desks (id)")
        assert said(here.verify()) == ["index desks_once: not maintained by writes", "index desks_once: INVALID"]

    def test_left_so_by_the_files(self, proven: MakeProven) -> None:
        """A constraint that the files themselves leave unvalidated is as expected."""
        fee = "ALTER TABLE rooms ADD CONSTRAINT fee CHECK (fee > 0) NOT VALID;\n"
        here = proven(ROOMS | {"0002_fee.sql": fee})
        assert here.verify().verdict() == Verdict(Result.OK)
        here.site.query("ALTER TABLE rooms VALIDATE CONSTRAINT fee")
        assert said(here.verify()) == ["constraint rooms.fee: validated, expected NOT VALID"]

    def test_many(self, proven: MakeProven) -> None:
        """More differences than anybody reads are counted, with the command that shows them."""
        here = proven(ROOMS)
        here.site.query("".join(f"CREATE TABLE t{number:02} (id int);" for number in range(60)))
        ran = here.verify()
        assert said(ran) == [*(f"t{number:02}: extra, found a table" for number in range(50)), "10 more differences"]
        assert ran.of(FindingReported)[-1].problem.hint == 'see them with "tenantry drift --tenants 1"'

    def test_each_server(self, any_database: MakeDatabase, tmp_path: Path) -> None:
        """On each server the files give the same schema again, and a difference is found."""
        here = prepare(any_database, tmp_path, ROOMS | DESKS | INDEX)
        assert here.verify().verdict() == Verdict(Result.OK)
        here.site.query("ALTER TABLE rooms DROP fee")
        assert said(here.verify()) == ["rooms.fee: missing, expected numeric(10,2)"]

    @pytest.mark.parametrize("schema", ["book", "Book keeping"])
    def test_ledger_elsewhere(self, proven: MakeProven, schema: str) -> None:
        """A ledger in a schema of its own is no difference."""
        here = proven(ROOMS, schema=schema)
        assert here.verify().verdict() == Verdict(Result.OK)


class TestScope:
    @pytest.mark.parametrize("pattern", ["{kind: table, name: public.notes}", '{name: "public.not?s*"}'])
    def test_ignored(self, proven: MakeProven, pattern: str) -> None:
        """What is ignored by kind and name is no difference, with all that belongs to it; the rest still is."""
        here = proven(ROOMS)
        here.site.query("CREATE TABLE notes (id int PRIMARY KEY); CREATE TABLE other (id int)")
        here.configure(f"drift: {{ignore: [{pattern}]}}\n")
        assert said(here.verify()) == ["other: extra, found a table"]

    def test_roles(self, proven: MakeProven) -> None:
        """A role of the tenant's own counts as the word that stands for it; without that it is a difference."""
        here = proven(ROOMS)
        with lend_role(here.site) as shared, lend_role(here.site) as prefix:
            own = f"{prefix}_1"
            here.site.query(f"CREATE ROLE {own}; GRANT SELECT ON rooms TO {own}")
            here.site.query(f"REVOKE ALL ON SCHEMA public FROM {shared}, {prefix}")
            here.site.write({"0002_rights.sql": f"GRANT SELECT ON rooms TO {shared};\n"})
            try:
                assert here.call("mark", version=2, reason="done by hand", force=True).exit_code == 0
                assert said(here.verify()) == [f"rooms: grants {own}: SELECT, expected {shared}: SELECT"]
                here.configure(f"drift: {{roles: {{'{prefix}_{{id}}': {shared}}}}}\n")
                assert here.verify().verdict() == Verdict(Result.OK)
            finally:
                here.site.query(f"DROP OWNED BY {own}; DROP ROLE {own}")

    def test_expected_columns(self, proven: MakeProven) -> None:
        """Each column that tenants.yaml expects and that is missing, of another type or nullable is named."""
        here = proven(ROOMS)
        here.configure(
            "expect:\n  - rooms.id int not null\n  - rooms.price\n  - rooms.name varchar\n  - rooms.fee not null\n"
        )
        assert said(here.verify()) == [
            "rooms.price: missing, expected a column by tenants.yaml",
            "rooms.name: type text, expected character varying by tenants.yaml",
            "rooms.fee: may be null, expected not null by tenants.yaml",
        ]

    def test_expected_columns_and_drift(self, proven: MakeProven) -> None:
        """What is expected is looked for in what is there, and not in what the files stand for."""
        here = proven(ROOMS)
        here.configure("expect: [rooms.fee]\n")
        assert here.verify().verdict() == Verdict(Result.OK)
        here.site.query("ALTER TABLE rooms DROP fee")
        assert said(here.verify()) == [
            "rooms.fee: missing, expected numeric(10,2)",
            "rooms.fee: missing, expected a column by tenants.yaml",
        ]

    def test_checks(self, proven: MakeProven) -> None:
        """A check that does not hold is a finding with its excerpt; one for later versions is not run yet."""
        here = proven(ROOMS | DESKS)
        (here.site.folder / "migrations" / "checks").mkdir()
        here.site.write(
            {
                "checks/a.sql": "SELECT name, price\nFROM rooms;\nSELECT count(*) = 0 FROM rooms;\n",
                "checks/later.sql": "-- from: 0004\nSELECT false;\n",
                **LAMPS,
            }
        )
        ran = here.verify()
        found = ran.of(FindingReported)[-1]
        assert found.problem.message.endswith(
            'migrations/checks/a.sql:1:14: column "price" does not exist (SQLSTATE 42703)'
        )
        assert "SELECT name, price" in found.detail
        assert len(said(ran)) == 2  # with the file that is pending
        assert [line.split("checks/")[1] for line in said(here.migrate())] == [
            'a.sql:1:14: column "price" does not exist (SQLSTATE 42703)',
            "later.sql:2:1: returned (false), expected no row, or one that is true",
        ]
