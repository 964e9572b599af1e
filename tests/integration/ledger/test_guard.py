"""The guard before the ledger's tables: nothing that a tenant put in their place is run, believed or written to."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import LockNotAvailable

from tenantry.ledger.definitions import DEFINITIONS
from tenantry.ledger.faults import find_faults
from tenantry.ledger.guard import Guard
from tenantry.ledger.proofs import ProofTable
from tenantry.model.errors import Refused
from tenantry.model.events import FindingReported, MigrationApplied
from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Site, finish, lend_role

FILES = {"0001_rooms.sql": "CREATE TABLE rooms (id bigint PRIMARY KEY);"}
VIEW = {"repeatable/totals.sql": "CREATE OR REPLACE VIEW totals AS SELECT count(*) AS all FROM rooms;"}
READING = ("status", "plan", "verify", "log")
OPTIONS: dict[str, dict[str, object]] = {"plan": {"to": None}, "log": {"version": None, "sql": False}}

# Counts how often it is run, whatever becomes of the transaction that runs it: a sequence is not rolled back.
CANARY = """
CREATE SEQUENCE sung;
GRANT ALL ON SEQUENCE sung TO PUBLIC;
CREATE FUNCTION sing(anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN PERFORM nextval('public.sung'); RETURN $1; END $$;
CREATE FUNCTION sing() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM nextval('public.sung'); RETURN NEW; END $$;
"""
COLUMNS = (
    "version, sing(name) AS name, checksum, origin, state, set_name, tenant, started_at, finished_at, elapsed_ms,"
    " statements, statements_done, applied_by, run_id, tool_version, git_commit, sql_text, layout, proven_at,"
    " rollback_text, progress"
)
ON_LEDGER = {
    "a view in its place": "ALTER TABLE _migrations RENAME TO old;"
    f" CREATE VIEW _migrations AS SELECT {COLUMNS} FROM old",
    "a materialized view": f"ALTER TABLE _migrations RENAME TO old;"
    f" CREATE MATERIALIZED VIEW _migrations AS SELECT {COLUMNS} FROM old; SELECT setval('sung', 1, false)",
    "a partitioned table": "ALTER TABLE _migrations RENAME TO old;"
    " CREATE TABLE _migrations (LIKE old) PARTITION BY LIST (version);"
    " CREATE TABLE part PARTITION OF _migrations DEFAULT; INSERT INTO _migrations SELECT * FROM old",
    "a trigger": "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON _migrations FOR EACH ROW EXECUTE FUNCTION sing()",
    "a statement trigger": "CREATE TRIGGER t AFTER INSERT ON _migrations EXECUTE FUNCTION sing()",
    "a rule": "CREATE RULE r AS ON INSERT TO _migrations DO ALSO SELECT sing(1)",
    "row security": "ALTER TABLE _migrations ENABLE ROW LEVEL SECURITY;"
    " CREATE POLICY p ON _migrations USING (sing(false))",
    "a child": "CREATE TABLE more () INHERITS (_migrations)",
}
DEFINED = {
    "an index that runs when it is planned with": "CREATE INDEX i ON _migrations (version) WHERE sing(true)",
    "an index on an expression": "CREATE INDEX i ON _migrations (sing(name))",
    "statistics on an expression": "CREATE STATISTICS s ON sing(name), tenant FROM _migrations",
    "a default": "ALTER TABLE _migrations ALTER git_commit SET DEFAULT sing('x'::text)",
    "a check": "ALTER TABLE _migrations ADD CHECK (sing(true))",
    "a generated column": "ALTER TABLE _migrations ADD more text GENERATED ALWAYS AS (sing(name)) STORED",
    "another column": "ALTER TABLE _migrations ADD more text",
    "a domain": "CREATE DOMAIN word AS text CHECK (sing(true)); ALTER TABLE _migrations ALTER tenant TYPE word",
    "no key": "ALTER TABLE _migrations DROP CONSTRAINT _migrations_pkey",
    "a value that may be missing": "ALTER TABLE _migrations ALTER checksum DROP NOT NULL",
    "no check": "ALTER TABLE _migrations DROP CONSTRAINT _migrations_state_check",
}
OURS = {
    **DEFINED,
    "no trace after a crash": "ALTER TABLE _migrations SET UNLOGGED",
    "a parent": "CREATE TABLE parent (tenant text NOT NULL); ALTER TABLE _migrations INHERIT parent",
}
# As long as row security is off.
INERT = {"a policy that does nothing": "CREATE POLICY p ON _migrations USING (sing(true))"}
OWNED = {**DEFINED, "nothing but its owner": "SELECT 1"}


def count_songs(site: Site) -> int:
    """Return how often a function of the tenant's was run since its ledger was changed."""
    ((count,),) = site.query("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM sung")
    return int(count)


@pytest.fixture
def here(any_site: MakeSite) -> Site:
    """Return a site whose tenant has a ledger, and a function that counts its calls."""
    site = any_site(FILES)
    assert site.migrate().results == {"1": Result.APPLIED}
    site.query(CANARY)
    return site


def refuse(site: Site) -> Iterator[str]:
    """Have every verb refuse the tenant, and yield the reasons."""
    for verb in READING:
        ran = site.call(verb, **OPTIONS.get(verb, {}))
        assert ran.results == {"1": Result.REFUSED}, verb
        yield ran.verdict().reason
    site.write({"0002_desks.sql": "CREATE TABLE desks (id bigint);"})
    ran = site.migrate()
    assert ran.results == {"1": Result.REFUSED}
    yield ran.verdict().reason


def test_the_definitions_are_those_of_new_tables(any_site: MakeSite) -> None:
    """A ledger that was just created has no fault, and every table of it is looked at."""
    site = any_site(FILES)
    (site.folder / "migrations" / "repeatable").mkdir()
    site.write(VIEW)
    assert site.migrate().results == {"1": Result.APPLIED}
    with site.connect() as connection:
        ledger = site.project().ledger(site.project().tenants[0], connection)
        ProofTable.of(ledger).write({("tenant", "1"): ("expected", "token")})
        assert [list(find_faults(connection, Guard(), "public", table)) for table in DEFINITIONS] == [[]] * 4


@pytest.mark.parametrize("change", ON_LEDGER.values(), ids=ON_LEDGER)
def test_a_changed_ledger_is_refused(here: Site, change: str) -> None:
    """Whatever runs code or hides rows when a ledger is read or written is named, by every verb, and is not run."""
    here.query(change)
    assert {reason.partition(": ")[0] for reason in refuse(here)} == {"public._migrations"}
    assert (count_songs(here), here.has("desks")) == (0, False)


@pytest.mark.parametrize("change", OWNED.values(), ids=OWNED)
def test_a_ledger_of_another_owner_is_refused(here: Site, change: str) -> None:
    """A role that owns a ledger may give it what runs when a query is planned: it is not planned with."""
    here.query(change)
    here.query("SELECT setval('sung', 1, false)")
    with lend_role(here) as owner:
        here.query(f"GRANT CREATE ON SCHEMA public TO {owner}; ALTER TABLE _migrations OWNER TO {owner}")
        reasons = list(refuse(here))
        here.query("ALTER TABLE _migrations OWNER TO CURRENT_USER")
    assert all("its owner is a role that the connected role is not a member of" in r or "more" in r for r in reasons)
    assert count_songs(here) == 0


def test_an_owner_that_ours_is_a_member_of_is_trusted(here: Site) -> None:
    """A ledger of a role that was granted to ours is read and written, as long as it is as it was created."""
    with lend_role(here) as owner, lend_role(here) as deploy:
        here.query(f"GRANT ALL ON SCHEMA public TO {owner}; GRANT {owner} TO {deploy}")
        here.query(f"ALTER TABLE _migrations OWNER TO {owner}; ALTER TABLE _migrations_log OWNER TO {owner}")
        seen = Site(here.folder, make_conninfo(here.server, user=deploy), here.databases)
        here.write({"0002_desks.sql": "CREATE TABLE desks (id bigint);"})
        assert seen.migrate().results == {"1": Result.APPLIED}
        here.query("CREATE INDEX i ON _migrations (version) WHERE sing(true); SELECT setval('sung', 1, false)")
        assert seen.call("status").results == {"1": Result.REFUSED}
        assert count_songs(here) == 0


def test_a_trigger_that_is_gone_is_forgiven(here: Site) -> None:
    """The server forgets only at VACUUM that a table had a trigger or a rule: its definition decides."""
    for change in (
        ON_LEDGER["a trigger"],
        "DROP TRIGGER t ON _migrations",
        ON_LEDGER["a rule"],
        "DROP RULE r ON _migrations",
    ):
        here.query(change)
    here.write({"0002_desks.sql": "CREATE TABLE desks (id bigint);"})
    assert here.migrate().results == {"1": Result.APPLIED}
    assert count_songs(here) == 0


@pytest.mark.parametrize("table", ["_migrations_log", "_migrations"])
def test_a_line_that_is_not_stored_is_refused(here: Site, table: str) -> None:
    """A change by hand whose row or line in the log is intercepted is refused, and nothing is changed."""
    here.query(
        "CREATE FUNCTION nope() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
        f" CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION nope()"
    )
    ran = here.call("forget", version=1, reason="x", dry_run=False)
    assert (ran.results, ran.exit_code) == ({"1": Result.REFUSED}, 4)
    assert here.query("SELECT version, state FROM _migrations") == [(1, "applied")]


def test_operators_of_the_tenant_are_not_called(here: Site) -> None:
    """A search path that puts a schema of the tenant before pg_catalog changes no query on the ledger."""
    ((name,),) = here.query("SELECT current_database()")
    here.query(
        "CREATE SCHEMA e; CREATE FUNCTION e.same(bigint, integer) RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM nextval('public.sung'); RETURN true; END $$;"
        " CREATE OPERATOR e.= (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = e.same);"
        f' ALTER DATABASE "{name}" SET search_path = e, public, pg_catalog'
    )
    assert here.call("log", version=1, sql=True).results == {"1": Result.OK}
    assert here.call("status").exit_code == 0
    assert count_songs(here) == 0


def test_verify_names_what_is_foreign_in_a_log(here: Site) -> None:
    """`verify` finds each part of the log that tenantry did not create, and who else may write to the ledger."""
    here.query("ALTER TABLE _migrations_log DROP CONSTRAINT _migrations_log_pkey; GRANT ALL ON _migrations TO PUBLIC")
    ran = here.call("verify")
    messages = [event.problem.message for event in ran.of(FindingReported)]
    found = [message for message in messages if message.startswith("public._migrations")]
    assert found[0].startswith("public._migrations: every role may DELETE, INSERT")
    assert found[1:] == [
        "public._migrations_log: missing: constraint _migrations_log_pkey PRIMARY KEY (id),"
        " expected the table as tenantry creates it"
    ]
    assert ran.exit_code == 1


@pytest.mark.parametrize("change", [*OURS.values(), *INERT.values()], ids=[*OURS, *INERT])
def test_a_ledger_of_ours_with_what_is_not_ours_is_refused(here: Site, change: str) -> None:
    """The role that migrates, too, may have put something on its own ledger: it is not run, and nothing is written."""
    here.query(f"{change}; SELECT setval('sung', 1, false)")
    assert {reason.partition(": ")[0] for reason in refuse(here)} == {"public._migrations"}
    assert (count_songs(here), here.has("desks")) == (0, False)


CHANGES = {**ON_LEDGER, **OURS}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_between_two_files_is_seen(here: Site, change: str) -> None:
    """A ledger that is changed after the first files of a run is as foreign to the next one, and does not run.

    The file before it runs outside a transaction: of two others, the second one's transaction begins with the COMMIT.
    """
    plain = {"0002_desks.sql": "CREATE TABLE desks (id bigint);", "0004_lamps.sql": "CREATE TABLE lamps ();"}
    here.write({**plain, "0003_beds.sql": "-- transactional: false\nCREATE TABLE beds ();"})
    steps = here.steps()
    for _ in range(2):
        while not isinstance(next(steps), MigrationApplied):
            pass
    here.query(f"{change}; SELECT setval('sung', 1, false)")
    with pytest.raises(Refused, match=r"^public\._migrations: "):
        finish(steps)
    assert (count_songs(here), here.has("desks"), here.has("beds"), here.has("lamps")) == (0, True, True, False)


@pytest.mark.parametrize("table", ["_migrations", "_migrations_log"])
def test_nobody_changes_the_ledger_between_two_files(here: Site, table: str) -> None:
    """Between two transactional files, the tables are locked: nothing can be put on them that the second would run."""
    here.write({"0002_desks.sql": "CREATE TABLE desks (id bigint);", "0003_lamps.sql": "CREATE TABLE lamps ();"})
    steps = here.steps()
    while not isinstance(next(steps), MigrationApplied):
        pass
    with pytest.raises(LockNotAvailable):
        here.query(f"SET lock_timeout = 100; CREATE INDEX i ON {table} ((sing(version)))")
    finish(steps)
    assert (count_songs(here), here.states()) == (0, {1: "applied", 2: "applied", 3: "applied"})


def test_a_parent_without_columns(here: Site) -> None:
    """A parent that leaves no trace in the table's own rows of the catalog is seen before the first write of a run."""
    here.query("CREATE TABLE parent (); ALTER TABLE _migrations INHERIT parent")
    here.write({"0002_desks.sql": "CREATE TABLE desks (id bigint);"})
    ran = here.migrate()
    assert (ran.results, here.has("desks")) == ({"1": Result.REFUSED}, False)
    assert ran.verdict().reason.startswith("public._migrations: unexpected: inherits public.parent, expected the table")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_changes_the_ledger_is_undone(here: Site, change: str) -> None:
    """What a file puts on the ledger is not run by its own record, whatever was seen before the file."""
    text = f"{change}; SELECT setval('sung', 1, false);"
    here.write({"0002_desks.sql": "CREATE TABLE desks (id bigint);", "0003_change.sql": text})
    assert here.migrate().verdict().result in {Result.REFUSED, Result.FAILED}
    assert (count_songs(here), here.states()) == (0, {1: "applied", 2: "applied"})


@pytest.mark.parametrize("harmless", ["GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC", "ANALYZE"])
def test_a_file_may_change_the_catalog_rows_of_the_ledger(here: Site, harmless: str) -> None:
    """A file that writes the ledger's rows of the catalog and leaves its definition is applied, and so is the next."""
    files = {"0002_desks.sql": "CREATE TABLE desks ();", "0003_harmless.sql": f"CREATE TABLE kept (); {harmless};"}
    here.write({**files, "0004_lamps.sql": "CREATE TABLE lamps ();"})
    assert here.migrate().results == {"1": Result.APPLIED}
    assert (here.states(), here.has("kept")) == (dict.fromkeys((1, 2, 3, 4), "applied"), True)
