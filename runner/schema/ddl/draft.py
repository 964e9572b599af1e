"""Statements as a draft: each with its risk and its reason, and the text that a person reviews.

A statement that may lose data, or is one of two readings, is a comment in the text until somebody uncomments it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from tenantry import sqltext
from tenantry.schema.snapshot import ObjectKey


class Risk(StrEnum):
    """The risk of a statement."""

    ADDITIVE = "additive"
    DESTRUCTIVE = "destructive"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement, without its semicolon; empty if a change cannot be written, which `note` then names.

    `alternative` is the other reading of an ambiguous statement. `separate`: it needs its own file.
    """

    sql: str
    kind: Risk
    note: str = ""
    separate: bool = False
    alternative: str = ""


class Phase(IntEnum):
    """The order of statements that do not depend on each other; their drops run in reverse."""

    SCHEMA = 0
    EXTENSION = 1
    COLLATION = 2
    TYPE = 3
    SEQUENCE = 4
    FUNCTION = 5
    AGGREGATE = 6
    CAST = 7
    ACCESS_METHOD = 8
    WRAPPER = 9
    SERVER = 10
    TABLE = 11
    COLUMN = 12
    OWNED = 13
    CONSTRAINT = 14
    INDEX = 15
    FOREIGN_KEY = 16
    VALIDATE = 17
    # A partition or child needs the columns, checks and indexes of its parent first.
    LINK = 18
    VIEW = 19
    MARK = 20
    STATISTICS = 21
    TRIGGER = 22
    RULE = 23
    POLICY = 24
    PUBLICATION = 25
    OWNER = 26
    GRANT = 27
    COMMENT = 28
    # Last, or it would fire for the statements before.
    EVENT_TRIGGER = 29


class Urgency(IntEnum):
    """The order of drops and other statements that do not depend on each other."""

    # What is in the way of a change.
    FIRST = 0
    MAKE = 1
    # What is in nobody's way, and has rows perhaps.
    LAST = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A draft that has not been sorted yet.

    `key` is its object. `provides` is the qualified name that later texts may mention, and `column` the column that
    they must then mention too. `reads` is the text that is searched for such names, and `left` the text of the object
    before. `opens`: without it, later statements about its object and those that mention it fail. `is_whole` tells a
    type from its shell. `needs` are the objects whose statements come first although no text says so, `obstacles`
    those whose drops do, `takes` the names that must be free, and `picks` those that the server takes if they are free.

    A drop has the objects that go with it in `gone`, and their names in `frees`.
    """

    draft: Draft
    phase: Phase
    key: ObjectKey
    provides: str = ""
    column: str = ""
    reads: str = ""
    left: str = ""
    urgency: Urgency = Urgency.MAKE
    opens: bool = False
    is_whole: bool = False
    is_drop: bool = False
    needs: frozenset[ObjectKey] = frozenset()
    obstacles: frozenset[ObjectKey] = frozenset()
    takes: frozenset[str] = frozenset()
    picks: frozenset[str] = frozenset()
    frees: frozenset[str] = frozenset()
    gone: frozenset[ObjectKey] = frozenset()


def render(drafts: Iterable[Draft]) -> str:
    """Return the drafts as one text of SQL: destructive and ambiguous ones are comments, under their reason."""
    return "\n\n".join("\n".join(_render(_escape(draft))) for draft in drafts) + "\n"


def _escape(draft: Draft) -> Draft:
    """Return a draft with escapes for the control characters in it, before a line end could end its comment."""
    sql, alternative = (sqltext.escape_sql(text) or text for text in (draft.sql, draft.alternative))
    return replace(draft, sql=sql, alternative=alternative)


def _render(draft: Draft) -> Iterator[str]:
    if draft.separate:
        yield "-- Move this to its own file: it needs a transaction of its own."
    if not draft.sql:
        yield from _comment(f"not written: {draft.note}")
    elif draft.kind is Risk.ADDITIVE:
        if draft.note:
            yield from _comment(draft.note)
        yield f"{draft.sql};"
    else:
        yield from _comment(f"{draft.kind}: {draft.note}" if draft.note else draft.kind)
        yield from _render_readings(draft)


def _render_readings(draft: Draft) -> Iterator[str]:
    if not draft.alternative:
        yield from _comment(f"{draft.sql};")
        return
    yield from _comment(f"either:\n{draft.sql};\nor:\n{draft.alternative};")


def _comment(text: str) -> Iterator[str]:
    yield from (f"-- {line}".rstrip() for line in text.splitlines())
