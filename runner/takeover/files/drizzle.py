"""drizzle: files in the order of the journal, or folders of drizzle 1.x; each part between breakpoints is a statement.

The id is the tag, or the name of the folder.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from tenantry.sqltext import is_blank
from tenantry.sqltext.lexer import read_tokens
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import (
    ForeignMigration,
    SourceLine,
    SourcePart,
    convert_all,
    make_part,
    number_lines,
    read_file,
    terminate,
)
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import input_error

_BREAKPOINT = "--> statement-breakpoint"
_LEAD = re.compile(r"[0-9]+_?")


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the migrations of a folder. Raises InputError: the journal and the files do not match."""
    return convert_all(
        "drizzle", folder, load_history("drizzle").list_files(folder), lambda file: _make_draft(folder, file)
    )


def _make_draft(folder: Path, file: SourceFile) -> ForeignMigration:
    # A time that is not later than the one before is only noted: whether drizzle ran the file depends on the database.
    if file.note and file.key is None:
        raise input_error(
            f"{file.path}: {file.note}",
            "move it out of the folder if it must not run; otherwise let drizzle-kit add it to the journal",
        )
    notes = (f"{file.path}: {file.note}",) if file.note else ()
    return ForeignMigration(file.id, _LEAD.sub("", file.id, count=1), _read(Path(file.path), folder), notes=notes)


def _read(path: Path, folder: Path) -> SourcePart:
    """Return a file without its breakpoints, each statement ended by a semicolon instead."""
    text = read_file(path, folder)
    lines = number_lines(text)
    for line in lines:
        if not is_blank(line.text.rpartition(_BREAKPOINT)[2]) and _BREAKPOINT in line.text:
            raise input_error(
                f"{path.as_posix()}:{line.number}: SQL after {_BREAKPOINT}, expected it to end its line",
                "insert a line break after the breakpoint",
            )
    pieces = text.split(_BREAKPOINT)
    _check_cuts(path, pieces)
    joined = "".join(map(terminate, pieces)).split("\n")
    kept = [
        SourceLine(line.number, sql.rstrip() if _BREAKPOINT in line.text else sql)
        for line, sql in zip(lines, joined, strict=True)
        if line.text.strip() != _BREAKPOINT or not is_blank(sql)
    ]
    return make_part(path, text, kept)


def _check_cuts(path: Path, pieces: Sequence[str]) -> None:
    """Raise InputError if a breakpoint cuts a quoted text or comment in two: without it, they would be whole again."""
    line = 1
    for piece in pieces[:-1]:
        line += piece.count("\n")
        if any(token.kind == "open" for token in read_tokens(piece)):
            raise input_error(
                f"{path.as_posix()}:{line}: {_BREAKPOINT} inside a quoted text or comment, which drizzle cuts in two",
                "move it after the statement",
            )
