"""Sqitch: deploy scripts in the order of sqitch.plan, revert scripts as their ways back.

The id is `project:change`, with `#2` and so on behind it for the later instances of a reworked change. What the plan
and the verify scripts say besides goes into the notes: a check of ours asks in another way.
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
    """One change of the plan: what it needs is in the plan's own syntax, `said` what else the plan says of it."""

    name: str
    needs: tuple[str, ...]
    said: list[str] = field(default_factory=list)


def convert(folder: Path) -> tuple[Converted, ...]:
    """Return the changes of the folder that has sqitch.plan. Raises InputError: a script is absent or not planned."""
    files = load_history("sqitch").list_files(folder)
    planned = _parse_plan(folder / "sqitch.plan")
    scripts = [Path(file.path).relative_to(folder / "deploy") for file in files]
    sources = list(zip(files, planned, scripts, strict=True))
    return convert_all("sqitch", folder, sources, lambda one: _make_draft(folder, *one), _find_loose(folder, scripts))


def _parse_plan(plan: Path) -> list[_Planned]:
    """Return the changes in order; the history has found already what is neither a change nor a tag."""
    changes: list[_Planned] = []
    for line in read_text(plan).splitlines():
        if found := _CHANGE.fullmatch(line):
            changes.append(_Planned(found["name"], tuple((found["needs"] or "").split())))
        elif found := _TAG.fullmatch(line):
            changes[-1].said.append(f"{found['tag']} is tagged behind it")
        if found and found["note"]:
            changes[-1].said.append(f'the plan says "{found["note"]}"')
    return changes


def _find_loose(folder: Path, scripts: Sequence[Path]) -> Iterator[Problem]:
    for way in ("deploy", "revert", "verify"):
        for path in list_paths(folder / way, "**/*.sql") if (folder / way).is_dir() else ():
            if path.relative_to(folder / way) not in scripts:
                yield Problem(f"{path.as_posix()}: not in sqitch.plan: Sqitch never runs it", "move it out of there")


def _make_draft(folder: Path, file: SourceFile, planned: _Planned, script: Path) -> ForeignMigration:
    if file.note:
        raise input_error(f"{file.path}: {file.note}", "restore the script, or take the change out of the plan")
    up = read_part(Path(file.path), folder)
    revert, verify = folder / "revert" / script, folder / "verify" / script
    down = read_part(revert, folder) if revert.is_file() else None
    notes = [f"{file.path}: {said}" for said in (*planned.said, *_tell_needs(planned.needs))]
    notes += [
        f"{part.path.as_posix()}: has no BEGIN and COMMIT around it, and will run in one transaction"
        for part in (up, down)
        if part and part.lines and blank_wrapper(part.text) == part.text
    ]
    if verify.is_file():
        notes += _tell_verify(read_part(verify, folder))
    return ForeignMigration(file.id, planned.name, up, down, notes=tuple(notes))


def _tell_needs(needs: Sequence[str]) -> Iterator[str]:
    """Yield what the order of the files does not hold: that a change is absent, or that another project has one."""
    for need in needs:
        if need.startswith("!"):
            yield f"conflicts with {need[1:]}, which nothing will check"
        elif ":" in need:
            yield f"needs {need} of another project, which nothing will check"


def _tell_verify(part: SourcePart) -> Iterator[str]:
    if part.lines:
        yield f"{part.path.as_posix()}: not taken over, write as a check what it asks:\n{part.text}"
