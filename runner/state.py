"""The folder next to tenants.yaml that holds the embedded server and caches of this machine: not for git."""

import contextlib
import os
import secrets
from collections import deque
from collections.abc import Iterator
from pathlib import Path

STATE_FOLDER = ".tenantry"
_IGNORE = "# Created by tenantry: databases and caches of this machine.\n*\n"


class Cache:
    """Files whose contents can be computed again, kept to spare later runs that; deleting them does no harm.

    A text that cannot be written is remembered until the run ends: its tenants are spared the work as well.
    """

    def __init__(self) -> None:
        # Several threads write to these, and every change is one step under the interpreter's lock.
        self._remembered: dict[Path, str] = {}
        self._failures: dict[Path, tuple[Path, str]] = {}
        self._unreported: deque[tuple[Path, str]] = deque()

    def read(self, path: Path) -> str | None:
        """Return the text that was kept under a path; None if there is none, or it cannot be read."""
        # A text that could not be written is newer than what lies there, which may be damaged or forged.
        if path in self._remembered:
            return self._remembered[path]
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, path: Path, text: str) -> None:
        """Keep a text under a path, in a folder that is created for it; never raises OSError."""
        try:
            _replace(path, text)
        except OSError as error:
            self.remember(path, text)
            failure = (path.parent, (error.strerror or str(error)).lower())
            if self._failures.setdefault(path.parent, failure) is failure:
                self._unreported.append(failure)

    def remember(self, path: Path, text: str) -> None:
        """Keep a text until the run ends, and no longer: for what may be otherwise the next time."""
        self._remembered[path] = text

    def take_failures(self) -> Iterator[tuple[Path, str]]:
        """Yield each folder in which nothing can be kept, with the reason, and none of them again."""
        while self._unreported:
            yield self._unreported.popleft()


def _replace(path: Path, text: str) -> None:
    """Write a file in such a way that nobody ever reads half of it. Raises OSError."""
    make_state_folder(path.parent)
    # Under a name of its own, since another process may be writing the same file; renaming is one step.
    half = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    try:
        half.write_text(text, "utf-8")
        half.replace(path)
    except OSError:
        # On a full disk, what was written of it would be in everybody's way.
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def make_state_folder(folder: Path) -> None:
    """Create a folder with its parents, and hide the state folder that it is in, if it is in one, from git.

    A hook that adds files would commit databases otherwise. What root creates belongs to the owner of the folder
    around it. Raises OSError.
    """
    for path in (*reversed(folder.parents), folder):
        if path.is_dir():
            continue
        path.mkdir(exist_ok=True)  # another thread or process may be here at the same time
        _give_away(path)
        if path.name == STATE_FOLDER:
            ignore = path / ".gitignore"
            ignore.write_text(_IGNORE, "utf-8")
            _give_away(ignore)


def _give_away(path: Path) -> None:
    """Give what root creates to the owner of the folder around it, who could not write there otherwise."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, around.st_uid, around.st_gid)
