"""Alembic: `alembic_version` contains only the heads; the graph of the revision files gives their ancestors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import Claim, ClaimStanding, ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import read_rows
from tenantry.takeover.records.source import (
    check_unique,
    input_error,
    list_paths,
    parse_python,
    read_assigned,
    read_constant,
    read_names,
    sort_by_dependency,
)

_TITLE = "Alembic"


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "public.alembic_version", {"version_num": "text"})
    return None if rows is None else tuple(ForeignRecord(version) for (version,) in rows)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the revisions of a `versions` folder, or of its parent, each after those it follows.

    Raises InputError if an ancestor is missing, or if a revision is not a constant.
    """
    versions = folder / "versions" if (folder / "versions").is_dir() else folder
    labels: dict[str, str] = {}
    # The same names are ignored as by Alembic itself: lock files of Emacs, and the package's own file.
    files = [
        _parse(path, labels) for path in list_paths(versions, "*.py") if not path.name.startswith((".#", "__init__"))
    ]
    check_unique(files)
    known = {file.id: file.id for file in files}
    return sort_by_dependency([_resolve(file, labels | known) for file in files])


def _parse(path: Path, labels: dict[str, str]) -> SourceFile:
    """Return one revision, and note its branch labels in `labels`."""
    assigned = read_assigned(parse_python(path))
    revision = read_constant(path, assigned, "revision")
    if not isinstance(revision, str):
        raise input_error(f"{path}: no revision, expected revision = '...'", "pass the folder with revisions only")
    follows = (*read_names(path, assigned, "down_revision"), *read_names(path, assigned, "depends_on"))
    labels.update(dict.fromkeys(read_names(path, assigned, "branch_labels"), revision))
    return SourceFile(revision, path.as_posix(), follows=follows)


def _resolve(file: SourceFile, known: Mapping[str, str]) -> SourceFile:
    for name in file.follows:
        if name not in known:
            raise input_error(
                f"{file.path}: follows revision {name!r}, which no file of the folder has",
                "restore that file, or pass the folder that contains all of them",
            )
    return replace(file, follows=tuple(known[name] for name in file.follows))


def _match(records: Sequence[ForeignRecord], files: Sequence[SourceFile]) -> tuple[Claim, ...]:
    """Count every ancestor of a recorded head as applied, with a note."""
    by_id = {file.id: file for file in files}
    unknown = [record for record in records if record.id not in by_id]
    above: dict[str, ForeignRecord] = {}
    for record in records:
        waiting = [record.id]
        while waiting:
            name = waiting.pop()
            # A recorded head that another head depends on keeps its own record.
            if name in by_id and (name not in above or name == record.id):
                above[name] = record
                waiting += by_id[name].follows
    claims = [_judge(file, above.get(file.id), unknown) for file in files]
    return (*claims, *(Claim(record.id, ClaimStanding.NO_FILE, record, None) for record in unknown))


def _judge(file: SourceFile, head: ForeignRecord | None, unknown: Sequence[ForeignRecord]) -> Claim:
    if head is not None:
        note = "" if head.id == file.id else f"below the head {head.id}: Alembic records only heads"
        return Claim(file.id, ClaimStanding.CANNOT_VERIFY, head, file, note)
    lost = ", ".join(record.id for record in unknown)
    note = f"no file has the head {lost}, so it is unknown whether this revision is below it" if lost else ""
    return Claim(file.id, ClaimStanding.NO_ROW, None, file, note)


HISTORY = History(_TITLE, _read, _list_files, _match, heads_only=True, own=("alembic_version*",))
