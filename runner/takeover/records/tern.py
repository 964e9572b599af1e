"""tern: `schema_version` has one row with the number of the newest migration; all up to it count as applied."""

import re
from functools import partial
from pathlib import Path

from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.newest import match_newest
from tenantry.takeover.records.rows import read_rows
from tenantry.takeover.records.source import check_unique, input_error, list_paths

_TITLE = "tern"
_NAME = re.compile(r"([0-9]+)_.+\.sql")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the newest migration; none if the version is 0. Raises Refused if there is not exactly one row."""
    rows = read_rows(connection, _TITLE, "public.schema_version", {"version": "number"})
    if rows is None:
        return None
    if len(rows) != 1:
        raise Refused(f"public.schema_version: has {len(rows)} rows, expected 1")
    version = int(rows[0][0])
    return (ForeignRecord(str(version)),) if version else ()


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations by number. Raises InputError if the numbers are not 1, 2, 3 and so on, as tern requires."""
    found = [(match, path) for path in list_paths(folder) if (match := _NAME.fullmatch(path.name))]
    files = sorted(
        (SourceFile(str(int(match[1])), path.as_posix()) for match, path in found), key=lambda file: int(file.id)
    )
    check_unique(files)
    for number, file in enumerate(files, 1):
        if file.id != str(number):
            raise input_error(f"{folder}: no migration {number}, expected all from 1 to {files[-1].id}")
    return tuple(files)


_match = partial(match_newest, _TITLE)
HISTORY = History(_TITLE, _read, _list_files, _match, heads_only=True, own=("schema_version*",))
