"""Sqitch: `sqitch.changes` has the deployed changes with the SHA-1 of each deploy script; the plan has the order.

An id is `project:change`; the second and later instances of a reworked change end in `#2` and so on.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import input_error, list_paths, read_bytes, read_text

_TITLE = "Sqitch"
_COLUMNS = {
    "committed_at": "time",
    "change_id": "text",
    "script_hash": "text",
    "change": "text",
    "project": "text",
}
_WHEN = r"\s+[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\s+[^<]+<[^>]+>\s*(?:\#.*)?"
_PRAGMA = re.compile(r"\s*%\s*(?P<key>[\w-]+)\s*(?:=\s*(?P<value>.*?)\s*)?")
_CHANGE = re.compile(r"\s*\+?\s*(?P<name>[^\s@#:\[\]]+)(?:\s+\[(?P<requires>[^\]]*)\])?" + _WHEN)
_TAG = re.compile(r"\s*@(?P<name>[^\s@#:\[\]]+)" + _WHEN)
_BLANK = re.compile(r"\s*(#.*)?")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    """Return the deployed changes in the order of their deployment."""
    rows = read_rows(connection, _TITLE, "sqitch.changes", _COLUMNS)
    if rows is None:
        return None
    seen: Counter[str] = Counter()
    return tuple(
        # The upgrade of registries before 1.1 wrote the id of the change instead of a hash, which was never recorded.
        ForeignRecord(
            _number(seen, f"{project}:{change}"), in_utc(at), None if script_hash == change_id else script_hash
        )
        for at, change_id, script_hash, change, project in rows
    )


def _number(seen: Counter[str], name: str) -> str:
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}#{seen[name]}"


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the deploy scripts in the order of sqitch.plan. Raises InputError if the plan cannot be read."""
    # For its error alone: the folder may not exist.
    list_paths(folder)
    plan = folder / "sqitch.plan"
    if not plan.is_file():
        raise input_error(f"{folder}: no sqitch.plan, expected one next to deploy/", "pass the folder of the plan")
    project, changes = _parse_plan(plan)
    seen: Counter[str] = Counter()
    return tuple(
        _make_file(_number(seen, f"{project}:{change}"), folder / "deploy" / f"{script}.sql")
        for change, script in _name_scripts(changes, folder / "deploy")
    )


def _parse_plan(plan: Path) -> tuple[str, list[tuple[str, list[str]]]]:
    """Return the project, and the changes in order, each with the tags that follow it."""
    project, changes = "", list[tuple[str, list[str]]]()
    for number, line in enumerate(read_text(plan).splitlines(), 1):
        if found := _PRAGMA.fullmatch(line):
            project = found["value"] if found["key"] == "project" else project
        elif found := _CHANGE.fullmatch(line):
            changes.append((found["name"], []))
        elif (found := _TAG.fullmatch(line)) and changes:
            changes[-1][1].append(found["name"])
        elif not _BLANK.fullmatch(line):
            raise input_error(f"{plan}:{number}: neither a change nor a tag of Sqitch: {line.strip()!r}")
    if not project:
        raise input_error(f"{plan}: names no project, expected a line %project=NAME")
    return project, changes


def _name_scripts(changes: list[tuple[str, list[str]]], deploy: Path) -> Iterator[tuple[str, str]]:
    """Yield each change and its script, which is named after a tag if the change is reworked later.

    As in Sqitch's lib/App/Sqitch/Plan/Change.pm: of the tags before the rework, the first one that has a script.
    """
    for number, (name, _tags) in enumerate(changes):
        again = next((other for other in range(number + 1, len(changes)) if changes[other][0] == name), None)
        tagged = [f"{name}@{tag}" for _name, tags in changes[number:again] for tag in tags]
        found = (script for script in tagged if (deploy / f"{script}.sql").is_file())
        # Sqitch itself names it after the last one.
        yield name, name if again is None else next(found, tagged[-1] if tagged else f"{name}@")


def _make_file(name: str, script: Path) -> SourceFile:
    if not script.is_file():
        return SourceFile(name, script.as_posix(), note="in the plan, but without a deploy script")
    return SourceFile(name, script.as_posix(), hashlib.sha1(read_bytes(script), usedforsecurity=False).hexdigest())


HISTORY = History(
    _TITLE,
    _read,
    _list_files,
    own=(
        "sqitch",
        "sqitch.*",
    ),
)
