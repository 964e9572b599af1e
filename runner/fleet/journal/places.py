"""The folder of the journals: their names, which one a person means, and which ones are old."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "runs"
LAST = "last"
# Arbitrary: some months of daily runs. Older journals are deleted; the tenants' own logs are never shortened.
KEPT = 100
_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z-([0-9a-f]{8}-[0-9a-f-]{27})\.jsonl")


def name_file(started_at: datetime, run_id: str) -> str:
    """Return the name of a journal's file. Names sort by the start of the run."""
    at = started_at.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z-{run_id}.jsonl"


def list_files(folder: Path) -> list[tuple[str, Path]]:
    """Return id and path of each journal in a folder, the newest first. Raises OSError if it cannot be read."""
    try:
        paths = sorted(folder.iterdir(), reverse=True)
    except FileNotFoundError:
        return []
    return [(match[1], path) for path in paths if (match := _NAME.fullmatch(path.name))]


def is_running(path: Path) -> bool:
    """Return whether the run that writes a journal is still going on, on this machine."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # A file system without locks: nothing is known.
        return False
    finally:
        os.close(file)
    return False


def prune(folder: Path) -> None:
    """Delete all journals but the newest ones. Raises OSError if the folder cannot be read."""
    for path in _list_old(folder):
        # Another run may be deleting it as well.
        with suppress(OSError):
            path.unlink()


def _list_old(folder: Path) -> Iterator[Path]:
    yield from (path for _, path in list_files(folder)[KEPT:] if not is_running(path))
