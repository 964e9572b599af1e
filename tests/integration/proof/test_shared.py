"""Proofs in the master: every machine has them, only the role that migrates writes them, and no run needs them."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tenantry.ledger.proofs import ProofTable
from tenantry.model.errors import Refused
from tenantry.model.events import WarningRaised
from tenantry.model.results import Result
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import Ran, lend_role, make_site
from tests.integration.proof.fix_proven import ROOMS, Proven

MakeShared = Callable[..., Proven]

BRANCHES = "CREATE TABLE branches (id int PRIMARY KEY);\n"
PROVEN = {"master": Result.OK, "1": Result.OK, "16": Result.OK}
TABLE = "public._migrations_proofs"
# What the master's table may be exchanged for, or what may be put on it, and why it is not believed then.
FORGED = {
    "a view": (
        f"ALTER TABLE {TABLE} RENAME TO moved; CREATE VIEW {TABLE} AS SELECT * FROM public.moved",
        "not a plain table, but a view",
    ),
    "a partition": (
        f"CREATE TABLE child () INHERITS ({TABLE})",
        "unexpected: child public.child",
    ),
    "a trigger": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        f"CREATE TRIGGER t BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION f()",
        "unexpected: trigger t",
    ),
    "a rule": (f"CREATE RULE r AS ON UPDATE TO {TABLE} DO INSTEAD NOTHING", "unexpected: rule r"),
    "row security": (f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY", "one with row security"),
    "another type": (f"ALTER TABLE {TABLE} ALTER token TYPE varchar", "unexpected: column token"),
    "a grant to all": (f"GRANT INSERT ON {TABLE} TO PUBLIC", "every role may INSERT it"),
    "a grant on a column": (f"GRANT UPDATE (token) ON {TABLE} TO PUBLIC", "every role may UPDATE it"),
}


def prepare(make_database: MakeDatabase, tmp_path: Path, proofs: str = "") -> Proven:
    """Make a site with a master and two tenants, each with all files, and proven."""
    site = make_site(make_database, tmp_path, ROOMS, tenants=("1", "16", "master"))
    config = site.folder / "tenants.yaml"
    master = f"{{server: main, database: {site.databases['master']}, migrations: master}}"
    listed = f"    - {{id: master, database: {site.databases['master']}}}\n"
    config.write_text(config.read_text("utf-8").replace(listed, "") + f"\nmaster: {master}\n{proofs}", "utf-8")
    (site.folder / "master").mkdir()
    (site.folder / "master" / "0001_branches.sql").write_text(BRANCHES, "utf-8")
    here = Proven(site, {"TENANTRY_SCRATCH": site.server, "TENANTRY_CACHE": str(tmp_path / "kept")})
    assert here.migrate().exit_code == 0
    return here


@pytest.fixture
def shared(database: MakeDatabase, tmp_path: Path) -> MakeShared:
    """Return a callable that makes a site with a master on PostgreSQL 17, whose databases are proven."""
    return partial(prepare, database, tmp_path)


@pytest.fixture
def any_shared(any_database: MakeDatabase, tmp_path: Path) -> MakeShared:
    """Return a callable that makes such a site, on each server in turn."""
    return partial(prepare, any_database, tmp_path)


def leave_machine(here: Proven) -> None:
    """Go to another machine: nothing is kept there, and no file can be replayed."""
    here.forget_kept()
    here.close_place()


def warned(ran: Ran) -> list[str]:
    """Return the warnings that belong to no tenant."""
    return [event.problem.message for event in ran.of(WarningRaised) if not event.tenant]


def prove(here: Proven) -> dict[str, Result]:
    """Return how each tenant ends that is verified, and the master, without a warning."""
    ran = here.verify()
    assert warned(ran) == []
    return dict(ran.results)


class TestOtherMachine:
    def test_proven_by_token(self, any_shared: MakeShared) -> None:
        """A machine that has kept nothing proves by the tokens in the master."""
        here = any_shared()
        leave_machine(here)
        assert prove(here) == PROVEN
        assert set(here.migrate().results.values()) == {Result.UP_TO_DATE}

    def test_changed(self, shared: MakeShared) -> None:
        """A tenant that has changed since is read in full, and no other."""
        here = shared()
        here.site.query("ALTER TABLE rooms DROP fee", "16")
        leave_machine(here)
        assert prove(here) == PROVEN | {"16": Result.REFUSED}

    def test_only_migrate_writes(self, shared: MakeShared) -> None:
        """A verb that only reads keeps its proofs on its machine."""
        here = shared()
        here.site.query(f"TRUNCATE {TABLE}", "master")
        here.forget_kept()
        assert prove(here) == PROVEN
        assert here.site.query(f"SELECT * FROM {TABLE}", "master") == []

    def test_state(self, shared: MakeShared) -> None:
        """With `proofs: state`, the master has no such table."""
        here = shared("proofs: state\n")
        assert here.site.query(f"SELECT to_regclass('{TABLE}')", "master") == [(None,)]

    def test_master_without_ledger(self, shared: MakeShared) -> None:
        """A master that tenantry does not migrate gets no table."""
        here = shared("proofs: state\n")
        here.site.query("DROP TABLE public._migrations, public._migrations_log", "master")
        config = here.site.folder / "tenants.yaml"
        config.write_text(config.read_text("utf-8").replace("proofs: state", "proofs: master"), "utf-8")
        here.forget_kept()
        (here.site.folder / "migrations" / "0002_more.sql").write_text("CREATE TABLE more (id int);\n", "utf-8")
        with here.site.connect("master") as connection:
            project = here.site.project()
            ProofTable.of(project.ledger(project.tenants[0], connection)).write({("tenant", "1"): ("a", "b")})
        assert here.site.query(f"SELECT to_regclass('{TABLE}')", "master") == [(None,)]

    def test_red_on_this_machine(self, shared: MakeShared) -> None:
        """What this machine found wrong counts, although the master has a proof of the same catalog."""
        here = shared()
        checks = here.site.folder / "migrations" / "checks"
        checks.mkdir()
        (checks / "named.sql").write_text("SELECT 'nameless' FROM rooms WHERE name = '';\n", "utf-8")
        here.site.query("INSERT INTO rooms VALUES (1, '')", "16")
        assert prove(here) == PROVEN | {"16": Result.FINDING}
        assert here.migrate().results["16"] is Result.FINDING


class TestForged:
    @pytest.mark.parametrize(("statement", "why"), FORGED.values(), ids=FORGED)
    def test_not_believed(self, shared: MakeShared, statement: str, why: str) -> None:
        """A table that others may have written to, or that would run code, proves nothing; a warning says so, once."""
        here = shared()
        here.site.query(statement, "master")
        leave_machine(here)
        ran = here.verify()
        assert {ran.results[name] for name in PROVEN} == {Result.REFUSED}
        (warning,) = warned(ran)
        assert why in warning
        assert warning.startswith("proofs in the master are not read, so that schemas are compared in full: ")

    def test_another_owner(self, shared: MakeShared) -> None:
        """A table of a role that was granted to ours is not believed either: roles of tenants often are."""
        here = shared()
        with lend_role(here.site) as tenant:
            here.site.query(f"GRANT {tenant} TO CURRENT_USER")
            here.site.query(f"ALTER TABLE {TABLE} OWNER TO {tenant}", "master")
            leave_machine(here)
            ran = here.verify()
            here.site.query(f"ALTER TABLE {TABLE} OWNER TO CURRENT_USER", "master")
        assert {ran.results[name] for name in PROVEN} == {Result.REFUSED}
        assert "its owner is neither the connected role nor the owner that tenants.yaml names" in warned(ran)[0]

    def test_default_privileges(self, shared: MakeShared) -> None:
        """Rights that everybody gets on new tables are taken back when the table is created."""
        here = shared()
        here.site.query(
            f"DROP TABLE {TABLE}; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO PUBLIC", "master"
        )
        here.forget_kept()
        assert warned(here.migrate()) == []
        leave_machine(here)
        # They are themselves nothing that the master's files make.
        assert prove(here) == PROVEN | {"master": Result.REFUSED}

    @pytest.mark.parametrize("column", ["expected", "token"])
    def test_another_form(self, shared: MakeShared, column: str) -> None:
        """A row that was made with another query, for other files or in another database proves nothing."""
        here = shared()
        here.site.query(f"UPDATE {TABLE} SET {column} = md5({column}) WHERE tenant = '1'", "master")
        leave_machine(here)
        assert prove(here) == PROVEN | {"1": Result.REFUSED}

    def test_restored(self, shared: MakeShared) -> None:
        """A database that was put in a proven one's place, with its very name, is read in full."""
        here = shared()
        old, new = here.site.databases["1"], here.site.databases["16"]
        with here.site.connect("master") as connection:
            connection.execute(f'DROP DATABASE "{old}"'.encode())
            connection.execute(f'CREATE DATABASE "{old}" TEMPLATE "{new}"'.encode())
        here.site.query("UPDATE public._migrations SET tenant = '1'")
        leave_machine(here)
        assert prove(here) == PROVEN | {"1": Result.REFUSED}


