"""Non-transactional files: each statement goes with its record, and what was begun goes on behind what is done."""

import pytest

from tenantry.model.events import FindingReported, MigrationFailed, Verdict, WarningRaised
from tenantry.model.results import Result
from tests.integration.fix_site import WAIT_AT_GATE, MakeSite, Site, at_once, lend_role

HEAD = "-- transactional: false\n"
FIRST = "CREATE TABLE rooms (id int);\n"
# Fails until the database is mended.
SECOND = "INSERT INTO bills VALUES (1);\n"
THIRD = "INSERT INTO rooms VALUES (3);\n"
MENDED = "CREATE TABLE bills (id int)"
SEEN = "CREATE TABLE seen (number serial, found text); GRANT ALL ON seen, seen_number_seq TO public"
# What a file says, and what shows that it holds.
SETTINGS = {
    "role": ("SET ROLE {role}", "current_user", "{role}"),
    "session authorization": ("SET SESSION AUTHORIZATION {role}", "session_user", "{role}"),
    "both": ("SET SESSION AUTHORIZATION {role}; SET ROLE {role}", "concat(session_user, current_role)", "{role}{role}"),
    "search_path": ("SET search_path = ''", "current_setting('search_path')", '""'),
    "replica": ("SET session_replication_role = replica", "current_setting('session_replication_role')", "replica"),
    "encoding": ("SET client_encoding = latin1", "current_setting('client_encoding')", "LATIN1"),
    "strings": ("SET standard_conforming_strings = off", "current_setting('standard_conforming_strings')", "off"),
    "isolation": (
        "SET default_transaction_isolation = 'serializable'",
        "current_setting('transaction_isolation')",
        "serializable",
    ),
    "statement_timeout": ("SET statement_timeout = '10s'", "current_setting('statement_timeout')", "10s"),
    "lock_timeout": ("SET lock_timeout = '10s'", "current_setting('lock_timeout')", "10s"),
}


def write(here: Site, text: str) -> None:
    """Write the one file of a site."""
    here.write({"0001_rooms.sql": text})


@pytest.fixture
def begun(site: MakeSite) -> Site:
    """Return a site whose file failed at the second of its three statements."""
    here: Site = site({"0001_rooms.sql": HEAD + FIRST + SECOND + THIRD})
    assert here.migrate().results == {"1": Result.FAILED}
    return here


class TestGoingOn:
    def test_mended_database(self, begun: Site) -> None:
        """What is done is not run again, what is left is, and both runs are in the log."""
        begun.query(MENDED)
        ran = begun.migrate()
        assert ran.verdict() == Verdict(Result.APPLIED)
        said = "0001_rooms: started by an earlier run, resumes at statement 2 of 3"
        assert [event.problem.message for event in ran.of(WarningRaised)] == [said]
        assert begun.query("SELECT id FROM rooms") == [(3,)]
        (row,) = begun.rows()
        assert (row.state.value, row.statements_done, row.progress) == ("applied", 3, None)
        assert begun.logged() == [(1, "started"), (1, "failed"), (1, "resumed"), (1, "applied")]

    def test_edited_rest(self, begun: Site) -> None:
        """Header, comments and what is left may be edited; the record takes the new text, and the log keeps the old."""
        before = begun.rows()[0].checksum
        text = f"{HEAD}-- now it works\n\n{FIRST}  /* here */ {THIRD}"
        write(begun, text)
        assert begun.migrate().verdict() == Verdict(Result.APPLIED)
        assert begun.query("SELECT sql_text, statements FROM _migrations") == [(text, 2)]
        (entry,) = [entry for entry in begun.log() if entry.event == "resumed"]
        kept = {key: entry.detail[key] for key in ("checksum", "sql_text", "statements_done", "resumed_at")}
        assert kept == {
            "checksum": before,
            "sql_text": HEAD + FIRST + SECOND + THIRD,
            "statements_done": 1,
            "resumed_at": 2,
        }

    def test_edited_beginning(self, begun: Site) -> None:
        """What is done must stay as it was: else the tenant is refused, with the difference."""
        write(begun, HEAD + FIRST.replace("int", "bigint") + SECOND + THIRD)
        ran = begun.migrate()
        assert (ran.verdict(), ran.exit_code) == (Verdict(Result.REFUSED, "incomplete: 0001_rooms"), 4)
        (finding,) = ran.of(FindingReported)
        assert finding.problem.message == ("0001_rooms: not finished, 1 of 3 statements done, but edited since")
        assert finding.problem.hint == (
            "restore the completed statements in the file and edit only the others; or finish or undo the file by "
            'hand, then run "tenantry mark 1 --tenants 1 --reason ..." if it is finished, or "tenantry forget 1 '
            '--tenants 1 --reason ..." if it is to run again'
        )
        assert finding.detail.splitlines()[3:6] == [
            " -- transactional: false",
            "-CREATE TABLE rooms (id int);",
            "+CREATE TABLE rooms (id bigint);",
        ]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (FIRST + SECOND + THIRD, "but the file is now transactional"),
            (HEAD + "SELECT 1;", "but edited since"),
        ],
        ids=["transactional", "shorter"],
    )
    def test_another_file(self, begun: Site, text: str, why: str) -> None:
        """A file that cannot go on because it is another one is refused, with the reason."""
        write(begun, text)
        (finding,) = begun.migrate().of(FindingReported)
        assert finding.problem.message == f"0001_rooms: not finished, 1 of 3 statements done, {why}"

    def test_session(self, site: MakeSite) -> None:
        """What the statements that are done have set holds for those that are left."""
        settings = "SET search_path = studio;\nSET my.own = 'here';\n"
        here = site({"0001_rooms.sql": f"{HEAD}CREATE SCHEMA studio;\n{settings}{FIRST}{SECOND}"})
        here.migrate()
        here.query("CREATE TABLE studio.bills AS SELECT 0 AS id, '' AS own")
        write(
            here,
            f"{HEAD}CREATE SCHEMA studio;\n{settings}{FIRST}INSERT INTO bills SELECT 1, current_setting('my.own');",
        )
        assert here.migrate().verdict() == Verdict(Result.APPLIED)
        assert here.query("SELECT own FROM studio.bills WHERE id = 1") == [("here",)]


