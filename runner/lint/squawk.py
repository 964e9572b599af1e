"""squawk, a linter of its own, as a second opinion: what it says of files, as cautions under its own names."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tenantry.model import Migration
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.hazards import Hazard, Level

PREFIX = "squawk/"
# What the runner sees to, so that no file has to: it sets the timeout, and runs no file twice.
_MOOT = frozenset({"require-lock-timeout", "prefer-robust-stmts"})
_STATEMENT_TIMEOUT = "require-statement-timeout"


def find_squawk() -> str:
    """Return the program: beside the interpreter, where the extra `lint` puts it, else on PATH. Raises ConfigError."""
    found = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if found is None:
        hint = "install it with `pip install squawk-cli`, or leave out --squawk"
        raise ConfigError(
            (Problem("--squawk: there is no program squawk, expected it beside tenantry or on PATH", hint),)
        )
    return found


def run_squawk(program: str, migrations: Sequence[Migration], folder: Path, major: int | None) -> tuple[Hazard, ...]:
    """Return what squawk says of the files, in their order; it runs in `folder`, where a .squawk.toml counts.

    `major` is that of the servers, None where it is not known. Raises ConfigError where squawk does not run.
    """
    found: list[Hazard] = []
    for transactional in (True, False):
        chosen = [migration for migration in migrations if migration.transactional is transactional]
        if chosen:
            found += _run(_compose(program, major, transactional=transactional), chosen, folder)
    return tuple(sorted(found, key=lambda hazard: (hazard.version, hazard.line, hazard.column, hazard.rule)))


def _compose(program: str, major: int | None, *, transactional: bool) -> list[str]:
    version = [f"--pg-version={major}.0"] if major else []
    within = "--assume-in-transaction" if transactional else "--no-assume-in-transaction"
    return [program, "--reporter=json", within, *version]


def _run(command: Sequence[str], migrations: Sequence[Migration], folder: Path) -> Iterator[Hazard]:
    """Run squawk on what is sent of the files, which need not be what they say: a BEGIN around one is blanked."""
    with tempfile.TemporaryDirectory(prefix="tenantry-") as place:
        paths = {str(Path(place, f"{migration.version}.sql")): migration for migration in migrations}
        for path, migration in paths.items():
            Path(path).write_text(migration.sql, "utf-8")
        done = subprocess.run(
            [*command, *paths], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise ConfigError((Problem(f"squawk: {reason}", "leave out --squawk to go on without it"),)) from None
    for one in said:
        migration = paths[one["file"]]
        if not _is_moot(one["rule_name"], migration):
            yield _make_hazard(one, migration)


def _is_moot(rule: str, migration: Migration) -> bool:
    limited = migration.directives.statement_timeout_ms is not None
    return rule in _MOOT or (rule == _STATEMENT_TIMEOUT and limited)


def _make_hazard(said: dict[str, Any], migration: Migration) -> Hazard:
    """Return one of its findings; its lines count from 0, its columns are bytes from 0."""
    rule = f"{PREFIX}{said['rule_name']}"
    line = migration.sql.split("\n")[said["line"]]
    column = len(line.encode()[: said["column"]].decode(errors="ignore")) + 1
    allowed = next((entry.reason for entry in migration.directives.allowed if entry.rule == rule), "")
    return Hazard(
        rule,
        Level.CAUTION,
        migration.version,
        migration.path,
        said["line"] + 1,
        column,
        said["message"].strip(),
        (said["help"] or "").strip(),
        allowed=allowed,
    )
