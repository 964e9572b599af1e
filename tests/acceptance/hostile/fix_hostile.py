"""Tenants whose databases belong to somebody hostile, and the command that is run on them.

The command runs within this process: an attack is followed by all verbs, and a process for each would cost minutes.
Databases are copies of two that were made once: one without anything, one with what an honest run had left.
"""

import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.cli import main
from tests.acceptance.fix_command import Fleet, Result, drop_databases, make_fleet
from tests.acceptance.hostile.attack import VERBS, Attack, By, Runner, Start
from tests.acceptance.hostile.canary import SUITE, Canary
from tests.builders import write_files

# All names are qualified: what a reviewed file means must not hang on the search_path of whoever runs it.
ROOMS = """CREATE TABLE public.rooms (id integer PRIMARY KEY, name pg_catalog.text NOT NULL);
"""
RATES = "ALTER TABLE public.rooms ADD COLUMN rate numeric(10, 2);\n"
NO_RATES = "ALTER TABLE public.rooms DROP COLUMN rate;\n"
# What a session has set decides what these statements mean. The file writes down what it saw.
SETTINGS = (
    "standard_conforming_strings",
    "backslash_quote",
    "array_nulls",
    "transform_null_equals",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "xmloption",
    "check_function_bodies",
    "bytea_output",
    "extra_float_digits",
    "synchronous_commit",
)
GUESTS = f"""CREATE TABLE public.guests (id integer PRIMARY KEY);
CREATE TABLE public.seen (name pg_catalog.text PRIMARY KEY, setting pg_catalog.text);
INSERT INTO public.seen SELECT name, setting FROM pg_catalog.pg_settings
    WHERE name OPERATOR(pg_catalog.=) ANY (CAST('{{{",".join(SETTINGS)}}}' AS pg_catalog.text[]));
INSERT INTO public.rooms (id, name) VALUES (1, 'C:\\temp\\\\');
"""
COUNT = "CREATE OR REPLACE VIEW public.room_names AS SELECT name FROM public.rooms;\n"
FIRST = {"0001_rooms.sql": ROOMS, "0002_rates.sql": RATES, "0002_rates.rollback.sql": NO_RATES}
FILES = {**FIRST, "0003_guests.sql": GUESTS}
_TENANTS_YAML = """servers: {main: "SERVER"}
tenants:
  migrations: migrations/tenant
  server: main
  list:
    - {id: 1, database: DATABASE}
    - {id: 2, database: OTHER}
drift:
  ignore: [{kind: "*", name: evil}, {kind: "*", name: "evil.*"}]
"""
# Whatever a hostile database sets, the suite sees what is there, and waits for nothing.
_CALM = {
    "search_path": "pg_catalog",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_read_only": "off",
    "idle_in_transaction_session_timeout": "0",
    "exit_on_error": "off",
    "role": "none",
    "event_triggers": "off",
    "standard_conforming_strings": "on",
    "client_min_messages": "error",
}
# C0 but tab and newline, DEL, C1, and what turns the direction of a line or ends it.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What a CI server takes for a command, wherever white space lets it begin.
WORKFLOW = re.compile(r"(?m)^\s*::\w|##\[|##vso\[")
# What attacks write so that it looks like a line of our report.
FORGED = "2 tenants: 2 applied"

# All that a database says of a file that ran in it.
READ_SETTINGS = 'SELECT name, setting FROM public.seen ORDER BY name COLLATE "C"'

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one verb: `songs` are those of the canary."""

    verb: str
    result: Result
    songs: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return all that a person saw."""
        return self.result.out + self.result.err


@dataclass(frozen=True, slots=True)
class Ground:
    """What the attacks on one server have in common: its roles, its canary, and databases to copy.

    `prefix` begins the names of its roles. `honest` gives, for each runner, tenant `1`, which it migrated honestly, and
    `empty`.
    """

    server: str
    prefix: str
    canary: Canary
    cache: Path
    honest: Mapping[Runner, Fleet]

    @property
    def attacker(self) -> str:
        """Return the role that owns the tenants' databases."""
        return f"{self.prefix}_attacker"

    def login(self, runner: Runner) -> str:
        """Return the role that tenantry logs in as."""
        return "postgres" if runner is Runner.SUPERUSER else f"{self.prefix}_deploy"

    def fill(self, text: str, database: str, runner: Runner) -> str:
        """Return SQL with what stands in it; each database has a canary of its own, or its song would be kept once."""
        canary = f"{self.canary.text} /* {database} */"
        meant = {"ATTACKER": self.attacker, "RUNNER": self.login(runner), "DBNAME": database, "CANARY": canary}
        return re.sub("|".join(meant), lambda found: meant[found[0]], text)