class TestRecord:
    def test_one_transaction(self, site: MakeSite) -> None:
        """A statement and its record are written by one transaction."""
        here = site({"0001_rooms.sql": HEAD + FIRST + SECOND + THIRD})
        here.migrate()
        made = "SELECT xmin::text FROM pg_class WHERE relname = 'rooms'"
        # The row was written once more when the run ended: what it was before is in the page still.
        here.query("CREATE EXTENSION pageinspect")
        pages = "SELECT t_xmin::text FROM heap_page_items(get_raw_page('_migrations', 0))"
        assert here.query(made)[0] in here.query(pages)

    @pytest.mark.parametrize(("told", "found", "expected"), SETTINGS.values(), ids=SETTINGS)
    def test_settings(self, any_site: MakeSite, told: str, found: str, expected: str) -> None:
        """What a file sets in its session holds for the statements behind it, and not for its record."""
        here = any_site({"0001_seen.sql": SEEN})
        with lend_role(here) as role:
            look = f"INSERT INTO public.seen (found) SELECT {found}"
            here.write({"0002_set.sql": f"{HEAD}{told.format(role=role)};\n{look};\n{look};\n"})
            assert here.migrate().verdict() == Verdict(Result.APPLIED)
        seen = expected.format(role=role)
        # A number that is missing would be that of a try which was undone.
        assert here.query("SELECT number, found FROM seen ORDER BY 1") == [(1, seen), (2, seen)]

    def test_read_only(self, site: MakeSite) -> None:
        """A transaction that may only read cannot take the record: the statement runs alone, and still once."""
        here = site({"0001_rooms.sql": f"{HEAD}{FIRST}SET default_transaction_read_only = on;\nTABLE rooms;\n"})
        assert here.migrate().verdict() == Verdict(Result.APPLIED)
        write(here, HEAD)
        here = site({"0001_rooms.sql": f"{HEAD}{FIRST}SET default_transaction_read_only = on;\n{THIRD}"})
        assert here.migrate().verdict().reason.startswith("cannot execute INSERT in a read-only transaction, ")

    def test_deferred(self, site: MakeSite) -> None:
        """A constraint that is checked at the end fails its statement, in the session as the file has set it."""
        checked = "CREATE FUNCTION studio.check_it() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        checked += "BEGIN IF NEW.id > (SELECT max(id) FROM most) THEN RAISE 'too many'; END IF; RETURN NULL; END $$;\n"
        trigger = "CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON rooms DEFERRABLE INITIALLY DEFERRED\n"
        trigger += "FOR EACH ROW EXECUTE FUNCTION studio.check_it();\n"
        begin = f"{HEAD}CREATE SCHEMA studio;\nSET search_path = studio;\nCREATE TABLE most AS SELECT 5 AS id;\n{FIRST}"
        here = site({"0001_rooms.sql": f"{begin}{checked}{trigger}{THIRD}INSERT INTO rooms VALUES (6);\n"})
        (failed,) = here.migrate().of(MigrationFailed)
        assert (failed.failure.message, failed.failure.line) == ("too many", 11)
        assert here.query("SELECT id FROM studio.rooms") == [(3,)]
        assert here.rows()[0].statements_done == 7

    @pytest.mark.parametrize("commits", ["DO $$ BEGIN {} END $$", "CALL work()"], ids=["do", "call"])
    def test_commits_by_itself(self, site: MakeSite, commits: str) -> None:
        """A block or procedure that commits runs without a transaction around it, and once."""
        body = "INSERT INTO rooms VALUES (1); COMMIT; INSERT INTO rooms VALUES (2);"
        procedure = f"CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN {body} END $$;\n"
        here = site({"0001_rooms.sql": HEAD + FIRST + procedure + commits.format(body)})
        assert here.migrate().verdict() == Verdict(Result.APPLIED)
        assert here.query("SELECT id FROM rooms ORDER BY 1") == [(1,), (2,)]


