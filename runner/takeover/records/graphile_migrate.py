"""graphile-migrate: `graphile_migrate.migrations` with a chain of SHA-1, each of the previous hash and the text."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import check_unique, input_error, list_paths, read_text

_TITLE = "graphile-migrate"
_COLUMNS = {"filename": "text", "hash": "text", "date": "time"}
_NAME = re.compile(r"([0-9]+)(-[-_a-zA-Z0-9]*)?\.sql")
_HEADER = re.compile(r"--! ([A-Z][a-zA-Z0-9_]*)(?::(.*))?")
# The characters that JavaScript's trim() removes, which differ from those of Python's strip().
_SPACE = "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_SPACE += "\u2028\u2029\u202f\u205f\u3000\ufeff"


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "graphile_migrate.migrations", _COLUMNS)
    return None if rows is None else tuple(ForeignRecord(name, in_utc(date), checksum) for name, checksum, date in rows)


@dataclass(frozen=True, slots=True)
class _Committed:
    """One committed migration: `previous` and `hash` are from its header, `previous` is empty for the first one."""

    id: str
    path: Path
    previous: str
    hash: str
    body: str


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the committed migrations of a `committed` folder, or of its parent, by number.

    Raises InputError if a header is missing or the chain of headers is broken.
    """
    root = folder / "committed" if (folder / "committed").is_dir() else folder
    named = [(found[1], path) for path in list_paths(root, "*.sql") if (found := _NAME.fullmatch(path.name))]
    committed = [_parse(f"{number}.sql", path) for number, path in sorted(named)]
    files = [_hash(one) for one in committed]
    check_unique(files)
    former = ""
    for one in committed:
        if one.previous != former:
            raise input_error(
                f"{one.path}: follows {one.previous or '-'}, expected {former or '-'}, the hash of the file before it",
                "restore the missing file between them, or the order in which they were committed",
            )
        former = one.hash
    return tuple(files)


def _parse(name: str, path: Path) -> _Committed:
    lines = read_text(path).split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line.removesuffix("\r"))
        if found is None:
            break
        if found[1] in headers:
            raise input_error(f"{path}: header {found[1]} appears twice, expected it once")
        headers[found[1]] = (found[2] or "").strip(_SPACE)
    for key in ("Previous", "Hash"):
        if not headers.get(key):
            raise input_error(
                f"{path}: no header {key}, expected a line '--! {key}: sha1:...'",
                "pass the folder of committed migrations, which graphile-migrate commit writes",
            )
    previous = headers["Previous"]
    body = "\n".join(lines[len(headers) :])
    return _Committed(name, path, "" if previous == "-" else previous, headers["Hash"], body)


def _hash(one: _Committed) -> SourceFile:
    checksum = hash_text(one.body, one.previous)
    # Committed with one kind of line ends, checked out with the other.
    lines = one.body.replace("\r\n", "\n")
    also = (hash_text(lines, one.previous), hash_text(lines.replace("\n", "\r\n"), one.previous))
    edited = one.hash not in (checksum, *also)
    note = f"edited after it was committed: its header says {one.hash}" if edited else ""
    return SourceFile(one.id, one.path.as_posix(), checksum, note, also=also)


def hash_text(body: str, previous: str) -> str:
    """Return the hash that graphile-migrate records, from the text below the header and the previous hash."""
    text = f"{previous}\n{body.strip(_SPACE)}".strip(_SPACE) + "\n"
    return "sha1:" + hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    own=(
        "graphile_migrate",
        "graphile_migrate.*",
    ),
)
