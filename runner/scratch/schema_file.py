"""A schema as SQL, as pg_dump and other programs print it: loaded into a scratch database, and read there."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from tenantry import sqltext
from tenantry.model.errors import ConfigError, InputError, Problem
from tenantry.model.scope import Scope
from tenantry.postgres.send import send
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.places import Scratch
from tenantry.scratch.roles import create_role, find_missing_role

_TIMEOUT_S = 120  # arbitrary: an ORM that has to be built first takes a while
_EXPECTED = "expected an SQL file, or a command that prints SQL"
_NO_COMMAND = 127  # of the shell, where it finds no program of that name
# Newer versions of pg_dump put this around their output for psql; it is not part of the schema.
_RESTRICT = re.compile(r"(?m)^\\(un)?restrict\b.*$")
_SETTING = re.compile(r"^\s*SET\s", re.IGNORECASE)
_COPY_DATA = re.compile(r"^\s*COPY\s.*\sFROM\s+stdin", re.IGNORECASE | re.DOTALL)
_UNKNOWN_OBJECT = "42704"


def read_schema_source(source: str, root: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the SQL of a file, or the output of a command, and its name in messages.

    If `source` names a file below `root`, it is that file; anything else is run by the shell in `root`, with no
    input. Raises ConfigError.
    """
    if not source.strip():
        raise ConfigError((Problem(f"--schema-from: empty, {_EXPECTED}"),))
    if _is_file(root / source):
        return _decode((root / source).read_bytes(), source), source
    if source.endswith(".sql") and not re.search(r"\s", source):
        raise ConfigError((Problem(f"{source}: not found, {_EXPECTED}"),))
    if _is_folder(root / source):
        raise ConfigError((Problem(f"{source}: a folder, {_EXPECTED}"),))
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", source],
            cwd=root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError((Problem(f"{source}: ran for more than {_TIMEOUT_S} s, expected SQL"),)) from None
    if done.returncode == _NO_COMMAND and not re.search(r"\s", source):
        raise ConfigError((Problem(f"{source}: neither a file nor a command, {_EXPECTED}"),))
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).decode("utf-8", "replace")
        raise ConfigError((Problem(f"{source}: ended with status {done.returncode}, expected SQL\n{said}".rstrip()),))
    if not done.stdout.strip():
        raise ConfigError((Problem(f"{source}: printed nothing, expected the statements that create the schema"),))
    return _decode(done.stdout, source), source


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # too long for the name of a file: a command


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _decode(text: bytes, source: str) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError((Problem(f"{source}: not UTF-8 at byte {error.start}, expected SQL"),)) from None


def load_schema(scratch: Scratch, text: str, shown: str, scope: Scope) -> Snapshot:
    """Run the statements on an empty scratch database and return the schema that they create.

    Raises InputError at the first that fails, with its place, and if there are none: that is not an empty schema.
    """
    text = _RESTRICT.sub("", text.replace("\r\n", "\n"))
    for statement in _split(text, shown):
        if _COPY_DATA.match(statement.text):
            message = f"{_place(text, statement.start, shown)}: holds data, expected a schema"
            raise InputError((Problem(message, 'create it with "pg_dump --schema-only"'),))
        failed = _send(scratch, statement.text)
        if failed:
            raise InputError((Problem(_explain(failed, text, statement, shown)),))
    scratch.connection.execute("RESET ALL")
    return read_snapshot(scratch.connection, scope)


def _split(text: str, shown: str) -> tuple[sqltext.Statement, ...]:
    if "\0" in text:
        place = _place(text, text.index("\0"), shown)
        raise InputError((Problem(f"{place}: a NUL character, expected SQL"),))
    try:
        statements = sqltext.split(text)
    except sqltext.SqlError as error:
        raise InputError((Problem(f"{shown}:{error}"),)) from None
    if not statements:
        message = f"{shown}: no statements, expected those that create the schema"
        raise InputError((Problem(message),))
    return statements


def _send(scratch: Scratch, statement: str) -> psycopg.Error | None:
    """Run a statement; return its error, unless another version of the server has the setting that it sets."""
    error = send(scratch.connection, statement).error
    if error is None or (error.sqlstate == _UNKNOWN_OBJECT and _SETTING.match(statement)):
        return None
    if role := find_missing_role(scratch, error.sqlstate, error.diag.message_primary):
        create_role(scratch, role)
        return send(scratch.connection, statement).error
    return error


def _explain(error: psycopg.Error, text: str, statement: sqltext.Statement, shown: str) -> str:
    within = int(error.diag.statement_position or 1) - 1
    place = sqltext.position(text, statement.start + within)
    said = f"{error.diag.message_primary or error} (SQLSTATE {error.sqlstate})"
    return f"{shown}:{place.line}:{place.column}: {said}\n{sqltext.excerpt(text, place)}"


def _place(text: str, offset: int, shown: str) -> str:
    place = sqltext.position(text, offset)
    return f"{shown}:{place.line}:{place.column}"
