"""The installed command on a small fleet: a project in a folder of its own, databases with random names.

Its rule: only databases that carry a fleet's own random prefix are made, and only these are dropped with it.
"""

import functools
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.acceptance.forking import Forks
from tests.fix_postgres import binaries_of

COMMAND = Path(sys.executable).parent / "tenantry"
NOWHERE = "host=/nowhere user=postgres"
USER = f"deploy@{socket.gethostname()}"

ROOMS = "CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL);\n"
RATES = "ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);\n"
FILES = {"0000_rooms.sql": ROOMS, "0001_rates.sql": RATES}
MASTER_FILES = {"0000_organizations.sql": "CREATE TABLE organizations (id integer PRIMARY KEY);\n"}

# As long as a real prefix, so that columns stay where they are.
_PREFIX = "studio_fleet"
_DONE_WITHIN_S = 60

Row = tuple[Any, ...]
Files = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """A project folder and its databases. `server` is the connection string that tenants.yaml names as `main`.

    `patience_s` limits how long a command may take, which is no measure of it: on a busy machine, all takes longer.
    """

    folder: Path
    prefix: str
    server: str
    environment: Mapping[str, str] = field(repr=False)
    patience_s: float = _DONE_WITHIN_S

    def database(self, name: str) -> str:
        """Return the database of a tenant, or of `master`."""
        return f"{self.prefix}_{name}"

    def dsn(self, name: str) -> str:
        """Return the connection string of a tenant's database."""
        return make_conninfo(self.server, dbname=self.database(name))

    def run(self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
        """Run the command to its end, in the project folder unless `cwd` says otherwise."""
        command, environment, forks = [str(COMMAND), *args], {**self.environment, **(env or {})}, _share_forks()
        if not forks.serves(environment):
            return self._finish(command, cwd, env)
        done = forks.run(command, cwd or self.folder, environment, _DONE_WITHIN_S)
        return Result(done.returncode, done.stdout, done.stderr)

    def shell(self, line: str) -> Result:
        """Run a line as a user types it, the command being found on PATH."""
        return self._finish(["/bin/sh", "-c", line], None, None)

    def python(self, *args: str) -> Result:
        """Run the tests' own interpreter with these arguments."""
        return self._finish([sys.executable, *args], None, None)

    def _finish(self, command: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> Result:
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=self.patience_s,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def start(self, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command and leave it running; it is killed at the end, if it still runs."""
        with subprocess.Popen(
            [str(COMMAND), *args],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def write(self, name: str, text: str | bytes, set_name: str = "tenant") -> Path:
        """Write a migration file of a set and return its path."""
        path = self.folder / "migrations" / set_name / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def remove(self, name: str, set_name: str = "tenant") -> None:
        """Delete a migration file of a set."""
        (self.folder / "migrations" / set_name / name).unlink()

    def configure(self, text: str) -> None:
        """Write tenants.yaml; `PREFIX` in the text stands for that of the databases, `SERVER` for the server."""
        (self.folder / "tenants.yaml").write_text(
            text.replace("PREFIX", self.prefix).replace("SERVER", json.dumps(self.server)), encoding="utf-8"
        )

    def query(self, name: str, statement: str) -> list[Row]:
        """Run one statement in a tenant's database and return its rows, none where it gives no result."""
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def session(self, name: str) -> AbstractContextManager[psycopg.Connection[Row]]:
        """Open a session of somebody else's in a tenant's database, not in autocommit mode."""
        return psycopg.connect(self.dsn(name))

    def versions(self, name: str) -> list[int]:
        """Return the versions that the ledger of a tenant has, in order; none where there is no ledger."""
        if self.query(name, "SELECT to_regclass('public._migrations')") == [(None,)]:
            return []
        return [row[0] for row in self.query(name, "SELECT version FROM _migrations ORDER BY 1")]

    def log(self, name: str) -> list[tuple[int, str, str | None]]:
        """Return version, event and reason of every line of a tenant's log, oldest first."""
        rows = self.query(name, "SELECT version, event, reason FROM _migrations_log ORDER BY id")
        return [(version, event, reason) for version, event, reason in rows]

    def tables(self, name: str) -> list[str]:
        """Return the tables of a tenant that migrations made, in alphabetic order."""
        query = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname NOT IN ('_migrations', '_migrations_log', '_migrations_proofs') ORDER BY 1"
        )
        return [row[0] for row in self.query(name, query)]

    def trace(self, name: str) -> list[Row]:
        """Return all that the catalog of a tenant's database holds: the same twice means that nothing was made."""
        return self.query(name, "SELECT oid, relname, relnamespace, relfilenode FROM pg_class ORDER BY oid")

    def exists(self, name: str) -> bool:
        """Return whether a tenant's database is there."""
        with psycopg.connect(self.server, dbname="postgres") as connection:
            query = "SELECT count(*) FROM pg_database WHERE datname = %s"
            return connection.execute(query, [self.database(name)]).fetchone() == (1,)

    def await_activity(self, name: str, text: str, *, waits_for: str = "") -> int:
        """Wait until somebody else's session runs a statement with `text` in a tenant's database; return its pid.

        A statement is active from its first moment on: with `waits_for`, a type of wait event such as Lock for a lock
        that a test holds, or Timeout for pg_sleep, what comes before the wait in the same text has been done.
        """
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state = 'active' AND position(%s IN query) > 0 AND %s IN ('', wait_event_type)"
        )
        deadline = time.monotonic() + self.patience_s
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            while time.monotonic() < deadline:
                row = connection.execute(query, [text, waits_for]).fetchone()
                if row:
                    return int(row[0])
                time.sleep(0.01)  # the server tells nobody that a statement has begun: it is asked
        raise AssertionError(f"no session of {name} runs {text!r}")

    def await_quiet(self, name: str) -> None:
        """Wait until no other session is in a tenant's database: a server takes a moment to see that a client died."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        deadline = time.monotonic() + self.patience_s
        # Not from within: a session of this test's own would be one more.
        with psycopg.connect(self.server, dbname="postgres", autocommit=True) as connection:
            while connection.execute(query, [self.database(name)]).fetchone() != (0,):
                assert time.monotonic() < deadline, f"sessions of {name} are left"
                time.sleep(0.01)  # as above

    def shown(self, text: str) -> str:
        """Return an output with all that differs from run to run made the same: names, times, ids, widths of these."""
        known = {
            self.prefix: _PREFIX,
            str(self.folder): "/project",
            USER: "deploy@host",
            str(psycopg.conninfo.conninfo_to_dict(self.server).get("host")): "/socket",
        }
        for real, stable in known.items():
            text = text.replace(real, stable)
        text = re.sub(r"\b\d+(\.\d)? m?s\b", "0 ms", text)
        text = re.sub(r"\bpid \d+\b", "pid 1", text)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "2001-02-03 UTC", text)
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "RUN", text)
        return re.sub(r"\bPostgreSQL \d+\.\d+", "PostgreSQL 17.0", text)


@dataclass(frozen=True, slots=True)
class Report:
    """A report on stdout: the rows of its table by column, and the text around the table, made the same."""

    rows: list[dict[str, str]]
    text: str

    def column(self, name: str) -> list[str]:
        """Return one column of the table, from top to bottom; empty cells where it was left out."""
        return [row.get(name, "") for row in self.rows]


def read_report(fleet: Fleet, out: str) -> Report:
    """Take an output apart. A table is a line of titles, a line of dashes below it, and what is as wide as these."""
    lines = out.splitlines(keepends=True)
    rule = next((index for index, line in enumerate(lines) if re.fullmatch(r"-+(  -+)+\n", line)), None)
    if rule is None:
        return Report([], fleet.shown(out))
    spans = [match.span() for match in re.finditer("-+", lines[rule])]
    end = next((i for i in range(rule + 1, len(lines)) if not _fits(lines[i], spans)), len(lines))
    titles = [lines[rule - 1][slice(*span)].strip() for span in spans]
    rows = [
        dict(zip(titles, (fleet.shown(line.rstrip("\n")[slice(*span)].strip()) for span in spans), strict=True))
        for line in lines[rule + 1 : end]
    ]
    return Report(rows, fleet.shown("".join(lines[: rule - 1] + lines[end:])))


def _fits(line: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether a line is a row of a table: blank between its columns, with a tenant and a cell beside it."""
    gaps = [line[end:start].strip() for (_, end), (start, _) in pairwise(spans)]
    return not any(gaps) and len(line.rstrip("\n")) <= spans[-1][1] and line[: spans[0][1]].strip() != ""


def read_events(out: str) -> list[dict[str, Any]]:
    """Return the lines of `--format jsonl`, each of which must be an object."""
    events = [json.loads(line) for line in out.splitlines()]
    assert all(isinstance(event, dict) for event in events)
    return events


def find_commands(text: str) -> list[str]:
    """Return the commands that an output tells to type, in order: in quotes in a hint, or after `next:`."""
    quoted = r'"(tenantry [a-z].*?)"(?=[\s;,:.)]|$)'
    last = r"^(?:next|after fixing that): (tenantry .*)$"
    return [match[1] or match[2] for match in re.finditer(f"{quoted}|{last}", text, re.MULTILINE)]


def dump_schema(conninfo: str, *, without: Sequence[str] = ()) -> str:
    """Return the whole schema of a database as pg_dump writes it, without the ledger and the tables of `without`."""
    excluded = [f"--exclude-table={pattern}" for pattern in ("_migrations*", *without)]
    done = subprocess.run(
        [binaries_of("17") / "pg_dump", "--schema-only", *excluded, "--dbname", conninfo],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    # A random word that no schema has a part in.
    return re.sub(r"(?m)^\\(un)?restrict .*\n", "", done.stdout)


MakeFleet = Callable[..., Fleet]


@pytest.fixture
def fleet(server_dsn: str, tmp_path: Path) -> Iterator[MakeFleet]:
    """Return a callable that makes a fleet on PostgreSQL 17, see `make_fleet`; its databases are dropped afterwards."""
    made: list[Fleet] = []

    def make(**given: Any) -> Fleet:
        made.append(make_fleet(tmp_path / f"project{len(made)}", server_dsn, **given))
        return made[-1]

    yield make
    for one in made:
        drop_databases(one)


def make_fleet(
    folder: Path,
    server: str,
    *,
    tenants: Sequence[str] = ("1", "16"),
    files: Files = FILES,
    master: Files | None = None,
    created: bool = True,
    scratch: bool = True,
    settings: str = "",
) -> Fleet:
    """Make a project with these tenants and migrations, with a master where it has files.

    Its databases are there, and empty, unless `created` is false. With `scratch`, files are replayed on the server of
    the tests, where none has to be made for it, and what came of them is kept for all tests of this process.
    `settings` are further lines of tenants.yaml.
    """
    for set_name, given in (("tenant", files), ("master", master)):
        if given is not None:
            (folder / "migrations" / set_name).mkdir(parents=True)
    replay = {"TENANTRY_SCRATCH": server, "TENANTRY_CACHE": str(folder.parents[1] / "kept")} if scratch else {}
    one = Fleet(folder, f"acc_{secrets.token_hex(4)}", _shorten(server), {**_environment(), **replay})
    for set_name, given in (("tenant", files), ("master", master or {})):
        for name, text in given.items():
            one.write(name, text, set_name)
    ids = ", ".join(json.dumps(tenant) for tenant in tenants)
    one.configure(
        "servers: {main: SERVER}\n"
        + ("master: {server: main, database: PREFIX_master, migrations: migrations/master}\n" if master else "")
        + "tenants:\n  migrations: migrations/tenant\n  server: main\n  database: PREFIX_{id}\n"
        + f"  list: [{ids}]\n"
        + settings
    )
    if created:
        create_databases(one, *tenants, *(["master"] if master else []))
    return one


def create_databases(fleet: Fleet, *names: str) -> None:
    """Create the databases of these tenants, empty."""
    with psycopg.connect(fleet.server, dbname="postgres", autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(fleet.database(name))))


def drop_databases(fleet: Fleet) -> None:
    """Drop every database that carries the fleet's prefix, whoever made it and whoever is in it."""
    with psycopg.connect(fleet.server, dbname="postgres", autocommit=True) as connection:
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (name,) in connection.execute(query, [f"{fleet.prefix}_"]).fetchall():
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _shorten(server: str) -> str:
    """Return a connection string as a person writes it: where the server is, and as whom."""
    parts = psycopg.conninfo.conninfo_to_dict(server)
    return make_conninfo("", host=parts["host"], port=parts["port"], user=parts["user"])


@functools.cache
def _share_forks() -> Forks:
    """Return what runs the command for all tests of this process."""
    return Forks(_environment())


def _environment() -> dict[str, str]:
    """Return the environment of a program that collects logs, with the command on PATH and a login name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "TENANTRY_", "PYTEST_"))}
    ours = {"LOGNAME": "deploy", "PYTHONWARNINGS": "default", "TENANTRY_LOG": "json"}
    return {**kept, "PATH": f"{COMMAND.parent}:{kept['PATH']}", **ours}
