"""The header of a migration file: `-- key: value` lines in its leading comment, in yoyo-migrations' grammar.

yoyo reads its own keys; this is the only module that imports it, and only for a file that has such a key.
A key that is nearly right is an error: otherwise it would be ignored, and the file would not run as its author meant.
It is nearly right if one or two of its letters are wrong and its value would fit the key: all else is prose.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tenantry.files import directives
from tenantry.files.directives import Fence, HeaderLine, find_fences, is_meant, parse_directives
from tenantry.model import Directives

_YOYO_KEYS = frozenset({"transactional", "depends"})
_KEYS = _YOYO_KEYS | {"parse"} | directives.KEYS
# The values of a key; `depends` takes any number of names, also on several lines.
_VALUES = {"transactional": ("true", "false"), "parse": ("server",)}
_SINGLE = _VALUES.keys() | directives.SINGLE
# Arbitrary: a word with more wrong letters is another word.
_MOST_EDITS = 2
_FILE = re.compile(r"[0-9]+_[a-z0-9_]+")
_COMMENT = re.compile(r"^\s*(--.*)?$")
_KEY_LINE = re.compile(r"^\s*--(?P<more>-*)\s*(?P<key>[A-Za-z][\w-]*)\s*(?P<sign>[:=])\s*(?P<value>.*)$")
# A comment on dependencies is prose more often than not, and their order is that of the versions.
_MISPLACED = re.compile(rf"^\s*--\s*(?P<key>{'|'.join(sorted(_KEYS - {'depends'}))})\s*:\s*(?P<value>.*)$")


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file; `depends` are names of earlier files as written, without `.sql`.

    `judged_by_server`: a refusal by the parser does not count, the server decides (`parse: server`).
    """

    transactional: bool = True
    depends: tuple[str, ...] = ()
    judged_by_server: bool = False
    directives: Directives = field(default=Directives(), repr=False)


@dataclass(frozen=True, slots=True)
class HeaderProblem:
    """A mistake in a line of the header; `line` counts from 1."""

    line: int
    message: str
    hint: str = ""


def parse_header(text: str) -> tuple[Header, tuple[HeaderProblem, ...]]:
    """Return the header of a normalised file text, and all its problems, by line."""
    lines = _leading_lines(text)
    fences = find_fences(lines)
    fenced = {number for fence in fences.values() for number in range(fence.number + 1, fence.end + 1)}
    unfenced = ["" if number in fenced else line for number, line in enumerate(lines, 1)]
    found = [(number, match) for number, line in enumerate(unfenced, 1) if (match := _KEY_LINE.match(line))]
    problems = [problem for number, match in found if (problem := _check_key(number, match))]
    problems += _given_twice(found)
    written = [HeaderLine(number, match["key"], match["value"].strip()) for number, match in found if _is_key(match)]
    header, faults = _read_keys(unfenced, written, fences)
    problems = sorted([*problems, *faults], key=lambda problem: problem.line)
    problems += _misplaced(text, len(lines))
    return header, tuple(problems)


def _read_keys(
    lines: list[str], written: list[HeaderLine], fences: Mapping[int, Fence]
) -> tuple[Header, list[HeaderProblem]]:
    """Return the header, and problems with its values; `lines` is the comment with fenced lines left empty."""
    if not written:
        return Header(), []
    values = _read_with_yoyo("\n".join(lines)) if any(line.key in _YOYO_KEYS for line in written) else {}
    values |= {line.key: line.value for line in written if line.key not in _YOYO_KEYS}
    problems = [
        _bad_value(written, key, values[key], " or ".join(allowed))
        for key, allowed in _VALUES.items()
        # A key given twice has both values here, and is reported already.
        if key in values and values[key] not in allowed and sum(line.key == key for line in written) == 1
    ]
    transactional = values.get("transactional") != "false"
    asked, faults = parse_directives(
        [line for line in written if line.key in directives.KEYS], fences, transactional=transactional
    )
    problems += [HeaderProblem(fault.number, fault.message, fault.hint) for fault in faults]
    return Header(transactional, tuple(values.get("depends", "").split()), "parse" in values, asked), problems


