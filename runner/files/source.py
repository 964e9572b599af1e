"""One file of SQL, read and checked: its text, its header, and all that is wrong with it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry import sqltext
from tenantry.files.directives import locate
from tenantry.files.header import Header, parse_header
from tenantry.model import Directives
from tenantry.model.checksum import normalise
from tenantry.model.errors import MigrationFileError, Problem
from tenantry.model.words import describe_os_error
from tenantry.sqltext.changes import ChangeError, read_change

# Stands in for the SQL of a new file. It is not SQL, so that no run accepts a file that nobody has written yet.
UNWRITTEN = ">>> write the SQL here"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file of SQL: its text, the SQL that is sent, its header, and warnings."""

    path: str
    text: str
    sql: str
    header: Header
    warnings: tuple[Problem, ...] = ()


def read_source(path: Path, folder: Path, shown: str) -> SourceText:
    """Return one file of SQL, checked; `shown` is its name in messages. Raises MigrationFileError."""
    text = read_text(path, folder, shown)
    header, faults = parse_header(text)
    wrong = [Problem(f"{shown}:{fault.line}: {fault.message}", fault.hint) for fault in faults]
    wrong += _check_assertions(text, header.directives, shown)
    # Other tools' files often bring their own BEGIN and COMMIT; here they would end the transaction of the ledger.
    # Blanked and not cut out, so that offsets in errors of the server are offsets in the file.
    sql = sqltext.blank_wrapper(text) if header.transactional else text
    doubts = _check_sql(text, sql, header, shown, wrong)
    return SourceText(shown, text, sql, header, tuple(doubts))


def read_text(path: Path, folder: Path, shown: str) -> str:
    """Return the normalised text of a file that is in the folder, is a file, and is UTF-8 without NUL.

    `shown` is its name in messages. Raises MigrationFileError.
    """
    # realpath, since Path.resolve() raises where a link leads to itself.
    # A link out of the folder would put text under a checksum that no review of the folder shows.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(folder.resolve()):
        raise MigrationFileError((Problem(f"{shown}: a symbolic link that leaves the folder, expected a file in it"),))
    if path.is_dir():
        raise MigrationFileError((Problem(f"{shown}: a directory, expected a file"),))
    # Before it is opened: reading a pipe would wait for a writer that never comes.
    if path.exists() and not path.is_file():
        raise MigrationFileError((Problem(f"{shown}: a pipe or device, expected a file"),))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MigrationFileError((Problem(f"{shown}: {describe_os_error(error)}"),)) from None
    return _decode(data, shown)


def _decode(data: bytes, shown: str) -> str:
    convert = "save it as UTF-8"
    if data.startswith(_UTF16):
        raise MigrationFileError((Problem(f"{shown}: UTF-16, expected UTF-8", convert),))
    try:
        text = normalise(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise MigrationFileError((Problem(f"{shown}:{line}: not UTF-8 (byte 0x{byte:02x})", convert),)) from None
    if "\0" in text:
        place = sqltext.position(text, text.index("\0"))
        raise MigrationFileError((Problem(f"{shown}:{place.line}:{place.column}: a NUL character, expected text"),))
    if sqltext.is_blank(text):
        raise MigrationFileError(
            (Problem(f"{shown}: empty, expected SQL", "write only comments to record a deliberate no-op"),)
        )
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
        raise MigrationFileError(tuple(errors))
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
