"""The rights in the control database that the documentation gives to runs and to workers: enough, and no more."""

import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.acceptance.apply.test_interrupt import NOTES, WAIT, gate
from tests.acceptance.fix_command import ROOMS, Fleet, MakeFleet
from tests.acceptance.fleet.fix_workers import SETTINGS, make_served, start_worker
from tests.acceptance.fleet.test_workers import assert_once
from tests.unit.docs.markdown import DOCS, read_fences

pytestmark = pytest.mark.timeout(600)

(_GRANTS,) = read_fences(DOCS / "how-to" / "workers.md", "sql")
IDS = [str(number) for number in range(1, 7)]
FILES = {"0000_rooms.sql": ROOMS, "0001_notes.sql": WAIT + NOTES}


@pytest.fixture
def word() -> str:
    """Return a word that tells the roles from those of other tests."""
    return secrets.token_hex(4)


@pytest.fixture
def one(fleet: MakeFleet, word: str) -> Iterator[Fleet]:
    """Return a fleet whose control database has the roles of the documentation."""
    served = make_served(fleet, tenants=IDS, files=FILES)
    with psycopg.connect(served.dsn("master"), autocommit=True) as connection:
        for role in ("run", "worker"):
            connection.execute(f"CREATE ROLE tenantry_{role}_{word} LOGIN".encode())
        connection.execute(re.sub(r"\b(tenantry_(?:run|worker))\b", rf"\1_{word}", _GRANTS).encode())
        yield served
        for role in ("run", "worker"):
            connection.execute(f"DROP OWNED BY tenantry_{role}_{word}; DROP ROLE tenantry_{role}_{word}".encode())


def connect_as(one: Fleet, role: str) -> Path:
    """Return a copy of the project whose control database is connected to as a role."""
    folder = one.folder.parent / role
    subprocess.run(["cp", "-r", str(one.folder), str(folder)], check=True)
    dsn = make_conninfo(one.dsn("master"), user=role)
    text = (folder / "tenants.yaml").read_text()
    (folder / "tenants.yaml").write_text(text.replace(SETTINGS, f'workers: {{database: "{dsn}"}}\n'))
    return folder


def test_documented_rights(one: Fleet, word: str) -> None:
    """With them, a run is carried, taken over from a dead worker, killed and resumed; and a worker orders none."""
    runs, workers = (connect_as(one, f"tenantry_{role}_{word}") for role in ("run", "worker"))
    words = ("--config", str(runs / "tenants.yaml"), "migrate", "--engine", "procrastinate", "--jobs", "2")
    with ExitStack() as stack:
        first = start_worker(one, "first", folder=workers)
        stack.callback(first.kill)
        opened = stack.enter_context(gate(one))
        with one.start(*words) as process:
            one.await_activity("1", "objid = 77")
            process.kill()
            process.wait()
        other = start_worker(one, "other", folder=workers)
        stack.callback(other.kill)
        first.kill()
        other.await_line("its worker died")
        opened()
        resumed = one.run("--config", str(runs / "tenants.yaml"), "migrate", "--resume")
        assert resumed.code == 0, resumed.out + resumed.err
        assert one.query("master", "SELECT count(*) FROM tenantry_workers.runs") == [(0,)]
        ordered = one.run("--config", str(workers / "tenants.yaml"), *words[2:])
        assert other.end() == 0
    assert_once(one, IDS, [0, 1])
    assert ordered.code == 2
    assert ordered.err.startswith(
        "error: workers: the role for schema 'tenantry_workers' lacks rights that a run needs: "
        "DELETE on procrastinate_jobs, "
    )


def list_rights(role: str) -> list[str]:
    """Return what a documented role is granted, one right each, in words that GRANT and REVOKE take."""
    rights = []
    for given, where, roles in re.findall(r"GRANT (.+?) ON (.+?)\s+TO (.+?);", _GRANTS, re.DOTALL):
        if role in roles:
            rights += [
                f"{right} ON {one}"
                for right in re.findall(r"[A-Z]+(?: \([^)]*\))?", given)
                for one in (where.split(", ") if where.startswith("tenantry_workers.") else [where])
            ]
    return rights


@pytest.mark.parametrize("part", ["run", "worker"])
def test_a_missing_right(one: Fleet, word: str, part: str) -> None:
    """Each of the documented rights that is missing is named before a run, or a worker, begins."""
    role = f"tenantry_{part}_{word}"
    words = {"run": ("migrate", "--engine", "procrastinate"), "worker": ("worker",)}[part]
    config = str(connect_as(one, role) / "tenants.yaml")
    rights = list_rights(f"tenantry_{part}")
    assert len(rights) > 10
    for right in rights:
        one.query("master", f"REVOKE {right} FROM {role}")
        done = one.run("--config", config, *words)
        assert (done.code, one.versions("1")) == (2, []), right + done.out + done.err
        table = right.split(" ON ")[1].removeprefix("tenantry_workers.")
        expected = "USAGE on the schema" if "ON SCHEMA" in right else right.split(" ON ")[0]
        assert f"lacks rights that a {part} needs: " in done.err, right
        assert expected in done.err, right
        assert " IN SCHEMA" in right or "ON SCHEMA" in right or f" on {table}" in done.err, right
        one.query("master", f"GRANT {right} TO {role}")


def test_rights_of_others(one: Fleet, word: str) -> None:
    """What else is in the schema needs no right, and to find the tables only their layout is read."""
    role = f"tenantry_run_{word}"
    config = str(connect_as(one, role) / "tenants.yaml")
    one.query("master", "CREATE TABLE tenantry_workers.others (id serial)")
    one.query("master", f"REVOKE INSERT ON tenantry_workers.batches FROM {role}")
    done = one.run("--config", config, "migrate", "--engine", "procrastinate")
    assert (done.code, "that a run needs: INSERT on batches\n" in done.err) == (2, True), done.err
    one.query("master", f"REVOKE SELECT ON ALL TABLES IN SCHEMA tenantry_workers FROM {role}")
    done = one.run("--config", config, "worker", "--set-up")
    assert (done.code, "to find its tables: SELECT on layout\n" in done.err) == (2, True), done.err
    one.query("master", f"GRANT SELECT ON tenantry_workers.layout TO {role}")
    done = one.run("--config", config, "worker", "--set-up")
    assert done.code == 0, done.out + done.err
