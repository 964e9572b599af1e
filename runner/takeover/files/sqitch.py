"""Sqitch: deploy scripts in the order of sqitch.plan, revert scripts as their rollbacks.

The id is `project:change`, followed by `#2` and so on for the later instances of a reworked change. Other content of
the plan, and the verify scripts, become notes: checks are written differently here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.model.errors import Problem
from tenantry.sqltext import blank_wrapper
from tenantry.takeover.files.conversions import Converted
from tenantry.takeover.files.part import ForeignMigration, SourcePart, convert_all, read_part
from tenantry.takeover.records.histories import SourceFile, load_history
from tenantry.takeover.records.source import input_error, list_paths, read_text

_WHEN = r"\s+[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\s+[^<]+<[^>]+>\s*(?:#\s*(?P<note>.*?)\s*)?"
_CHANGE = re.compile(r"\s*\+?\s*(?P<name>[^\s@#:\[\]%]+)(?:\s+\[(?P<needs>[^\]]*)\])?" + _WHEN)
_TAG = re.compile(r"\s*(?P<tag>@[^\s@#:\[\]]+)" + _WHEN)


@dataclass(frozen=True, slots=True)
class _Planned:
    """One change of the plan: `needs` are its dependencies in the plan's syntax, `said` other remarks of the plan."""

    name: str
    needs: tuple[str, ...]
    said: list[str] = field(default_factory=list)


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the changes of the folder with sqitch.plan. Raises InputError: a script is missing or not in the plan."""
    files = load_history("sqitch").list_files(folder)
    planned = _parse_plan(folder / "sqitch.plan")
    scripts = [Path(file.path).relative_to(folder / "deploy") for file in files]
    about = {file.id: (plan, script) for file, plan, script in zip(files, planned, scripts, strict=True)}
    loose = _find_loose(folder, scripts)
    return convert_all("sqitch", folder, files, lambda file: _make_draft(folder, file, *about[file.id]), loose)


def _parse_plan(plan: Path) -> list[_Planned]:
    """Return the changes in order; the history has already refused lines that are neither change nor tag."""
    changes: list[_Planned] = []
    for line in read_text(plan).splitlines():
        if found := _CHANGE.fullmatch(line):
            changes.append(_Planned(found["name"], tuple((found["needs"] or "").split())))
        elif found := _TAG.fullmatch(line):
            changes[-1].said.append(f"followed by the tag {found['tag']}")
        if found and found["note"]:
            changes[-1].said.append(f'the plan says "{found["note"]}"')
    return changes


def _find_loose(folder: Path, scripts: Sequence[Path]) -> Iterator[Problem]:
    for way in ("deploy", "revert", "verify"):
        for path in list_paths(folder / way, "**/*.sql") if (folder / way).is_dir() else ():
            if path.relative_to(folder / way) not in scripts:
                message = f"{path.as_posix()}: not in sqitch.plan, so Sqitch never runs it"
                yield Problem(message, "move it out of the folder")


def _make_draft(folder: Path, file: SourceFile, planned: _Planned, script: Path) -> ForeignMigration:
    if file.note:
        raise input_error(f"{file.path}: {file.note}", "restore the script, or remove the change from the plan")
    up = read_part(Path(file.path), folder)
    revert, verify = folder / "revert" / script, folder / "verify" / script
    down = read_part(revert, folder) if revert.is_file() else None
    notes = [f"{file.path}: {said}" for said in (*planned.said, *_tell_needs(planned.needs))]
    notes += [
        f"{part.path.as_posix()}: has no BEGIN and COMMIT, but will run in one transaction"
        for part in (up, down)
        if part and part.lines and blank_wrapper(part.text) == part.text
    ]
    if verify.is_file():
        notes += _tell_verify(read_part(verify, folder))
    return ForeignMigration(file.id, planned.name, up, down, notes=tuple(notes))


def _tell_needs(needs: Sequence[str]) -> Iterator[str]:
    """Yield the dependencies that the order of the files cannot express: conflicts, and changes of other projects."""
    for need in needs:
        if need.startswith("!"):
            yield f"conflicts with {need[1:]}, which will not be checked"
        elif ":" in need:
            yield f"needs {need} of another project, which will not be checked"


def _tell_verify(part: SourcePart) -> Iterator[str]:
    if part.lines:
        yield f"{part.path.as_posix()}: not converted, rewrite it as a check:\n{part.text}"
