"""The proof: what was changed by hand is named, what cannot be known is not proven, and nothing is touched."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.fleet.stop import Stop
from tenantry.ledger.ledger import Ledger
from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, Verdict
from tenantry.model.outcome import Outcome
from tenantry.model.results import Result
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import Snapshot
from tenantry.verbs.verb import Request, load_verb
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import Ran, Site, lend_role, make_site

MakeProven = Callable[..., "Proven"]

ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL, fee numeric(10,2));\n"}
DESKS = {
    "0002_desks.sql": "CREATE TABLE desks (id int, room int);\n"
    "CREATE UNIQUE INDEX desks_once ON desks (id);\n"
    "ALTER TABLE desks ADD CONSTRAINT desks_room CHECK (room > 0);\n"
}
INDEX = {"0003_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_name ON rooms (name);\n"}
LAMPS = {"0004_lamps.sql": "CREATE TABLE lamps (id int);\n"}
MIGRATE = {"to": None, "out_of_order": (), "no_verify": False}
NO_PLACE = "no scratch database to replay the files on: server 'scratch': "
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
# Whatever a statement changes in a database leaves another row version here.
CATALOG = " UNION ALL ".join(
    f"SELECT '{table}', CAST(xmin AS text), CAST(ctid AS text) FROM pg_catalog.{table}"
    for table in ("pg_class", "pg_namespace", "pg_attribute", "pg_proc", "pg_constraint", "pg_description", "pg_type")
)


@dataclass(frozen=True, slots=True)
class Proven:
    """A site whose files are replayed on a server that is given, with a cache of its own."""

    site: Site
    environment: dict[str, str] = field(default_factory=dict)

    def call(self, verb: str, **options: Any) -> Ran:
        """Run a verb to its end, as the command does, on every tenant."""
        given = {
            "allow": (),
            "resume_at": None,
            "resume": None,
            "engine": "threads",
            "reason": None,
            "max_failures": None,
            "stage": None,
            "no_rollout": False,
            "deadline": None,
            "yes": False,
            "config": str(self.site.folder / "tenants.yaml"),
            "servers": (("main", self.site.server),),
            "dry_run": False,
            "full": False,
        }
        run_id = str(uuid.uuid4())
        request = Request(verb, run_id, "tester@here", {**given, **options}, self.environment, Stop())
        outcome, seen = Outcome(), []
        for event in load_verb(verb).start(request):
            outcome.add(event)
            seen.append(event)
        return Ran(tuple(seen), outcome.exit_code)

    def verify(self) -> Ran:
        """Run `verify`."""
        return self.call("verify")

    def migrate(self, **options: Any) -> Ran:
        """Run `migrate`, which proves what it applied."""
        return self.call("migrate", **{**MIGRATE, **options})

    def configure(self, text: str) -> None:
        """Add to tenants.yaml."""
        with (self.site.folder / "tenants.yaml").open("a", encoding="utf-8") as file:
            file.write(text)

    def close_place(self) -> None:
        """Make it impossible to replay files from now on."""
        self.environment["TENANTRY_SCRATCH"] = f"host={self.site.folder}/nowhere"

    def forget_kept(self) -> None:
        """Have the files replayed anew, by an empty cache."""
        self.environment["TENANTRY_CACHE"] += "x"


def said(ran: Ran, tenant: str = "1") -> list[str]:
    """Return what was found in a tenant, without hints."""
    return [event.problem.message for event in ran.of(FindingReported) if event.tenant == tenant]


def prepare(make_database: MakeDatabase, tmp_path: Path, files: Mapping[str, str], **options: Any) -> Proven:
    """Make a site, and apply its files, if any, without a proof."""
    site = make_site(make_database, tmp_path, files, **options)
    if site.schema != "public":
        site.query(f'CREATE SCHEMA "{site.schema}"')
    assert not files or site.migrate().exit_code == 0
    return Proven(site, {"TENANTRY_SCRATCH": site.server, "TENANTRY_CACHE": str(tmp_path / "kept")})


@pytest.fixture
def proven(database: MakeDatabase, tmp_path: Path) -> MakeProven:
    """Return a callable that makes a site on PostgreSQL 17 whose files are applied."""
    return partial(prepare, database, tmp_path)


@contextmanager
def as_role(here: Proven, *grants: str) -> Iterator[Proven]:
    """Lend a role that has these rights and no other; give the site as that role sees it."""
    with lend_role(here.site) as name:
        for grant in grants:
            here.site.query(f"GRANT {grant} TO {name}")
        site = Site(here.site.folder, make_conninfo(here.site.server, user=name), here.site.databases)
        yield Proven(site, here.environment)


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


class TestCost:
    def test_fingerprint_first(self, proven: MakeProven, monkeypatch: pytest.MonkeyPatch) -> None:
        """A snapshot is read only of a tenant whose fingerprint is another one."""
        here = proven(ROOMS, tenants=("1", "2", "3"))
        read: list[str] = []

        def read_and_note(connection: Connection, scope: Scope) -> Snapshot:
            read.append(connection.info.dbname)
            return read_snapshot(connection, scope)

        monkeypatch.setattr("tenantry.proof.prover.read_snapshot", read_and_note)
        assert here.verify().exit_code == 0
        assert read == []
        here.site.query("ALTER TABLE rooms DROP fee", "2")
        assert here.verify().results == {"1": Result.OK, "2": Result.FINDING, "3": Result.OK}
        assert read == [here.site.databases["2"]]

    def test_replayed_once(self, proven: MakeProven) -> None:
        """Files are replayed once for all tenants, and not again by the next run."""
        here = proven(ROOMS, tenants=("1", "2"))
        assert here.verify().exit_code == 0
        here.close_place()
        assert here.verify().results == {"1": Result.OK, "2": Result.OK}

    def test_no_trace(self, proven: MakeProven) -> None:
        """Proving changes no row of any catalog, of the ledger, nor what is in the tables, found or not."""
        here = proven(ROOMS | DESKS, tenants=("1", "2"))
        here.site.query("ALTER TABLE rooms DROP fee; INSERT INTO rooms VALUES (1, 'one')", "2")
        (here.site.folder / "migrations" / "checks").mkdir()
        here.site.write({"checks/a.sql": "SELECT price FROM rooms;\nINSERT INTO rooms VALUES (2, 'two');\n"})
        seen = f"{CATALOG} UNION ALL SELECT 'row', CAST(xmin AS text), CAST(m AS text) FROM _migrations AS m "
        before = [sorted(here.site.query(seen, tenant)) for tenant in ("1", "2")]
        assert here.verify().results == {"1": Result.FINDING, "2": Result.FINDING}
        assert [sorted(here.site.query(seen, tenant)) for tenant in ("1", "2")] == before
        assert here.site.query("SELECT id FROM rooms", "2") == [(1,)]


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

    def test_ahead(self, proven: MakeProven) -> None:
        """The expected schema is computed while files are applied, also if one of them fails."""
        here = proven(ROOMS)
        here.site.query("CREATE TABLE desks ()")
        here.site.write(DESKS)
        assert here.migrate().results == {"1": Result.FAILED}
        kept = Path(here.environment["TENANTRY_CACHE"])
        deadline = time.monotonic() + 30
        while not list(kept.rglob("expected/*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)  # nobody is told of it
        here.close_place()
        here.site.query("DROP TABLE desks")
        assert here.migrate().verdict() == Verdict(Result.APPLIED)

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