class TestNeverInTheWay:
    def test_not_written(self, shared: MakeShared) -> None:
        """A master that cannot be written costs a warning, and no tenant's result."""
        here = shared()
        here.site.query(f"ALTER TABLE {TABLE} ADD UNIQUE (token)", "master")
        here.forget_kept()
        ran = here.migrate()
        assert set(ran.results.values()) == {Result.UP_TO_DATE}
        assert [text.partition(":")[0] for text in warned(ran)] == [
            "proofs in the master are not read, so that schemas are compared in full",
            "proofs are not written to the master, so that other machines do not have them",
        ]

    def test_several_runs(self, shared: MakeShared) -> None:
        """Two runs that create the table at once both write their proofs."""
        here = shared()
        here.site.query(f"DROP TABLE {TABLE}", "master")
        project = here.site.project()
        with here.site.connect("master") as one, here.site.connect("master") as two:
            tables = [ProofTable.of(project.ledger(project.tenants[0], each)) for each in (one, two)]
            one.execute("BEGIN")
            one.execute("SELECT pg_advisory_xact_lock(7369501148246035203)")
            two.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                tables[1].write({("tenant", "2"): ("expected", "token")})
            one.execute("COMMIT")
            for number, table in enumerate(tables):
                table.write({("tenant", str(number)): ("expected", "token")})
            assert tables[0].read() == {("tenant", str(number)): ("expected", "token") for number in range(2)}

    def test_refused_before_anything_runs(self, shared: MakeShared) -> None:
        """A trigger that was put on the table is not run by a write."""
        here = shared()
        here.site.query(*FORGED["a trigger"][:1], "master")
        with here.site.connect("master") as connection:
            project = here.site.project()
            with pytest.raises(Refused):
                ProofTable.of(project.ledger(project.tenants[0], connection)).write({("tenant", "9"): ("a", "b")})
        assert here.site.query(f"SELECT count(*) FROM {TABLE} WHERE tenant = '9'", "master") == [(0,)]

    def test_no_secret(self, shared: MakeShared) -> None:
        """The table holds a hash of what was compared, and numbers: no text of a schema."""
        here = shared()
        assert "rooms" not in json.dumps(here.site.query(f"SELECT expected, token FROM {TABLE}", "master"))
