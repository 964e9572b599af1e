"""The proof that a run of migrate ends with."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.ledger.ledger import Ledger
from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, Verdict
from tenantry.model.results import Result
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import lend_role
from tests.integration.proof.fix_proven import DESKS, INDEX, LAMPS, NO_PLACE, ROOMS, MakeProven, as_role, said


class TestMigrate:
    def test_proven(self, proven: MakeProven) -> None:
        """Exit code 0 means that the schema was seen to be what the files stand for."""
        here = proven({})
        here.site.write(ROOMS | DESKS | INDEX)
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.APPLIED), 0)

    def test_drift(self, proven: MakeProven) -> None:
        """What is wrong although all files ran is named with exit code 1, and what was applied stays."""
        here = proven(ROOMS)
        here.site.query("ALTER TABLE rooms DROP fee")
        here.site.write(DESKS)
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.FINDING, "applied, but 1 difference"), 1)
        assert said(ran) == ["rooms.fee: missing, expected numeric(10,2)"]
        assert here.site.states() == {1: "applied", 2: "applied"}
        assert here.site.has("desks")

    def test_again(self, proven: MakeProven) -> None:
        """What was proven after its files ran is proven by its token afterwards, and no longer once it has changed."""
        here = proven(ROOMS, tenants=("1", "2"))
        here.site.write(DESKS)
        assert here.migrate().exit_code == 0
        here.site.query("CREATE POLICY p ON rooms", "2")
        assert here.verify().results == {"1": Result.OK, "2": Result.FINDING}

    def test_no_verify(self, proven: MakeProven) -> None:
        """With --no-verify nothing is proven, and nothing is replayed."""
        here = proven(ROOMS)
        here.site.query("ALTER TABLE rooms DROP fee")
        here.site.write(DESKS)
        here.close_place()
        ran = here.migrate(no_verify=True, allow=("unmeasured",))
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.APPLIED), 0)

    def test_no_place(self, proven: MakeProven) -> None:
        """Without a place to replay the files, what was applied stays and is not said to be proven."""
        here = proven(ROOMS)
        here.site.write(DESKS)
        here.close_place()
        ran = here.migrate(allow=("unmeasured",))
        assert (ran.results, ran.exit_code) == ({"1": Result.FINDING}, 1)
        assert ran.verdict().reason.startswith(f"applied, but not proven: {NO_PLACE}")
        assert ran.verdict().hint == (
            "correct TENANTRY_SCRATCH, or unset it so that the files are replayed elsewhere\n"
            "or skip the proof with --no-verify"
        )
        assert here.site.states() == {1: "applied", 2: "applied"}

    def test_no_right_to_create(self, proven: MakeProven) -> None:
        """A role that may not create a scratch database is told what would help; what was applied stays."""
        here = proven({})
        here.site.write(ROOMS)
        with lend_role(here.site) as role:
            here.site.query(f"GRANT CREATE ON SCHEMA public TO {role}")
            here.environment["TENANTRY_SCRATCH"] = make_conninfo(here.site.server, user=role)
            ran = here.migrate()
        assert ran.verdict().reason == (
            "applied, but not proven: server 'scratch': no scratch database to replay the files on: "
            "permission denied to create database"
        )
        assert ran.exit_code == 1

    def test_catalog_not_readable(self, proven: MakeProven) -> None:
        """Where the catalog may not be read, the ledger cannot be known to be ours, and the file is rolled back."""
        here = proven(ROOMS)
        here.site.write(LAMPS)
        here.site.query("REVOKE SELECT ON pg_catalog.pg_index FROM PUBLIC")
        rights = (
            "CREATE ON SCHEMA public",
            "ALL ON _migrations, _migrations_log",
            "ALL ON ALL SEQUENCES IN SCHEMA public",
        )
        with as_role(here, *rights) as seen:
            ran = seen.migrate()
        assert here.site.states() == {1: "applied"}
        assert ran.verdict().reason == "permission denied for table pg_index, 0004_lamps was rolled back"
        assert ran.exit_code == 3

    def test_up_to_date(self, proven: MakeProven) -> None:
        """A tenant that nothing is applied to is seen to be as it was proven, without a replay or a full read."""
        here = proven(ROOMS)
        assert here.migrate().verdict() == Verdict(Result.UP_TO_DATE)
        here.close_place()
        assert here.migrate().verdict() == Verdict(Result.UP_TO_DATE)

    def test_changed_by_hand(self, proven: MakeProven) -> None:
        """Nothing to apply is no success where somebody has changed the schema since."""
        here = proven(ROOMS)
        assert here.migrate().exit_code == 0
        assert {row.proven for row in here.site.rows()} == {True}
        here.site.query("ALTER TABLE rooms DROP fee")
        changed = here.migrate()
        assert changed.verdict() == Verdict(Result.FINDING, "up to date, but 1 difference")
        told = [event.problem.message for event in changed.events if isinstance(event, FindingReported)]
        assert told == ["rooms.fee: missing, expected numeric(10,2)"]
        here.site.query("ALTER TABLE rooms ADD fee numeric(10,2)")
        assert here.migrate().verdict() == Verdict(Result.UP_TO_DATE)

    @pytest.mark.parametrize("verb", ["forget", "accept"])
    def test_another_record(self, proven: MakeProven, verb: str) -> None:
        """What was proven counts for the record that it was held against, and for no other."""
        here = proven(ROOMS | DESKS)
        assert here.migrate().exit_code == 0
        here.site.write({"0002_desks.sql": "-- Desks.\n" + DESKS["0002_desks.sql"]})
        here.site.call(verb, version=2, tenants="all")
        here.close_place()
        assert here.verify().exit_code != 0

    def test_full(self, proven: MakeProven) -> None:
        """With --full, also what has not changed is held against the files again."""
        here = proven(ROOMS)
        assert here.verify().verdict() == Verdict(Result.OK)
        for expected in Path(here.environment["TENANTRY_CACHE"], "expected").glob("*.json"):
            expected.unlink()
        here.close_place()
        assert here.verify().verdict() == Verdict(Result.OK)
        assert here.call("verify", full=True).exit_code == 4

    @pytest.mark.parametrize(
        ("change", "exit_code"),
        [
            ("GRANT INSERT ON public._migrations TO PUBLIC", 1),
            ("GRANT UPDATE (checksum) ON public._migrations_log TO PUBLIC", 1),
            ("CREATE INDEX late ON public._migrations (abs(version))", 4),
            ("UPDATE public._migrations SET sql_text = 'other'", 1),
        ],
    )
    def test_ledger_changed_since(self, proven: MakeProven, change: str, exit_code: int) -> None:
        """Whatever is wrong with the ledger is found although the schema was proven with a sound one before."""
        here = proven(ROOMS)
        assert here.verify().exit_code == here.verify().exit_code == 0
        here.site.query(change)
        assert here.verify().exit_code == here.verify().exit_code == exit_code

    def test_sound_ledger_not_read_again(self, proven: MakeProven, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the token of a proof, the tables of the ledger are not compared again; with --full, they are."""
        here, compared = proven(ROOMS), list[Ledger]()

        def compare(ledger: Ledger) -> list[Problem]:
            compared.append(ledger)
            return []

        monkeypatch.setattr("tenantry.verbs.verify.find_ledger_faults", compare)
        assert here.verify().exit_code == here.verify().exit_code == 0
        assert len(compared) == 1
        assert here.call("verify", full=True).exit_code == 0
        assert len(compared) == 2

    def test_no_name(self, proven: MakeProven, monkeypatch: pytest.MonkeyPatch) -> None:
        """A fingerprint that differs is a finding, also where no difference has a name."""
        here = proven(ROOMS)
        here.site.query("ALTER TABLE rooms DROP fee")
        monkeypatch.setattr("tenantry.schema.differences.compare_schemas", lambda expected, found: ())
        ran = here.migrate()
        assert (ran.exit_code, said(ran)) == (
            1,
            ["the schema differs from the expected one, but no single object does; please report this"],
        )

    def test_red_until_it_is_right(self, proven: MakeProven) -> None:
        """A run that could not be proven is not made good by running it again, but by mending what is wrong."""
        here = proven(ROOMS)
        here.site.query("ALTER TABLE rooms DROP fee")
        here.site.write(DESKS)
        assert here.migrate().exit_code == 1
        again = here.migrate()
        assert (again.verdict(), again.exit_code) == (Verdict(Result.FINDING, "up to date, but 1 difference"), 1)
        here.site.query("ALTER TABLE rooms ADD fee numeric(10,2)")
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.UP_TO_DATE), 0)

    def test_older_target(self, proven: MakeProven) -> None:
        """With --to the tenant is held against the version that it has then."""
        here = proven({})
        here.site.write(ROOMS | DESKS)
        assert here.migrate(to=1).verdict() == Verdict(Result.APPLIED)
        assert here.site.states() == {1: "applied"}

    def test_master(self, proven: MakeProven, database: MakeDatabase) -> None:
        """A master with a difference keeps no tenant from starting, and decides the exit code."""
        here = proven({})
        here.site.write(ROOMS)
        name = str(conninfo_to_dict(database())["dbname"])
        (here.site.folder / "master").mkdir()
        (here.site.folder / "master" / "0001_offices.sql").write_text("CREATE TABLE offices (id int);\n", "utf-8")
        here.configure(f"master: {{server: main, database: {name}, migrations: master}}\nexpect: [rooms.fee]\n")
        with psycopg.connect(make_conninfo(here.site.server, dbname=name), autocommit=True) as connection:
            connection.execute("CREATE TABLE stray (id int)")
        ran = here.migrate()
        assert ran.results == {"master": Result.FINDING, "1": Result.APPLIED}
        assert (said(ran, "master"), ran.exit_code) == (["stray: extra, found a table"], 1)