IN_DOUBT = (
    'inspect the database, then run "tenantry migrate --tenants 1 --resume-at 2" to run it again, or '
    '"tenantry migrate --tenants 1 --resume-at 3" to skip it as done; or "tenantry mark 1 '
    '--tenants 1 --reason ..." if the whole file is done'
)


class TestInDoubt:
    """A procedure that committed before it failed: only a person can say how far it came."""

    @pytest.fixture
    def doubtful(self, site: MakeSite) -> Site:
        """Return a site whose second statement committed a row and then failed."""
        text = "DO $$ BEGIN INSERT INTO rooms VALUES (1); COMMIT; INSERT INTO bills VALUES (1); END $$;\n"
        here: Site = site({"0001_rooms.sql": HEAD + FIRST + text + THIRD})
        ran = here.migrate()
        assert ran.results == {"1": Result.FAILED}
        # What the first run advises is what the second one asks for.
        assert ran.verdict().hint.endswith(f"it is not known whether statement 2 took effect: {IN_DOUBT}")
        here.query(MENDED)
        return here

    def test_refused(self, doubtful: Site) -> None:
        """The tenant is refused, with the statement and with what to type."""
        ran = doubtful.migrate()
        verdict = ran.verdict()
        assert (verdict.result, ran.exit_code) == (Result.REFUSED, 4)
        path = doubtful.folder / "migrations/0001_rooms.sql"
        lines = verdict.reason.splitlines()
        assert lines[0] == (
            f"{path}:3:1: statement 2 of 3 was running when the run ended: tenantry cannot tell whether it took effect"
        )
        assert lines[2].startswith("3 | DO $$ BEGIN INSERT INTO rooms")
        assert verdict.hint == IN_DOUBT
        assert doubtful.query("SELECT id FROM rooms") == [(1,)]

    def test_session_lost(self, site: MakeSite) -> None:
        """If the session dies in such a statement, the run fails: to run it again would be refused."""
        wait = WAIT_AT_GATE.replace("SELECT", "PERFORM", 1)
        here: Site = site({"0001_rooms.sql": f"{HEAD}{FIRST}DO $$ BEGIN COMMIT; {wait}; END $$;\n"})
        with here.gate(), at_once(here.migrate) as run:
            here.await_waiting()
            here.end_sessions(which="worker")
            ran = run.result()
        assert (ran.results, ran.exit_code) == ({"1": Result.FAILED}, 3)
        assert ran.verdict().hint == f"it is not known whether statement 2 took effect: {IN_DOUBT}"
        assert here.logged()[-1] == (1, "lost")
        assert here.migrate().verdict().hint == IN_DOUBT

    @pytest.mark.parametrize(("number", "rows"), [(2, [(1,), (1,), (3,)]), (3, [(1,), (3,)])], ids=["again", "skipped"])
    def test_resume_at(self, doubtful: Site, number: int, rows: list[tuple[int]]) -> None:
        """A person says where the file goes on: at the statement in doubt, or behind it."""
        assert doubtful.migrate(resume_at=number).verdict() == Verdict(Result.APPLIED)
        assert doubtful.query("SELECT id FROM rooms ORDER BY 1") == rows
        (entry,) = [entry for entry in doubtful.log() if entry.event == "resumed"]
        assert entry.detail["resumed_at"] == number

    @pytest.mark.parametrize("number", [1, 4])
    def test_resume_elsewhere(self, doubtful: Site, number: int) -> None:
        """A file goes on nowhere else."""
        verdict = doubtful.migrate(resume_at=number).verdict()
        said = f"--resume-at {number}: 0001_rooms resumes at statement 2 of 3, expected 2 or 3"
        assert (verdict.result, verdict.reason) == (Result.REFUSED, said)
        assert verdict.hint == "2 runs that statement, 3 skips it as done"

    def test_nothing_begun(self, site: MakeSite) -> None:
        """Where nothing is begun, there is nothing to go on with."""
        verdict = site({"0001_rooms.sql": FIRST}).migrate(resume_at=1).verdict()
        assert (verdict.result, verdict.reason) == (
            Result.REFUSED,
            "--resume-at 1: this tenant has no unfinished file",
        )

    def test_mark(self, doubtful: Site) -> None:
        """`mark` says what is not known, and ends the file."""
        ran = doubtful.call("mark", version=1, force=True)
        assert ran.exit_code == 0
        (row,) = doubtful.rows()
        assert (row.state.value, row.origin.value, row.progress) == ("applied", "marked", None)
