"""Files against rows: what comparing them refuses, before the first statement."""

from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, Verdict
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int);\n"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id int);\n"}


class TestFilesAgainstRows:
    """What comparing files with rows refuses, before the first statement."""

    def test_file_gone(self, site: MakeSite) -> None:
        """A row whose file is gone refuses the tenant, and the log still has its text."""
        here = site(ROOMS | DESKS)
        here.migrate()
        (here.folder / "migrations/0001_rooms.sql").unlink()
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "missing: 0001_rooms"), 4)
        problem = Problem(
            "0001_rooms: applied to this database, but the file is gone",
            'restore the file ("tenantry log --version 1 --sql --tenants=1" prints its text); or run '
            '"tenantry forget 1 --tenants 1 --reason ..." if its effects have been undone',
        )
        assert ran.of(FindingReported) == [FindingReported("1", problem)]

    def test_file_edited(self, site: MakeSite) -> None:
        """An edited file refuses the tenant with both checksums and what changed, and applies nothing new."""
        here = site({"0001_rooms.sql": "CREATE TABLE rooms (\n  id int,\n  name text\n);\n"})
        here.migrate()
        before = here.rows()[0].checksum
        here.write({"0001_rooms.sql": "CREATE TABLE rooms (\n  id bigint,\n  name text\n);\n"} | DESKS)
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "changed: 0001_rooms"), 4)
        (finding,) = ran.of(FindingReported)
        after = here.project().files(here.project().tenants[0])[0]
        assert finding.problem == Problem(
            f"0001_rooms: edited after it was applied, expected {before}, found {after.checksum}",
            'undo the edit and move it to a new file; or run "tenantry accept 1 --tenants 1 --reason ..." '
            f'if the database already matches the edited file; or add the line "-- replaces: {before}" at the top of '
            "the file to accept the edit for every tenant that ran that text",
        )
        assert finding.detail.splitlines() == [
            "--- 0001_rooms as applied",
            f"+++ {after.path}",
            "@@ -1,4 +1,4 @@",
            " CREATE TABLE rooms (",
            "-  id int,",
            "+  id bigint,",
            "   name text",
            " );",
        ]
        assert not here.has("desks")

    def test_late_file(self, site: MakeSite) -> None:
        """An older file that arrived late refuses the tenant, and runs where it is allowed by name."""
        here = site(DESKS)
        here.migrate()
        here.write(ROOMS)
        ran = here.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "out of order: 0001_rooms"), 4)
        problem = Problem(
            "0001_rooms: not applied, although newer migrations are: the file arrived late",
            'give the file the next free number if no database has it yet; or run "tenantry migrate --tenants 1 '
            '--out-of-order 1" if it can run after the newer ones',
        )
        assert ran.of(FindingReported) == [FindingReported("1", problem)]
        assert not here.has("rooms")
        options = {"to": None, "out_of_order": (1,), "no_verify": True}
        assert here.call("migrate", **options).results == {"1": Result.APPLIED}
        assert here.states() == {1: "applied", 2: "applied"}

    def test_all_at_once(self, site: MakeSite) -> None:
        """Everything that is wrong is said at once, and not the first thing alone."""
        here = site(ROOMS | DESKS | {"0005_last.sql": "SELECT 1"})
        here.migrate()
        (here.folder / "migrations/0001_rooms.sql").unlink()
        here.write({"0002_desks.sql": DESKS["0002_desks.sql"] + "SELECT 1;\n", "0003_late.sql": "SELECT 1"})
        ran = here.migrate()
        assert ran.verdict().reason == "changed: 0002_desks; missing: 0001_rooms; out of order: 0003_late"
        assert len(ran.of(FindingReported)) == 3
