"""The registry of conversions, and the files that they produce: planned, checked and written."""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.model import label
from tenantry.model.errors import InputError, Problem

_VERSION = re.compile(r"([0-9]+)_")
_SOURCE = re.compile(r"-- source: (?P<tool>\S+) (?P<id>.+)")


@dataclass(frozen=True, slots=True)
class Converted:
    """One migration of another tool, ready to be written; `text` and `rollback` are whole files, header included.

    `source` is the tool and the migration's name in the tool's records. `notes` are facts that no file can express,
    each with its place.
    """

    source: str
    name: str
    text: str
    rollback: str | None
    transactional: bool
    notes: tuple[str, ...] = ()


# Returns the migrations of a folder in the order in which the tool runs them; raises InputError with all problems.
Convert = Callable[[Path], tuple[Converted, ...]]

# Names of modules rather than modules: only the tool that is asked for is imported.
CONVERSIONS: Mapping[str, str] = {
    name: f"tenantry.takeover.files.{name.replace('-', '_')}"
    for name in ("dbmate", "drizzle", "flyway", "golang-migrate", "goose", "prisma", "sqitch")
}


def load_conversion(name: str) -> Convert:
    """Return a tool's conversion. Raises KeyError if there is none."""
    convert: Convert = importlib.import_module(CONVERSIONS[name]).convert
    return convert


def parse_source(text: str) -> tuple[str, str] | None:
    """Return the tool and the id that the first line of a converted file names; None for any other file."""
    found = _SOURCE.fullmatch(text.partition("\n")[0])
    return (found["tool"], found["id"]) if found else None


def plan_files(converted: Sequence[Converted], target: Path, first: int) -> tuple[tuple[Path, str], ...]:
    """Return the files to write, with consecutive versions from `first` on, each rollback after its migration.

    Raises InputError if a file of `target` has one of the versions, or was converted from one of these migrations.
    """
    _check_new(converted, target)
    _check_free(target, first, first + len(converted))
    files: list[tuple[Path, str]] = []
    for version, one in enumerate(converted, first):
        stem = label(version, one.name)
        files.append((target / f"{stem}.sql", one.text))
        if one.rollback is not None:
            files.append((target / f"{stem}.rollback.sql", one.rollback))
    return tuple(files)


def write_files(converted: Sequence[Converted], target: Path, first: int) -> tuple[Path, ...]:
    """Write the files of `plan_files` and return their paths. Raises InputError, leaving none of the files."""
    written: list[Path] = []
    files = plan_files(converted, target, first)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path, text in files:
            # "x": a file that has appeared since the check is not overwritten.
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        # All or none: the first part of a folder would look like the whole history.
        for path in written:
            path.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise InputError((Problem(f"{target}: {reason}, expected a writable folder"),)) from None
    return tuple(written)


def _check_new(converted: Sequence[Converted], target: Path) -> None:
    if not target.is_dir():
        return
    sources = {one.source for one in converted}
    problems = tuple(
        Problem(
            f"{path}: already converted from {source}, expected only migrations that are new here",
            "keep only the new migrations in the source folder: a second copy would run the same SQL again",
        )
        for path in sorted(target.glob("*.sql"))
        if not path.name.endswith(".rollback.sql") and (source := _read_source(path)) in sources
    )
    if problems:
        raise InputError(problems)


def _read_source(path: Path) -> str:
    """Return the source of a converted file; empty for any other file, and for one that cannot be read."""
    try:
        # Lenient: only the first line matters here, and broken files are reported when the folder is read.
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return " ".join(parse_source(file.readline()) or ())
    except OSError:
        return ""


def _check_free(target: Path, first: int, end: int) -> None:
    if not target.is_dir():
        return
    problems = tuple(
        Problem(
            f"{path}: version {found[1]} is taken, expected it to be free for a converted file",
            "start above the highest version in the folder, or convert into an empty folder",
        )
        for path in sorted(target.iterdir())
        if (found := _VERSION.match(path.name)) and first <= int(found[1]) < end
    )
    if problems:
        raise InputError(problems)
