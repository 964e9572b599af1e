"""How many messages a run sends to a tenant's server: each is a round trip, which no test of time would notice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tenantry.model.results import Result
from tests.integration.fix_site import MakeSite, Site, lend_role

FILES = {"0001_rooms.sql": "CREATE TABLE rooms (id bigint PRIMARY KEY);"}
DESKS = {"0002_desks.sql": "CREATE TABLE desks (id bigint);"}
LAMPS = {"0003_lamps.sql": "CREATE TABLE lamps (id bigint);"}
# The ledger and, under the lock, once more; a file and its record; the ledger as the confirmation.
_READ, _FILE, _CONFIRM = 1, 3, 1
# How many connections the server has free: once a run for each server, on its first connection.
_LIMITS = 1
# The tables of the ledger; whether there are any by now is asked under the lock.
_CREATE = 1


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have libpq write down what each connection sends, into files in a folder."""
    connect, folder = psycopg.connect, tmp_path / "traces"
    folder.mkdir()
    with_files: list[BinaryIO] = []

    def traced(*args: Any, **given: Any) -> psycopg.Connection[Any]:
        connection = connect(*args, **given)
        with_files.append((folder / str(len(with_files))).open("wb"))
        connection.pgconn.trace(with_files[-1].fileno())
        return connection

    monkeypatch.setattr(psycopg, "connect", traced)
    yield folder
    for file in with_files:
        file.close()


def count_messages(here: Site, traces: Path, result: Result) -> list[int]:
    """Run `migrate`, and return how many queries each of its connections sent."""
    before = set(traces.iterdir())
    assert set(here.migrate().results.values()) == {result}
    return [file.read_text(errors="replace").count("\tQuery\t") for file in sorted({*traces.iterdir()} - before)]


def test_nothing_pending(any_site: MakeSite, traces: Path) -> None:
    """A tenant with nothing pending costs one message, which reads its ledger; the server's limits are read once."""
    here = any_site(FILES, tenants=("1", "16"))
    assert set(here.migrate().results.values()) == {Result.APPLIED}
    assert count_messages(here, traces, Result.UP_TO_DATE) == [_LIMITS + _READ, _READ]


def test_each_file(any_site: MakeSite, traces: Path) -> None:
    """A file costs three: the lock with the state of the ledger, the file, and its record with the COMMIT.

    Each further one costs two: its lock is taken in the message that commits the one before.
    """
    here = any_site(FILES)
    assert count_messages(here, traces, Result.APPLIED) == [_LIMITS + _READ + _CREATE + _FILE + _CONFIRM]
    here.write(DESKS)
    assert count_messages(here, traces, Result.APPLIED) == [_LIMITS + _READ + _FILE + _CONFIRM]
    here.write({**LAMPS, "0004_beds.sql": "CREATE TABLE beds (id bigint);"})
    assert count_messages(here, traces, Result.APPLIED) == [_LIMITS + _READ + 2 * _FILE - 1 + _CONFIRM]


def test_ledger_of_a_granted_role(any_site: MakeSite, traces: Path) -> None:
    """Where the ledger's owner is not the connected role, one more asks whether that role was granted to it."""
    here = any_site(FILES)
    assert here.migrate().results == {"1": Result.APPLIED}
    with lend_role(here) as owner, lend_role(here) as deploy:
        here.query(f"GRANT ALL ON SCHEMA public TO {owner}; GRANT {owner} TO {deploy}")
        here.query(f"ALTER TABLE _migrations OWNER TO {owner}; ALTER TABLE _migrations_log OWNER TO {owner}")
        theirs = Site(here.folder, make_conninfo(here.server, user=deploy), here.databases)
        assert count_messages(theirs, traces, Result.UP_TO_DATE) == [_LIMITS + _READ + 1]
        here.write(DESKS)
        assert count_messages(theirs, traces, Result.APPLIED) == [_LIMITS + _READ + 1 + _FILE + _CONFIRM]


def test_first_table_gone(any_site: MakeSite, traces: Path) -> None:
    """Where the first table of the files is not found by its name, one more asks whether there is any other."""
    here = any_site(FILES)
    assert here.migrate().results == {"1": Result.APPLIED}
    here.query("ALTER TABLE rooms RENAME TO chambers")
    assert count_messages(here, traces, Result.UP_TO_DATE) == [_LIMITS + _READ + 1]
