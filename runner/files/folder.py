"""A folder of SQL next to the migrations: all files with SQL names in it and below, so that none is overlooked."""

from pathlib import Path

from tenantry.model.errors import MigrationFileError, Problem
from tenantry.model.words import describe_os_error


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


def refuse_below(path: Path, home: Path, shown: str) -> None:
    """Raise MigrationFileError for a file in a subfolder."""
    if path.parent != home:
        hint = f"move it into {home.name} itself, or out of it: no SQL file in it is skipped silently"
        raise MigrationFileError(
            (Problem(f"{shown}: in a subfolder, expected SQL files only in the folder itself", hint),)
        )
