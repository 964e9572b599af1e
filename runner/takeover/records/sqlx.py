"""sqlx: one row of `_sqlx_migrations` for each version, with the SHA-384 of the raw file."""

import hashlib
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import check_unique, input_error, list_paths, read_bytes

_TITLE = "sqlx"
_COLUMNS = {"version": "number", "installed_on": "time", "success": "flag", "checksum": "bytes"}


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the migrations that succeeded; an execution_time of -1 only means that it was not measured."""
    rows = read_rows(connection, _TITLE, "public._sqlx_migrations", _COLUMNS)
    if rows is None:
        return None
    return tuple(
        ForeignRecord(str(version), in_utc(installed_on), checksum.hex())
        for version, installed_on, success, checksum in rows
        if success
    )


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the files `VERSION_name.sql` and `VERSION_name.up.sql` by version. Raises InputError: not a version."""
    files = [
        SourceFile(_parse_version(path), path.as_posix(), hashlib.sha384(read_bytes(path)).hexdigest())
        for path in list_paths(folder, "*_*.sql")
        if not path.name.endswith(".down.sql")
    ]
    check_unique(files)
    return tuple(sorted(files, key=lambda file: int(file.id)))


def _parse_version(path: Path) -> str:
    version, _, _name = path.name.partition("_")
    if not (version.isascii() and version.isdecimal()):
        raise input_error(f"{path}: {version!r} is not a version, expected NUMBER_name.sql")
    return str(int(version))


HISTORY = History(_TITLE, _read, _list_files, own=("_sqlx_migrations*",))
