"""What other tools left behind: their tables as SQL and their folders, and a connection that can only read them."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import Claim, SourceFile, load_history
from tests.places import TESTS

DATA = TESTS / "data" / "history"
# Nothing is found by chance, nothing can be written, and no time is right by chance.
_HOSTILE = "-c default_transaction_read_only=on -c search_path=pg_temp -c TimeZone=Asia/Tokyo"


def recorded(tool: str) -> str:
    """Return the SQL that makes a tool's tables as it left them."""
    return (DATA / tool / "ledger.sql").read_text("utf-8")


@contextmanager
def reading(dsn: str, *scripts: str) -> Iterator[Connection]:
    """Run scripts in a database, then yield a connection that reads it and can do nothing else."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for script in scripts:
            connection.execute(script.encode())
    with psycopg.connect(dsn, autocommit=True, options=_HOSTILE) as connection:
        yield connection


def copy_folder(folder: str, to: Path) -> Path:
    """Return a copy of a recorded folder; Python in it is kept under another suffix, or linters take it for ours."""
    copy = to / Path(folder).name
    shutil.copytree(DATA / folder, copy)
    for path in copy.rglob("*.txt"):
        path.rename(path.with_suffix(""))
    return copy


def list_relative(tool: str, folder: Path) -> list[SourceFile]:
    """Return the files that a history lists, with paths relative to the folder."""
    return [
        SourceFile(file.id, Path(file.path).relative_to(folder).as_posix(), file.checksum, file.note, file.follows)
        for file in load_history(tool).list_files(folder)
    ]


def judge(tool: str, connection: Connection, folder: Path) -> list[tuple[str, str, str]]:
    """Return id, standing and note of each claim that a tool's records and files make together."""
    history = load_history(tool)
    records = history.read(connection)
    assert records is not None
    return shorten(history.match(records, history.list_files(folder)))


def shorten(claims: Sequence[Claim]) -> list[tuple[str, str, str]]:
    """Return id, standing and note of each claim."""
    return [(claim.id, claim.standing.value, claim.note) for claim in claims]
