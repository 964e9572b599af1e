"""The registry of histories, and the claims that come from comparing a tool's records with its files."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from tenantry.postgres.sessions import Connection


class ClaimStanding(StrEnum):
    """The result of comparing one record with its file."""

    MATCH = "match"
    MISMATCH = "mismatch"
    CANNOT_VERIFY = "cannot verify"
    NO_FILE = "row without file"
    NO_ROW = "file without row"


@dataclass(frozen=True, slots=True)
class ForeignRecord:
    """One migration that the other tool records as applied, with the tool's `id` and `checksum`.

    `key` is another value that row and file share, for tools whose rows may lack the name or have a different one.
    """

    id: str
    applied_at: datetime | None = None
    checksum: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One migration in the other tool's folder, with the checksum that the tool would record for it, if any.

    `note` is an oddity, such as a file that the tool never runs. `follows` are the ids that have to run before it.
    `also` are other checksums that the tool may have recorded for this file: with other line ends, or by an older
    version. `key` is as in ForeignRecord.
    """

    id: str
    path: str
    checksum: str | None = None
    note: str = ""
    follows: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The result of comparing the other tool's record and file of one migration. Claims are in the order of files."""

    id: str
    standing: ClaimStanding
    record: ForeignRecord | None
    file: SourceFile | None
    note: str = ""


Match = Callable[[Sequence[ForeignRecord], Sequence[SourceFile]], tuple[Claim, ...]]


def match_by_id(records: Sequence[ForeignRecord], files: Sequence[SourceFile]) -> tuple[Claim, ...]:
    """Compare each record with the file of the same id; records without a file come last."""
    by_id = {record.id: record for record in records}
    known = {file.id for file in files}
    claims = [_judge(file.id, by_id.get(file.id), file) for file in files]
    return (*claims, *(_judge(record.id, record, None) for record in records if record.id not in known))


def _judge(name: str, record: ForeignRecord | None, file: SourceFile | None) -> Claim:
    note = file.note if file else ""
    if record is None:
        return Claim(name, ClaimStanding.NO_ROW, None, file, note)
    if file is None:
        return Claim(name, ClaimStanding.NO_FILE, record, None, note)
    if record.checksum is None or file.checksum is None:
        return Claim(name, ClaimStanding.CANNOT_VERIFY, record, file, note)
    same = record.checksum in (file.checksum, *file.also)
    return Claim(name, ClaimStanding.MATCH if same else ClaimStanding.MISMATCH, record, file, note)


@dataclass(frozen=True, slots=True)
class History:
    """One tool. `read` returns None if the database has no records of it, and raises Refused if that is unclear.

    `list_files` reads the tool's folder, and raises InputError. `heads_only`: the tool records only its newest
    migration. `own` are patterns of the names of its own tables and schemas, which are no difference.
    """

    title: str
    read: Callable[[Connection], tuple[ForeignRecord, ...] | None]
    list_files: Callable[[Path], tuple[SourceFile, ...]]
    match: Match = match_by_id
    heads_only: bool = False
    own: tuple[str, ...] = ()


# Names of modules rather than modules: only the tool that is asked for is imported.
HISTORIES: Mapping[str, str] = {
    name: f"tenantry.takeover.records.{name.replace('-', '_')}"
    for name in (
        "alembic",
        "dbmate",
        "django",
        "drizzle",
        "flyway",
        "golang-migrate",
        "goose",
        "graphile-migrate",
        "node-pg-migrate",
        "prisma",
        "rails",
        "sqitch",
        "sqlx",
        "supabase",
        "tern",
        "yoyo",
    )
}


def load_history(name: str) -> History:
    """Return a tool's history. Raises KeyError if there is no such tool."""
    history: History = importlib.import_module(HISTORIES[name]).HISTORY
    return history
