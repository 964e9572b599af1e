"""Provenance of a row: the run that wrote it, its user, its machine and its commit."""

import getpass
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tenantry.version import __version__

# The first that is set counts.
_ACTORS = ("TENANTRY_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")
# Arbitrary.
_LONGEST_ACTOR = 100


@dataclass(frozen=True, slots=True)
class Provenance:
    """The marks that a run leaves on everything it writes. `root` is the folder whose commit git is asked for.

    `reason` is that of the run, for lines of the log without one of their own. `keeps_values`: the log keeps the values
    of rows that failed; `shows_values`: the report on stdout has them.
    """

    run_id: str
    os_user: str
    root: Path
    tool_version: str = __version__
    reason: str = ""
    keeps_values: bool = False
    shows_values: bool = False

    @property
    def application_name(self) -> str:
        """Return the name that pg_stat_activity shows; PostgreSQL cuts it off after 63 bytes."""
        return f"tenantry/{self.tool_version} {self.run_id}"

    @property
    def git_commit(self) -> str | None:
        """Return the commit of the checkout, with `-dirty` if it has changes; None outside a checkout."""
        return _git_commit(self.root)

    def values(self) -> dict[str, str | None]:
        """Return the marks as the ledger's SQL files take them; these put the role in front of the user."""
        return {
            "os_user": f" ({self.os_user})",
            "run_id": self.run_id,
            "tool_version": self.tool_version,
            "git_commit": self.git_commit,
        }


def name_actor(environment: Mapping[str, str]) -> str:
    """Return who is at work, with the host: the person whom a CI names, else the operating system's user."""
    named = next((name for variable in _ACTORS if (name := environment.get(variable, "").strip())), "")
    # On one line, and short enough for a table.
    shown = "".join(letter for letter in named if letter.isprintable())[:_LONGEST_ACTOR]
    return f"{shown}@{socket.gethostname()}" if shown else os_user()


def os_user() -> str:
    """Return the operating system's user and host; the user's number if it has no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@cache
def _git_commit(root: Path) -> str | None:
    # Asked once a run, and only if the run writes: two processes take longer than a tenant.
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return None
    return commit + ("-dirty" if _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".") else "")


def _git(root: Path, *arguments: str) -> str:
    try:
        # Without a lock on the index, which the developer's own git would run into; and not for ever, since a checkout
        # on a network drive can hang.
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
