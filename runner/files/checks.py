"""Checks in plain SQL: queries that a tenant's application relies on, in `checks` beside the migrations.

A check only reads. It holds where it runs, and returns no row or one that is true.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry import sqltext
from tenantry.files.directory import read_text
from tenantry.files.folder import list_sql, refuse_below
from tenantry.model import Migration
from tenantry.model.errors import MigrationFileError, Problem

FOLDER = "checks"
_SINCE = re.compile(r"^\s*--\s*from\s*:\s*(?P<version>\S*)\s*$")
# What is nearly such a line: it would not be read, and the check would run where it cannot hold.
_NEARLY = re.compile(r"^\s*(--+|/?\*+)\s*from\s*([:=]|(version|migration)?\s*[0-9])", re.IGNORECASE)
_WRITE = 'write it as in "-- from: 0010"'
_DIGITS = re.compile(r"^[0-9]{1,18}$")


@dataclass(frozen=True, slots=True)
class Check:
    """One file of checks: `statements` hold from version `since` on, of whatever a tenant has where it is None."""

    path: str
    text: str
    statements: tuple[sqltext.Statement, ...]
    since: int | None = None


def read_checks(folder: Path, shown: str, migrations: Sequence[Migration]) -> tuple[Check, ...]:
    """Return the checks of a set, by name; none where it has no folder of them. `folder` is that of the migrations.

    Raises MigrationFileError with all that is wrong, at once.
    """
    home, name = folder / FOLDER, f"{shown}/{FOLDER}"
    versions = {migration.version for migration in migrations}
    checks: list[Check] = []
    problems: list[Problem] = []
    for path in list_sql(home, name, "checks"):
        try:
            checks.append(_read(path, home, f"{name}/{path.relative_to(home).as_posix()}", versions))
        except MigrationFileError as error:
            problems += error.problems
    if problems:
        raise MigrationFileError(tuple(problems))
    return tuple(checks)


def _read(path: Path, home: Path, shown: str, versions: set[int]) -> Check:
    refuse_below(path, home, shown)
    if not path.name.endswith(".sql"):
        hint = "rename it, or move it out of the folder: nothing in it is skipped silently"
        raise MigrationFileError((Problem(f"{shown}: not a name of a check, expected one that ends in .sql", hint),))
    text = read_text(path, home, shown)
    faults = [
        Problem(f"{shown}:{found.position.line}:{found.position.column}: {found.message}", found.hint)
        for found in sqltext.check(text, transactional=True)
    ]
    if faults:
        raise MigrationFileError(tuple(faults))
    statements = tuple(sqltext.split(text))
    if not statements:
        hint = "write a query, or delete the file: it would hold whatever a tenant has"
        raise MigrationFileError((Problem(f"{shown}: no statement in it, expected a query", hint),))
    return Check(shown, text, statements, _read_since(text[: statements[0].start], shown, versions))


def _read_since(header: str, shown: str, versions: set[int]) -> int | None:
    """Return the version that is named in what comes before the first statement; None where none is.

    Raises MigrationFileError where there is no such migration, and for a line that is only nearly right.
    """
    since: int | None = None
    for number, line in enumerate(header.split("\n"), 1):
        if not (found := _SINCE.match(line)):
            if _NEARLY.match(line):
                message = f"{shown}:{number}: {line.strip()!r}: not read as a header, expected -- from: and a version"
                raise MigrationFileError((Problem(message, f"{_WRITE}, or reword the comment if none is meant"),))
            continue
        if since is not None:
            message = f"{shown}:{number}: from: given twice, expected once"
            raise MigrationFileError((Problem(message, "delete one of the two"),))
        digits = found["version"].split("_")[0]
        if not _DIGITS.match(digits) or int(digits) not in versions:
            message = f"{shown}:{number}: from: there is no migration {found['version']!r}, expected a version"
            raise MigrationFileError((Problem(message, _WRITE),))
        since = int(digits)
    return since
