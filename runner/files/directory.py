"""A directory of migrations as its files, read and checked: none is skipped silently, and all faults are named."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tenantry.files.header import Header, find_circle
from tenantry.files.source import SourceText, read_source, read_text
from tenantry.model import Migration, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import MigrationFileError, Problem
from tenantry.model.words import describe_os_error, times

_NAME = re.compile(r"^([0-9]+)_([a-z0-9_]+)\.sql$")
ROLLBACK = ".rollback.sql"
_NEWEST = 2**63 - 1  # `version` is a bigint in the ledger.


@dataclass(frozen=True, slots=True)
class Directory:
    """The migrations of one directory in the order in which they run, and warnings about them.

    `repeatables` run after them, in this order; None if there is no folder for them. `faults` are the problems of files
    that cannot run as they are, by version: they are only there for verbs that read.
    """

    migrations: tuple[Migration, ...]
    warnings: tuple[Problem, ...] = ()
    repeatables: tuple[Migration, ...] | None = None
    faults: Mapping[int, tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Migration, ...]:
        """Return all files in the order in which they run."""
        return (*self.migrations, *(self.repeatables or ()))


def read_migrations(folder: Path, shown: str, *, lenient: bool = False) -> Directory:
    """Read and check every migration of `folder`; `shown` is its name in messages.

    Raises MigrationFileError with all mistakes at once. `lenient`: a file that could not run is there, with its text
    and its problems as warnings, since only its name and its checksum are wanted.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    faults: dict[int, tuple[Problem, ...]] = {}
    read: list[tuple[Migration, Header]] = []
    paths = _list(folder, shown)
    for path in paths:
        if path.name.endswith(ROLLBACK):
            problems += _check_rollback(path, paths, shown)
            continue
        try:
            migration, source = _read(path, folder, f"{shown}/{path.name}")
        except MigrationFileError as error:
            if not lenient or (rough := _read_rough(path, folder, shown)) is None:
                problems += error.problems
                continue
            faults[rough.version] = error.problems
            read.append((rough, Header()))
            warnings += error.problems
            continue
        read.append((migration, source.header))
        warnings += source.warnings
    problems += _duplicates([migration for migration, _ in read], shown)
    # Also for a folder with faults: one run is to show all of them.
    migrations, wrong = _resolve_depends(read, {path.stem for path in paths})
    if problems or wrong:
        raise MigrationFileError((*problems, *wrong))
    if not migrations:
        raise MigrationFileError((_empty(shown),))
    return Directory(tuple(migrations), tuple(warnings), faults=faults)


def _read_rough(path: Path, folder: Path, shown: str) -> Migration | None:
    """Return a file as it stands, unchecked; None where its name or its text cannot be read."""
    try:
        version, name = _parse_name(path.name, shown)
        text = read_text(path, folder, shown)
    except MigrationFileError:
        return None
    return Migration(version, name, f"{shown}/{path.name}", checksum(text), text, text)


def next_version(folder: Path) -> int:
    """Return the number after the highest one in the file names of `folder`; 0 in an empty folder."""
    versions = [int(match[1]) for entry in folder.iterdir() if (match := re.match(r"^([0-9]+)_", entry.name))]
    return max(versions, default=-1) + 1


def _empty(shown: str) -> Problem:
    return Problem(
        f"{shown}: no migrations, expected files NNNN_name.sql", 'create the first one with "tenantry new NAME"'
    )


