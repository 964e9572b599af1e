"""Folders of migrations, read in a test's own folder."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tenantry.files.directory import Directory, read_migrations
from tenantry.model import Migration
from tenantry.model.errors import MigrationFileError
from tests.builders import write_files

SHOWN = "migrations/tenant"
OK = "SELECT 1;\n"
RENAME = "rename it, or move it out of the folder: no SQL file in it is skipped silently"
NAME = f"not a migration file name, expected NNNN_name.sql with only digits, a-z and _ | {RENAME}"


def read(folder: Path, files: Mapping[str, str | bytes]) -> Directory:
    """Write files into a folder and read it."""
    return read_migrations(write_files(folder, files), SHOWN)


def read_one(folder: Path, content: str | bytes) -> Migration:
    """Read a folder that holds one file with this content."""
    (only,) = read(folder, {"0001_a.sql": content}).migrations
    return only


def refuse(folder: Path, bar: str = " | ") -> list[str]:
    """Read a folder that is expected to be wrong, and return what is said, each hint behind a bar."""
    with pytest.raises(MigrationFileError) as caught:
        read_migrations(folder, SHOWN)
    return [f"{p.message}{bar}{p.hint}" if p.hint else p.message for p in caught.value.problems]
