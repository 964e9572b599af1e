"""The keys of a file's header that instruct tenantry: their values, read and checked. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tenantry.model import Allowance, Assertion, Batch, Directives
from tenantry.model.durations import EXPECTED_DURATION, parse_duration
from tenantry.sqltext import Position

_ALLOWANCE = re.compile(r"^allow +([a-z][a-z0-9/-]*) +because +(\S.*)$")
_CHECKSUM = re.compile(r"^sha256:[0-9a-f]{64}$")
_BATCH = re.compile(r"^([1-9][0-9]{0,6})(?: +pause +(\S.*))?$")
# A key whose query may stand between fences, on the lines after it.
_FENCED_KEY = re.compile(r"^\s*--\s*(require|ensure)\s*:")
_OPENED = re.compile(r"^\s*--\s*```(sql)?\s*$")
_CLOSED = re.compile(r"^\s*--\s*```\s*$")
_QUERY = re.compile(r"^(select|with|values|table)\b", re.IGNORECASE)


class _BadValue(ValueError):
    """An invalid value; its text says which was expected."""


class _NoQuery(_BadValue):
    """A key that needs a query has none."""


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """One key of a header with its value; `number` counts lines of the file from 1."""

    number: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in a line of the header, and its remedy."""

    number: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """A query between two lines ```, after the key on line `number`; its last line is `end`, counted from 1.

    `query` is without the dashes of the comment. An unclosed fence holds the rest of the comment.
    """

    number: int
    end: int
    query: str
    closed: bool = True


def find_fences(lines: Sequence[str]) -> dict[int, Fence]:
    """Return the fenced queries of a leading comment, by the number of their key's line.

    A fence counts only right after a key that may have one: elsewhere it is prose, and a key in it is a key.
    """
    found: dict[int, Fence] = {}
    end = 0
    for number in range(1, len(lines)):
        if number > end and _FENCED_KEY.match(lines[number - 1]) and _OPENED.match(lines[number]):
            after = range(number + 2, len(lines) + 1)
            close = next((other for other in after if _CLOSED.match(lines[other - 1])), None)
            end = close or len(lines)
            query = [_uncomment(line) for line in lines[number + 1 : end - 1 if close else end]]
            found[number] = Fence(number, end, "\n".join(query), close is not None)
    return found


def parse_directives(
    lines: Sequence[HeaderLine], fences: Mapping[int, Fence], *, transactional: bool
) -> tuple[Directives, tuple[Fault, ...]]:
    """Return the directives, and all mistakes in them, in the order of the file.

    `fences` come from `find_fences`; `transactional`: the file runs in one transaction.
    """
    directives, faults = Directives(), []
    for line in lines:
        fence = fences.get(line.number)
        if fence and (fault := _check_fence(fence, line)):
            faults.append(fault)
            continue
        try:
            directives = _KEYS[line.key](directives, line, fence)
        except _NoQuery:
            faults.append(
                Fault(
                    line.number,
                    f"header key {line.key!r}: no query, expected one after the colon or between fences",
                    _WRITE_FENCE,
                )
            )
        except _BadValue as error:
            faults.append(Fault(line.number, f"header key {line.key!r}: {line.value!r} is not a valid value, {error}"))
    if directives.batch and transactional:
        number = next(line.number for line in lines if line.key == "batch")
        faults.append(
            Fault(
                number,
                "header key 'batch': not allowed in a file that runs in one transaction, expected one that does not",
                'add the line "-- transactional: false"',
            )
        )
    return directives, tuple(faults)


def is_meant(line: HeaderLine) -> bool:
    """Return whether a line that looks like a key has a valid value for it, and so is not prose."""
    # These take any text as a query, so that prose would count as one: only the first word tells them apart.
    if line.key in ("require", "ensure"):
        return _QUERY.match(line.value) is not None
    try:
        _KEYS[line.key](Directives(), line, None)
    except _BadValue:
        return False
    return True


