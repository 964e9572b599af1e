"""The public names of the package: which they are, what they cost, and what a type checker sees of them."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tenantry
from tests.places import ROOT

FACE = ROOT / "runner" / "__init__.py"
CALLS = ["assert_migrated", "check", "drift", "migrate", "open", "plan", "status", "verify"]
ERRORS = [
    "ConfigError",
    "InputError",
    "MigrationFileError",
    "NotMigrated",
    "Refused",
    "RunError",
    "ServerError",
    "TenantError",
    "Unreachable",
]
EVENTS = [
    "BatchProgressed",
    "CommandsAdvised",
    "DatabaseCreated",
    "DatabaseOpened",
    "DraftWritten",
    "FindingReported",
    "HazardFound",
    "LinePrinted",
    "LockAwaited",
    "MigrationApplied",
    "MigrationFailed",
    "MigrationMeasured",
    "MigrationRetried",
    "MigrationRolledBack",
    "MigrationStarted",
    "NoticeRaised",
    "RepairMade",
    "RepairProposed",
    "RowReported",
    "RunFinished",
    "RunStarted",
    "StageHeld",
    "StagePlanned",
    "StageStarted",
    "TenantCompared",
    "TenantFinished",
    "TenantPlanned",
    "TenantPostponed",
    "TenantStarted",
    "TenantsSelected",
    "TimePassed",
    "WarningRaised",
]
VALUES = [
    "AppliedMigration",
    "Blocker",
    "Event",
    "Failure",
    "Hazard",
    "Level",
    "LockWait",
    "Measured",
    "MeasuredStatement",
    "Migration",
    "MigrationStatus",
    "Note",
    "OpenProject",
    "Origin",
    "Outcome",
    "Plan",
    "Problem",
    "Result",
    "RowState",
    "Run",
    "Server",
    "SetName",
    "State",
    "Standing",
    "TableSize",
    "Tenant",
    "TenantOutcome",
    "Verdict",
    "__version__",
]
PROGRAM = """\
import tenantry


def bring_up(path: str) -> tuple[int, list[str]]:
    applied: list[str] = []
    with tenantry.open(path, tenants="1,16", environment={}, lock_wait=5) as project:
        names: list[str] = [tenant.name for tenant in project.tenants]
        run = tenantry.migrate(project, to=12, allow=["table-rewrite"])
        for event in run:
            match event:
                case tenantry.MigrationApplied(tenant, migration):
                    applied.append(f"{tenant}: {migration.name}")
                case tenantry.TenantFinished(verdict=verdict) if verdict.result is tenantry.Result.FAILED:
                    run.stop()
        outcome: tenantry.Outcome = tenantry.verify(project).finish()
        return run.outcome.exit_code or outcome.exit_code, names + applied


try:
    code, _ = bring_up("tenants.yaml")
except tenantry.RunError as error:
    code, hints = error.exit_code, [problem.hint for problem in error.problems]
"""


def test_names() -> None:
    """These are the public names, all of them: one that goes, or comes, is a change to what programs rely on."""
    assert sorted(tenantry.__all__) == sorted([*CALLS, *ERRORS, *EVENTS, *VALUES])
    assert set(tenantry.__all__) <= set(dir(tenantry))


@pytest.mark.parametrize("name", tenantry.__all__)
def test_every_name_is_there(name: str) -> None:
    """Every public name can be asked for, and is what a type checker takes it for."""
    found = getattr(tenantry, name)
    if name in CALLS and name != "assert_migrated":
        assert (found.__module__, found.__name__) == ("tenantry.api", name)
    elif name not in ("Event", "__version__"):
        assert (found.__module__, found.__name__) == (homes()[name], name)


def homes() -> dict[str, str]:
    """Return from which module each name comes by the imports that a type checker sees."""
    imports = [node for node in ast.walk(ast.parse(FACE.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_what_a_type_checker_sees() -> None:
    """A type checker sees the public names, no others, and each in the module that has it."""
    seen = {name: home for name, home in homes().items() if home.startswith("tenantry.")}
    assert sorted(seen) == sorted(tenantry.__all__)
    assert [name for name, home in seen.items() if not hasattr(importlib.import_module(home), name)] == []


def test_every_event_is_public() -> None:
    """A program can tell every event that a run may yield."""
    from tenantry.model import events

    assert sorted(kind.__name__ for kind in events.Event.__args__) == EVENTS


def test_no_name_is_a_module() -> None:
    """No public name is that of a module of the package, which importing it would put in its place."""
    modules = {path.stem for path in FACE.parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert modules & set(tenantry.__all__) == set()


def test_unknown_name() -> None:
    """A name that is not public is an error, as with any module."""
    with pytest.raises(AttributeError, match=r"^module 'tenantry' has no attribute 'migrat'$"):
        _ = getattr(tenantry, "migrat")  # noqa: B009  # a type checker would find it


def test_import_loads_nothing() -> None:
    """Importing the package loads no other module of it, and no library; a pure name loads no driver."""
    script = (
        "import sys, tenantry\n"
        "print(sorted(name for name in sys.modules if name.startswith('tenantry.')))\n"
        "tenantry.MigrationApplied, tenantry.RunError, tenantry.Outcome\n"
        "print('psycopg' in sys.modules, 'click' in sys.modules, 'tenantry.api' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "['tenantry.version']\nFalse False False\n"


def run_mypy(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Check a program that is outside of the repository, as its author would."""
    (folder / "program.py").write_text(program, "utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(folder / "cache"),
        "program.py",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)


def test_typed(tmp_path: Path) -> None:
    """A program that uses the package is checked against its types, and a mistake in it is found."""
    pytest.importorskip("mypy", reason="the lowest dependencies come without it")
    good = run_mypy(tmp_path, PROGRAM)
    assert (good.stdout, good.returncode) == ("Success: no issues found in 1 source file\n", 0)
    bad = run_mypy(tmp_path, PROGRAM.replace("to=12", 'to="12"').replace("tenantry.verify(", "tenantry.verfy("))
    assert bad.returncode == 1
    assert 'Argument "to" to "migrate" has incompatible type "str"; expected "int | None"' in bad.stdout
    assert 'Module has no attribute "verfy"' in bad.stdout
