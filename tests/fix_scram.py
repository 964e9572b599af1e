"""A PostgreSQL 17 that asks for passwords, on its socket and, with a certificate, on two addresses of this machine.

Its rule: roles have random names, and each way to log in is a group that a role is put into.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.fix_postgres import binaries_of, lend_folder

# `+group` is any member of the group.
_RULES = """\
local all postgres trust
local all +hashed md5
local all +in_clear password
local all +trusted trust
local all all scram-sha-256
hostssl all all 127.0.0.0/8 scram-sha-256
"""
_READY_WITHIN_S = 20
GROUPS = ("hashed", "in_clear", "trusted")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A server and how to change it. `addresses` are where it listens, beside its socket."""

    server: EmbeddedServer
    addresses: tuple[str, str]

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the superuser; return the rows of the last one."""
        with psycopg.connect(self.server.dsn(), dbname="postgres", autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def dsn(self, role: str, **more: str) -> str:
        """Return the connection string of a role on the socket, without its password."""
        given = conninfo_to_dict(self.server.dsn())
        return make_conninfo("", **{"host": given["host"], "port": given["port"], "user": role, **more})

    def refused(self, role: str) -> int:
        """Return how often the server has refused a login of a role."""
        return self.server.log.read_text("utf-8").count(f'FATAL:  password authentication failed for user "{role}"')


# Makes a role: `make_role(password, group="", iterations=4096)` returns its name.
MakeRole = Callable[..., str]


@pytest.fixture(scope="module")
def guarded(clean_environment: None) -> Iterator[Guarded]:
    """Return a running server that asks for passwords."""
    if sys.platform != "linux":
        pytest.skip("elsewhere, 127.0.0.1 is the only address of its kind")
    # The port is the embedded server's own, so the address is one that no other run has.
    addresses = tuple(f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.{last}" for last in (1, 2))
    settings = {"listen_addresses": ",".join(addresses), "dynamic_shared_memory_type": "mmap"}
    with lend_folder() as folder:
        server = EmbeddedServer(folder / "state", binaries_of("17"), settings, durable=False)
        server.start()
        one = Guarded(server, (addresses[0], addresses[1]))
        _ask_for_passwords(one, folder)
        yield one
        server.destroy()


@pytest.fixture
def make_role(guarded: Guarded) -> MakeRole:
    """Return a callable that makes a role with a password."""

    def make(password: str, group: str = "", iterations: int = 4096) -> str:
        name = f"role_{secrets.token_hex(5)}"
        encryption = "md5" if group == "hashed" else "scram-sha-256"
        guarded.run(
            f"SET password_encryption = '{encryption}'",
            f"SET scram_iterations = {iterations}",
            f"CREATE ROLE {name} LOGIN PASSWORD '{password}'" + (f" IN ROLE {group}" if group else ""),
        )
        return name

    return make


def _ask_for_passwords(one: Guarded, folder: Path) -> None:
    one.run(*(f"CREATE ROLE {group}" for group in GROUPS))
    ((data,),), ((rules,),) = one.run("SHOW data_directory"), one.run("SHOW hba_file")
    _certify(Path(str(data)), folder)
    Path(str(rules)).write_text(_RULES, "utf-8")
    one.run("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
    # A session that sees this comes of a server that has read its rules too.
    deadline = time.monotonic() + _READY_WITHIN_S
    while one.run("SHOW ssl") != [("on",)]:
        assert time.monotonic() < deadline, one.server.log.read_text("utf-8")
        time.sleep(0.02)  # nothing tells that the rules were read: it is asked


def _certify(data: Path, folder: Path) -> None:
    """Give the server a certificate of its own, for as long as a test may take."""
    key, certificate = data / "server.key", data / "server.crt"
    how = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subprocess.run(
        ["openssl", "req", *how, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    owner = data.stat()
    key.chmod(0o600)
    for path in (key, certificate):
        os.chown(path, owner.st_uid, owner.st_gid)
