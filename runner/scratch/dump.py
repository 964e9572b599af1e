"""The schema that the files of a set produce, as one file of SQL: for reviewers, editors and search, never run."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from tenantry.files.directory import Directory
from tenantry.model import Migration, SetName
from tenantry.model.errors import Problem, RunError
from tenantry.project import Project
from tenantry.schema.ddl.draft import render
from tenantry.schema.ddl.write import write_ddl
from tenantry.scratch.replay import open_replay

_HEAD = "-- The schema after {name}, as the files produce it; written by tenantry. Do not edit it, and do not run it.\n"
_MARK = "-- files: {digest}\n\n"


def write_dump(project: Project) -> Problem | None:
    """Write the schema of the tenants' files to the file that tenants.yaml names; return why that was not possible.

    Nothing is replayed where the file is up to date.
    """
    path, directory = project.config.dump, project.directories.get(SetName.TENANT)
    if path is None or directory is None:
        return None
    try:
        if path.is_file() and path.read_text("utf-8").startswith(_compose_head(directory)):
            return None
        save_dump(path, compose_dump(project, directory))
    except (OSError, RunError) as error:
        return Problem(f"{path}: the schema was not written: {error}", 'correct that, then run "tenantry dump"')
    return None


def compose_dump(project: Project, directory: Directory) -> str:
    """Return the schema of a set's files as SQL, by what the files make of an empty database. Raises RunError."""
    with open_replay(project) as replay:
        empty = replay.run(())
    with open_replay(project) as replay:
        return _compose_head(directory) + render(write_ddl(replay.run(directory.files), empty, origin=replay.major))


def save_dump(path: Path, text: str) -> None:
    """Write a file so that whoever reads it meanwhile sees the old one or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _compose_head(directory: Directory) -> str:
    name = directory.migrations[-1].path.rpartition("/")[2] if directory.migrations else "no migration"
    return _HEAD.format(name=name) + _MARK.format(digest=_digest(directory.files))


def _digest(files: Sequence[Migration]) -> str:
    """Return one value for all texts, in their order."""
    marks = "".join(f"{file.version} {file.name} {file.checksum}\n" for file in files)
    return hashlib.sha256(marks.encode()).hexdigest()
