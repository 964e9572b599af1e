"""Processes that are not children of this one: whether a lock file names this server, whether it runs, its end."""

import contextlib
import errno
import os
import shutil
import signal
import time
from pathlib import Path

from tenantry.model.errors import ServerError

# How long a server may take to recover or end: 17 s were seen on a slow disk, pg_ctl's 10 s elsewhere were too few.
PATIENCE_S = 120.0
POLL_S = 0.02


def read_lines(path: Path) -> list[str]:
    """Return the lines of a small PostgreSQL file; none if it does not exist."""
    try:
        return path.read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_pid(path: Path) -> int | None:
    """Return the process id in the first line of a PostgreSQL lock file, or None."""
    first = "".join(read_lines(path)[:1]).strip()
    return int(first) if first.isdecimal() else None


def serves(pid: int, data: Path) -> bool:
    """Return whether a process is the postmaster of a data folder: process ids are reused, and lock files remain."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except PermissionError:  # in a container, root may not inspect other users' processes
        return was_started_for(pid, data)
    except OSError:  # gone or a zombie; or there is no /proc
        return not Path("/proc/self").exists() and exists(pid)


def was_started_for(pid: int, data: Path) -> bool:
    """Return whether a running process was given this data folder on its command line."""
    with contextlib.suppress(OSError):
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False


def runs(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    if not Path("/proc/self").exists():
        return exists(pid)
    with contextlib.suppress(OSError):
        # The state follows the name, which may hold anything. Not cmdline: it is empty for a moment during exec.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    return False


def exists(pid: int) -> bool:
    """Return whether there is a process with this number, zombies included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(pid: int, how: signal.Signals) -> None:
    """Signal a server and wait until it is gone; raise ServerError if it stays."""
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    while runs(pid):
        if time.monotonic() > deadline:
            raise ServerError(
                f"process {pid}: the server is still running {PATIENCE_S:.0f} s after {how.name}",
                hint=f"end it with `kill -QUIT {pid}`: it recovers at its next start",
            )
        time.sleep(POLL_S)  # not a child of this process: there is no event for its end


def remove(folder: Path) -> None:
    """Delete a folder that processes of a killed server may still write to for a moment."""
    # Arbitrary: they have no more to do than to notice that their server is gone.
    deadline = time.monotonic() + 10
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)  # there is no event for the end of processes that are not ours