@dataclass(frozen=True, slots=True)
class Victim:
    """A tenant that is attacked: its project and its database, and the command to be run on it."""

    ground: Ground
    attack: Attack
    folder: Path
    database: str
    call: Callable[[Path, tuple[str, ...]], Result] = field(repr=False)

    @property
    def dsn(self) -> str:
        """Return the connection string of its database, as a superuser."""
        return make_conninfo(self.ground.server, dbname=self.database)

    def strike(self) -> None:
        """Run the attack."""
        if self.attack.first:
            self.execute(self.attack.first, By.SUPERUSER)
        self.execute(self.attack.sql, self.attack.by)

    def execute(self, text: str, by: By) -> None:
        """Run SQL as somebody; the names that stand in it are filled in."""
        with self.session(by) as connection:
            connection.execute(self.ground.fill(text, self.database, self.attack.runner).encode())

    @contextmanager
    def session(self, by: By) -> Iterator[psycopg.Connection[Row]]:
        """Open a session of somebody's, in autocommit mode."""
        roles = {By.ATTACKER: self.ground.attacker, By.RUNNER: self.ground.login(self.attack.runner)}
        with _connect(self.dsn) as connection:
            connection.execute("SET search_path = public")
            if by in roles:
                connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(roles[by])))
            yield connection

    def query(self, text: str) -> list[Row]:
        """Return the rows of a query as a superuser sees them, past all that the tenant has set."""
        with _connect(self.dsn) as connection:
            return connection.execute(text.encode()).fetchall()

    def run(self, verb: str) -> Seen:
        """Run a verb, and listen to the canary."""
        if verb == "accept":
            # There is something to accept only where a file was edited.
            (self.folder / "migrations" / "tenant" / "0001_rooms.sql").write_text(f"-- checked\n{ROOMS}", "utf-8")
        since = self.ground.canary.listen()
        result = self.call(self.folder, tuple(VERBS.get(verb, f"{verb} taken --tenants 1").split()))
        return Seen(verb, result, tuple(self.ground.canary.heard(since)))


@dataclass(frozen=True, slots=True)
class Control:
    """How a tenant fared that nobody attacked: the exit code of each verb, and the settings that version 3 saw."""

    codes: Mapping[str, int]
    settings: list[Row]


MakeGround = Callable[[int], Ground]
MakeVictim = Callable[[Attack], Victim]
Controls = Callable[[Attack], Control]


@pytest.fixture(scope="session")
def make_ground(
    pytestconfig: pytest.Config, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeGround]:
    """Return a callable that gives the ground of a major, made at its first use."""
    made: dict[int, Ground] = {}

    def make(major: int) -> Ground:
        if major not in made:
            server = request.getfixturevalue(f"server{major}")
            made[major] = _make_ground(server.dsn(), server.log, major, tmp_path_factory.mktemp(f"hostile{major}"))
        return made[major]

    yield make
    for ground in made.values():
        _remove_ground(ground)


