"""The folder beside tenants.yaml in which the embedded server and what can be made again are kept: not for git."""

import os
from pathlib import Path

STATE_FOLDER = ".tenantry"
_IGNORE = "# Made by tenantry: databases and caches of this machine.\n*\n"


def make_state_folder(folder: Path) -> None:
    """Make a folder with those above it, and have git pass over the state folder that it is in, if it is in one.

    A hook that adds files would commit databases otherwise. Made by root, all of it belongs to whom the folder around
    it does. Raises OSError.
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
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, around.st_uid, around.st_gid)
