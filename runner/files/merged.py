"""Changes to migrations that are already merged, as git shows them: an applied file must not change."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenantry.files.cosmetic import is_cosmetic
from tenantry.files.header import parse_header
from tenantry.model.checksum import checksum, normalise
from tenantry.model.errors import ConfigError, Problem

_NAME = re.compile(r"^([0-9]+)_[a-z0-9_]+\.sql$")
_DONE = {"T": "edited", "D": "deleted"}
_NO_REPOSITORY = "not a git repository"
_PUT_BACK = "restore the original and write a new migration: databases have already applied this one"
# Git sets these for its hooks: with them, it takes a subfolder for the top of the repository and finds no changes.
_OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})


@dataclass(frozen=True, slots=True)
class MergedChange:
    """A change to a merged file; `excused`: it deserves a warning, but is not an error."""

    problem: Problem
    excused: bool = False


def find_changes(folder: Path, base: str) -> Iterator[MergedChange]:
    """Yield the changes to a folder of migrations compared with `base`, a branch or commit.

    Files in the index and in the working tree count like committed ones. Raises ConfigError if git cannot tell: an
    unreadable history is never taken for one without changes.
    """
    start = _git(folder, "merge-base", base, "HEAD").strip()
    # Edits against the fork point, or commits merged after it would look like our deletions; numbers against the tip
    # of the base, since those commits have taken numbers meanwhile.
    yield from dict.fromkeys(_find_edits(folder, start, base))
    blobs = _list_merged(folder, base)
    merged = {int(name.split("_")[0]): name for name in blobs}
    newest = max(merged, default=-1)
    here, since = _list_here(folder), blobs.keys() - _list_merged(folder, start).keys()
    for name in sorted(here):
        version = int(name.split("_")[0])
        if version > newest:
            continue
        if name in blobs:
            if name in since and here[name] != {blobs[name]}:
                yield MergedChange(_describe_conflict(f"{folder}/{name}", base, newest))
            continue
        taken = merged.get(version)
        why = f"it has the same number as {taken}" if taken else f"it comes before {merged[newest]}"
        yield MergedChange(
            Problem(
                f"{folder}/{name}: not merged, and {why}, which is merged in {base}",
                f"renumber it to {newest + 1:04} or higher: databases may already have the newer one",
            )
        )


def _describe_conflict(shown: str, base: str, newest: int) -> Problem:
    return Problem(
        f"{shown}: not merged, and another file of this name is merged in {base}",
        f"renumber it to {newest + 1:04} or higher: databases may already have the merged one",
    )


def _find_edits(folder: Path, start: str, base: str) -> Iterator[MergedChange]:
    compare = ("diff", "--name-status", "--find-renames", "--relative")
    # The index is committed next, even if the file itself was restored.
    for where in ((), ("--cached",)):
        for line in _git(folder, *compare, *where, start, "--", "./").splitlines():
            status, *names = line.split("\t")
            if _read_version(names[0]) is None or status == "A":
                continue
            if status == "M":
                after = _show(folder, f":./{names[0]}") if where else (folder / names[0]).read_bytes()
                yield from _judge(f"{folder}/{names[0]}", base, _show(folder, f"{start}:./{names[0]}"), after)
                continue
            done = f"renamed to {names[1]}" if status.startswith("R") else _DONE.get(status, f"changed ({status})")
            yield MergedChange(Problem(f"{folder}/{names[0]}: {done}, although it is merged in {base}", _PUT_BACK))


def _judge(shown: str, base: str, merged: bytes, now: bytes) -> Iterator[MergedChange]:
    """Yield the verdict on an edit: none if the file declares that it replaces the merged text."""
    try:
        before, after = normalise(merged), normalise(now)
    except UnicodeDecodeError:
        yield MergedChange(Problem(f"{shown}: edited, although it is merged in {base}", _PUT_BACK))
        return
    was = checksum(before)
    if was == checksum(after) or was in parse_header(after)[0].directives.replaces:
        return
    if is_cosmetic(before, after):
        hint = "keep it if it is intended: databases that have the file only warn about the edit"
        yield MergedChange(Problem(f"{shown}: cosmetic edit, although it is merged in {base}", hint), excused=True)
        return
    hint = f'{_PUT_BACK}; or add the line "-- replaces: {was}" at the top if those databases already match the new text'
    yield MergedChange(Problem(f"{shown}: edited, although it is merged in {base}", hint))


def _list_merged(folder: Path, commit: str) -> dict[str, str]:
    """Return the migrations of a commit by name, each with the id of its content."""
    lines = [line.split("\t", 1) for line in _git(folder, "ls-tree", commit, "--", "./").splitlines()]
    names = {path.rsplit("/", 1)[-1]: entry.split()[2] for entry, path in lines}
    return {name: blob for name, blob in names.items() if _read_version(name) is not None}


def _list_here(folder: Path) -> Mapping[str, set[str]]:
    """Return the migrations of the checkout by name, each with the ids of its content in the index and in the file."""
    here: dict[str, set[str]] = {}
    for line in _git(folder, "ls-files", "--stage", "--", "./").splitlines():
        entry, name = line.split("\t", 1)
        if _read_version(name) is not None:
            here.setdefault(name, set()).add(entry.split()[1])
    files = [path.name for path in folder.iterdir() if _read_version(path.name) is not None and path.is_file()]
    # By git itself, since it converts line ends first: the same content then has the same id.
    ids = _git(folder, "hash-object", "--", *files).split() if files else []
    for name, blob in zip(files, ids, strict=True):
        here.setdefault(name, set()).add(blob)
    return here


def _read_version(name: str) -> int | None:
    """Return the version of a migration in the folder itself; None for any other file."""
    found = _NAME.match(name)
    return int(found[1]) if found else None


def _git(folder: Path, *arguments: str) -> str:
    """Return git's output as text. Raises ConfigError if git fails."""
    return _run(folder, *arguments).decode("utf-8", "surrogateescape")


def _show(folder: Path, blob: str) -> bytes:
    return _run(folder, "show", blob)


def _run(folder: Path, *arguments: str) -> bytes:
    # Its messages are read.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK} | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            # No locks: this may run in a hook, while git itself holds the index. No quoting: names are compared.
            ["git", "--no-optional-locks", "-C", str(folder), "-c", "core.quotepath=off", *arguments],
            env=environment,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise ConfigError((Problem(f"--base: git cannot be run: {error.strerror}"),)) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if said and _NO_REPOSITORY in said[0]:
            message = f"--base: {folder}: not in a git repository, expected one to compare with"
            raise ConfigError((Problem(message, "leave --base out, or run it in a clone of the repository"),))
        message = f"--base: git {arguments[0]} failed: {said[0] if said else 'no common history with HEAD'}"
        hint = (
            "name a branch or commit that exists here, such as origin/main; fetch the whole history of a shallow clone"
        )
        raise ConfigError((Problem(message, hint),))
    return done.stdout
