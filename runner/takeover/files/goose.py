"""goose: a file has a `-- +goose Up` and a `-- +goose Down`; the id is the number of its name.

As in goose's internal/sqlparser/parser.go, except that unknown annotations are refused, not ignored.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.model.errors import InputError, Problem
from tenantry.sqltext import is_blank
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import (
    ForeignMigration,
    SourceLine,
    convert_all,
    make_part,
    number_lines,
    read_file,
    terminate,
)
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import input_error

_ANNOTATION = re.compile(r"--\s*\+goose\s+(?P<words>.*?)\s*", re.IGNORECASE)
_NEARLY = re.compile(r"\s*--.*\+goose\b.*", re.IGNORECASE)
_LEAD = re.compile(r"[0-9]+_")


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the migrations of a folder. Raises InputError: one is a program, or uses environment variables."""
    return convert_all(
        "goose", folder, load_history("goose").list_files(folder), lambda file: _make_draft(folder, file)
    )


def _make_draft(folder: Path, file: SourceFile) -> ForeignMigration:
    path = Path(file.path)
    if path.suffix == ".go":
        raise input_error(f"{file.path}: a program in Go, which cannot be converted", "rewrite it as SQL")
    if file.note:
        raise input_error(f"{file.path}: {file.note}", "move it out of the folder")
    text = read_file(path, folder)
    reader = _GooseReader(file.path)
    for line in number_lines(text):
        reader.read(line)
    reader.end()
    if reader.problems:
        raise InputError(tuple(reader.problems))
    return ForeignMigration(
        file.id,
        _LEAD.sub("", path.stem, count=1),
        make_part(path, text, reader.sections["up"]),
        make_part(path, text, reader.sections["down"]),
        reader.transactional,
        reader.transactional,
    )


@dataclass(slots=True)
class _GooseReader:
    """The sections of a file as far as it was read; `begun` is the index of the open statement and its line."""

    path: str
    sections: dict[str, list[SourceLine]] = field(default_factory=lambda: {"up": [], "down": []})
    section: str = ""
    begun: tuple[int, int] | None = None
    transactional: bool = True
    problems: list[Problem] = field(default_factory=list)

    def read(self, line: SourceLine) -> None:
        """Take the next line."""
        if found := _ANNOTATION.fullmatch(line.text):
            self._annotate(line.number, found["words"])
        elif _NEARLY.fullmatch(line.text):
            self._refuse(line.number, "almost an annotation of goose, expected the line to start with -- +goose")
        elif self.section or line.text.startswith("--") or is_blank(line.text):
            # The comments before Up describe the migration, and are kept.
            self.sections[self.section or "up"].append(line)
        else:
            self._refuse(line.number, "before -- +goose Up, expected only comments", "move it below the annotation")

    def end(self) -> None:
        """Take the end of the file."""
        if self.begun:
            self._refuse(self.begun[1], "StatementBegin without StatementEnd")
        if not self.section and not self.problems:
            self.problems.append(Problem(f"{self.path}: has no -- +goose Up", "add it above the SQL"))

    def _annotate(self, number: int, words: str) -> None:
        match words.upper():
            case "UP" if not self.section:
                self.section = "up"
            case "DOWN" if self.section == "up" and not self.begun:
                self.section = "down"
            case "STATEMENTBEGIN" if self.section and not self.begun:
                self.begun = len(self.sections[self.section]), number
            case "STATEMENTEND" if self.begun:
                self._end_statement(self.begun[0])
            case "NO TRANSACTION":
                self.transactional = False
            case "UP" | "DOWN" | "STATEMENTBEGIN" | "STATEMENTEND":
                self._refuse(number, f"{words} is out of place")
            case "ENVSUB ON" | "ENVSUB OFF":
                reason = f"{words} inserts environment variables into the SQL, whose values are not known here"
                self._refuse(number, reason, "insert the values and remove the annotation")
            case _:
                self._refuse(number, f"{words!r} is not an annotation of goose that can be converted")

    def _end_statement(self, start: int) -> None:
        """End the statement between the annotations with a semicolon, which goose does not require."""
        lines = self.sections[self.section]
        ended = terminate("\n".join(line.text for line in lines[start:])).split("\n")
        # Not strict: a statement without a line has nothing to end.
        lines[start:] = [line._replace(text=text) for line, text in zip(lines[start:], ended, strict=False)]
        self.begun = None

    def _refuse(self, number: int, message: str, hint: str = "correct it") -> None:
        self.problems.append(Problem(f"{self.path}:{number}: {message}", hint))
