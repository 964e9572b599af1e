"""Texts of files as they were applied, found by checksum where they can be trusted: in the state folder, or in git.

A tenant's database holds them as well, but whoever may write there could put any SQL in their place.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tenantry.files.history import list_texts, read_object
from tenantry.model import Migration
from tenantry.model.checksum import checksum
from tenantry.state import Cache

FOLDER = "texts"
# Checksums come from a tenant's database too, and become the names of files here.
_CHECKSUM = re.compile(r"sha256:([0-9a-f]{64})")


class Texts:
    """The texts that are known of the files of `folders`: kept when they run, or in git's history.

    They are kept under the first of `homes`, and looked for under all of them.
    """

    def __init__(self, homes: Sequence[Path], folders: Sequence[Path]) -> None:
        self._homes = homes
        self._folders = folders
        self._handled: set[str] = set()
        # Computed by several threads at once at worst, which does no harm: each result is the same.
        self._history: dict[str, tuple[Path, str]] | None = None
        # Each text has the checksum that is its name.
        self.cache = Cache(sealed=False)

    def keep(self, files: Iterable[Migration]) -> None:
        """Keep the texts of files that are about to be recorded; never raises OSError."""
        for file in files:
            if file.checksum not in self._handled:
                self._handled.add(file.checksum)
                paths = self._locate(file.checksum)
                if paths and self._read(paths, file.checksum) is None:
                    self.cache.keep(paths[0], file.text)

    def find(self, wanted: str) -> str | None:
        """Return the text with a checksum; None if it is known to no one but the tenant."""
        paths = self._locate(wanted)
        if not paths:
            return None
        text = self._read(paths, wanted)
        return self._find_in_git(wanted) if text is None else text

    def _locate(self, wanted: str) -> list[Path]:
        match = _CHECKSUM.fullmatch(wanted)
        return [home / f"{match[1]}.sql" for home in self._homes] if match else []

    def _read(self, paths: Sequence[Path], wanted: str) -> str | None:
        found = (self.cache.read(path) for path in paths)
        return next((text for text in found if text is not None and checksum(text) == wanted), None)

    def _find_in_git(self, wanted: str) -> str | None:
        if self._history is None:
            self._history = {
                found: (folder, name) for folder in self._folders for found, name in list_texts(folder).items()
            }
        place = self._history.get(wanted)
        text = read_object(*place) if place else None
        return text if text is not None and checksum(text) == wanted else None
