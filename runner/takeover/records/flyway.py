"""Flyway: `flyway_schema_history`, or `schema_version` before Flyway 5, with a CRC-32 of each file's lines.

Versions are compared as numbers, so `1`, `01` and `1.0` are one; repeatable migrations have an id `R__name`.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import Claim, ForeignRecord, History, SourceFile, match_by_id
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import check_unique, list_paths, read_bytes

_TITLE = "Flyway"
_TABLES = ("public.flyway_schema_history", "public.schema_version")
_COLUMNS = {
    "installed_rank": "number",
    "version": "text",
    "description": "text",
    "type": "text",
    "checksum": "number",
    "installed_on": "time",
    "success": "flag",
}
# Rows about the database, not about a file.
_SYNTHETIC = ("SCHEMA", "BASELINE")
# B files replace all versions up to their own if Flyway starts on an empty database.
_BASELINE_FILE = "SQL_BASELINE"
_NAME = re.compile(r"(?P<prefix>[VBR])(?P<version>[0-9][0-9._]*)?__(?P<description>.*)\.sql")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the migrations that succeeded and were not undone or deleted since, in the order of application."""
    for table in _TABLES:
        rows = read_rows(connection, _TITLE, table, _COLUMNS)
        if rows is not None:
            return tuple(_replay(rows).values())
    return None


def _replay(rows: Sequence[tuple[Any, ...]]) -> dict[str, ForeignRecord]:
    applied: dict[str, ForeignRecord] = {}
    for _rank, version, description, kind, checksum, installed_on, success in rows:
        name = _name("B" if kind == _BASELINE_FILE else "", version, description)
        if not success or kind in _SYNTHETIC:
            continue
        if kind == "DELETE" or kind.startswith("UNDO"):
            applied.pop(name if name in applied else f"B{name}", None)
        else:
            applied[name] = ForeignRecord(name, in_utc(installed_on), None if checksum is None else str(checksum))
    return applied


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the SQL files at any depth: baselines and versioned ones by version, then repeatable ones by name.

    Files with other names, and undo files (`U`), are not migrations.
    """
    found = [(match, path) for path in list_paths(folder, "**/*.sql") if (match := _NAME.fullmatch(path.name))]
    files = [_parse(match, path) for match, path in found if (match["version"] is None) == (match["prefix"] == "R")]
    check_unique([replace(file, id=_canonical(file.id)) for file in files])
    return tuple(sorted(files, key=lambda file: _order(file.id)))


def _parse(match: re.Match[str], path: Path) -> SourceFile:
    prefix = "B" if match["prefix"] == "B" else ""
    name = _name(prefix, match["version"] and match["version"].replace("_", "."), match["description"])
    raw = read_bytes(path)
    if match["prefix"] == "R" and b"${" in raw:
        note = "has placeholders: Flyway's checksum includes their values"
        return SourceFile(name, path.as_posix(), note=note)
    try:
        return SourceFile(name, path.as_posix(), str(checksum_text(raw.decode())))
    except UnicodeDecodeError:
        return SourceFile(name, path.as_posix(), note="not UTF-8: its checksum cannot be computed")


def _name(prefix: str, version: str | None, description: str) -> str:
    return f"R__{description.replace(' ', '_')}" if version is None else f"{prefix}{version}"


def checksum_text(text: str) -> int:
    """Return Flyway's checksum: the CRC-32 of all lines without line ends and BOM, as a signed int32."""
    # Flyway hashes line by line without the ends, so all kinds of line ends give the same sum.
    crc = zlib.crc32(text.removeprefix("\ufeff").replace("\r", "").replace("\n", "").encode())
    # Java's int is signed, and so is the recorded number.
    return crc - 2**32 if crc >= 2**31 else crc


def _match(records: Sequence[ForeignRecord], files: Sequence[SourceFile]) -> tuple[Claim, ...]:
    """Compare the rows with the files; versions that differ only in notation are the same."""
    written = {_canonical(file.id): file.id for file in files}
    return match_by_id([replace(one, id=written.get(_canonical(one.id), one.id)) for one in records], files)


def _canonical(name: str) -> str:
    prefix, numbers = _split(name)
    return name if numbers is None else f"{prefix}{'.'.join(map(str, numbers))}"


def _order(name: str) -> tuple[bool, tuple[int, ...], str]:
    _prefix, numbers = _split(name)
    return numbers is None, numbers or (), name


def _split(name: str) -> tuple[str, tuple[int, ...] | None]:
    """Return the prefix and numbers of a version without trailing zeros; None for a repeatable migration."""
    found = re.fullmatch(r"(B?)([0-9]+(?:\.[0-9]+)*)\.?", name)
    if not found:
        return "", None
    numbers = [int(part) for part in found[2].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return found[1], tuple(numbers)


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    _match,
    own=(
        "flyway_schema_history*",
        "schema_version*",
    ),
)
