"""The records of other tools, as those tools left them: each folder of tests/data/history is a ledger and its files.

Every reading here is done in a transaction that may not write, with a search path that leads nowhere.
"""

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psycopg

from tenantry.takeover.records.histories import Claim, ForeignRecord, load_history
from tests.places import TESTS

DATA = TESTS / "data" / "history"

# Of a claim: its id, its standing and its note.
Row = tuple[str, str, str]


def read(dsn: str, tool: str) -> tuple[ForeignRecord, ...] | None:
    """Return what a tool records in a database."""
    options = "-c default_transaction_read_only=on -c search_path="
    with psycopg.connect(dsn, options=options) as connection:
        return load_history(tool).read(connection)


def load(dsn: str, *statements: str | Path) -> None:
    """Run statements, or files of them, in a database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for one in statements:
            connection.execute((one.read_text() if isinstance(one, Path) else one).encode())


def copy_files(source: str, folder: Path) -> Path:
    """Return a copy of a recorded folder, for a test to change."""
    copy = folder / "files"
    shutil.copytree(DATA / source / "files", copy)
    return copy


def show(claims: Sequence[Claim]) -> list[Row]:
    """Return of each claim what a person is told."""
    return [(claim.id, claim.standing.value, claim.note) for claim in claims]


def at(text: str) -> datetime:
    """Return a time from ISO 8601."""
    return datetime.fromisoformat(text)
