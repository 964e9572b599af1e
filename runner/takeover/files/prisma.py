"""Prisma: a folder for each migration, in the order of names; a down.sql next to migration.sql is its rollback.

The id is the name of the folder.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tenantry.model.errors import InputError, Problem
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import ForeignMigration, convert_all, read_part
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import input_error, list_paths

_LEAD = re.compile(r"[0-9]+_")
_READ = ("migration.sql", "down.sql")


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the migrations of a folder. Raises InputError: a subfolder lacks migration.sql, or contains other SQL."""
    # For its error alone: the folder may not exist.
    list_paths(folder)
    root = folder / "migrations" if (folder / "migrations").is_dir() else folder
    problems = tuple(_check_folders(root))
    if problems:
        raise InputError(problems)
    return convert_all("prisma", root, load_history("prisma").list_files(root), lambda file: _make_draft(root, file))


def _check_folders(root: Path) -> Iterator[Problem]:
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not (folder / "migration.sql").is_file():
            hint = "restore the file, or delete the folder if Prisma never ran it"
            yield Problem(f"{folder.as_posix()}: has no migration.sql, expected one", hint)
        for path in list_paths(folder, "**/*.sql"):
            if path.parent != folder or path.name not in _READ:
                yield Problem(f"{path.as_posix()}: Prisma never runs it", "move it out of the folder")


def _make_draft(root: Path, file: SourceFile) -> ForeignMigration:
    if file.note:
        raise input_error(f"{file.path}: {file.note}", "move it out of the folder")
    path = Path(file.path)
    down = path.with_name("down.sql")
    return ForeignMigration(
        file.id,
        _LEAD.sub("", file.id, count=1),
        read_part(path, root),
        read_part(down, root) if down.is_file() else None,
    )
