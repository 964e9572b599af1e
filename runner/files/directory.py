"""A directory of migrations as its files, read and checked: none is skipped silently, and all faults are named."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
# Stands in for the SQL of a new file. It is not SQL, so that no run accepts a file that nobody has written yet.
UNWRITTEN = ">>> write the SQL here"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
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


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file of SQL: its text, the SQL that is sent, its header, and warnings."""

    path: str
    text: str
    sql: str
    header: Header
    warnings: tuple[Problem, ...] = ()


class _FileError(Exception):
    """One file cannot be used; carries its problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems)
        self.problems = problems


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
        except _FileError as error:
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
        text = _read_text(path, folder, shown)
    except _FileError:
        return None
    return Migration(version, name, f"{shown}/{path.name}", checksum(text), text, text)


def read_text(path: Path, folder: Path, shown: str) -> str:
    """Return the normalised text of one file of SQL; `shown` is its name in messages. Raises MigrationFileError."""
    try:
        return _read_text(path, folder, shown)
    except _FileError as error:
        raise MigrationFileError(error.problems) from None


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
        problem = Problem(f"{shown}: {_reason(error)}, expected a directory of migrations")
        raise MigrationFileError((problem,)) from None
    return [entry for entry in entries if entry.name.lower().endswith(".sql")]


def read_source(path: Path, folder: Path, shown: str) -> SourceText:
    """Return one file of SQL, checked; `shown` is its name in messages. Raises MigrationFileError."""
    try:
        return _read_source(path, folder, shown)
    except _FileError as error:
        raise MigrationFileError(error.problems) from None


def _read_source(path: Path, folder: Path, shown: str) -> SourceText:
    text = _read_text(path, folder, shown)
    header, faults = parse_header(text)
    wrong = [Problem(f"{shown}:{fault.line}: {fault.message}", fault.hint) for fault in faults]
    wrong += _check_assertions(text, header.directives, shown)
    # Other tools' files often bring their own BEGIN and COMMIT; here they would end the transaction of the ledger.
    # Blanked and not cut out, so that offsets in errors of the server are offsets in the file.
    sql = sqltext.blank_wrapper(text) if header.transactional else text
    doubts = _check_sql(text, sql, header, shown, wrong)
    return SourceText(shown, text, sql, header, tuple(doubts))


def _read(path: Path, folder: Path, shown: str) -> tuple[Migration, SourceText]:
    version, name = _parse_name(path.name, shown)
    source = _read_source(path, folder, shown)
    sibling = path.with_name(path.name.removesuffix(".sql") + ROLLBACK)
    shown_sibling = f"{shown.removesuffix('.sql')}{ROLLBACK}"
    # lexists: a dangling link must be an error, and not be taken for no rollback at all.
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
                f"{shown}: not a migration file name, expected NNNN_name.sql with only digits, a-z and _",
                "rename it, or move it out of the folder: no SQL file in it is skipped silently",
            )
        )
    if int(match[1]) > _NEWEST:
        raise _FileError(Problem(f"{shown}: version {match[1]} is too large, expected at most {_NEWEST}"))
    return int(match[1]), match[2]


def _read_text(path: Path, folder: Path, shown: str) -> str:
    """Return the normalised text of a file that is in the folder, is a file, and is UTF-8 without NUL."""
    # realpath, since Path.resolve() raises where a link leads to itself.
    # A link out of the folder would put text under a checksum that no review of the folder shows.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(folder.resolve()):
        raise _FileError(Problem(f"{shown}: a symbolic link that leaves the folder, expected a file in it"))
    if path.is_dir():
        raise _FileError(Problem(f"{shown}: a directory, expected a file"))
    # Before it is opened: reading a pipe would wait for a writer that never comes.
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
        raise _FileError(Problem(f"{shown}: empty, expected SQL", "write only comments to record a deliberate no-op"))
    return text


def _check_sql(text: str, sql: str, header: Header, shown: str, wrong: Sequence[Problem]) -> list[Problem]:
    """Return doubtful problems; raise certain ones, after those of the header, which are `wrong`."""
    errors = list(wrong)
    doubts: list[Problem] = []
    found = sqltext.check(sql, transactional=header.transactional)
    # With a fault in the header, nobody knows whether the file was to run in a transaction.
    found = tuple(one for one in found if not (wrong and one.kind is sqltext.FaultKind.NOT_IN_TRANSACTION))
    for finding in found:
        doubtful = finding.kind is sqltext.FaultKind.SYNTAX and header.judged_by_server
        place = f"{shown}:{finding.position.line}:{finding.position.column}"
        hint = finding.hint
        if finding.kind is sqltext.FaultKind.SYNTAX and not doubtful:
            hint = _advise_on_syntax(sql, finding.position.line)
        problem = Problem(
            f"{place}: {finding.message}\n{sqltext.excerpt(text, finding.position)}", "" if doubtful else hint
        )
        (doubts if doubtful else errors).append(problem)
    if len(found) == sqltext.MOST_FINDINGS:
        (errors or doubts).append(Problem(f"{shown}: no more than {len(found)} faults of a file are looked for"))
    if not errors and not header.transactional:
        errors += _check_split(sql, shown)
    # Only for text that parses: otherwise every syntax error would be reported twice.
    if not errors and header.directives.batch:
        errors += _check_batch(sql, shown)
    if errors:
        raise _FileError(*errors)
    return doubts


def _check_split(sql: str, shown: str) -> list[Problem]:
    """Return the reason why a file cannot run statement by statement, if any."""
    try:
        sqltext.split(sql)
    except sqltext.SqlError as error:
        place = error.finding.position
        return [Problem(f"{shown}:{place.line}:{place.column}: {error.finding.message}", error.finding.hint)]
    return []


def _check_batch(sql: str, shown: str) -> list[Problem]:
    """Return the reason why a file cannot run in batches, if its text shows one."""
    try:
        read_change(sql)
    except ChangeError as error:
        place = sqltext.position(sql, error.offset)
        message = f"{shown}:{place.line}:{place.column}: cannot run in batches: {error.message}"
        return [Problem(f"{message}\n{sqltext.excerpt(sql, place)}", error.hint)]
    return []


def _advise_on_syntax(sql: str, line: int) -> str:
    if sql.split("\n")[line - 1].startswith(UNWRITTEN):
        return "replace this line with the SQL of the migration"
    return 'write "-- parse: server" in the header if the server is newer than the parser and accepts this'


def _check_assertions(text: str, asked: Directives, shown: str) -> Iterator[Problem]:
    """Yield the problems of the queries in a header, without asking a database."""
    for key, assertions in (("require", asked.require), ("ensure", asked.ensure)):
        for assertion in assertions:
            for found in sqltext.check_queries(assertion.query):
                at = locate(text, assertion, found.position)
                yield Problem(f"{shown}:{at.line}:{at.column}: {key}: {found.message}", found.hint)


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


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
