"""Prisma: `_prisma_migrations` with a SHA-256 of each migration.sql; failed and rolled-back rows do not count."""

import hashlib
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import input_error, list_paths, read_bytes

_TITLE = "Prisma"
_COLUMNS = {
    "started_at": "time",
    "finished_at": "time",
    "rolled_back_at": "time",
    "migration_name": "text",
    "checksum": "text",
}


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "public._prisma_migrations", _COLUMNS)
    if rows is None:
        return None
    return tuple(
        ForeignRecord(name, in_utc(finished), checksum)
        for _started, finished, rolled_back, name, checksum in rows
        if finished is not None and rolled_back is None
    )


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations of a `migrations` folder, or of its parent, by name.

    Raises InputError if the folder of a migration has no migration.sql.
    """
    root = folder / "migrations" if (folder / "migrations").is_dir() else folder
    loose = list_paths(root, "*.sql")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise input_error(f"{root}: contains no Prisma migrations, expected folders with a migration.sql")
    note = "not in a folder of its own: Prisma never runs it"
    files = tuple(_read_file(path.name, path / "migration.sql") for path in folders)
    return (*files, *(_read_file(path.stem, path, note) for path in loose))


def _read_file(name: str, path: Path, note: str = "") -> SourceFile:
    data = read_bytes(path)
    # Prisma hashes the bytes: git may have changed the line ends between the machine that ran the file and this one.
    lines = data.replace(b"\r\n", b"\n")
    digests = [hashlib.sha256(variant).digest() for variant in (data, lines, lines.replace(b"\n", b"\r\n"))]
    # Old versions of Prisma wrote each byte without its leading zero.
    also = (*(digest.hex() for digest in digests[1:]), *("".join(f"{byte:x}" for byte in one) for one in digests))
    return SourceFile(name, path.as_posix(), digests[0].hex(), note, also=also)


HISTORY = History(_TITLE, _read, _list_files, own=("_prisma_migrations*",))
