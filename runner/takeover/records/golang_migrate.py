"""golang-migrate: `schema_migrations` has one row with the newest version; all versions up to it count as applied."""

import re
from functools import partial
from pathlib import Path

from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.newest import match_newest
from tenantry.takeover.records.rows import read_rows
from tenantry.takeover.records.source import check_unique, list_paths

_TITLE = "golang-migrate"
_COLUMNS = {"version": "number", "dirty": "flag"}
_NAME = re.compile(r"([0-9]+)_(.*)\.(up|down)\.(.*)")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the newest migration, if any was run. Raises Refused if it is dirty, or if there are several rows."""
    rows = read_rows(connection, _TITLE, "public.schema_migrations", _COLUMNS)
    if rows is None:
        return None
    if len(rows) > 1:
        raise Refused(f"public.schema_migrations: has {len(rows)} rows, expected 1")
    # Dirty: nobody knows which of the file's statements ran, so it counts neither as applied nor as pending.
    for version, dirty in rows:
        if dirty:
            raise Refused(
                f"public.schema_migrations: version {version} is dirty: its up or down file failed midway",
                hint='finish or undo it by hand, then run "migrate force VERSION" with the resulting version',
            )
    return tuple(ForeignRecord(str(int(version))) for version, _dirty in rows)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the up files by version, then files that golang-migrate never runs. Raises InputError: a version twice."""
    named = [(_NAME.fullmatch(path.name), path) for path in list_paths(folder)]
    files = [SourceFile(str(int(found[1])), path.as_posix()) for found, path in named if found and found[3] == "up"]
    files.sort(key=lambda file: int(file.id))
    check_unique(files)
    note = "not named VERSION_name.up.sql: golang-migrate never runs it"
    loose = [path for found, path in named if not found and path.suffix == ".sql"]
    return (*files, *(SourceFile(path.stem, path.as_posix(), note=note) for path in loose))


HISTORY = History(
    _TITLE, _read, _list_files, partial(match_newest, _TITLE), heads_only=True, own=("schema_migrations*",)
)
