"""goose: `goose_db_version` has a row for each up and down; the newest row of a version tells whether it is applied."""

import re
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import check_unique, list_paths

_TITLE = "goose"
_COLUMNS = {"id": "number", "version_id": "number", "is_applied": "flag", "tstamp": "time"}
_NAME = re.compile(r"([0-9]+)_.*\.(sql|go)")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the applied migrations by version; version 0 is the row that goose creates with the table."""
    rows = read_rows(connection, _TITLE, "public.goose_db_version", _COLUMNS)
    if rows is None:
        return None
    # The rows are sorted by id: the last one of a version wins.
    newest = {version: (applied, time) for _id, version, applied, time in rows}
    return tuple(
        ForeignRecord(str(int(version)), in_utc(time))
        for version, (applied, time) in sorted(newest.items())
        if applied and version
    )


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations by version, then files that goose never runs. Raises InputError: a version twice."""
    named = [(_NAME.fullmatch(path.name), path) for path in list_paths(folder) if not path.name.endswith("_test.go")]
    files = [
        SourceFile(str(int(found[1])), path.as_posix(), note="" if found[2] == "sql" else "a program without SQL")
        for found, path in named
        if found
    ]
    files.sort(key=lambda file: int(file.id))
    check_unique(files)
    note = "not named VERSION_name.sql: goose never runs it"
    loose = [path for found, path in named if not found and path.suffix == ".sql"]
    return (*files, *(SourceFile(path.stem, path.as_posix(), note=note) for path in loose))


HISTORY = History(_TITLE, _read, _list_files, own=("goose_db_version*",))
