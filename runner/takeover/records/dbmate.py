"""dbmate: one row of `schema_migrations` for each version, and no checksum.

golang-migrate and Rails have a table of the same name, which is refused.
"""

import re
from pathlib import Path

from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import read_columns, read_rows
from tenantry.takeover.records.source import check_unique, list_paths

_TITLE = "dbmate"
_NAME = re.compile(r"([0-9]+).*\.sql")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the versions; dbmate records no times. Raises Refused if the table belongs to another tool."""
    if "dirty" in _read_columns(connection, "schema_migrations"):
        raise _foreign("has a column dirty, which golang-migrate creates", "golang-migrate")
    rows = read_rows(connection, _TITLE, "public.schema_migrations", {"version": "text"})
    # The table alone cannot tell the two tools apart.
    if rows is not None and _read_columns(connection, "ar_internal_metadata"):
        raise _foreign("public.ar_internal_metadata exists, which Rails creates with it", "rails")
    return None if rows is None else tuple(ForeignRecord(version) for (version,) in rows)


def _read_columns(connection: Connection, table: str) -> set[str]:
    return {column.name for column in read_columns(connection, "public", table)}


def _foreign(why: str, tool: str) -> Refused:
    return Refused(f"public.schema_migrations: {why}", hint=f"if {tool} created the table, import from {tool}")


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations by file name. Raises InputError if a version is used twice."""
    files = [_parse(path) for path in list_paths(folder, "*.sql")]
    check_unique(files)
    return tuple(files)


def _parse(path: Path) -> SourceFile:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return SourceFile(path.stem, path.as_posix(), note="no number at the start of its name: dbmate never runs it")
    return SourceFile(found[1], path.as_posix())


HISTORY = History(_TITLE, _read, _list_files, own=("schema_migrations*",))
