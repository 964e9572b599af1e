"""The end of a call: its errors, its hints as this command was called, and its exit code."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tenantry.model.errors import ConfigError, Problem, RunError, ServerError
from tenantry.model.events import LinePrinted, RunFinished, RunStarted, TenantFinished, Verdict
from tenantry.model.results import Result
from tenantry.verbs.verb import Events, Request, load_verb
from tests.unit.cli.fix_call import COMMAND, TENANTS_YAML, Call, Ended, start, write_project


def test_interrupted_before_the_run(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before the run has begun is exit code 130, as it is during the run, and no trace is shown."""

    def interrupt(*arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tenantry.call.running.run", interrupt)
    assert call("status") == Ended(130, "", "\n")


def raise_(error: Exception) -> Callable[[Request], Events]:
    """Return a verb's start that raises once the run is on its way."""

    def start(_: Request) -> Events:
        yield LinePrinted("begun")
        raise error

    return start


RAISED: dict[str, tuple[RunError, str]] = {
    "wrong input": (
        ConfigError((Problem("a: wrong", 'run "tenantry new NAME"'), Problem("b: wrong too"))),
        'error: a: wrong\nhint: run "tenantry new NAME"\nerror: b: wrong too\n',
    ),
    "server": (
        ServerError("the server does not start", hint="look at its log"),
        "error: the server does not start\nhint: look at its log\n",
    ),
    "hostile": (
        ServerError("a\x1b[2J\n::error::b", hint="c\u202e\nerror: d"),
        "error: a\\x1b[2J\n    \\x3a:error::b\nhint: c\\u202e\n    error: d\n",
    ),
}


def put_verb(monkeypatch: pytest.MonkeyPatch, start: Callable[[Request], Events]) -> None:
    """Have every verb do something else, with the options that it has."""
    monkeypatch.setattr("tenantry.cli.load_verb", lambda name: replace(load_verb(name), start=start))


@pytest.mark.parametrize(("error", "expected"), RAISED.values(), ids=RAISED)
def test_errors(call: Call, monkeypatch: pytest.MonkeyPatch, error: RunError, expected: str) -> None:
    """An error that stops a run is said whole on stderr, and what was written before it is on stdout."""
    put_verb(monkeypatch, raise_(error))
    assert call("status") == Ended(2, "begun\n", expected)


def miss(_: Request) -> Events:
    """Find that the only tenant does not answer."""
    yield RunStarted("migrate", "run 1", ("1",))
    yield TenantFinished("1", Verdict(Result.UNREACHABLE, "no answer"), 3)
    yield RunFinished(5)


AGAIN = {
    "migrate": "migrate",
    "migrate --tenants 1,16 --format table -v": "migrate",
    "migrate --to 9 --jobs 4 --create": "migrate --to 9 --create --jobs 4",
    "migrate --out-of-order 3 --out-of-order 0004_x": "migrate --out-of-order 3 --out-of-order 4",
    "migrate --server main=postgresql://u:s3cret@db/": "migrate --server main=...",
    "migrate --config my.yaml": "migrate --config my.yaml",
    "--config my.yaml migrate": "migrate --config my.yaml",
}


@pytest.mark.parametrize(("arguments", "again"), AGAIN.items(), ids=AGAIN)
def test_next_command(call: Call, monkeypatch: pytest.MonkeyPatch, arguments: str, again: str) -> None:
    """The command to go on with is the one that was typed, for the tenants that are left, without secrets."""
    put_verb(monkeypatch, miss)
    ended = call(*arguments.split())
    assert (ended.code, ended.out.splitlines()[-1]) == (5, f"next: tenantry {again} --tenants 1")


CALLED: dict[str, tuple[list[str | Path], str]] = {
    "on the path": (["tenantry"], "tenantry"),
    "by its path": ([COMMAND], str(COMMAND)),
    "within the folder": ([Path("bin", "tenantry")], "bin/tenantry"),
    "by its path within the folder": (["/bin/sh", "-c", 'exec "$PWD/bin/tenantry" "$@"', "sh"], "bin/tenantry"),
    "as a module": ([sys.executable, "-m", "tenantry"], f"{Path(sys.executable).name} -m tenantry"),
}


@pytest.mark.parametrize(("command", "shown"), CALLED.values(), ids=CALLED)
def test_hint_as_called(folder: Path, command: list[str | Path], shown: str) -> None:
    """A command in a hint is written as this one was called."""
    write_project(folder)
    (folder / "bin").mkdir()
    shutil.copy(COMMAND, folder / "bin")
    path = f"{COMMAND.parent}:{os.environ['PATH']}" if command == ["tenantry"] else "/usr/bin:/bin"
    ended = start(*command, "status", PATH=path)
    assert ended == Ended(
        2,
        "",
        "error: .tenantry: the embedded server has not been created\n"
        f'hint: run "{shown} migrate --tenants all" to create it and its databases\n',
    )


def test_bug(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug outside of the tenants' own work is exit code 70, and no finding, with its trace to be reported."""
    put_verb(monkeypatch, raise_(ZeroDivisionError("division by zero")))
    ended = call("status")
    assert ended.code == 70
    assert "ZeroDivisionError: division by zero" in ended.err


@pytest.mark.parametrize("arguments", [["new", "rates"], ["new", "rates", "--format", "jsonl"]], ids=" ".join)
def test_reader_goes_away(folder: Path, arguments: list[str]) -> None:
    """Where nobody reads the output, the command does its work and tells by its exit code that the report is lost."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (74, "")
    assert len(list((folder / "migrations" / "tenant").iterdir())) == 1
