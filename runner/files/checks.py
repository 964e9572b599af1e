"""Checks in plain SQL: queries that a tenant's application relies on, in `checks` beside the migrations.

A check only reads. It holds where it runs, and returns no row or one that is true.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.pq import ExecStatus

from tenantry import sqltext
from tenantry.files.directory import read_text
from tenantry.files.folder import list_sql, refuse_below
from tenantry.model import Migration
from tenantry.model.errors import MigrationFileError, Problem
from tenantry.postgres import answers as answer
from tenantry.postgres.answers import explain_error, show_value
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import in_transaction

FOLDER = "checks"
_SINCE = re.compile(r"^\s*--\s*from\s*:\s*(?P<version>\S*)\s*$")
# What is nearly such a line: it would not be read, and the check would run where it cannot hold.
_NEARLY = re.compile(r"^\s*(--+|/?\*+)\s*from\s*([:=]|(version|migration)?\s*[0-9])", re.IGNORECASE)
_WRITE = 'write it as in "-- from: 0010"'
_DIGITS = re.compile(r"^[0-9]{1,18}$")
_LONG = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One file of checks: `statements` hold from version `since` on, of whatever a tenant has where it is None."""

    path: str
    text: str
    statements: tuple[sqltext.Statement, ...]
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """One statement of a check that does not hold, at its place in the file."""

    message: str
    excerpt: str


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


def run_checks(connection: Connection, checks: Sequence[Check], applied: set[int]) -> Iterator[Complaint]:
    """Run what holds for a database with these versions, each statement in a transaction that cannot write."""
    for check in checks:
        if check.since is None or check.since in applied:
            for statement in check.statements:
                complaint = _run(connection, check, statement)
                if complaint:
                    yield complaint


def _run(connection: Connection, check: Check, statement: sqltext.Statement) -> Complaint | None:
    limits = f"BEGIN READ ONLY; SET LOCAL statement_timeout = '{answer.TIMEOUT_S}s'; "
    offset = statement.start
    started = time.monotonic()
    with in_transaction(connection):
        try:
            cursor = connection.execute((limits + statement.text).encode())
            while cursor.nextset():
                pass
            wrong = _judge(cursor)
        except psycopg.Error as error:
            wrong = explain_error(error, connection, time.monotonic() - started)
            offset += max(int(error.diag.statement_position or 0) - 1 - len(limits), 0)
    if not wrong:
        return None
    place = sqltext.position(check.text, offset)
    return Complaint(f"{check.path}:{place.line}:{place.column}: {wrong}", sqltext.excerpt(check.text, place))


def _judge(cursor: psycopg.Cursor[tuple[object, ...]]) -> str:
    """Return what is wrong with an answer; empty where it is no row, or one that is true."""
    # The server's own words: not everything that it can return is a value of Python's, and 1 would equal True there.
    result = cursor.pgresult
    if result is None or result.status != ExecStatus.TUPLES_OK:
        return "not a query, expected a SELECT"
    if result.ntuples > 1:
        return f"returned {result.ntuples} rows, expected none, or one that is true"
    shown = ", ".join(show_value(result.get_value(0, column), result.ftype(column)) for column in range(result.nfields))
    if result.ntuples == 0 or shown == "true":
        return ""
    if len(shown) > _LONG:
        shown = f"{shown[:_LONG]}..."
    return f"returned ({shown}), expected no row, or one that is true"
