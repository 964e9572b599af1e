"""Tools that record the newest migration alone: all up to it count as applied, and none of them can be verified."""

from collections.abc import Sequence

from tenantry.takeover.records.histories import Claim, ClaimStanding, ForeignRecord, SourceFile


def match_newest(tool: str, records: Sequence[ForeignRecord], files: Sequence[SourceFile]) -> tuple[Claim, ...]:
    """Compare the only record, if any, with the files, whose ids are numbers; a record without a file comes last."""
    newest = records[0] if records else None
    claims = tuple(_judge(tool, file, newest) for file in files)
    if newest is None or any(file.id == newest.id for file in files):
        return claims
    return (*claims, Claim(newest.id, ClaimStanding.NO_FILE, newest, None))


def _judge(tool: str, file: SourceFile, newest: ForeignRecord | None) -> Claim:
    # A file with a note is one that the tool never runs, whatever its number.
    if newest is None or file.note or int(file.id) > int(newest.id):
        return Claim(file.id, ClaimStanding.NO_ROW, None, file, file.note)
    note = "" if file.id == newest.id else f"below version {newest.id}: {tool} records only the newest"
    return Claim(file.id, ClaimStanding.CANNOT_VERIFY, newest, file, note)
