"""Calls of the command line within this process, and projects for them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tenantry.cli import main
from tests.builders import write_files

COMMAND = Path(sys.executable).with_name("tenantry")
TENANTS_YAML = """\
servers: {main: embedded}
tenants:
  migrations: migrations/tenant
  server: main
  database: tenant_{id}
  list: [1, 16, 161]
"""
MASTER = "master: {server: main, database: rsm_master, migrations: migrations/master}\n"
USAGE = "Usage: tenantry {} [OPTIONS]\nTry 'tenantry {} --help' for help.\n\nerror: {}\n"


class Ended(NamedTuple):
    """What a call came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENANTRY_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line within this process, in an empty folder."""

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tenantry", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, written.out, written.err)

    return call


def start(*command: str | Path, **environment: str) -> Ended:
    """Run a command as a process of its own and return what it came to."""
    env = {**os.environ, "COLUMNS": "80", **environment}
    done = subprocess.run([*command], env=env, capture_output=True, text=True, timeout=60, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def write_project(folder: Path, **files: str) -> None:
    """Write a tenants.yaml and the migrations of its tenants."""
    write_files(folder, {"tenants.yaml": TENANTS_YAML})
    write_files(folder / "migrations" / "tenant", files or {"0001_a.sql": "SELECT 1;\n"})