def locate(text: str, assertion: Assertion, at: Position) -> Position:
    """Return the position in the file of a position in one of its queries."""
    number = assertion.line + at.line - 1
    # A line of the query is the end of a line of the file, which has "-- " or "-- require: " before it.
    ends = text.split("\n")[number - 1].rstrip(), assertion.query.split("\n")[at.line - 1].rstrip()
    return Position(number, at.column + len(ends[0]) - len(ends[1]))


def _check_fence(fence: Fence, line: HeaderLine) -> Fault | None:
    if line.value:
        message = f"header key {line.key!r}: a query on its line and another after it, expected one"
        return Fault(line.number, message, "write a key for each query")
    if not fence.closed:
        return Fault(line.number + 1, "unclosed fence, expected a line -- ``` after the query")
    return None


def _uncomment(line: str) -> str:
    """Return a line of the comment without its dashes and the one space after them."""
    return line.lstrip().removeprefix("--").removeprefix(" ")


def _read_duration(value: str, *, zero: bool) -> int:
    """Return milliseconds. Raises _BadValue."""
    duration_ms = parse_duration(value)
    if duration_ms is None or (duration_ms == 0 and not zero):
        raise _BadValue(f"expected {EXPECTED_DURATION}" + ("; 0s is none" if zero else ""))
    return duration_ms


def _set_lock_timeout(directives: Directives, line: HeaderLine, _: Fence | None) -> Directives:
    return replace(directives, lock_timeout_ms=_read_duration(line.value, zero=False))


def _set_statement_timeout(directives: Directives, line: HeaderLine, _: Fence | None) -> Directives:
    return replace(directives, statement_timeout_ms=_read_duration(line.value, zero=True))


def _add_allowance(directives: Directives, line: HeaderLine, _: Fence | None) -> Directives:
    found = _ALLOWANCE.match(line.value)
    if not found:
        raise _BadValue("expected: allow RULE because REASON")
    return replace(directives, allowed=(*directives.allowed, Allowance(found[1], found[2].strip(), line.number)))


def _add_replaced(directives: Directives, line: HeaderLine, _: Fence | None) -> Directives:
    if not _CHECKSUM.match(line.value):
        raise _BadValue("expected a checksum of an earlier text of this file: sha256: and 64 digits")
    return replace(directives, replaces=(*directives.replaces, line.value))


def _set_batch(directives: Directives, line: HeaderLine, _: Fence | None) -> Directives:
    found = _BATCH.match(line.value)
    if not found:
        raise _BadValue("expected a number of rows, such as 5000, or 5000 pause 100ms")
    return replace(directives, batch=Batch(int(found[1]), _read_duration(found[2] or "0s", zero=True)))


def _add_require(directives: Directives, line: HeaderLine, fence: Fence | None) -> Directives:
    return replace(directives, require=(*directives.require, _read_query(line, fence)))


def _add_ensure(directives: Directives, line: HeaderLine, fence: Fence | None) -> Directives:
    return replace(directives, ensure=(*directives.ensure, _read_query(line, fence)))


def _read_query(line: HeaderLine, fence: Fence | None) -> Assertion:
    """Return the query of a key: on its line, or between the fences after it. Raises _NoQuery."""
    query = fence.query if fence else line.value
    if not query.strip():
        raise _NoQuery
    return Assertion(query, line.number + 2 if fence else line.number)


_WRITE_FENCE = "write the query on the same line, or on its own lines between two lines -- ```"
# Each takes the directives read so far, its line, and the fence after it.
_KEYS: dict[str, Callable[[Directives, HeaderLine, Fence | None], Directives]] = {
    "lock-timeout": _set_lock_timeout,
    "statement-timeout": _set_statement_timeout,
    "lint": _add_allowance,
    "replaces": _add_replaced,
    "require": _add_require,
    "ensure": _add_ensure,
    "batch": _set_batch,
}
KEYS = frozenset(_KEYS)
# Keys that may be given only once.
SINGLE = frozenset({"lock-timeout", "statement-timeout", "batch"})
