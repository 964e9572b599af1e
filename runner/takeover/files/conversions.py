"""The registry of conversions, and the files that they produce: planned, checked and written."""

import importlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.files.repeatables import FOLDER as REPEATABLES
from tenantry.model import NO_VERSION, label
from tenantry.model.errors import InputError, Problem
from tenantry.model.words import describe_os_error

_VERSION = re.compile(r"([0-9]+)_")
_SOURCE = re.compile(r"-- source: (?P<tool>\S+) (?P<id>.+)")


@dataclass(frozen=True, slots=True)
class Converted:
    """One migration of another tool, ready to be written; `text` and `rollback` are whole files, header included.

    `source` is the tool and the migration's name in the tool's records. `notes` are facts that no file can express,
    each with its place. A `repeatable` has no version.
    """

    source: str
    name: str
    text: str
    rollback: str | None
    transactional: bool
    notes: tuple[str, ...] = ()
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Unconverted:
    """A migration of another tool that needs a person, and why: its place in the order is kept for it."""

    source: str
    problems: tuple[Problem, ...]


Place = Converted | Unconverted


class PartlyConverted(InputError):
    """Some migrations cannot be converted; `places` are all of them, in order. `others` are problems of other files."""

    exit_code = 1

    def __init__(self, others: tuple[Problem, ...], places: tuple[Place, ...]) -> None:
        super().__init__((*others, *_list_problems(places)))
        self.others = others
        self.places = places

    def leave_out(self, done: Collection[str]) -> "PartlyConverted":
        """Return the same without the migrations of these sources, which a person has written."""
        return PartlyConverted(self.others, tuple(place for place in self.places if place.source not in done))


def _list_problems(places: tuple[Place, ...]) -> Iterator[Problem]:
    return (problem for place in places if isinstance(place, Unconverted) for problem in place.problems)


# Returns the migrations of a folder in the order in which the tool runs them; raises PartlyConverted if some cannot be
# converted, and InputError with all problems if none can.
Convert = Callable[[Path], tuple[Converted, ...]]

# Names of modules rather than modules: only the tool that is asked for is imported.
CONVERSIONS: Mapping[str, str] = {
    name: f"tenantry.takeover.files.{name.replace('-', '_')}"
    for name in ("dbmate", "drizzle", "flyway", "golang-migrate", "goose", "prisma", "sqitch")
}


def load_conversion(name: str) -> Convert:
    """Return a tool's conversion. Raises KeyError if there is none."""
    convert: Convert = importlib.import_module(CONVERSIONS[name]).convert
    return convert


def parse_source(text: str) -> tuple[str, str] | None:
    """Return the tool and the id that the first line of a converted file names; None for any other file."""
    found = _SOURCE.fullmatch(text.partition("\n")[0])
    return (found["tool"], found["id"]) if found else None


def plan_files(converted: Sequence[Place], target: Path, first: int) -> tuple[tuple[Path, str], ...]:
    """Return the files to write, each rollback after its migration; those that are there already are left out.

    Versions are consecutive from `first` on, in an order in which every migration has its place: also one that is
    converted later, or written by hand. Raises InputError if another file of `target` has one of the versions.
    """
    there = read_sources(target)
    versions = _number([one.source for one in converted if not _is_repeatable(one)], there, first)
    new = [one for one in converted if isinstance(one, Converted) and one.source not in there]
    _check_free(target, {versions[one.source] for one in new if not one.repeatable})
    files: list[tuple[Path, str]] = []
    for one in new:
        home = target / REPEATABLES if one.repeatable else target
        stem = one.name if one.repeatable else label(versions[one.source], one.name)
        files.append((home / f"{stem}.sql", one.text))
        if one.rollback is not None:
            files.append((home / f"{stem}.rollback.sql", one.rollback))
    return tuple(files)


def write_files(converted: Sequence[Place], target: Path, first: int) -> tuple[Path, ...]:
    """Write the files of `plan_files` and return their paths. Raises InputError, leaving none of the files."""
    written: list[Path] = []
    files = plan_files(converted, target, first)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path, text in files:
            path.parent.mkdir(exist_ok=True)
            # "x": a file that has appeared since the check is not overwritten.
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        # All or none: a part that nobody asked for would look like the whole history.
        for path in written:
            path.unlink(missing_ok=True)
        reason = describe_os_error(error)
        raise InputError((Problem(f"{target}: {reason}, expected a writable folder"),)) from None
    return tuple(written)


def name_unconverted(converted: Sequence[Place], target: Path, first: int) -> dict[str, Path]:
    """Return the files that a person has to write, by their sources: each with the start of its name."""
    there = read_sources(target)
    versions = _number([one.source for one in converted if not _is_repeatable(one)], there, first)
    left = [one.source for one in converted if isinstance(one, Unconverted) and one.source not in there]
    return {source: target / f"{versions[source]:04d}_" for source in left}


def _is_repeatable(one: Place) -> bool:
    return isinstance(one, Converted) and one.repeatable


def _number(sources: Sequence[str], there: Mapping[str, int], first: int) -> dict[str, int]:
    """Return the version of each source: counted from the nearest one before it that is there, or else after it."""
    known = [(index, there[source]) for index, source in enumerate(sources) if source in there]
    versions: dict[str, int] = {}
    for index, source in enumerate(sources):
        before = [version + index - at for at, version in known if at <= index]
        after = [version + index - at for at, version in known if at > index]
        versions[source] = before[-1] if before else after[0] if after else first + index
    return versions


def read_sources(target: Path) -> dict[str, int]:
    """Return the sources of the converted files of a folder, each with its version; that of a repeatable is -1."""
    paths = [path for path in sorted(target.glob("*.sql")) if not path.name.endswith(".rollback.sql")]
    found = {_read_source(path): int(number[1]) for path in paths if (number := _VERSION.match(path.name))}
    found |= {_read_source(path): NO_VERSION for path in sorted((target / REPEATABLES).glob("*.sql"))}
    return {source: version for source, version in found.items() if source}


def _read_source(path: Path) -> str:
    """Return the source of a converted file; empty for any other file, and for one that cannot be read."""
    try:
        # Lenient: only the first line matters here, and broken files are reported when the folder is read.
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return " ".join(parse_source(file.readline()) or ())
    except OSError:
        return ""


def _check_free(target: Path, versions: Collection[int]) -> None:
    if not target.is_dir():
        return
    problems = tuple(
        Problem(
            f"{path}: version {found[1]} is taken, expected it to be free for a converted file",
            "start above the highest version in the folder, or convert into an empty folder",
        )
        for path in sorted(target.iterdir())
        if (found := _VERSION.match(path.name)) and int(found[1]) in versions
    )
    if problems:
        raise InputError(problems)
