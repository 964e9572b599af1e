"""yoyo: one row of `_yoyo_migration` for each migration, with a hash of its name only, not of its content."""

import hashlib
import re
from itertools import takewhile
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import (
    check_unique,
    list_paths,
    parse_python,
    read_assigned,
    read_names,
    read_text,
    sort_by_dependency,
)

_TITLE = "yoyo"
_COLUMNS = {"migration_id": "text", "migration_hash": "text", "applied_at_utc": "time"}
_COMMENT = re.compile(r"\s*(--.*)?$")
_DEPENDS = re.compile(r"\s*--\s*depends\s*:(.*)$")
_NOTE = "the hash covers only the name: edits cannot be detected"


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "public._yoyo_migration", _COLUMNS)
    if rows is None:
        return None
    return tuple(ForeignRecord(name, in_utc(applied_at), checksum) for name, checksum, applied_at in rows)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations by path, each after its dependencies, without rollbacks and post-apply hooks."""
    files = [
        SourceFile(path.stem, path.as_posix(), hash_name(path.stem), _NOTE, _read_depends(path))
        for path in list_paths(folder)
        if path.suffix in (".sql", ".py")
        and not path.name.endswith(".rollback.sql")
        and not path.name.startswith(("post-apply", "_tmp_yoyonew"))
    ]
    check_unique(files)
    return sort_by_dependency(files)


def hash_name(name: str) -> str:
    """Return the hash that yoyo records for a migration: the SHA-256 of its file name without suffix."""
    return hashlib.sha256(name.encode()).hexdigest()


def _read_depends(path: Path) -> tuple[str, ...]:
    if path.suffix == ".py":
        return read_names(path, read_assigned(parse_python(path)), "__depends__")
    # As yoyo: directives count only in the comments before the first statement.
    leading = takewhile(_COMMENT.match, read_text(path).splitlines())
    return tuple(name for line in leading if (found := _DEPENDS.match(line)) for name in found[1].split())


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    own=(
        "_yoyo_*",
        "yoyo_*",
    ),
)
