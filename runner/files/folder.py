"""A folder of SQL beside the migrations: all that is named like SQL in it and below, so that nothing is passed over."""

from pathlib import Path

from tenantry.model.errors import MigrationFileError, Problem


def list_sql(home: Path, shown: str, holds: str) -> list[Path]:
    """Return what is named like SQL in a folder and in those below it, by name; none where it is not there.

    `holds` is what it is a directory of. Raises MigrationFileError where it cannot be read.
    """
    try:
        entries = sorted(home.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MigrationFileError((Problem(f"{shown}: {reason}, expected a directory of {holds}"),)) from None
    # Each sub-folder on its own, since rglob follows a link only where it begins.
    below = [path for entry in entries if entry.is_dir() for path in entry.rglob("*")]
    return sorted(path for path in (*entries, *below) if path.name.lower().endswith(".sql"))


def refuse_below(path: Path, home: Path, shown: str) -> None:
    """Raise MigrationFileError for a file that is in a sub-folder."""
    if path.parent != home:
        hint = f"move it into {home.name} itself, or out of it: nothing in it is skipped silently"
        raise MigrationFileError((Problem(f"{shown}: in a sub-folder, expected no file of SQL there", hint),))
