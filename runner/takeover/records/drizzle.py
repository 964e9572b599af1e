"""drizzle: rows of `drizzle.__drizzle_migrations` and the folder of drizzle-kit, matched by the hash of a whole file.

Position and time alone never make a match: drizzle 0.x skips a file whose time in the journal is not later than that of
the newest row, and 1.x named the rows of 0.x by time alone.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import Claim, ClaimStanding, ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_columns, read_rows
from tenantry.takeover.records.source import check_unique, input_error, list_paths, read_bytes, read_text

_TITLE = "drizzle"
_COLUMNS = {"id": "number", "hash": "text", "created_at": "number"}
_NEWER_COLUMNS = {"name": "text", "applied_at": "time"}
_FOLDER = re.compile(r"[0-9]{14}(_|$)")
_DIALECTS = ("postgresql", "pg")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the rows by id; a row of drizzle 0.x has no name, so its id replaces it, and no time of its own."""
    found = read_columns(connection, "drizzle", "__drizzle_migrations")
    newer = any(column.name in _NEWER_COLUMNS for column in found)
    columns = _COLUMNS | _NEWER_COLUMNS if newer else _COLUMNS
    rows = read_rows(connection, _TITLE, "drizzle.__drizzle_migrations", columns)
    return None if rows is None else tuple(_parse_row(*row) for row in rows)


