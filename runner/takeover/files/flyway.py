"""Flyway: V files in the order of their versions, U files as their rollbacks, and R files as repeatables.

The id of a V file is its version with dots, that of an R file its name. Other files that Flyway runs are refused:
baseline migrations, callbacks, programs, placeholders.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tenantry.model.errors import InputError, Problem
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import ForeignMigration, SourcePart, convert_all, read_file, read_part
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import list_paths

_NAME = re.compile(r"(?:(?P<prefix>[VU])(?P<version>[0-9][0-9._]*)|(?P<again>R))__(?P<title>.*)\.sql")
_PROGRAM = re.compile(r"[VBUR][0-9._]*__.*\.(?!sql$|conf$)\w+")
_CALLBACK = re.compile(r"(before|after|create)[A-Z]\w*\.(?!conf$)\w+")
_PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}")
_SETTING = re.compile(r"\s*(?P<key>[\w.]+)\s*=\s*(?P<value>.*?)\s*")
_SETTINGS = ("executeInTransaction", "placeholderReplacement")
_KEEP = "move it out of the folder and keep it for later"


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the migrations of a folder and its subfolders. Raises InputError."""
    files = load_history("flyway").list_files(folder)
    # A baseline file is refused with the others.
    own = [file for file in files if file.id[0] != "B"]
    known = {_parse_version(file.id) for file in own if file.id[0].isdigit()}
    undos: dict[tuple[int, ...], Path] = {}
    problems = [*_check_others(folder)]
    for path in list_paths(folder, "**/U*.sql"):
        if not (found := _NAME.fullmatch(path.name)):
            continue
        version = _parse_version(found["version"])
        if version not in known:
            problems.append(Problem(f"{path.as_posix()}: undoes a version without a V file", "delete it"))
        elif version in undos:
            problems.append(Problem(f"{path.as_posix()}: undoes the same version as {undos[version].name}"))
        undos.setdefault(version, path)
    return convert_all("flyway", folder, own, lambda file: _make_draft(folder, file, undos), problems)


def _check_others(folder: Path) -> Iterator[Problem]:
    """Yield the other files that Flyway runs, or may be meant to run, and that cannot be converted."""
    for path in list_paths(folder, "**/*"):
        shown, name = path.as_posix(), path.name
        if _PROGRAM.fullmatch(name):
            yield Problem(f"{shown}: a program, which cannot be converted", "rewrite it as SQL")
        elif _CALLBACK.fullmatch(name):
            yield Problem(f"{shown}: a callback of Flyway, which cannot be converted", _KEEP)
        elif re.fullmatch(r"B[0-9][0-9._]*__.*\.sql", name):
            message = f"{shown}: a baseline migration, which replaces all versions up to its own"
            yield Problem(message, "move it out of the folder: the V files make the same changes")
        elif path.suffix.lower() == ".sql" and not _NAME.fullmatch(name):
            yield Problem(f"{shown}: not named V1__title.sql, so Flyway never runs it", "move it out of the folder")
        elif name.endswith(".sql.conf") and not path.with_suffix("").is_file():
            yield Problem(f"{shown}: no {path.stem} next to it", "delete it")


def _make_draft(folder: Path, file: SourceFile, undos: Mapping[tuple[int, ...], Path]) -> ForeignMigration:
    path = Path(file.path)
    found = _NAME.fullmatch(path.name)
    assert found  # as the history lists no other
    if found["again"]:
        up, transactional = _read(path, folder)
        return ForeignMigration(file.id, found["title"], up, None, transactional, repeatable=True)
    undo = undos.get(_parse_version(file.id))
    up, transactional = _read(path, folder)
    down, down_transactional = _read(undo, folder) if undo else (None, True)
    return ForeignMigration(file.id, found["title"], up, down, transactional, down_transactional)


def _read(path: Path, folder: Path) -> tuple[SourcePart, bool]:
    """Return a file, and whether it runs in a transaction. Raises InputError: it has placeholders or odd settings."""
    settings, problems = _read_settings(path.with_name(f"{path.name}.conf"), folder)
    part = read_part(path, folder)
    if settings.get("placeholderReplacement") != "false":
        problems += [
            Problem(
                f"{path.as_posix()}:{line.number}: placeholder {found[0]}, whose value is not known here",
                "replace it with its value",
            )
            for line in part.lines
            for found in _PLACEHOLDER.finditer(line.text)
        ]
    if problems:
        raise InputError(tuple(problems))
    return part, settings.get("executeInTransaction") != "false"


def _read_settings(path: Path, folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """Return the settings of one file, in lower case, and a problem for each that cannot be converted."""
    settings: dict[str, str] = {}
    problems: list[Problem] = []
    lines = read_file(path, folder).split("\n") if path.is_file() else []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _SETTING.fullmatch(line)
        value = found["value"].lower() if found else ""
        if found and found["key"] in _SETTINGS and value in ("true", "false"):
            settings[found["key"]] = value
        else:
            message = f"{path.as_posix()}:{number}: {line.strip()!r} cannot be converted"
            problems.append(Problem(f"{message}, expected executeInTransaction=false", "remove the line"))
    return settings, problems


def _parse_version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version without trailing zeros: 1 and 1.0 are the same version."""
    numbers = [int(part) for part in re.split(r"[._]", text.rstrip("._"))]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
