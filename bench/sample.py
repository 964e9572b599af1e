"""One command, run to its end, and what it cost: time, processor and memory of the command and of the server."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

_PROC = Path("/proc")
# How long a backend may take to end after its client has: they are counted once they are gone.
_LINGER_S = 2.0


class CommandError(Exception):
    """A command that is measured failed, so that its time means nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is measured, by the name that the report gives it. `stdin` is a file, `environment` adds to ours."""

    name: str
    argv: tuple[str, ...]
    stdin: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of a command cost. `peak_mb` is the largest of its processes, in 10^6 bytes.

    `client_cpu_s` is of the command and its children, `server_cpu_s` of the backends; None where there is no /proc.
    """

    wall_s: float
    client_cpu_s: float
    server_cpu_s: float | None
    peak_mb: float


def measure(command: Command, output: Path, postmaster: int) -> Sample:
    """Run a command; what it prints goes to the file `output`. Raises CommandError with the end of it."""
    before = _server_cpu_s(postmaster)
    children = _children(postmaster)
    with output.open("wb") as sink, (command.stdin or Path(os.devnull)).open("rb") as source:
        started = time.monotonic()
        process = subprocess.Popen(
            command.argv,
            stdin=source,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            env={**_environment(), **command.environment},
        )
        try:
            # Not Popen.wait: it drops what the process used.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        told = "\n".join(output.read_text(errors="replace").splitlines()[-20:])
        raise CommandError(f"{command.name}: ended with {process.returncode}:\n{told}")
    _await_end_of_backends(postmaster, children)
    after = _server_cpu_s(postmaster)
    server_cpu_s = None if before is None or after is None else after - before
    return Sample(wall_s, usage.ru_utime + usage.ru_stime, server_cpu_s, _megabytes(usage.ru_maxrss))


def _environment() -> dict[str, str]:
    """Return our environment without what would lead a command to another server or make Python start otherwise.

    PYTHONDONTWRITEBYTECODE above all: it would have this repository's modules compiled anew in every run.
    """
    foreign = ("PG", "TENANTRY_", "PYTHON", "PYDANTIC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _megabytes(maxrss: int) -> float:
    # Linux counts kilobytes of 1024, macOS bytes. What this process had at the fork is in it: it must stay small.
    return maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _server_cpu_s(postmaster: int) -> float | None:
    """Return the processor time of the postmaster and of all its children that have ended, in seconds."""
    try:
        text = (_PROC / str(postmaster) / "stat").read_text()
    except FileNotFoundError:
        return None
    # After the name in parentheses, which may hold blanks: utime, stime, cutime, cstime are fields 14 to 17 of 52.
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _children(postmaster: int) -> frozenset[str]:
    try:
        return frozenset((_PROC / str(postmaster) / "task" / str(postmaster) / "children").read_text().split())
    except FileNotFoundError:
        return frozenset()


def _await_end_of_backends(postmaster: int, before: frozenset[str]) -> None:
    deadline = time.monotonic() + _LINGER_S
    while _children(postmaster) - before and time.monotonic() < deadline:
        time.sleep(0.005)  # the backends are nobody's children here: there is no event for their end
