"""Checks in plain SQL: queries that a tenant's application relies on, in `checks` next to the migrations.

A check only reads. It holds if it runs without an error and returns no row, or one that is true.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry import sqltext
from tenantry.files.folder import list_sql, refuse_below
from tenantry.files.source import read_text
from tenantry.model import Migration
from tenantry.model.errors import MigrationFileError, Problem

FOLDER = "checks"
_SINCE = re.compile(r"^\s*--\s*from\s*:\s*(?P<version>\S*)\s*$")
# A line that is nearly one: it would not be read, and the check would run on tenants where it cannot hold.
_NEARLY = re.compile(r"^\s*(--+|/?\*+)\s*from\s*([:=]|(version|migration)?\s*[0-9])", re.IGNORECASE)
_WRITE = 'write it as in "-- from: 0010"'
# As many digits as always fit a bigint, so that int() never meets a number of a thousand digits.
_DIGITS = re.compile(r"^[0-9]{1,18}$")


@dataclass(frozen=True, slots=True)
class Check:
    """One file of checks: `statements` hold from version `since` on, or for every tenant if it is None."""

    path: str
    text: str
    statements: tuple[sqltext.Statement, ...]
    since: int | None = None


def read_checks(folder: Path, shown: str, migrations: Sequence[Migration]) -> tuple[Check, ...]:
    """Return the checks of a set, by name; none if it has no folder for them. `folder` is that of the migrations.

    Raises MigrationFileError with all mistakes at once.
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
        hint = "rename it, or move it out of the folder: no SQL file in it is skipped silently"
        raise MigrationFileError((Problem(f"{shown}: not a check file name, expected one that ends in .sql", hint),))
    text = read_text(path, home, shown)
    faults = [
        Problem(f"{shown}:{found.position.line}:{found.position.column}: {found.message}", found.hint)
        # As in a transaction: checks run in one that is read only, where VACUUM and its like could not run either.
        for found in sqltext.check(text, transactional=True)
    ]
    if faults:
        raise MigrationFileError(tuple(faults))
    statements = tuple(sqltext.split(text))
    if not statements:
        hint = "write a query, or delete the file: an empty check always holds"
        raise MigrationFileError((Problem(f"{shown}: no statement, expected a query", hint),))
    return Check(shown, text, statements, _read_since(text[: statements[0].start], shown, versions))


def _read_since(header: str, shown: str, versions: set[int]) -> int | None:
    """Return the version named before the first statement, or None.

    Raises MigrationFileError if there is no such migration, and for a line that is only nearly right.
    """
    since: int | None = None
    for number, line in enumerate(header.split("\n"), 1):
        if not (found := _SINCE.match(line)):
            if _NEARLY.match(line):
                message = f"{shown}:{number}: {line.strip()!r}: not a valid header, expected -- from: and a version"
                raise MigrationFileError(
                    (Problem(message, f"{_WRITE}, or reword the comment if it is not meant as a header"),)
                )
            continue
        if since is not None:
            message = f"{shown}:{number}: from: given twice, expected once"
            raise MigrationFileError((Problem(message, "delete one of the two"),))
        digits = found["version"].split("_")[0]
        if not _DIGITS.match(digits) or int(digits) not in versions:
            message = f"{shown}:{number}: from: no migration {found['version']!r}, expected a version"
            raise MigrationFileError((Problem(message, _WRITE),))
        since = int(digits)
    return since
