"""The keys of a file's header that ask something of the runner: their values, read and checked. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from runner.model import Allowance, Assertion, Batch, Directives

# Those of PostgreSQL's own settings, but for microseconds: no timeout is that short.
_UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"^([0-9]{1,9}) ?(ms|s|min|h|d)$")
_ALLOWANCE = re.compile(r"^allow +([a-z][a-z0-9/-]*) +because +(\S.*)$")
_CHECKSUM = re.compile(r"^sha256:[0-9a-f]{64}$")
_BATCH = re.compile(r"^([1-9][0-9]{0,6})(?: +pause +(\S.*))?$")
# Around a query of several lines.
_FENCE = "```"
# PostgreSQL's settings of milliseconds are integers of 32 bits.
_LONGEST_MS = 2**31 - 1
FENCED = ("require", "ensure")


class _BadValue(ValueError):
    """A value that cannot be meant; says what was expected."""


@dataclass(frozen=True, slots=True)
class Line:
    """One key of a header with its value; `number` counts lines of the file from 1."""

    number: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line of the header, and what to do about it."""

    number: int
    message: str
    hint: str = ""


def parse_directives(
    lines: Sequence[Line], fences: Sequence[Assertion], *, transactional: bool
) -> tuple[Directives, tuple[Fault, ...]]:
    """Return what the keys ask for, and everything that is wrong with them, in the order in which they are written.

    `fences` are the queries that were found between fences, each with the line of its key.
    """
    directives, faults = Directives(), []
    for line in lines:
        try:
            directives = _KEYS[line.key](directives, line, fences)
        except _BadValue as error:
            faults.append(Fault(line.number, f"header key {line.key!r}: {line.value!r} is not a value, {error}"))
    if directives.batch and transactional:
        number = next(line.number for line in lines if line.key == "batch")
        faults.append(
            Fault(
                number,
                "header key 'batch': in a file that runs in one transaction, expected one that does not",
                'add the line "-- transactional: false"',
            )
        )
    return directives, tuple(faults)


def find_fences(lines: Sequence[str], keys: Sequence[Line]) -> tuple[tuple[Assertion, ...], tuple[Fault, ...]]:
    """Return the queries between fences behind keys that may have one: each with the number of its key's line.

    `lines` are those of the leading comment. The query's lines are without the comment's dashes.
    """
    found: list[Assertion] = []
    faults: list[Fault] = []
    for key in keys:
        if key.key not in FENCED or key.value:
            continue
        inner = [_uncomment(line) for line in lines[key.number :]]
        if not inner or inner[0].strip() not in (_FENCE, f"{_FENCE}sql"):
            faults.append(Fault(key.number, f"header key {key.key!r}: no query, expected one behind it", _WRITE_FENCE))
            continue
        end = next((index for index, line in enumerate(inner[1:], 1) if line.strip() == _FENCE), None)
        if end is None:
            faults.append(Fault(key.number + 1, f"unclosed fence, expected -- {_FENCE}", "close it behind the query"))
            continue
        found.append(Assertion("\n".join(inner[1:end]), key.number))
    return tuple(found), tuple(faults)


def fenced_lines(lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers, from 1, of the lines of a leading comment that are in a fence or are one."""
    inside = False
    for number, line in enumerate(lines, 1):
        fence = _uncomment(line).strip()
        if inside or fence in (_FENCE, f"{_FENCE}sql"):
            yield number
            inside = not (inside and fence == _FENCE)


def _uncomment(line: str) -> str:
    """Return a line of comment without its dashes and the one space behind them."""
    return line.lstrip().removeprefix("--").removeprefix(" ")


def _read_duration(value: str, *, zero: bool) -> int:
    """Return milliseconds. Raises _BadValue."""
    found = _DURATION.match(value)
    duration_ms = int(found[1]) * _UNITS_MS[found[2]] if found else -1
    if not (0 if zero else 1) <= duration_ms <= _LONGEST_MS:
        raise _BadValue("expected a time such as 500ms, 5s or 10min" + ("; 0s is none" if zero else ""))
    return duration_ms


def _set_lock_timeout(directives: Directives, line: Line, _: Sequence[Assertion]) -> Directives:
    return replace(directives, lock_timeout_ms=_read_duration(line.value, zero=False))


def _set_statement_timeout(directives: Directives, line: Line, _: Sequence[Assertion]) -> Directives:
    return replace(directives, statement_timeout_ms=_read_duration(line.value, zero=True))


def _add_allowance(directives: Directives, line: Line, _: Sequence[Assertion]) -> Directives:
    found = _ALLOWANCE.match(line.value)
    if not found:
        raise _BadValue("expected: allow RULE because REASON")
    return replace(directives, allowed=(*directives.allowed, Allowance(found[1], found[2].strip(), line.number)))


def _add_replaced(directives: Directives, line: Line, _: Sequence[Assertion]) -> Directives:
    if not _CHECKSUM.match(line.value):
        raise _BadValue("expected a checksum of an earlier text of this file: sha256: and 64 digits")
    return replace(directives, replaces=(*directives.replaces, line.value))


def _set_batch(directives: Directives, line: Line, _: Sequence[Assertion]) -> Directives:
    found = _BATCH.match(line.value)
    if not found:
        raise _BadValue("expected a number of rows, such as 5000, or 5000 pause 100ms")
    return replace(directives, batch=Batch(int(found[1]), _read_duration(found[2] or "0s", zero=True)))


def _add_require(directives: Directives, line: Line, fences: Sequence[Assertion]) -> Directives:
    return replace(directives, require=(*directives.require, *_queries(line, fences)))


def _add_ensure(directives: Directives, line: Line, fences: Sequence[Assertion]) -> Directives:
    return replace(directives, ensure=(*directives.ensure, *_queries(line, fences)))


def _queries(line: Line, fences: Sequence[Assertion]) -> Iterator[Assertion]:
    """Yield the query of a key: on its line, or between the fences behind it."""
    if line.value:
        yield Assertion(line.value, line.number)
    for fence in fences:
        if fence.line == line.number:
            yield Assertion(fence.query, line.number + 2)


_WRITE_FENCE = f"write it on the same line, or on lines of its own between two lines -- {_FENCE}"
# Each takes what was read so far, its line, and the fenced queries.
_KEYS: dict[str, Callable[[Directives, Line, Sequence[Assertion]], Directives]] = {
    "lock-timeout": _set_lock_timeout,
    "statement-timeout": _set_statement_timeout,
    "lint": _add_allowance,
    "replaces": _add_replaced,
    "require": _add_require,
    "ensure": _add_ensure,
    "batch": _set_batch,
}
KEYS = frozenset(_KEYS)
# Those that may be given once only.
SINGLE = frozenset({"lock-timeout", "statement-timeout", "batch"})