def _list(folder: Path, shown: str) -> list[Path]:
    """Return the files of the folder with SQL names, in order; other files and subfolders do not matter here."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problem = Problem(f"{shown}: {describe_os_error(error)}, expected a directory of migrations")
        raise MigrationFileError((problem,)) from None
    return [entry for entry in entries if entry.name.lower().endswith(".sql")]


def _read(path: Path, folder: Path, shown: str) -> tuple[Migration, SourceText]:
    version, name = _parse_name(path.name, shown)
    source = read_source(path, folder, shown)
    sibling = path.with_name(path.name.removesuffix(".sql") + ROLLBACK)
    shown_sibling = f"{shown.removesuffix('.sql')}{ROLLBACK}"
    # lexists: a dangling link must be an error, and not be taken for no rollback at all.
    rollback = read_source(sibling, folder, shown_sibling) if os.path.lexists(sibling) else None
    migration = Migration(
        version=version,
        name=name,
        path=shown,
        checksum=checksum(source.text),
        text=source.text,
        sql=source.sql,
        transactional=source.header.transactional,
        directives=source.header.directives,
        rollback=rollback.text if rollback else None,
    )
    return migration, replace(source, warnings=(*source.warnings, *(rollback.warnings if rollback else ())))


def _parse_name(file_name: str, shown: str) -> tuple[int, str]:
    match = _NAME.match(file_name)
    if not match:
        raise MigrationFileError(
            (
                Problem(
                    f"{shown}: not a migration file name, expected NNNN_name.sql with only digits, a-z and _",
                    "rename it, or move it out of the folder: no SQL file in it is skipped silently",
                ),
            )
        )
    if int(match[1]) > _NEWEST:
        raise MigrationFileError((Problem(f"{shown}: version {match[1]} is too large, expected at most {_NEWEST}"),))
    return int(match[1]), match[2]


def _check_rollback(path: Path, paths: Sequence[Path], shown: str) -> list[Problem]:
    owner = path.name.removesuffix(ROLLBACK) + ".sql"
    if any(other.name == owner for other in paths):
        return []
    return [Problem(f"{shown}/{path.name}: no migration {owner} next to it", "rename it to match, or delete it")]


def _duplicates(migrations: Sequence[Migration], shown: str) -> Iterator[Problem]:
    by_version: dict[int, list[str]] = {}
    for migration in migrations:
        by_version.setdefault(migration.version, []).append(migration.path.rsplit("/", 1)[-1])
    for version, names in by_version.items():
        if len(names) > 1:
            yield Problem(
                f"{shown}: version {version} is used {times(len(names))}: {', '.join(names)}",
                "give the next free number to the file that no database has yet",
            )


def _resolve_depends(
    read: Sequence[tuple[Migration, Header]], stems: set[str]
) -> tuple[list[Migration], list[Problem]]:
    """Return the migrations in ascending order with `depends` as versions, and their problems.

    `stems` are the names of all files, those with faults of their own included.
    """
    by_name = {_stem(migration): migration.version for migration, _ in read}
    problems: list[Problem] = []
    resolved: list[Migration] = []
    for migration, header in read:
        problems += [_unknown(migration, name, by_name) for name in header.depends if name not in stems]
        versions = tuple(by_name[name] for name in header.depends if name in by_name)
        resolved.append(replace(migration, depends=versions))
    if any(migration.depends for migration in resolved):
        problems += _check_order(resolved)
    return sorted(resolved, key=lambda migration: migration.version), problems


def _stem(migration: Migration) -> str:
    return migration.path.rsplit("/", 1)[-1].removesuffix(".sql")


def _unknown(migration: Migration, name: str, known: dict[str, int]) -> Problem:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else "name an earlier file, without .sql"
    return Problem(f"{migration.path}: depends on {name!r}, which is not a file in this folder", hint)


def _check_order(migrations: Sequence[Migration]) -> Iterator[Problem]:
    circle = find_circle({migration.version: migration.depends for migration in migrations})
    # In a circle, some file always depends on a later one: naming the circle is enough.
    if circle:
        names = ", ".join(label(m.version, m.name) for m in migrations if m.version in circle)
        yield Problem(f"{migrations[0].path.rsplit('/', 1)[0]}: files depend on each other in a circle: {names}")
        return
    names_by_version = {m.version: label(m.version, m.name) for m in migrations}
    for migration in migrations:
        for version in migration.depends:
            if version > migration.version:
                yield Problem(
                    f"{migration.path}: depends on {names_by_version[version]}, which runs later",
                    "renumber one of the two: depends must name an earlier file",
                )
