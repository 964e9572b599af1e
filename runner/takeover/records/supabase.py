"""Supabase: `supabase_migrations.schema_migrations` with the version of each file, and no checksum."""

import re
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import read_rows
from tenantry.takeover.records.source import check_unique, list_paths

_TITLE = "Supabase"
_NAME = re.compile(r"([0-9]+)_(.*)\.sql")
# In older versions, `init` is the schema that Supabase itself wrote.
_OWN_INIT = "20211209000000"


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "supabase_migrations.schema_migrations", {"version": "text"})
    return None if rows is None else tuple(ForeignRecord(version) for (version,) in rows)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations of a `migrations` folder, or of its parent, by name."""
    root = folder / "migrations" if (folder / "migrations").is_dir() else folder
    files = [_parse(path) for path in list_paths(root, "*.sql")]
    check_unique(files)
    return tuple(files)


def _parse(path: Path) -> SourceFile:
    found = _NAME.fullmatch(path.name)
    if found is None:
        note = "not named <timestamp>_name.sql: Supabase never runs it"
        return SourceFile(path.stem, path.as_posix(), note=note)
    skipped = found[2] == "init" and found[1] < _OWN_INIT
    note = f"named init and older than {_OWN_INIT}: Supabase never runs it" if skipped else ""
    return SourceFile(found[1], path.as_posix(), note=note)


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    own=(
        "supabase_migrations",
        "supabase_migrations.*",
    ),
)