@pytest.fixture
def victim(
    make_ground: MakeGround,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[MakeVictim]:
    """Return a callable that makes the victim of an attack, which it has not met yet."""
    made: list[Victim] = []

    def call(folder: Path, arguments: tuple[str, ...]) -> Result:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["tenantry", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 1, written.out, written.err)

    def make(attack: Attack) -> Victim:
        ground = make_ground(attack.major)
        monkeypatch.setenv("TENANTRY_SCRATCH", ground.server)
        monkeypatch.setenv("TENANTRY_CACHE", str(ground.cache))
        one = Victim(ground, attack, tmp_path / str(len(made)), _copy(ground, attack), call)
        _write_project(one)
        made.append(one)
        return one

    yield make
    for one in made:
        _execute(one.ground.server, f"DROP DATABASE IF EXISTS {one.database} WITH (FORCE)")


@pytest.fixture(scope="session")
def kept_controls() -> dict[tuple[Runner, Start, int], Control]:
    """Return the controls that were tried so far."""
    return {}


@pytest.fixture
def controls(victim: MakeVictim, kept_controls: dict[tuple[Runner, Start, int], Control]) -> Controls:
    """Return a callable that gives the control of an attack: tried once for all that begin alike."""

    def control(attack: Attack) -> Control:
        kind = (attack.runner, attack.start, attack.major)
        if kind not in kept_controls:
            one = victim(Attack("none", "", start=attack.start, runner=attack.runner, major=attack.major))
            codes = {verb: one.run(verb).result.code for verb in VERBS}
            kept_controls[kind] = Control(codes, one.query(READ_SETTINGS))
        return kept_controls[kind]

    return control


def _make_ground(server: str, log: Path, major: int, folder: Path) -> Ground:
    """Make the roles, and for each runner a database that it has migrated honestly, and an empty one."""
    token = secrets.token_hex(6)
    canary = Canary(token, secrets.token_hex(6), log, server)
    ground = Ground(server, f"hostile_{token}", canary, folder / "expected", {})
    _execute(server, *(f"CREATE ROLE {role} LOGIN" for role in (ground.attacker, ground.login(Runner.DEPLOY))))
    honest = {runner: _make_honest(ground, runner, folder / runner.name.lower()) for runner in Runner}
    return replace(ground, honest=honest)


def _make_honest(ground: Ground, runner: Runner, folder: Path) -> Fleet:
    login = ground.login(runner)
    one = make_fleet(folder, ground.server, tenants=("1", "empty"), files=FIRST)
    write_files(one.folder / "migrations" / "tenant" / "repeatable", {"room_names.sql": COUNT})
    for name in ("1", "empty"):
        if runner is Runner.DEPLOY:
            _execute(one.dsn(name), f"GRANT CREATE, USAGE ON SCHEMA public TO {login}")
        _execute(one.dsn(name), ground.canary.functions.replace("ATTACKER", ground.attacker))
    one.configure(_compose_config(make_conninfo(one.server, user=login), one.database("1"), one.database("empty")))
    done = one.run("migrate", "--tenants", "1")
    # The role that may do no more than it must is not proven to have the rights that it has.
    assert done.code == 0 or (runner is Runner.DEPLOY and done.code == 1), done.out + done.err
    for table in ("migrations", "migrations_log", "migrations_repeatable"):
        # What a ledger says is no secret: it is what the repository says.
        copy = f"CREATE TABLE evil.{table} AS TABLE public._{table}"
        _execute(one.dsn("1"), copy, f"ALTER TABLE evil.{table} OWNER TO {ground.attacker}")
    return one


def _remove_ground(ground: Ground) -> None:
    for fleet in ground.honest.values():
        drop_databases(fleet)
    _execute(ground.server, f"DROP ROLE {ground.attacker}", f"DROP ROLE {ground.login(Runner.DEPLOY)}")


def _copy(ground: Ground, attack: Attack) -> str:
    """Make the database of a victim, and return its name."""
    honest = ground.honest[attack.runner]
    database = f"{honest.prefix}_{secrets.token_hex(5)}"
    source = honest.database("1" if attack.start is Start.HONEST else "empty")
    _execute(ground.server, f"CREATE DATABASE {database} TEMPLATE {source} OWNER {ground.attacker}")
    return database


def _write_project(victim: Victim) -> None:
    ground, honest = victim.ground, victim.ground.honest[victim.attack.runner]
    server = make_conninfo(honest.server, user=ground.login(victim.attack.runner))
    config = _compose_config(server, victim.database, honest.database("1"))
    write_files(victim.folder, {"tenants.yaml": config})
    write_files(victim.folder / "migrations" / "tenant", FILES)
    write_files(victim.folder / "migrations" / "tenant" / "repeatable", {"room_names.sql": COUNT})
    write_files(victim.folder / "taken", {"0001_rooms.sql": f"-- migrate:up\n{ROOMS}"})
    for name, text in victim.attack.files.items():
        path = victim.folder / name
        write_files(path.parent, {path.name: text})


def _compose_config(server: str, database: str, other: str) -> str:
    return _TENANTS_YAML.replace("SERVER", server).replace("DATABASE", database).replace("OTHER", other)


def _execute(server: str, *statements: str) -> None:
    """Run statements as a superuser, each for itself; without a database, in the one that is always there."""
    with _connect(server if "dbname" in conninfo_to_dict(server) else make_conninfo(server, dbname="postgres")) as one:
        for statement in statements:
            one.execute(statement.encode())


def _connect(dsn: str) -> psycopg.Connection[Row]:
    """Open a session of the suite's own, past all that a database has set."""
    options = " ".join(f"-c {name}={value}" for name, value in _CALM.items())
    return psycopg.connect(dsn, autocommit=True, application_name=SUITE, options=options)
