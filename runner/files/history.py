"""Texts that files of a folder had in the history of its git checkout, found by checksum.

The history of the current commit alone: other branches may hold what nobody has reviewed.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tenantry.model.checksum import checksum, normalise

_TIMEOUT_S = 60
_CHANGE = re.compile(rb":\d{6} \d{6} ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [A-Z]\d*\0([^\0]*)\0")
_HEADER = re.compile(rb"([0-9a-f]+) blob (\d+)")


def list_texts(folder: Path) -> dict[str, str]:
    """Return the names of git's objects by checksum, for each text of each SQL file; none without git."""
    objects = sorted(set(_list_objects(folder)))
    # Into a file, since all versions of all seed files may be more than the memory holds.
    with tempfile.TemporaryFile() as found:
        _git(folder, "cat-file", "--batch", given="".join(f"{name}\n" for name in objects), out=found)
        found.seek(0)
        return dict(_read_objects(found))


def read_object(folder: Path, name: str) -> str | None:
    """Return the text of an object of git; None if git no longer has it."""
    data = _git(folder, "cat-file", "blob", name)
    return _decode(data) if data else None


def _list_objects(folder: Path) -> Iterator[str]:
    log = ("-c", "log.showRoot=true", "log", "HEAD", "--full-history", "-m", "--raw", "--no-abbrev", "--no-renames")
    for before, after, path in _CHANGE.findall(_git(folder, *log, "-z", "--format=", "--", ".")):
        if path.endswith(b".sql") and not path.endswith(b".rollback.sql"):
            yield from (name.decode() for name in (before, after) if name.strip(b"0"))


def _read_objects(found: IO[bytes]) -> Iterator[tuple[str, str]]:
    """Yield checksum and name of each object in the output of `cat-file --batch`."""
    for line in iter(found.readline, b""):
        header = _HEADER.match(line)
        if header:
            text = _decode(found.read(int(header[2])))
            found.readline()
            if text is not None:
                yield checksum(text), header[1].decode()


def _decode(data: bytes) -> str | None:
    try:
        return normalise(data)
    except UnicodeDecodeError:
        return None


def _git(folder: Path, *arguments: str, given: str = "", out: IO[bytes] | None = None) -> bytes:
    """Return the output of git, or write it to `out`; empty if there is no git, no checkout or no commit."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            input=given.encode(),
            stdout=out or subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return (done.stdout or b"") if done.returncode == 0 else b""