def _is_key(match: re.Match[str]) -> bool:
    """Return whether a line that looks like a key is one, to the letter."""
    return match["key"] in _KEYS and match["sign"] == ":" and not match["more"]


def _leading_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        if not _COMMENT.match(line):
            break
        lines.append(line)
    return lines


def _check_key(line: int, match: re.Match[str]) -> HeaderProblem | None:
    """Return the problem with a line that looks like a key: it must be one, or nothing like one."""
    key, value = match["key"], match["value"].strip()
    if _is_key(match):
        return None
    near = next((known for known in sorted(_KEYS) if _is_near(key, known) and _fits(line, known, value)), None)
    if near is None:
        return None
    value = value.lower() if near in _VALUES else value
    return HeaderProblem(
        line,
        f"header key {key!r}: not a key, expected {near}",
        f'write "-- {near}: {value}", or reword the comment if it is not meant as a key',
    )


def _is_near(written: str, key: str) -> bool:
    """Return whether a word is a key but for its case, its dashes and at most two letters."""
    plain, wanted = (word.lower().replace("_", "").replace("-", "") for word in (written, key))
    return _count_edits(plain, wanted) <= _MOST_EDITS


def _count_edits(one: str, other: str) -> int:
    """Return how many letters have to be changed, added or removed to make one word of another."""
    counts = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        before, counts[0] = counts[0], row
        for column, wanted in enumerate(other, 1):
            before, counts[column] = (
                counts[column],
                min(counts[column] + 1, counts[column - 1] + 1, before + (letter != wanted)),
            )
    return counts[-1]


def _fits(number: int, key: str, value: str) -> bool:
    """Return whether a value is one that a key takes, in capitals too; that of `depends` is the name of a file."""
    if key == "depends":
        return bool(value) and all(map(_FILE.fullmatch, value.split()))
    return value.lower() in _VALUES[key] if key in _VALUES else is_meant(HeaderLine(number, key, value))


def _given_twice(found: list[tuple[int, re.Match[str]]]) -> Iterator[HeaderProblem]:
    seen: set[str] = set()
    for number, match in found:
        key = match["key"]
        if key in seen and key in _SINGLE:
            yield HeaderProblem(number, f"header key {key!r}: given twice, expected once")
        seen.add(key)


def _misplaced(text: str, leading: int) -> list[HeaderProblem]:
    """Find keys below the first statement, where they would have no effect."""
    return [
        HeaderProblem(
            number,
            f"header key {match['key']!r}: no effect below the first statement, expected it in the header",
            "move the line to the top of the file",
        )
        for number, line in enumerate(text.split("\n"), 1)
        if number > leading and (match := _MISPLACED.match(line)) and _is_meant(number, match)
    ]


def _is_meant(number: int, match: re.Match[str]) -> bool:
    """Return whether a comment below the header is a misplaced key, by its value, and not prose."""
    return _fits(number, match["key"], match["value"].strip())


def _read_with_yoyo(text: str) -> dict[str, str]:
    from yoyo.migrations import parse_metadata_from_sql_comments

    values, _comment, _sql = parse_metadata_from_sql_comments(text)
    return {key: value.strip() for key, value in values.items()}


def _bad_value(written: list[HeaderLine], key: str, value: str, expected: str) -> HeaderProblem:
    line = next(line.number for line in reversed(written) if line.key == key)
    return HeaderProblem(line, f"header key {key!r}: {value!r} is not a valid value, expected {expected}")


def find_circle(depends: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the versions that depend on each other in a circle, by yoyo's topological sort; empty if none do."""
    from yoyo.topologicalsort import CycleError, topological_sort

    try:
        list(topological_sort(sorted(depends), depends))
    except CycleError as circle:
        left = set(circle.args[1])
    else:
        return ()
    # yoyo may also name versions that only depend on the circle: no version in it depends on those.
    while waiting := {version for version in left if not any(version in depends[other] for other in left)}:
        left -= waiting
    return tuple(sorted(left))
