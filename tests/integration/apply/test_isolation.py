"""Nothing that a file does to its session reaches its row in the ledger, or the next file."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg.conninfo import make_conninfo

from tenantry.model.events import MigrationRetried, Verdict, WarningRaised
from tenantry.model.results import Result
from tenantry.postgres.runner_lock import LOCK_KEY
from tests.integration.fix_site import MakeSite, Site, lend_role
from tests.places import DATA

SESSION = (DATA / "apply" / "session.sql").read_text("utf-8")
BEFORE = (
    "CREATE TABLE public.session (moment int, kind text, name text, value text);\n"
    "CREATE SEQUENCE public.numbers;\n"
    "CREATE TABLE public.keys (id int PRIMARY KEY DEFERRABLE);\n" + SESSION.format(moment=1)
)
AFTER = SESSION.format(moment=2)
# What is hard to write down again: quotes, backslashes, per cent signs, characters of other encodings.
TAIL = "SELECT 'it''s', E'\\\\', '%s'; -- \\ ' é€\U0001f3b8"

STATEMENTS = {
    "search_path": "SET search_path = ''",
    "search_path of the file": "CREATE SCHEMA studio; SET search_path = studio; CREATE TABLE _migrations (a int)",
    "role": "SET ROLE {role}",
    "session authorization": "SET SESSION AUTHORIZATION {role}",
    "role, as a default": "SET SESSION AUTHORIZATION {role}; SET ROLE NONE",
    "statement_timeout": "SET statement_timeout = '1h'",
    "lock_timeout": "SET lock_timeout = 0",
    "idle_in_transaction_session_timeout": "SET idle_in_transaction_session_timeout = '1h'",
    "standard_conforming_strings": "SET standard_conforming_strings = off",
    "client_encoding": "SET client_encoding = 'LATIN1'",
    "application_name": "SET application_name = 'psql'",
    "settings of output": "SET datestyle = 'German'; SET intervalstyle = 'iso_8601'; SET timezone = 'Asia/Kolkata'",
    "settings of transactions": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE",
    "default_transaction_read_only": "SET default_transaction_read_only = on",
    "a read-only transaction": "SET TRANSACTION READ ONLY",
    "triggers off": "SET session_replication_role = replica",
    "function bodies unchecked": "SET check_function_bodies = off",
    "local settings": "SET LOCAL search_path = ''; SET LOCAL standard_conforming_strings = off",
    "set_config": "SELECT pg_catalog.set_config('search_path', '', false)",
    "constraints": "SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.keys VALUES (1)",
    "a temporary table": "CREATE TEMP TABLE _migrations (version bigint, state text)",
    "temporary tables first": "CREATE TEMP TABLE _migrations (a int); SET search_path = pg_temp",
    "listening": "LISTEN studio",
    "an advisory lock": "SELECT pg_catalog.pg_advisory_lock(77)",
    "the runner's own advisory lock": f"SELECT pg_catalog.pg_advisory_lock({LOCK_KEY})",
    "a prepared statement": "PREPARE rooms AS SELECT 1",
    "an open cursor": "DECLARE rooms CURSOR WITH HOLD FOR SELECT 1",
    "a sequence": "SELECT pg_catalog.nextval('public.numbers')",
}
# What a session can do one after the other: the rest forbids what comes after it.
TOGETHER = [
    "settings of output",
    "a sequence",
    "constraints",
    "a temporary table",
    "listening",
    "an advisory lock",
    "a prepared statement",
    "an open cursor",
    "triggers off",
    "statement_timeout",
    "lock_timeout",
    "client_encoding",
    "settings of transactions",
    "session authorization",
    "search_path",
]


@pytest.mark.parametrize("case", STATEMENTS)
def test_next_file(site: MakeSite, case: str) -> None:
    """The row says what was run, and the next file finds the session as the first one did."""
    here = site({"0001_before.sql": BEFORE, "0003_after.sql": AFTER})
    with lend_role(here) as role:
        text = f"{STATEMENTS[case].format(role=role)};\n{TAIL}\n"
        here.write({"0002_session.sql": text})
        ran = here.migrate()
        assert ran.of(WarningRaised) == []
        assert ran.verdict() == Verdict(Result.APPLIED)
    check_ledger(here, text)
    assert difference(here) == []


def test_every_server(any_site: MakeSite) -> None:
    """On every server a file may do all of it at once."""
    here = any_site({"0001_before.sql": BEFORE, "0003_after.sql": AFTER})
    with lend_role(here) as role:
        text = ";\n".join(STATEMENTS[case].format(role=role) for case in TOGETHER) + f";\n{TAIL}\n"
        here.write({"0002_session.sql": text})
        assert here.migrate().verdict() == Verdict(Result.APPLIED)
    check_ledger(here, text)
    assert difference(here) == []


@pytest.mark.parametrize("case", STATEMENTS)
def test_failure_logged(site: MakeSite, case: str) -> None:
    """A file that fails after it is rolled back with its settings, and its failure is in the log."""
    here = site({"0001_before.sql": BEFORE})
    here.migrate()
    with lend_role(here) as role:
        here.write({"0002_session.sql": f"{STATEMENTS[case].format(role=role)};\nSELECT 1 / 0;\n"})
        ran = here.migrate()
    assert ran.of(WarningRaised) == []
    assert ran.verdict() == Verdict(Result.FAILED, "division by zero, 0002_session was rolled back")
    assert here.logged() == [(1, "applied"), (2, "failed")]
    assert here.states() == {1: "applied"}


def test_next_attempt(site: MakeSite) -> None:
    """A file that collides is tried again in a session as it was before: what outlives a rollback is gone."""
    attempt = (
        "PREPARE rooms AS SELECT 1;\nSELECT pg_catalog.pg_advisory_lock(77);\n"
        "DO $$ BEGIN IF pg_catalog.nextval('public.numbers') < 3 THEN RAISE 'in the way' USING ERRCODE = '40001';"
        " END IF; END $$;\n"
    )
    here = site({"0001_before.sql": BEFORE, "0002_again.sql": attempt, "0003_after.sql": AFTER})
    ran = here.migrate()
    assert [event.attempt for event in ran.of(MigrationRetried)] == [1, 2]
    assert ran.verdict() == Verdict(Result.APPLIED)
    assert difference(here) == []


def test_deferred(site: MakeSite) -> None:
    """What a file defers runs at its end in the session as the file left it, before that is put back."""
    trigger = (
        "CREATE SCHEMA studio;\nSET search_path = studio;\nCREATE TABLE seen (id int);\nCREATE TABLE rooms (id int);\n"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN INSERT INTO seen SELECT count(*) FROM rooms; RETURN NULL; END $$;\n"
        "CREATE CONSTRAINT TRIGGER note AFTER INSERT ON rooms DEFERRABLE INITIALLY DEFERRED\n"
        "    FOR EACH ROW EXECUTE FUNCTION note();\nINSERT INTO rooms VALUES (1);\nINSERT INTO rooms VALUES (2);\n"
    )
    here = site({"0001_trigger.sql": trigger})
    assert here.migrate().verdict() == Verdict(Result.APPLIED)
    assert here.query("TABLE studio.seen") == [(2,), (2,)]


def check_ledger(here: Site, text: str) -> None:
    """Assert that the ledger, in its own schema, says of the second file what was run, and by whom."""
    assert here.states() == {1: "applied", 2: "applied", 3: "applied"}
    assert here.logged() == [(1, "applied"), (2, "applied"), (3, "applied")]
    row = here.rows()[1]
    assert row.applied_by == "postgres (tester@here)"
    assert row.finished_at is not None
    assert abs(datetime.now(UTC) - row.finished_at) < timedelta(minutes=5)
    assert here.query("SELECT sql_text FROM public._migrations WHERE version = 2") == [(text,)]


def difference(here: Site) -> list[tuple[object, ...]]:
    """Return what is not the same before and after, by kind and name."""
    return here.query(
        "SELECT moment, kind, name, value FROM public.session WHERE (kind, name, value) IN ("
        "SELECT kind, name, value FROM public.session GROUP BY 1, 2, 3 HAVING count(*) <> 2) ORDER BY 2, 3, 1"
    )


_KEYED = "CREATE TABLE rooms (a int PRIMARY KEY);\nCREATE TABLE beds (room int REFERENCES rooms);\n"
_LOST = "INSERT INTO beds VALUES (7);\n"


@pytest.mark.parametrize("header", ["", "-- transactional: false\n"], ids=["transactional", "by statement"])
def test_keys_hold_whatever_the_database_is_set_to(site: MakeSite, header: str) -> None:
    """Foreign keys and triggers are not skipped because of a setting that no review of a file shows."""
    one = site({"0001_keyed.sql": _KEYED})
    assert one.migrate().exit_code == 0
    (name,) = one.query("SELECT current_database()")[0]
    one.query(f"ALTER DATABASE {name} SET session_replication_role = replica")
    one.write({"0002_lost.sql": f"{header}{_LOST}"})
    assert one.migrate().results == {"1": Result.FAILED}
    assert one.query("SELECT count(*) FROM beds") == [(0,)]


def test_a_role_that_may_not_have_keys_hold(site: MakeSite) -> None:
    """A role that may not change the setting is refused with the statements that help, and stores nothing."""
    one = site({"0001_keyed.sql": _KEYED})
    database = one.databases["1"]
    with lend_role(one) as role:
        one.query(f"GRANT CREATE ON SCHEMA public TO {role}")
        one.query(f"ALTER DATABASE {database} SET session_replication_role = replica")
        seen = Site(one.folder, make_conninfo(one.server, user=role), one.databases, one.schema)
        refused = seen.migrate().verdict()
        assert refused.result is Result.REFUSED
        assert refused.reason.endswith("which is 'replica': keys and triggers would be skipped")
        typed = refused.hint.removeprefix("as a superuser, wherever it is set: ")
        resets = (f"ALTER {what} RESET session_replication_role;" for what in (f"ROLE {role}", f"DATABASE {database}"))
        assert typed == " ".join(resets)
        assert not one.has("rooms")
        one.query(typed)
        assert seen.migrate().verdict().result is Result.APPLIED


def test_a_file_may_skip_keys(site: MakeSite) -> None:
    """What a file says itself is what was reviewed."""
    one = site({"0001_keyed.sql": _KEYED, "0002_lost.sql": f"SET session_replication_role = replica;\n{_LOST}"})
    assert one.migrate().exit_code == 0
    assert one.query("SELECT count(*) FROM beds") == [(1,)]
