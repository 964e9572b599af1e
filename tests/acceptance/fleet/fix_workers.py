"""Workers of a fleet as processes of their own, each with its output in a file."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.acceptance.fix_command import COMMAND, FILES, MASTER_FILES, Fleet, MakeFleet

# Longer than anything takes on a machine that starves.
_WITHIN_S = 600
SETTINGS = "workers: {}\n"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that runs, and the file with all that it says."""

    process: subprocess.Popen[bytes]
    said: Path

    def read(self) -> str:
        """Return what it said so far."""
        return self.said.read_text()

    def await_line(self, text: str) -> None:
        """Wait until it has said something."""
        until = time.monotonic() + _WITHIN_S
        while text not in self.read():
            if time.monotonic() > until:
                # It says where it hangs.
                self.process.send_signal(signal.SIGABRT)
                self.process.wait(_WITHIN_S)
                raise AssertionError(f"{text!r} was not said: {self.read()}")
            time.sleep(0.05)  # nobody tells when a file has grown

    def kill(self) -> None:
        """End it at once, as the system does where memory is short."""
        self.process.kill()
        self.process.wait(_WITHIN_S)

    def end(self) -> int:
        """End it in order, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_WITHIN_S)


def start_worker(fleet: Fleet, name: str, *args: str, folder: Path | None = None) -> Worker:
    """Start a worker and wait until it takes batches; `folder` is that of its project."""
    said = fleet.folder / f"{name}.out"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [str(COMMAND), "worker", *args],
            cwd=folder or fleet.folder,
            env={**fleet.environment, "PYTHONFAULTHANDLER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    worker = Worker(process, said)
    worker.await_line(" serves ")
    return worker


@contextmanager
def working(fleet: Fleet, number: int = 1, *args: str, name: str = "worker") -> Iterator[list[Worker]]:
    """Start so many workers; those that are left at the end are killed."""
    workers: list[Worker] = []
    try:
        for index in range(number):
            workers.append(start_worker(fleet, f"{name}{index}", *args))
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def make_served(fleet: MakeFleet, settings: str = "", **given: object) -> Fleet:
    """Make a fleet with a master, which has the control database set up."""
    made = fleet(**{"files": FILES, "master": MASTER_FILES, "settings": SETTINGS + settings, **given})
    one = replace(made, patience_s=_WITHIN_S)
    done = one.run("worker", "--set-up")
    assert (done.code, done.out) == (0, f"created schema tenantry_workers of database {one.database('master')}\n")
    return one
