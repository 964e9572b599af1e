"""node-pg-migrate: `pgmigrations` with the name of each file, and no checksum."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import check_unique, input_error, list_paths

_TITLE = "node-pg-migrate"
_COLUMNS = {"id": "number", "name": "text", "run_on": "time"}
_SUFFIXES = (".sql", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts")
_PREFIX = re.compile(r"[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "public.pgmigrations", _COLUMNS)
    return None if rows is None else tuple(ForeignRecord(name, in_utc(run_on)) for _id, name, run_on in rows)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations by the number at the start of their names, then those without one, whose place is unknown.

    Raises InputError if two files have the same name, or if a number of 17 digits is not a time.
    """
    paths = [path for path in list_paths(folder) if path.suffix in _SUFFIXES and not path.name.startswith(".")]
    loose = [path for path in paths if not _PREFIX.match(path.name)]
    numbered = sorted(set(paths) - set(loose), key=lambda path: (_read_number(path), path.name))
    note = "no number at the start of its name: it is unknown whether and when node-pg-migrate runs it"
    files = (*map(_describe, numbered), *(SourceFile(path.stem, path.as_posix(), note=note) for path in loose))
    check_unique(files)
    return files


def _describe(path: Path) -> SourceFile:
    return SourceFile(path.stem, path.as_posix(), note="" if path.suffix == ".sql" else "a program without SQL")


def _read_number(path: Path) -> int:
    """Return the sort key of a migration; 17 digits are a time, converted to milliseconds since 1970."""
    # Two generations of names: milliseconds since 1970, and the time written out in 17 digits.
    number = _PREFIX.findall(path.name)[0]
    if len(number) != 17:
        return int(number)
    try:
        time = datetime.strptime(number[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise input_error(f"{path}: {number} is not a time, expected YYYYMMDDHHMMSS and milliseconds") from None
    return (time - _EPOCH) // timedelta(milliseconds=1) + int(number[14:])


HISTORY = History(_TITLE, _read, _list_files, own=("pgmigrations*",))
