"""golang-migrate: VERSION_title.up.sql, with the .down.sql of that version as its rollback; the id is the version."""

import re
from pathlib import Path

from tenantry.model.errors import Problem
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import ForeignMigration, convert_all, read_part
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import input_error, list_paths

_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<title>.*)\.(?P<way>up|down)\..*")


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the migrations of a folder. Raises InputError: a .down.sql has no .up.sql, or a version has two."""
    files = load_history("golang-migrate").list_files(folder)
    downs: dict[str, Path] = {}
    problems: list[Problem] = []
    known = {file.id for file in files if not file.note}
    for path in list_paths(folder):
        found = _NAME.fullmatch(path.name)
        if not found or found["way"] == "up":
            continue
        version = str(int(found["version"]))
        if version not in known:
            problems.append(Problem(f"{path.as_posix()}: no .up.sql of version {version} next to it", "delete it"))
        elif version in downs:
            other = downs[version].name
            problems.append(Problem(f"{path.as_posix()}: version {version} already has a .down.sql: {other}"))
        downs.setdefault(version, path)
    return convert_all("golang-migrate", folder, files, lambda file: _make_draft(folder, file, downs), problems)


def _make_draft(folder: Path, file: SourceFile, downs: dict[str, Path]) -> ForeignMigration:
    path = Path(file.path)
    found = _NAME.fullmatch(path.name)
    if file.note or not found:
        raise input_error(f"{file.path}: {file.note}", "move it out of the folder")
    down = downs.get(file.id)
    return ForeignMigration(file.id, found["title"], read_part(path, folder), read_part(down, folder) if down else None)
