"""The minimal roles of the documentation: with exactly their rights, every verb does its work on every server."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.acceptance.fix_command import FILES, Fleet, Result, drop_databases, make_fleet
from tests.unit.docs.markdown import DOCS, read_fences

_ONCE, _IN_EACH = read_fences(DOCS / "explained" / "trust.md", "sql")
_IN_PUBLIC = "GRANT USAGE, CREATE ON SCHEMA public TO tenantry_migrate;"
_READS = ("status", "verify", "drift")


@dataclass(frozen=True, slots=True)
class Limited:
    """A fleet whose databases belong to another role, and the words that tell the roles from those of other tests."""

    fleet: Fleet
    word: str

    def execute(self, script: str) -> None:
        """Run statements of the documentation in the database of the tenant, as its administrator."""
        with psycopg.connect(self.fleet.dsn("1"), autocommit=True) as connection:
            connection.execute(self.rename(script).encode())

    def rename(self, text: str) -> str:
        """Return a text of the documentation with roles that no other test has."""
        return re.sub(r"\b(tenantry_(?:migrate|read))\b", rf"\1_{self.word}", text)

    def run(self, role: str, *args: str) -> Result:
        """Run the command as one of the roles."""
        dsn = make_conninfo(self.fleet.server, user=self.rename(role))
        return self.fleet.run(*args, "--server", f"main={dsn}")


@pytest.fixture
def limited(any_server: EmbeddedServer, tmp_path: Path) -> Iterator[Limited]:
    """Return a fleet of one tenant with the roles of the documentation, which have no rights yet."""
    files = {**FILES, "0002_notes.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY ON rooms (name);\n"}
    fleet = make_fleet(tmp_path / "pytest" / "project", any_server.dsn(), tenants=["1"], files=files)
    one = Limited(fleet, secrets.token_hex(4))
    one.execute(_ONCE)
    try:
        yield one
    finally:
        drop_databases(fleet)
        with psycopg.connect(fleet.server, dbname="postgres", autocommit=True) as connection:
            connection.execute(one.rename("DROP ROLE tenantry_migrate; DROP ROLE tenantry_read").encode())


def test_documented_roles(limited: Limited) -> None:
    """One role migrates and is proven, the other one reads, and neither finds the rights of the two to be drift."""
    limited.execute(_IN_EACH)
    config = limited.fleet.folder / "tenants.yaml"
    ledger = limited.rename("ledger: {schema: tenantry, owner: tenantry_migrate}\n")
    config.write_text(config.read_text("utf-8") + ledger, encoding="utf-8")
    migrated = limited.run("tenantry_migrate", "migrate")
    assert migrated.code == 0, migrated.out + migrated.err
    for verb in _READS:
        done = limited.run("tenantry_read", verb)
        assert (verb, done.code) == (verb, 0), done.out + done.err
    limited.fleet.write("0003_more.sql", "CREATE TABLE more ();\n")
    refused = limited.run("tenantry_read", "migrate")
    assert (refused.code, limited.fleet.tables("1")) == (3, ["rooms"]), refused.out


def test_public_alone(limited: Limited) -> None:
    """The rights on the schema public are enough to migrate, and are no drift."""
    assert _IN_PUBLIC in _IN_EACH
    limited.execute(_IN_PUBLIC)
    for verb in ("migrate", "verify", "status"):
        done = limited.run("tenantry_migrate", verb)
        assert (verb, done.code) == (verb, 0), done.out + done.err


def test_settings_of_the_role(limited: Limited) -> None:
    """A setting of the role by which other programs read SQL differently is a warning of verify, and no finding."""
    limited.execute(f"{_IN_PUBLIC} ALTER ROLE tenantry_migrate SET standard_conforming_strings = off;")
    for harmless in ("work_mem = '8MB'", "timezone = utc"):
        limited.execute(f"ALTER ROLE tenantry_migrate SET {harmless}")
    assert limited.run("tenantry_migrate", "migrate").code == 0
    done = limited.run("tenantry_migrate", "verify")
    said = limited.rename("role tenantry_migrate: standard_conforming_strings is off, expected on: tenantry sets it")
    assert (done.code, said in done.err, done.err.count("expected")) == (0, True, 1), done.err


def test_other_rights_are_drift(limited: Limited) -> None:
    """A right that the documentation does not name is found."""
    limited.execute(f"{_IN_PUBLIC} GRANT CREATE ON SCHEMA public TO tenantry_read;")
    done = limited.run("tenantry_migrate", "migrate")
    assert done.code == 1
    assert limited.rename("schema public: grants tenantry_read: CREATE, expected as built in") in done.out
