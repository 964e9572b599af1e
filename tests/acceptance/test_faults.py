"""Faults around a run: streams that fail, terminals without the characters, folders and variables that are missing.

The tenants' ends decide the exit code; what cannot be written costs one line on the other stream, or a code of its own.
"""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet, Result, drop_databases, make_fleet

LOST = 74


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, as a shell makes it, and what is expected: the exit code, and the last words on each stream."""

    line: str = "{command}"
    code: int = 0
    out: str = "{ends} in 0 ms"
    err: str = ""
    environment: Mapping[str, str] | None = None


FULL = "error: stdout: no space left on device, the report was not written: {ends}"
CLOSED = "error: stdout: closed, the report was not written: {ends}"
FAULTS = {
    "stdout closed": Fault("{command} >&-", LOST, "", CLOSED),
    "stdout full": Fault("{command} >/dev/full", LOST, "", FULL),
    "stdout full, programs": Fault("{command} --format jsonl >/dev/full", LOST, "", FULL),
    "stdout without a reader": Fault("{{ sleep 1; {command}; echo $? >code; }} | true; exit $(cat code)", LOST, ""),
    "stderr without a reader": Fault("{{ {command} 2>&3 | cat; }} 3>&1 | cat"),
    "stderr closed": Fault("{command} --verbose 2>&-", 0, "stderr: closed, warnings and log lines were not written"),
    "stderr full": Fault(
        "{command} --verbose 2>/dev/full",
        0,
        "stderr: no space left on device, warnings and log lines were not written",
    ),
    "stderr full, programs": Fault(
        "{command} --verbose --format jsonl 2>/dev/full | tail -1 | cut -c 1-23", 0, '{{"event": "run_finished'
    ),
    "both closed": Fault("{command} >&- 2>&-", LOST, ""),
    "both full": Fault("{command} >/dev/full 2>/dev/full", LOST, ""),
    "nothing open": Fault("{command} <&- >&- 2>&-", LOST, ""),
    "stdin closed": Fault("{command} <&-"),
    "ascii": Fault(environment={"PYTHONIOENCODING": "ascii"}),
    "latin-1": Fault(environment={"PYTHONIOENCODING": "latin-1"}),
    "strict ascii": Fault(environment={"PYTHONIOENCODING": "ascii:strict"}),
    "no locale": Fault(environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "narrow": Fault(environment={"COLUMNS": "20"}),
    "few descriptors": Fault("ulimit -n 40; {command} --jobs 40"),
    "very few descriptors": Fault("ulimit -n 28; {command}"),
    "no home": Fault("unset HOME XDG_STATE_HOME; {command}"),
    "a home that is missing": Fault(environment={"HOME": "/nowhere", "XDG_STATE_HOME": ""}),
    "no folder for temporary files": Fault(environment={"TMPDIR": "/nowhere"}),
    "no user name": Fault("unset LOGNAME USER; {command}"),
    "no terminal": Fault(environment={"TERM": ""}),
    "a dumb terminal": Fault(environment={"TERM": "dumb", "NO_COLOR": "1"}),
}


@pytest.fixture(scope="module")
def settled(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Return a fleet that is up to date, for the verbs that only read."""
    one = make_fleet(tmp_path_factory.mktemp("faults") / "project", server_dsn)
    assert one.run("migrate").code == 0
    yield one
    drop_databases(one)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_of_migrate(fleet: MakeFleet, fault: Fault) -> None:
    """A fault around a run keeps no tenant from being migrated, and the run says how it ended wherever it can."""
    one = fleet()
    check(one, fault, "migrate", "2 tenants: 2 applied")
    assert [one.versions("1"), one.versions("16")] == [[0, 1], [0, 1]]


@pytest.mark.parametrize("verb", ["status", "verify"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_of_reading(settled: Fleet, verb: str, fault: Fault) -> None:
    """A fault around a verb that reads changes nothing in its verdict."""
    check(settled, fault, verb, {"status": "2 tenants: 2 up to date", "verify": "2 tenants: 2 ok"}[verb])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_characters_that_are_missing(fleet: MakeFleet, encoding: str, form: str) -> None:
    """An excerpt with characters that the terminal lacks is shown with escapes, and the failure stays a failure."""
    one = fleet(tenants=["1"], files={"0000_a.sql": "SELECT 'é✓',\n  1/0;\n"})
    done = run(one, f"tenantry migrate --no-verify --format {form}", {"PYTHONIOENCODING": encoding})
    assert done.code == 3
    assert {"table": r"\u2713',", "jsonl": r"\u2713',"}[form] in done.out
    assert "Traceback" not in done.out + done.err


def test_error_without_stderr(fleet: MakeFleet) -> None:
    """Where stderr is lost, an error of the input is read on stdout, unless a program reads there."""
    one = fleet(tenants=["1"])
    said = "error: --tenants: unknown tenant '7', expected 1"
    done = run(one, "tenantry status --tenants 7 2>&-", None)
    assert (done.code, done.out.splitlines()[0]) == (2, said)
    assert run(one, "tenantry status --tenants 7 --format jsonl 2>/dev/full", None) == Result(2, "", "")
    assert run(one, "tenantry --help >/dev/full", None).code == LOST


def check(one: Fleet, fault: Fault, verb: str, ends: str) -> None:
    """Run a verb with a fault around it and compare exit code and last words."""
    done = run(one, fault.line.format(command=f"tenantry {verb}"), fault.environment)
    assert (done.code, last(one, done.out)) == (fault.code, fault.out.format(ends=ends))
    if fault.err:
        assert last(one, done.err) == fault.err.format(ends=ends)
    assert "Traceback" not in done.out + done.err


def run(one: Fleet, line: str, environment: Mapping[str, str] | None) -> Result:
    """Run a line of bash in the folder of a fleet."""
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=one.folder,
        env={**one.environment, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def last(one: Fleet, text: str) -> str:
    """Return the last line of an output that is about the run, made the same; empty if there is none."""
    lines = [line for line in one.shown(text).splitlines() if not line.startswith("inspect a tenant: ")]
    return lines[-1] if lines else ""
