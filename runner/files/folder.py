"""A folder of SQL next to the migrations: all files with SQL names in it and below, so that none is overlooked."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from tenantry.model.errors import MigrationFileError, Problem
from tenantry.model.words import describe_os_error

_MIGRATION = re.compile(r"^[0-9]+_.*\.sql$", re.IGNORECASE)
# What else belongs to a set, and what a file system keeps at the top of a volume.
_KNOWN = frozenset({"checks", "repeatable", "lost+found"})


def list_sql(home: Path, shown: str, holds: str) -> list[Path]:
    """Return the files with SQL names in a folder and those below it, in order; none if the folder does not exist.

    `holds` names the files it is meant for. Raises MigrationFileError if it cannot be read.
    """
    try:
        entries = sorted(home.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = describe_os_error(error)
        raise MigrationFileError((Problem(f"{shown}: {reason}, expected a directory of {holds}"),)) from None
    # Each subfolder separately, since rglob follows a link only at its starting point.
    below = [path for entry in entries if entry.is_dir() for path in entry.rglob("*")]
    return sorted(path for path in (*entries, *below) if path.name.lower().endswith(".sql"))


def find_strays(folder: Path, shown: str, apart: Collection[Path]) -> Iterator[Problem]:
    """Yield the files with names of migrations in subfolders, where none is read. Raises MigrationFileError.

    `apart` are folders of other sets.
    """
    others = [one.resolve() for one in apart]
    for path in _list_below(folder, shown):
        home = path.parent
        if not any(one.is_relative_to(home.resolve()) for one in others):
            yield Problem(
                f"{shown}/{home.name}/{path.name}: in a subfolder, expected migrations only in the folder itself",
                f"move it into {folder.name} itself, or out of it: no SQL file in it is skipped silently",
            )


def _list_below(folder: Path, shown: str) -> list[Path]:
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.name not in _KNOWN and entry.name[0] != ".")
        homes = (entry for entry in entries if entry.is_dir())
        return [path for home in homes for path in sorted(home.iterdir()) if _MIGRATION.match(path.name)]
    except OSError as error:
        # Before all else that is read from it: what is wrong with the folder is wrong with everything in it.
        reason = (error.strerror or str(error)).lower()
        at = shown if Path(error.filename or folder) == folder else str(error.filename)
        hint = "create it, or correct its name in tenants.yaml" if isinstance(error, FileNotFoundError) else ""
        message = f"{at}: {reason}, expected a directory of migrations"
        raise MigrationFileError((Problem(message, hint),)) from None


def refuse_below(path: Path, home: Path, shown: str) -> None:
    """Raise MigrationFileError for a file in a subfolder."""
    if path.parent != home:
        hint = f"move it into {home.name} itself, or out of it: no SQL file in it is skipped silently"
        raise MigrationFileError(
            (Problem(f"{shown}: in a subfolder, expected SQL files only in the folder itself", hint),)
        )
