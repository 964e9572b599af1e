"""What a proof records of a tenant, and what it must not take for one."""

from tenantry.model.events import Verdict
from tenantry.model.results import Result
from tests.integration.proof.fix_proven import DESKS, INDEX, NO_PLACE, ROOMS, MakeProven, as_role, said


class TestRecord:
    def test_edited(self, proven: MakeProven) -> None:
        """An edited file is a finding of its own: the schema is held against the text that ran."""
        here = proven(ROOMS | DESKS)
        here.site.write({"0001_rooms.sql": "CREATE TABLE rooms (id bigint);\n"})
        ran = here.verify()
        assert [line.split(",")[0] for line in said(ran)] == ["0001_rooms: edited after it was applied"]
        here.site.query("ALTER TABLE rooms DROP fee")
        assert said(here.verify())[1:] == ["rooms.fee: missing, expected numeric(10,2)"]

    def test_deleted(self, proven: MakeProven) -> None:
        """A deleted file's text is known from the record, also one that cannot run in a transaction."""
        here = proven(ROOMS | DESKS | INDEX)
        for name in (*DESKS, *INDEX):
            (here.site.folder / "migrations" / name).unlink()
        assert said(here.verify()) == [
            "0002_desks: applied to this database, but the file is gone",
            "0003_index: applied to this database, but the file is gone",
        ]

    def test_edited_header(self, proven: MakeProven) -> None:
        """How a recorded text is to run is said by its own header, whatever the file says now."""
        here = proven(ROOMS | INDEX)
        here.site.write({"0003_index.sql": "CREATE INDEX rooms_name ON rooms (name);\n"})
        assert [line.split(",")[0] for line in said(here.verify())] == ["0003_index: edited after it was applied"]

    def test_older_version(self, proven: MakeProven) -> None:
        """A tenant is held against its own version; what is pending is said, and is no difference of schema."""
        here = proven(ROOMS)
        here.site.write(DESKS)
        ran = here.verify()
        assert (said(ran), ran.exit_code) == (["0002_desks: pending"], 1)
        here.site.query("CREATE TABLE desks (id int)")
        assert said(here.verify()) == ["0002_desks: pending", "desks: extra, found a table"]

    def test_lying_record(self, proven: MakeProven) -> None:
        """A version that was recorded and never ran is found out."""
        here = proven(ROOMS)
        here.site.write(DESKS)
        assert here.call("mark", version=2, reason="it surely ran", force=True).exit_code == 0
        assert said(here.verify()) == ["desks: missing, expected a table"]

    def test_no_record(self, proven: MakeProven) -> None:
        """Where nothing is recorded there is nothing to prove, and all is pending."""
        here = proven({})
        here.site.write(ROOMS)
        here.close_place()
        assert said(here.verify()) == ["0001_rooms: pending"]


class TestUnknown:
    def test_no_place(self, proven: MakeProven) -> None:
        """A schema that cannot be known is not taken for proven."""
        here = proven(ROOMS)
        here.close_place()
        ran = here.verify()
        assert (ran.results, ran.exit_code) == ({"1": Result.REFUSED}, 4)
        assert ran.verdict().reason.startswith(NO_PLACE)
        assert ran.verdict().hint.startswith("correct TENANTRY_SCRATCH")

    def test_findings_are_not_lost(self, proven: MakeProven) -> None:
        """What files and record say is told also where the schema cannot be known."""
        here = proven(ROOMS)
        here.site.write(DESKS)
        here.close_place()
        ran = here.verify()
        assert (ran.results, said(ran)) == ({"1": Result.REFUSED}, ["0002_desks: pending"])

    def test_no_right_to_the_ledger(self, proven: MakeProven) -> None:
        """A ledger that may not be read is a failure."""
        here = proven(ROOMS)
        with as_role(here, "SELECT ON rooms") as seen:
            ran = seen.verify()
        assert (ran.results, ran.exit_code) == ({"1": Result.REFUSED}, 4)

    def test_no_right_to_the_catalog(self, proven: MakeProven) -> None:
        """A catalog that may not be read is a failure, with what would help."""
        here = proven(ROOMS)
        here.site.query("REVOKE SELECT ON pg_catalog.pg_index FROM PUBLIC")
        with as_role(here, "SELECT ON _migrations") as seen:
            ran = seen.verify()
        assert (ran.verdict(), ran.exit_code) == (
            Verdict(
                Result.REFUSED,
                "public._migrations: permission denied for table pg_index",
                "grant the role SELECT on it, which every role has by default",
            ),
            4,
        )

    def test_no_right_to_a_table(self, proven: MakeProven) -> None:
        """A check on a table that may not be read does not hold."""
        here = proven(ROOMS)
        (here.site.folder / "migrations" / "checks").mkdir()
        here.site.write({"checks/a.sql": "SELECT FROM rooms LIMIT 0;\n"})
        with as_role(here, "SELECT ON _migrations") as seen:
            ran = seen.verify()
        assert said(ran)[-1].endswith("checks/a.sql:1:1: permission denied for table rooms (SQLSTATE 42501)")

    def test_database_gone(self, proven: MakeProven) -> None:
        """A tenant whose database is gone is refused, and the others are proven."""
        here = proven(ROOMS, tenants=("1", "2"))
        name = here.site.databases["1"]
        here.site.query(f"DROP DATABASE {name} WITH (FORCE)", "2")
        ran = here.verify()
        assert ran.results == {"1": Result.REFUSED, "2": Result.OK}
        assert ran.exit_code == 4
