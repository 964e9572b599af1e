"""Runs of the command that are forked from a process with its modules loaded, where a run cannot tell the difference.

Most of a short run is the loading of modules, which thousands of runs need not repeat. What is forked is the command
from its entry on, with streams, folder, environment and exit of its own. Run as a script, this is the process that
forks; it ends with the tests that started it.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# The interpreter reads these when it starts.
_AT_START = ("PYTHON", "LC_", "LANG")
# It is loaded by pytest alone.
_NEVER = frozenset({"tenantry.pytest_plugin"})
# What the command loads only where it needs it.
_LATE = ("psycopg", "pydantic", "rich.console", "rich.table", "rich.text", "structlog", "yaml")
_MOST_BYTES = 1 << 20


class Forks:
    """The process that forks, and what is asked of it. Any thread may ask."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = _start_of(environment)
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # No terminal, and no file: streams that are written in blocks, as into the pipes of a run.
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Return whether a run in this environment is the same when it is forked."""
        return _start_of(environment) == self._environment

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, as `subprocess.run` does. Raises TimeoutExpired."""
        request = json.dumps([list(command), str(folder), dict(environment)]).encode()
        pipes = [os.pipe() for _ in range(3)]
        try:
            socket.send_fds(self._link, [request], [writing for _, writing in pipes])
        finally:
            for _, writing in pipes:
                os.close(writing)
        out, err, told = _read_all([reading for reading, _ in pipes], command, timeout_s)
        return subprocess.CompletedProcess(list(command), int(told.split()[1]), out.decode(), err.decode())

    def _close(self) -> None:
        self._link.close()
        self._process.wait()


def _start_of(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


def _read_all(files: Sequence[int], command: Sequence[str], timeout_s: float) -> list[bytes]:
    """Read pipes to their ends, the last of which tells the id of the process first. Raises TimeoutExpired."""
    read = {file: bytearray() for file in files}
    until = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as waiting:
        for file in files:
            waiting.register(file, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select(max(until - time.monotonic(), 0.0)):
                if piece := os.read(key.fd, 1 << 16):
                    read[key.fd] += piece
                else:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
            if time.monotonic() >= until and waiting.get_map():
                os.kill(int(read[files[-1]].split()[0]), signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(command), timeout_s)
    return [bytes(read[file]) for file in files]


def _load() -> None:
    import tenantry

    for module in pkgutil.walk_packages(tenantry.__path__, "tenantry."):
        if module.name not in _NEVER:
            importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)
    gc.freeze()


def _serve(link: socket.socket) -> None:
    """Fork for each request, and return in the new process, which is as one that was just started; or at the end."""
    # A keeper is nobody's child to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, _, _ = socket.recv_fds(link, _MOST_BYTES, 3)
        if not request:
            link.close()
            sys.exit()
        *streams, told = files
        if os.fork():
            for file in (*streams, told):
                os.close(file)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if child := os.fork():
            _keep(child, streams, told)
        link.close()
        os.close(told)
        command, folder, environment = json.loads(request)
        _become(command, folder, environment, streams)
        return


def _keep(child: int, streams: Sequence[int], told: int) -> None:
    """Tell the id of a run, then its exit code."""
    for file in streams:
        os.close(file)
    os.write(told, f"{child} ".encode())
    _, status = os.waitpid(child, 0)
    os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(command: list[str], folder: str, environment: dict[str, str], streams: Sequence[int]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for file, number in zip(streams, (1, 2), strict=True):
        os.dup2(file, number)
        os.close(file)
    sys.argv = command


if __name__ == "__main__":
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from tenantry.cli import main

    main()
