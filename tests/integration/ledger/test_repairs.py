"""Rows that a person changes: each with who and why, and nothing else with them."""

import pytest

from tenantry.model import Origin, RowState
from tenantry.model.events import RepairMade, RepairProposed, Verdict
from tenantry.model.results import Result, Standing
from tests.integration.fix_site import MakeSite

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int);\n"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id int);\n"}
INDEX = {"0002_index.sql": "-- transactional: false\nCREATE INDEX i ON rooms (id);\nCREATE INDEX i ON rooms (id);\n"}
LEDGERS = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname LIKE '\\_migrations%'"


class TestRepairs:
    def test_accept(self, any_site: MakeSite) -> None:
        """Accept writes what the file says now, runs nothing, and keeps what was recorded before in the log."""
        here = any_site(ROOMS)
        here.migrate()
        (before,) = here.rows()
        (here.folder / "migrations/0001_rooms.sql").unlink()
        here.write({"0001_halls.sql": "-- Halls.\n" + ROOMS["0001_rooms.sql"]})
        ran = here.call("accept", version=1, reason="a comment")
        (after,) = here.rows()
        proposed = (
            f"0001_rooms: checksum {before.checksum} becomes {after.checksum}",
            "0001_rooms: name becomes 0001_halls",
        )
        kinds = [type(event) for event in ran.events]
        assert kinds[kinds.index(RepairProposed) :][:2] == [RepairProposed, RepairMade]
        assert ran.of(RepairProposed) == [RepairProposed("1", proposed)]
        assert ran.verdict() == Verdict(Result.APPLIED, proposed[0])
        assert (after.name, after.state, after.finished_at) == ("halls", RowState.APPLIED, before.finished_at)
        entry = here.log()[-1]
        assert (entry.event, entry.reason, entry.checksum) == ("accepted", "a comment", after.checksum)
        assert (entry.detail["checksum"], entry.detail["name"]) == (before.checksum, "rooms")
        assert entry.detail["sql_text"] == ROOMS["0001_rooms.sql"]
        assert here.query("SELECT sql_text FROM _migrations") == [("-- Halls.\n" + ROOMS["0001_rooms.sql"],)]
        assert here.migrate().results == {"1": Result.UP_TO_DATE}

    def test_mark(self, any_site: MakeSite) -> None:
        """Mark records a file as applied without running it, also where there is no ledger yet."""
        here = any_site(ROOMS)
        ran = here.call("mark", version=1, reason="typed in", force=True)
        (row,) = here.rows()
        assert ran.of(RepairProposed) == [
            RepairProposed(
                "1",
                (
                    "0001_rooms: is recorded as applied, origin marked, without being run",
                    "its effects are missing in the schema",
                ),
            )
        ]
        assert (row.origin, row.state, row.elapsed_ms) == (Origin.MARKED, RowState.APPLIED, None)
        assert (row.statements, row.statements_done, row.applied_by) == (0, 0, "postgres (tester@here)")
        assert row.finished_at is not None
        entry = here.log()[-1]
        assert (entry.version, entry.event, entry.reason, entry.detail) == (1, "marked", "typed in", {})
        assert not here.has("rooms")
        assert here.migrate().results == {"1": Result.REFUSED}
        here.query(ROOMS["0001_rooms.sql"])
        assert here.migrate().results == {"1": Result.UP_TO_DATE}

    def test_mark_unfinished(self, any_site: MakeSite) -> None:
        """Mark ends a non-transactional file that was finished by hand, all its statements counted as done."""
        here = any_site(ROOMS | INDEX)
        assert here.migrate().results == {"1": Result.FAILED}
        assert here.call("mark", version=2, reason="done by hand").exit_code == 4
        ran = here.call("mark", version=2, reason="done by hand", force=True)
        (proposed,) = ran.of(RepairProposed)
        assert proposed.changes[0] == "0002_index: 1 of 2 statements done, is recorded as applied, origin marked"
        assert proposed.changes[1].startswith("the schema cannot be asked: ")
        row = here.rows()[-1]
        assert (row.state, row.origin, row.statements_done) == (RowState.APPLIED, Origin.MARKED, 2)
        entry = here.log()[-1]
        assert (entry.event, entry.detail["state"], entry.detail["statements_done"]) == ("marked", "failed", 1)
        assert here.migrate().results == {"1": Result.UP_TO_DATE}

    def test_forget(self, any_site: MakeSite) -> None:
        """Forget deletes the row, keeps it with its text in the log, undoes nothing, and the file is pending again."""
        here = any_site(ROOMS)
        here.migrate()
        (before,) = here.rows()
        ran = here.call("forget", version=1, reason="dropped")
        change = "0001_rooms: the record (applied, by postgres (tester@here)) is deleted; its file becomes pending"
        assert ran.of(RepairProposed) == [RepairProposed("1", (change,))]
        assert here.rows() == ()
        entry = here.log()[-1]
        assert (entry.event, entry.reason, entry.checksum) == ("forgotten", "dropped", before.checksum)
        assert entry.detail["sql_text"] == ROOMS["0001_rooms.sql"]
        assert here.has("rooms")
        here.query("DROP TABLE rooms")
        assert here.migrate().results == {"1": Result.APPLIED}

    def test_log_only_grows(self, site: MakeSite) -> None:
        """Every hand-made change is a further line of the log, of which none goes."""
        here = site(ROOMS)
        here.migrate()
        here.call("forget", version=1)
        here.call("mark", version=1)
        here.write({"0001_rooms.sql": "-- edited\n" + ROOMS["0001_rooms.sql"]})
        here.call("accept", version=1)
        assert here.logged() == [(1, "applied"), (1, "forgotten"), (1, "marked"), (1, "accepted")]
        assert [entry.id for entry in here.log()] == [1, 2, 3, 4]

    @pytest.mark.parametrize("verb", ["accept", "mark", "forget"])
    def test_dry_run(self, site: MakeSite, verb: str) -> None:
        """With --dry-run a repair is shown and not made."""
        here = site(ROOMS | DESKS)
        here.migrate(migrations=here.project().files(here.project().tenants[0])[:1])
        here.write({"0001_rooms.sql": "-- edited\n" + ROOMS["0001_rooms.sql"]})
        before = here.rows()
        ran = here.call(verb, version=2 if verb == "mark" else 1, dry_run=True, force=True)
        assert ran.verdict() == Verdict(Result.OK, "dry run: nothing was changed", standing=Standing.TO_CHANGE)
        (proposed,) = ran.of(RepairProposed)
        assert " would be" in proposed.changes[0]
        assert here.rows() == before
        assert here.logged() == [(1, "applied")]

    @pytest.mark.parametrize(
        ("verb", "verdict"),
        [
            (
                "accept",
                Verdict(
                    Result.REFUSED,
                    "version 2 is not applied, so it has no record to change",
                    'run "tenantry status --tenants 1" to see its version',
                ),
            ),
            (
                "forget",
                Verdict(
                    Result.REFUSED, "version 2 is not recorded", 'run "tenantry status --tenants 1" to see its version'
                ),
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_nothing_recorded(self, site: MakeSite, verb: str, verdict: Verdict) -> None:
        """There is nothing to accept or to forget where nothing is recorded."""
        here = site(ROOMS | DESKS)
        assert here.call(verb, version=2).verdict() == verdict
        assert here.query(LEDGERS) == [(0,)]

    def test_nothing_to_change(self, site: MakeSite) -> None:
        """A repair that would change nothing says so and writes nothing."""
        here = site(ROOMS)
        here.migrate()
        for verb in ("accept", "mark"):
            verdict = Verdict(Result.UP_TO_DATE, "nothing to change", standing=Standing.NO_CHANGE)
            assert here.call(verb, version=1).verdict() == verdict
        assert here.logged() == [(1, "applied")]
