"""Rails: one row of `schema_migrations` for each version, without a checksum.

dbmate has a table of the same name and column: only `ar_internal_metadata` next to it proves that it is from Rails.
"""

import re
from pathlib import Path

from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import read_rows
from tenantry.takeover.records.source import check_unique, list_paths

_TITLE = "Rails"
_NAME = re.compile(r"([0-9]+)_[_a-z0-9]+(\.[_a-z0-9]+)?\.(rb|sql)")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the versions; Rails records no times."""
    rows = read_rows(connection, _TITLE, "public.schema_migrations", {"version": "text"})
    if rows is None:
        return None
    if read_rows(connection, _TITLE, "public.ar_internal_metadata", {"key": "text"}) is None:
        raise Refused(
            "public.schema_migrations: there is no public.ar_internal_metadata, which Rails creates with it",
            hint="if dbmate created the table, import from dbmate",
        )
    return tuple(sorted((ForeignRecord(_strip(version)) for (version,) in rows), key=lambda record: int(record.id)))


def _strip(version: str) -> str:
    """Return a version in the form in which Rails compares it: as a number."""
    if not version.isdecimal():
        raise Refused(f"public.schema_migrations: version {version!r}, expected a number")
    return str(int(version))


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations of a `db/migrate` folder at any depth, by version. Raises InputError: a version twice."""
    found = [(match, path) for path in list_paths(folder, "**/*") if (match := _NAME.fullmatch(path.name))]
    files = [SourceFile(str(int(match[1])), path.as_posix()) for match, path in found]
    check_unique(files)
    return tuple(sorted(files, key=lambda file: int(file.id)))


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    own=(
        "schema_migrations*",
        "ar_internal_metadata*",
    ),
)
