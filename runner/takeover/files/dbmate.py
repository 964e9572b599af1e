"""dbmate: a file has a `-- migrate:up` and a `-- migrate:down`, each with options; the id is the number of its name.

As in dbmate's pkg/dbmate/migration.go, except that misspelt markers, second markers and unknown options are refused.
"""

import re
from pathlib import Path

from tenantry.model.errors import InputError, Problem
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import ForeignMigration, SourceLine, convert_all, make_part, number_lines, read_file
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import input_error

_MARK = re.compile(r"--\s*migrate:(?P<way>up|down)(?P<options>\s.*)?")
_NEARLY = re.compile(r"\s*-*\s*migrate\s*:\s*(up|down)\b.*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(--.*)?")
_TRANSACTION = {"transaction:true": True, "transaction:false": False}
_LEAD = re.compile(r"[0-9]+_?")


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the migrations of a folder. Raises InputError."""
    return convert_all(
        "dbmate", folder, load_history("dbmate").list_files(folder), lambda file: _make_draft(folder, file)
    )


def _make_draft(folder: Path, file: SourceFile) -> ForeignMigration:
    if file.note:
        raise input_error(f"{file.path}: {file.note}", "move it out of the folder")
    path = Path(file.path)
    text = read_file(path, folder)
    lines = number_lines(text)
    marks = [(index, found) for index, line in enumerate(lines) if (found := _MARK.fullmatch(line.text))]
    options, problems = _check(file.path, lines, marks)
    if problems:
        raise InputError(tuple(problems))
    first, last = marks[0][0], marks[1][0] if len(marks) > 1 else len(lines)
    # The comments before the first marker describe the migration, and are kept.
    return ForeignMigration(
        file.id,
        _LEAD.sub("", path.stem, count=1),
        make_part(path, text, lines[:first] + lines[first + 1 : last]),
        make_part(path, text, lines[last + 1 :]),
        options.get("up", True),
        options.get("down", True),
    )


def _check(
    path: str, lines: list[SourceLine], marks: list[tuple[int, re.Match[str]]]
) -> tuple[dict[str, bool], list[Problem]]:
    """Return whether each direction runs in a transaction, and the problems with the markers."""
    problems = [
        Problem(f"{path}:{line.number}: almost a marker, which dbmate takes for a comment", "correct or reword it")
        for line in lines
        if _NEARLY.fullmatch(line.text) and not _MARK.fullmatch(line.text)
    ]
    ways = [found["way"] for _, found in marks]
    if ways not in (["up"], ["up", "down"]):
        hint = "split the file, or correct the markers"
        said = ", ".join(ways) or "none"
        problems.append(Problem(f"{path}: markers are {said}, expected -- migrate:up, then -- migrate:down", hint))
    before = lines[: marks[0][0]] if marks else []
    problems += [
        Problem(f"{path}:{line.number}: before -- migrate:up, expected only comments", "move it below the marker")
        for line in before
        if not _COMMENT.fullmatch(line.text)
    ]
    options: dict[str, bool] = {}
    for index, found in marks:
        for option in (found["options"] or "").split():
            if option in _TRANSACTION:
                options[found["way"]] = _TRANSACTION[option]
            else:
                message = f"option {option!r} of dbmate cannot be converted, expected transaction:false"
                problems.append(Problem(f"{path}:{lines[index].number}: {message}", "remove it if it has no effect"))
    return options, problems
