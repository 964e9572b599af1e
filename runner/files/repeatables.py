"""The folder of repeatables: read, checked, and sorted in the order in which they run."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tenantry.files.directory import Directory, read_migrations
from tenantry.files.folder import list_sql, refuse_below
from tenantry.files.source import SourceText, read_source
from tenantry.model import NO_VERSION, Migration
from tenantry.model.checksum import checksum
from tenantry.model.errors import MigrationFileError, Problem

FOLDER = "repeatable"
_NAME = re.compile(r"^[a-z0-9_]+\.sql$")


def read_directory(folder: Path, shown: str, *, lenient: bool = False) -> Directory:
    """Read and check every migration of a folder and every repeatable next to them; `shown` is its name in messages.

    Raises MigrationFileError with all mistakes at once. `lenient` is as in `read_migrations`.
    """
    problems: list[Problem] = []
    directory = Directory(())
    try:
        directory = read_migrations(folder, shown, lenient=lenient)
    except MigrationFileError as error:
        problems += error.problems
    repeatables, warnings = _read_all(folder / FOLDER, f"{shown}/{FOLDER}", problems)
    if problems:
        raise MigrationFileError(tuple(problems))
    found = repeatables if (folder / FOLDER).is_dir() else None
    return replace(directory, repeatables=found, warnings=(*directory.warnings, *warnings))


def _read_all(home: Path, shown: str, problems: list[Problem]) -> tuple[tuple[Migration, ...], list[Problem]]:
    """Return the repeatables in the order in which they run, and warnings; add their problems to `problems`."""
    files: dict[str, Migration] = {}
    depends: dict[str, tuple[str, ...]] = {}
    warnings: list[Problem] = []
    paths = list_sql(home, shown, "repeatables")
    for path in paths:
        try:
            name, source = _read(path, home, f"{shown}/{path.relative_to(home).as_posix()}")
        except MigrationFileError as error:
            problems += error.problems
            continue
        files[name] = _make(name, source)
        depends[name] = source.header.depends
        warnings += source.warnings
    # All names, or a fault in one file would also be reported as a missing dependency of every other.
    problems += _check_depends(files, depends, {path.stem for path in paths}, shown)
    known = {name: [other for other in needs if other in files] for name, needs in depends.items()}
    return tuple(files[name] for name in _order(known)), warnings


def _read(path: Path, home: Path, shown: str) -> tuple[str, SourceText]:
    """Return the name and the source of one file. Raises MigrationFileError."""
    refuse_below(path, home, shown)
    if not _NAME.match(path.name):
        hint = "rename it, or move it out of the folder: no SQL file in it is skipped silently"
        message = f"{shown}: not a repeatable file name, expected name.sql with only digits, a-z and _"
        raise MigrationFileError((Problem(message, hint),))
    source = read_source(path, home, shown)
    if not source.header.transactional:
        hint = 'delete "-- transactional: false", and move statements that cannot run in a transaction into a migration'
        raise MigrationFileError(
            (Problem(f"{shown}: outside a transaction, expected a repeatable to run in one", hint),)
        )
    if source.header.directives.replaces:
        hint = "delete the line: a repeatable runs again after every edit"
        raise MigrationFileError(
            (Problem(f"{shown}: header key 'replaces': no effect in a repeatable, expected no such key", hint),)
        )
    return path.name.removesuffix(".sql"), source


def _make(name: str, source: SourceText) -> Migration:
    return Migration(
        version=NO_VERSION,
        name=name,
        path=source.path,
        checksum=checksum(source.text),
        text=source.text,
        sql=source.sql,
        directives=source.header.directives,
    )


def _check_depends(
    files: Mapping[str, Migration], depends: Mapping[str, tuple[str, ...]], stems: set[str], shown: str
) -> Iterator[Problem]:
    """Yield the problems with dependencies of repeatables; `stems` are all names, including those of faulty files."""
    for name, needs in depends.items():
        for other in needs:
            if other not in stems:
                near = difflib.get_close_matches(other, files, n=1)
                hint = f'did you mean "{near[0]}"?' if near else "name another repeatable, without .sql"
                yield Problem(
                    f"{files[name].path}: depends on {other!r}, which is not a repeatable in this folder", hint
                )
    try:
        TopologicalSorter(depends).prepare()
    except CycleError as circle:
        # Its first and last are the same, and each comes before the one that depends on it: sorted, it reads as a set.
        names = ", ".join(sorted(set(circle.args[1])))
        yield Problem(f"{shown}: repeatables depend on each other in a circle: {names}")


def _order(depends: Mapping[str, list[str]]) -> list[str]:
    """Return the names, each after all that it depends on, otherwise in alphabetical order; none from a circle."""
    # Not by graphlib, which goes level by level and raises for a circle: here the alphabet decides wherever it can,
    # and a circle, which is reported already, is left out.
    left, ordered = sorted(depends), list[str]()
    while ready := next((name for name in left if set(depends[name]) <= set(ordered)), None):
        left.remove(ready)
        ordered.append(ready)
    return ordered
