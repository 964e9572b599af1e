"""A directory of migrations -> its files, read and checked. Nothing in it is skipped silently, all faults are named."""

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tenantry import sqltext
from tenantry.files.directives import locate
from tenantry.files.header import Header, find_circle, parse_header
from tenantry.model import Directives, Migration, label
from tenantry.model.checksum import checksum, normalise
from tenantry.model.errors import MigrationFileError, Problem
from tenantry.model.words import times
from tenantry.sqltext.changes import ChangeError, read_change

_NAME = re.compile(r"^([0-9]+)_([a-z0-9_]+)\.sql$")
ROLLBACK = ".rollback.sql"
# Stands in a new file in place of its SQL. It is none, so that no run accepts a file that nobody has written yet.
UNWRITTEN = ">>> write the SQL here"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NEWEST = 2**63 - 1  # `version` is a bigint in the ledger.


@dataclass(frozen=True, slots=True)
class Directory:
    """The migrations of one directory in the order in which they run, and what is worth a warning about them.

    `repeatables` are run behind them, in this order; None where there is no folder for them.
    """

    migrations: tuple[Migration, ...]
    warnings: tuple[Problem, ...] = ()
    repeatables: tuple[Migration, ...] | None = None


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file of SQL: its text, what of it is sent, what its header asks for, and what is worth a warning."""

    path: str
    text: str
    sql: str
    header: Header
    warnings: tuple[Problem, ...] = ()


class _FileError(Exception):
    """One file cannot be used; carries what is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems)
        self.problems = problems


def read_migrations(folder: Path, shown: str) -> Directory:
    """Read and check every migration of `folder`; `shown` is how messages name it.

    Raises MigrationFileError with all that is wrong, at once.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    read: list[tuple[Migration, Header]] = []
    paths = _list(folder, shown)
    for path in paths:
        if path.name.endswith(ROLLBACK):
            problems += _check_rollback(path, paths, shown)
            continue
        try:
            migration, source = _read(path, folder, f"{shown}/{path.name}")
        except _FileError as error:
            problems += error.problems
            continue
        read.append((migration, source.header))
        warnings += source.warnings
    problems += _duplicates([migration for migration, _ in read], shown)
    migrations, faults = _resolve_depends(read, {path.stem for path in paths})
    if problems or faults:
        raise MigrationFileError((*problems, *faults))
    if not migrations:
        raise MigrationFileError((_empty(shown),))
    return Directory(tuple(migrations), tuple(warnings))


def read_text(path: Path, folder: Path, shown: str) -> str:
    """Return the normalised text of one file of SQL; `shown` is how messages name it. Raises MigrationFileError."""
    try:
        return _read_text(path, folder, shown)
    except _FileError as error:
        raise MigrationFileError(error.problems) from None


def next_version(folder: Path) -> int:
    """Return the number after the highest one that a file of `folder` carries; 0 in an empty folder."""
    versions = [int(match[1]) for entry in folder.iterdir() if (match := re.match(r"^([0-9]+)_", entry.name))]
    return max(versions, default=-1) + 1


def _empty(shown: str) -> Problem:
    return Problem(
        f"{shown}: holds no migration, expected files NNNN_name.sql", 'make the first one with "tenantry new NAME"'
    )


def _list(folder: Path, shown: str) -> list[Path]:
    """Return what is named like SQL in the folder, by name; other files and sub-folders are nobody's business here."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problem = Problem(f"{shown}: {_reason(error)}, expected a directory of migrations")
        raise MigrationFileError((problem,)) from None
    return [entry for entry in entries if entry.name.lower().endswith(".sql")]


def read_source(path: Path, folder: Path, shown: str) -> SourceText:
    """Return one file of SQL, checked; `shown` is how messages name it. Raises MigrationFileError."""
    try:
        return _read_source(path, folder, shown)
    except _FileError as error:
        raise MigrationFileError(error.problems) from None


def _read_source(path: Path, folder: Path, shown: str) -> SourceText:
    text = _read_text(path, folder, shown)
    header, faults = parse_header(text)
    wrong = [Problem(f"{shown}:{fault.line}: {fault.message}", fault.hint) for fault in faults]
    wrong += _check_assertions(text, header.directives, shown)
    if wrong:
        raise _FileError(*wrong)
    sql = sqltext.blank_wrapper(text) if header.transactional else text
    return SourceText(shown, text, sql, header, tuple(_check_sql(text, sql, header, shown)))


def _read(path: Path, folder: Path, shown: str) -> tuple[Migration, SourceText]:
    version, name = _parse_name(path.name, shown)
    source = _read_source(path, folder, shown)
    sibling = path.with_name(path.name.removesuffix(".sql") + ROLLBACK)
    shown_sibling = f"{shown.removesuffix('.sql')}{ROLLBACK}"
    rollback = _read_source(sibling, folder, shown_sibling) if os.path.lexists(sibling) else None
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
        raise _FileError(
            Problem(
                f"{shown}: not a migration file name, expected NNNN_name.sql of digits, a-z and _",
                "rename it, or move it out of the folder: nothing in it is skipped silently",
            )
        )
    if int(match[1]) > _NEWEST:
        raise _FileError(Problem(f"{shown}: version {match[1]} is too large, expected at most {_NEWEST}"))
    return int(match[1]), match[2]


