"""The table locks of a statement, judged by its own words, and so how long it may wait for them.

Only the length of a wait depends on it. An unknown statement counts as strong: a wait that was too short is made up
for by another try, a wait that was too long is not.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from itertools import islice, pairwise

from tenantry.sqltext.findings import SqlError
from tenantry.sqltext.lexer import read_tokens
from tenantry.sqltext.statements import split

Words = tuple[str, ...]

# By their first word: they lock rows, or objects other than tables.
_WEAK = re.compile(
    "analyze|close|comment|commit|copy|deallocate|declare|delete|discard|end|execute|explain|fetch|grant|import|insert"
    "|listen|load|merge|move|notify|prepare|reassign|reset|revoke|security|select|set|show|table|unlisten|update"
    "|values|with"
)
# By their second word: kinds of objects that can be created, altered and dropped without locking a table.
_APART = re.compile(
    "access|aggregate|cast|collation|conversion|database|default|event|function|group|language|large|operator"
    "|procedure|role|routine|server|subscription|system|tablespace|text|transform|user"
)
# A new one of these blocks nobody either, unless it is tied to an existing table.
_NEW = re.compile(
    "domain|extension|foreign|global|local|materialized|publication|recursive|schema|sequence|statistics|table|temp"
    "|temporary|type|unlogged|view"
)
_TIES = frozenset({"inherits", "partition", "references"})
_SETTING = frozenset({"lock_timeout", '"lock_timeout"', "'lock_timeout'"})
# A statement that begins so leaves a relation, unless a later one takes it away again.
_MADE = re.compile("table|unlogged|view|materialized")
_TAKEN = re.compile("drop|do|call")


class LockClass(Enum):
    """The effect of a statement on other sessions while it waits for its locks, and while it holds them."""

    STRONG = "blocks readers or writers of a table"
    PATIENT = "waits for transactions to end, and blocks nobody meanwhile"
    WEAK = "blocks only sessions that change the same rows or objects"


def classify(statement: str) -> LockClass:
    """Return the class of one statement."""
    words = tuple(_words(statement))
    if _is_patient(words):
        return LockClass.PATIENT
    first, rest = words[0] if words else "", words[1:]
    if not first or _WEAK.fullmatch(first) or (first in _IS_WEAK and _IS_WEAK[first](rest)):
        return LockClass.WEAK
    return LockClass.STRONG


def leave_relations(texts: Iterable[str]) -> bool:
    """Return whether files surely leave a relation: one creates a table or view, and none may drop any."""
    made = False
    for text in texts:
        try:
            statements = split(text)
        except SqlError:
            return False
        for statement in statements:
            words = tuple(islice(_words(statement.text), 2))
            if words and _TAKEN.fullmatch(words[0]):
                return False
            made = made or (len(words) == 2 and words[0] == "create" and bool(_MADE.fullmatch(words[1])))
    return made


@cache
def is_strong(text: str) -> bool:
    """Return whether a file has a statement that may block readers or writers; invalid SQL counts as one.

    Cached, since a file runs on many tenants.
    """
    try:
        return any(classify(statement.text) is LockClass.STRONG for statement in split(text))
    except SqlError:
        return True


@cache
def sets_lock_timeout(text: str) -> bool:
    """Return whether the statements of a file set the lock timeout. Cached likewise."""
    return any(word in _SETTING for word in _words(text))


def _is_patient(words: Words) -> bool:
    """Return whether a statement waits for old transactions: the CONCURRENTLY ones, and VALIDATE on its own."""
    if words[:1] in (("alter",), ("create",), ("drop",), ("reindex",)) and "concurrently" in words:
        return True
    return words[:2] == ("alter", "table") and ("validate", "constraint") in pairwise(words) and "," not in words


def _is_apart(rest: Words) -> bool:
    return bool(rest and _APART.fullmatch(rest[0]))


def _creates_apart(rest: Words) -> bool:
    """Return whether a CREATE, by its further words, locks no existing table. A view that is replaced is locked."""
    if rest[:2] == ("or", "replace"):
        return _is_apart(rest[2:])
    return _is_apart(rest) or bool(rest and _NEW.fullmatch(rest[0]) and not _TIES.intersection(rest))


_IS_WEAK: dict[str, Callable[[Words], bool]] = {
    "alter": _is_apart,
    "create": _creates_apart,
    "drop": lambda rest: _is_apart(rest) and "cascade" not in rest,
    "refresh": lambda rest: "concurrently" in rest,
    "vacuum": lambda rest: "full" not in rest,
}


def _words(text: str) -> Iterator[str]:
    """Yield the tokens in lower case."""
    return (text[token.start : token.end].lower() for token in read_tokens(text))
