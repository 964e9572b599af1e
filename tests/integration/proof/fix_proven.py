"""Sites whose files are applied, and whose schema is to be proven."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tenantry.fleet.stop import Stop
from tenantry.model.events import FindingReported
from tenantry.model.outcome import Outcome
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