def _read_text(path: Path, folder: Path, shown: str) -> str:
    """Return the normalised text of a file that is in the folder, is a file, and is UTF-8 without NUL."""
    # realpath, since Path.resolve() raises where a link leads to itself.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(folder.resolve()):
        raise _FileError(Problem(f"{shown}: a symbolic link out of the folder, expected a file in it"))
    if path.is_dir():
        raise _FileError(Problem(f"{shown}: a directory, expected a file"))
    if path.exists() and not path.is_file():
        raise _FileError(Problem(f"{shown}: a pipe or device, expected a file"))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _FileError(Problem(f"{shown}: {_reason(error)}")) from None
    return _decode(data, shown)


def _decode(data: bytes, shown: str) -> str:
    convert = "save it as UTF-8"
    if data.startswith(_UTF16):
        raise _FileError(Problem(f"{shown}: UTF-16, expected UTF-8", convert))
    try:
        text = normalise(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise _FileError(Problem(f"{shown}:{line}: not UTF-8 (byte 0x{byte:02x})", convert)) from None
    if "\0" in text:
        place = sqltext.position(text, text.index("\0"))
        raise _FileError(Problem(f"{shown}:{place.line}:{place.column}: a NUL character, expected text"))
    if sqltext.is_blank(text):
        raise _FileError(
            Problem(f"{shown}: empty, expected SQL", "a file of comments alone is recorded as a deliberate no-op")
        )
    return text


def _check_sql(text: str, sql: str, header: Header, shown: str) -> list[Problem]:
    """Return what is only doubtful; raise what is surely wrong."""
    errors: list[Problem] = []
    doubts: list[Problem] = []
    for finding in sqltext.check(sql, transactional=header.transactional):
        doubtful = finding.kind is sqltext.FaultKind.SYNTAX and header.judged_by_server
        place = f"{shown}:{finding.position.line}:{finding.position.column}"
        hint = finding.hint
        if finding.kind is sqltext.FaultKind.SYNTAX and not doubtful:
            hint = _advise_on_syntax(sql, finding.position.line)
        problem = Problem(
            f"{place}: {finding.message}\n{sqltext.excerpt(text, finding.position)}", "" if doubtful else hint
        )
        (doubts if doubtful else errors).append(problem)
    if not errors and not header.transactional:
        errors += _check_split(sql, shown)
    if not errors and header.directives.batch:
        errors += _check_batch(sql, shown)
    if errors:
        raise _FileError(*errors)
    return doubts


def _check_split(sql: str, shown: str) -> list[Problem]:
    """Return why a file cannot run statement by statement; nothing where it can."""
    try:
        sqltext.split(sql)
    except sqltext.SqlError as error:
        place = error.finding.position
        return [Problem(f"{shown}:{place.line}:{place.column}: {error.finding.message}", error.finding.hint)]
    return []


def _check_batch(sql: str, shown: str) -> list[Problem]:
    """Return why a file cannot run in batches; nothing where it can, by all that its text tells."""
    try:
        read_change(sql)
    except ChangeError as error:
        place = sqltext.position(sql, error.offset)
        message = f"{shown}:{place.line}:{place.column}: cannot run in batches: {error.message}"
        return [Problem(f"{message}\n{sqltext.excerpt(sql, place)}", error.hint)]
    return []


def _advise_on_syntax(sql: str, line: int) -> str:
    if sql.split("\n")[line - 1].startswith(UNWRITTEN):
        return "replace this line by the SQL of the migration"
    return 'a server newer than the parser may know more: "-- parse: server" in the header leaves it to judge'


def _check_assertions(text: str, asked: Directives, shown: str) -> Iterator[Problem]:
    """Yield what is wrong with the queries of a header, before any database is asked."""
    for key, assertions in (("require", asked.require), ("ensure", asked.ensure)):
        for assertion in assertions:
            for found in sqltext.check_queries(assertion.query):
                at = locate(text, assertion, found.position)
                yield Problem(f"{shown}:{at.line}:{at.column}: {key}: {found.message}", found.hint)


def _check_rollback(path: Path, paths: Sequence[Path], shown: str) -> list[Problem]:
    owner = path.name.removesuffix(ROLLBACK) + ".sql"
    if any(other.name == owner for other in paths):
        return []
    return [Problem(f"{shown}/{path.name}: no migration {owner} beside it", "rename it to match, or delete it")]


def _duplicates(migrations: Sequence[Migration], shown: str) -> Iterator[Problem]:
    by_version: dict[int, list[str]] = {}
    for migration in migrations:
        by_version.setdefault(migration.version, []).append(migration.path.rsplit("/", 1)[-1])
    for version, names in by_version.items():
        if len(names) > 1:
            yield Problem(
                f"{shown}: version {version} is used {times(len(names))}: {', '.join(names)}",
                "give the one that no database has yet the next free number",
            )


def _resolve_depends(
    read: Sequence[tuple[Migration, Header]], stems: set[str]
) -> tuple[list[Migration], list[Problem]]:
    """Return the migrations in ascending order with `depends` as versions, and what is wrong with them.

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
    return Problem(f"{migration.path}: depends on {name!r}, which is no file here", hint)


def _check_order(migrations: Sequence[Migration]) -> Iterator[Problem]:
    circle = find_circle({migration.version: migration.depends for migration in migrations})
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
                    "depends must name an earlier file: renumber one of the two",
                )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
