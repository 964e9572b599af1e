"""A fleet whose role logs in with a password, from one connection to the next: what is shown of it."""

import base64
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from tenantry.postgres.scram import Challenge
from tests.acceptance.fix_command import ROOMS, make_fleet
from tests.fix_scram import Guarded, MakeRole

PASSWORD = "s3cr3t of the fleet"
TENANTS = ("1", "2", "3", "16", "17", "18")


def read_keys(guarded: Guarded, role: str) -> list[str]:
    """Return the keys of a role, made from its password and the salt that its server keeps."""
    ((secret,),) = guarded.run(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")
    iterations, salt = str(secret).split("$")[1].split(":")
    keys = Challenge(base64.b64decode(salt), int(iterations)).derive(PASSWORD.encode())
    return [word.partition("=")[2] for word in keys.split()]


@pytest.mark.slow
def test_password_and_keys_are_nowhere(guarded: Guarded, make_role: MakeRole, tmp_path: Path) -> None:
    """Neither the password nor its keys are in an output, a file, the server's log or a ledger."""
    role = make_role(PASSWORD)
    guarded.run(f"ALTER ROLE {role} SUPERUSER")
    one = make_fleet(tmp_path / "project", guarded.server.dsn(), tenants=TENANTS, files={"0000_rooms.sql": ROOMS})
    server = ("--server", f"main={make_conninfo(guarded.dsn(role), password=PASSWORD)}")
    verbs = ("migrate", "status", "verify")
    said = [one.run("-v", verb, *server, "--format", "jsonl") for verb in verbs]
    said.append(one.run("-v", "migrate", *server))
    keys = read_keys(guarded, role)
    guarded.run(f"ALTER ROLE {role} PASSWORD 'another'")
    said.append(one.run("-v", "migrate", *server))
    assert [result.code for result in said] == [0, 0, 0, 0, 4]
    shown = [result.out + result.err for result in said]
    shown += [path.read_text("utf-8", "replace") for path in one.folder.rglob("*") if path.is_file()]
    shown += [guarded.server.log.read_text("utf-8")]
    shown += [str(one.query("1", f"SELECT t FROM {table} t")) for table in ("_migrations", "_migrations_log")]
    assert not [secret for secret in (PASSWORD, *keys) for text in shown if secret in text]
