"""A template database with every migration of a project, and copies of it, each of which costs milliseconds.

The files are applied once and proven as `migrate` proves a tenant; later runs find nothing to do there.
"""

import fcntl
import hashlib
import os
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.ledger.provenance import os_user
from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import RunError
from tenantry.model.outcome import Outcome
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.project import Choice, open_database
from tenantry.state import STATE_FOLDER, make_state_folder
from tenantry.verbs.migrate import start

_PREFIX = "tenantry_test_"


@dataclass(frozen=True, slots=True)
class TenantDatabase:
    """A database of a test: its name, its libpq connection string, and the same as a URL for other drivers."""

    name: str
    conninfo: str
    url: str


@dataclass(frozen=True, slots=True)
class Template:
    """A proven database on a server, by the server's connection string and the database's name."""

    server: str
    name: str

    @contextmanager
    def copy(self) -> Iterator[TenantDatabase]:
        """Create a database as a copy of the template, and drop it at the end, whoever is still connected."""
        name = f"{_PREFIX}{secrets.token_hex(6)}"
        conninfo = make_conninfo(self.server, dbname=name)
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, self.name)
        try:
            yield TenantDatabase(name, conninfo, _make_url(conninfo))
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def drop(self) -> None:
        """Drop the template."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)

    def _execute(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(self.server, dbname="postgres", autocommit=True, prepare_threshold=None) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def open_template(path: Path, set_name: SetName, given: str = "") -> Iterator[Template]:
    """Apply all files of a project to its template, unless an earlier run has, and prove it.

    `path` is that of tenants.yaml, `given` the connection string of a server; without one, a server of the project's
    own is started, and stopped by the last process that uses it. Raises RunError.
    """
    folder = path.resolve().parent / STATE_FOLDER / "pytest"
    make_state_folder(folder)
    with _serving(given, folder) as server:
        # One for each project and set: a server may be everybody's.
        digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
        template = Template(server, f"{_PREFIX}{digest}_{set_name}")
        # One process after another: the second finds nothing to do.
        with _locked(folder / "template.lock"):
            outcome = _migrate(path, template, set_name, folder)
            if outcome.exit_code:
                # Files of a draft are edited after they ran: from the start, they may well apply.
                template.drop()
                outcome = _migrate(path, template, set_name, folder)
        if outcome.exit_code:
            raise RunError(_explain(outcome), hint=f'run "tenantry check" in {path.parent}')
        yield template


def _migrate(path: Path, template: Template, set_name: SetName, folder: Path) -> Outcome:
    server = Server("tests", template.server)
    tenant = Tenant("tests", set_name, server, template.name)
    environment = {"TENANTRY_SCRATCH": template.server, **os.environ}
    choice = Choice(path, environment, create=True)
    project = open_database(choice, str(uuid.uuid4()), os_user(), tenant, folder)
    outcome = Outcome()
    for event in start(project):
        outcome.add(event)
    return outcome


def _explain(outcome: Outcome) -> str:
    """Return why the template could not be made."""
    (tenant,) = outcome.tenants.values()
    if tenant.failed:
        return f"{tenant.failed.migration.path}: {tenant.failed.failure.message}"
    return tenant.verdict.reason if tenant.verdict else "the run was stopped"


@contextmanager
def _serving(given: str, folder: Path) -> Iterator[str]:
    """Yield the connection string of the given server, or start one that the last process of the tests stops."""
    if given:
        yield given
        return
    # Nothing on it is worth waiting for a disk.
    server = EmbeddedServer(folder, durable=False)
    with _locked(folder / "server.lock", shared=True) as lock:
        server.start()
        try:
            yield server.dsn()
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()


@contextmanager
def _locked(path: Path, *, shared: bool = False) -> Iterator[int]:
    """Hold a lock on a file, which ends with the process, however that ends."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _make_url(conninfo: str) -> str:
    """Return a connection string as a URL, for drivers that take no other form."""
    given = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value not in (None, "")}
    name = quote(given.pop("dbname"), safe="")
    return f"postgresql:///{name}?{urlencode(given)}"
