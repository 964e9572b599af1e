"""Parts of another tool's file, with the numbers of their lines, and their conversion into a migration."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tenantry import sqltext
from tenantry.files import source as files
from tenantry.files.header import Header, parse_header
from tenantry.model.errors import InputError, Problem
from tenantry.sqltext.lexer import read_tokens
from tenantry.takeover.files.conversions import Converted, PartlyConverted, Place, Unconverted
from tenantry.takeover.records.histories import SourceFile
from tenantry.takeover.records.source import read_bytes

# A first comment of the other tool may look like our header: a line that is not a comment ends the header before it.
_HEADER_END = "/* The comment below comes from the original file; it is not a header. */\n"


class SourceLine(NamedTuple):
    """One line of a file without its end; `number` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class SourcePart:
    """Lines of another tool's file, the first and last of them not blank; `file` is its whole text."""

    path: Path
    file: str
    lines: tuple[SourceLine, ...]

    @property
    def text(self) -> str:
        """Return the lines as one text, without a line end after the last; empty if there are none."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class ForeignMigration:
    """One migration of the other tool: `id` as in its records, `title` as in its file name."""

    id: str
    title: str
    up: SourcePart
    down: SourcePart | None = None
    transactional: bool = True
    down_transactional: bool = True
    notes: tuple[str, ...] = ()
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class _Translated:
    text: str
    transactional: bool
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_file(path: Path, folder: Path) -> str:
    """Return the normalised text of a file, which may be empty. Raises InputError: not UTF-8, or outside the folder."""
    # Other tools accept an empty file, which files.read_text refuses.
    return files.read_text(path, folder, path.as_posix()) if read_bytes(path).strip() else ""


def number_lines(text: str) -> list[SourceLine]:
    """Return the lines of a normalised text."""
    return [SourceLine(number, line) for number, line in enumerate(text.split("\n"), 1)]


def make_part(path: Path, file: str, lines: Sequence[SourceLine]) -> SourcePart:
    """Return a part of a file without its leading and trailing blank lines."""
    written = [index for index, line in enumerate(lines) if not sqltext.is_blank(line.text)]
    return SourcePart(path, file, tuple(lines[written[0] : written[-1] + 1]) if written else ())


def read_part(path: Path, folder: Path) -> SourcePart:
    """Return a whole file as a part. Raises InputError."""
    text = read_file(path, folder)
    return make_part(path, text, number_lines(text))


def terminate(sql: str) -> str:
    """Return SQL with a semicolon after its last statement, for tools that need none at the end of a section."""
    tokens = list(read_tokens(sql))
    if not tokens or tokens[-1].kind == "open" or sql[tokens[-1].start] == ";":
        return sql
    last = tokens[-1]
    return f"{sql[: last.end]};{sql[last.end :]}"


def convert_all(
    tool: str,
    folder: Path,
    sources: Iterable[SourceFile],
    make_draft: Callable[[SourceFile], ForeignMigration],
    problems: Iterable[Problem] = (),
) -> tuple[Converted, ...]:
    """Return all migrations of a folder, in the order of their sources.

    Raises InputError with the given problems and those of every file, or if there is no file at all; PartlyConverted
    where some of them can be converted.
    """
    found = list(problems)
    places: list[Place] = []
    for source in sources:
        try:
            places.append(_convert(tool, make_draft(source)))
        except InputError as error:
            places.append(Unconverted(f"{tool} {source.id}", error.problems))
    converted = tuple(place for place in places if isinstance(place, Converted))
    if not found and not places:
        found.append(Problem(f"{folder.as_posix()}: no migrations of {tool} found", "pass the folder of its files"))
    partly = PartlyConverted(tuple(found), tuple(places))
    if partly.problems:
        raise partly if converted else InputError(partly.problems)
    return converted


def _convert(tool: str, draft: ForeignMigration) -> Converted:
    source = f"{tool} {draft.id}"
    up = _translate(source, draft.up, transactional=draft.transactional)
    notes = draft.notes + up.notes
    # Converted all the same: the other tool has a record of it, for which the import of records needs a file.
    if not up.problems and not sqltext.split(up.text):
        notes += (f"{draft.up.path.as_posix()}: contains no SQL, so the converted file does nothing",)
    if draft.down is None or not draft.down.lines:
        down = None
    else:
        down = _translate(source, draft.down, transactional=draft.down_transactional)
        notes += down.notes
    if problems := up.problems + (down.problems if down else ()):
        raise InputError(problems)
    name, rollback = _make_name(draft.title), down.text if down else None
    if draft.repeatable and not up.transactional:
        message = f"{draft.up.path.as_posix()}: runs outside a transaction, expected a repeatable to run in one"
        raise InputError((Problem(message, "move that statement into a migration"),))
    return Converted(source, name, up.text, rollback, up.transactional, notes, draft.repeatable)


def _translate(source: str, part: SourcePart, *, transactional: bool) -> _Translated:
    """Return a part as a file of ours, with every problem that would make us refuse it or read it differently."""
    sql = sqltext.blank_wrapper(part.text) if transactional else part.text
    findings = sqltext.check(sql, transactional=transactional)
    notes: tuple[str, ...] = ()
    barred = next((one for one in findings if one.kind is sqltext.FaultKind.NOT_IN_TRANSACTION), None)
    if barred:
        transactional = False
        # The wrapper too is in the way now, so that it is found.
        findings = sqltext.check(part.text, transactional=False)
        line = part.lines[barred.position.line - 1].number
        notes = (f"{part.path.as_posix()}:{line}: {barred.message}: marked -- transactional: false",)
    text, faults = _add_header(source, part, transactional)
    return _Translated(text, transactional, notes, (*(_place(part, finding) for finding in findings), *faults))


def _place(part: SourcePart, finding: sqltext.Finding) -> Problem:
    line = part.lines[finding.position.line - 1].number
    at = sqltext.Position(line, finding.position.column)
    message = f"{part.path.as_posix()}:{at.line}:{at.column}: {finding.message}"
    return Problem(f"{message}\n{sqltext.excerpt(part.file, at)}", finding.hint)


def _add_header(source: str, part: SourcePart, transactional: bool) -> tuple[str, list[Problem]]:
    """Return the file with its header, and a problem for each line that would be read as a header in any place."""
    header = f"-- source: {source}\n" + ("" if transactional else "-- transactional: false\n")
    if not part.lines:
        return header, []
    # The plain form first: only a file that needs the extra line gets it.
    for head in (f"{header}\n", f"{header}\n{_HEADER_END}"):
        text = f"{head}{part.text}\n"
        found, faults = parse_header(text)
        if (found, faults) == (Header(transactional), ()):
            return text, []
    lines = [part.lines[fault.line - head.count("\n") - 1].number for fault in faults]
    return text, [
        Problem(f"{part.path.as_posix()}:{line}: the comment reads as a header key of tenantry", "reword it")
        for line in lines
    ]


def _make_name(title: str) -> str:
    """Return a title in a-z, 0-9 and _, without accents and CamelCase; `migration` if nothing is left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
    return re.sub(r"[^a-z0-9]+", "_", parted).strip("_") or "migration"