def _parse_row(
    number: int, checksum: str, created_at: Any, name: str | None = None, applied_at: Any = None
) -> ForeignRecord:
    key = None if created_at is None else str(int(created_at))
    return ForeignRecord(name or f"row {number}", in_utc(applied_at), checksum, key)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations of a folder of drizzle 0.x in the order of its journal, or of 1.x by name.

    Files that drizzle never runs come last. Raises InputError if the journal cannot be read or lists a missing file.
    """
    loose = list_paths(folder, "*.sql")
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and _FOLDER.match(path.name))
    journal = folder / "meta" / "_journal.json"
    if journal.is_file() and folders:
        raise input_error(
            f"{folder}: has both meta/_journal.json of drizzle 0.x and folders of drizzle 1.x, expected one of them",
            'complete "drizzle-kit up", or move away the folders that must not be imported',
        )
    if journal.is_file():
        return _list_journal(folder, journal, loose)
    if not folders:
        raise input_error(
            f"{folder}: not a drizzle folder, expected meta/_journal.json or folders with a migration.sql",
            "pass the folder that drizzle.config.ts names as out",
        )
    note = "not in a folder of its own: drizzle 1.x never runs it"
    files = tuple(_read_file(path.name, path / "migration.sql") for path in folders)
    return (*files, *(_read_file(path.stem, path, note) for path in loose))


def _read_file(name: str, path: Path, note: str = "", key: str | None = None) -> SourceFile:
    # drizzle hashes the text as Node decodes it, with a replacement character for each invalid byte.
    text = read_bytes(path).decode("utf-8", "replace")
    return SourceFile(name, path.as_posix(), hashlib.sha256(text.encode()).hexdigest(), note, key=key)


@dataclass(frozen=True, slots=True)
class _JournalEntry:
    """One entry of the journal; `when` is in milliseconds since 1970, and decides whether drizzle runs the file."""

    tag: str
    when: int
    line: int


def _list_journal(folder: Path, journal: Path, loose: Sequence[Path]) -> tuple[SourceFile, ...]:
    files: list[SourceFile] = []
    newest: _JournalEntry | None = None
    for entry in _parse_journal(journal):
        path = folder / f"{entry.tag}.sql"
        if path not in loose:
            raise input_error(
                f"{journal}:{entry.line}: lists {entry.tag!r}, but {path} does not exist",
                "restore the file, or remove its entry from the journal",
            )
        files.append(_read_file(entry.tag, path, _judge_time(entry, newest), str(entry.when)))
        if newest is None or entry.when > newest.when:
            newest = entry
    check_unique(files)
    listed = {file.id for file in files}
    note = "not in the journal: drizzle never runs it"
    return (*files, *(_read_file(path.stem, path, note) for path in loose if path.stem not in listed))


def _judge_time(entry: _JournalEntry, newest: _JournalEntry | None) -> str:
    if newest is None or entry.when > newest.when:
        return ""
    return (
        f"its time in the journal, {entry.when}, is not after {newest.when} of {newest.tag}:"
        f" drizzle never runs it if {newest.tag} ran first"
    )


def _parse_journal(journal: Path) -> list[_JournalEntry]:
    text = read_text(journal)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise input_error(
            f"{journal}:{error.lineno}: not JSON: {error.msg}, expected the journal that drizzle-kit writes",
            "restore it from git: it may contain conflict markers of a merge",
        ) from None
    except (ValueError, RecursionError):
        # Of the parser's own limits: numbers of a thousand digits, or lists within a thousand lists.
        raise input_error(
            f"{journal}: too deep or too long to read, expected the journal that drizzle-kit writes"
        ) from None
    entries = content.get("entries") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise input_error(f"{journal}: has no list of entries, expected the journal that drizzle-kit writes")
    if content.get("dialect", "postgresql") not in _DIALECTS:
        raise input_error(f"{journal}: is for {content['dialect']!r}, expected 'postgresql'")
    return [_parse_entry(journal, text, number, entry) for number, entry in enumerate(entries)]


def _parse_entry(journal: Path, text: str, number: int, entry: Any) -> _JournalEntry:
    tag, when = (entry.get("tag"), entry.get("when")) if isinstance(entry, dict) else (None, None)
    # A tag is a file name: one that contains a path could lead out of the folder.
    # And not isinstance() for the time: to Python, true is an int as well.
    if not isinstance(tag, str) or type(when) is not int or Path(tag).name != tag:
        raise input_error(
            f"{journal}: entries[{number}] is {json.dumps(entry)}, expected a tag, the name of a file,"
            " and when, its time in milliseconds"
        )
    # The parser keeps no positions: the first mention of a tag gives its line.
    return _JournalEntry(tag, when, text.count("\n", 0, max(text.find(json.dumps(tag)), 0)) + 1)


def _match(records: Sequence[ForeignRecord], files: Sequence[SourceFile]) -> tuple[Claim, ...]:
    """Compare each file with the row of its hash; a row of its name or time with a different hash is a mismatch."""
    left = list(records)
    found: dict[str, ForeignRecord] = {}
    # Files with the same text have the same hash: only for these, name and time decide which one a row belongs to.
    tests: tuple[Callable[[ForeignRecord, SourceFile], bool], ...] = (_is_same, _has_hash, _is_named)
    for test in tests:
        for file in files:
            record = next((one for one in left if test(one, file)), None) if file.id not in found else None
            if record is not None:
                found[file.id] = record
                left.remove(record)
    newest = max((int(record.key) for record in records if record.key), default=-1)
    claims = [_judge(file, found.get(file.id), newest) for file in files]
    return (*claims, *(Claim(record.id, ClaimStanding.NO_FILE, record, None) for record in left))


def _is_same(record: ForeignRecord, file: SourceFile) -> bool:
    return _has_hash(record, file) and _is_named(record, file)


def _has_hash(record: ForeignRecord, file: SourceFile) -> bool:
    return record.checksum == file.checksum


def _is_named(record: ForeignRecord, file: SourceFile) -> bool:
    return record.id == file.id or (file.key is not None and record.key == file.key)


def _judge(file: SourceFile, record: ForeignRecord | None, newest: int) -> Claim:
    if record is None:
        note = file.note
        if file.key and int(file.key) <= newest:
            note = (
                f"drizzle never ran it here and never will: its time in the journal, {file.key},"
                f" is not after {newest} of the newest row"
            )
        return Claim(file.id, ClaimStanding.NO_ROW, None, file, note)
    if not _has_hash(record, file):
        return Claim(file.id, ClaimStanding.MISMATCH, record, file, "edited after drizzle ran it: the hash differs")
    renamed = record.id != file.id and not record.id.startswith("row ")
    return Claim(file.id, ClaimStanding.MATCH, record, file, f"recorded as {record.id}" if renamed else file.note)


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    _match,
    own=(
        "drizzle",
        "drizzle.*",
    ),
)
