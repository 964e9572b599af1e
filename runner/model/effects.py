"""The measured effects of a statement on a database: the locks it takes, the tables it rewrites or reads in full."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

# To be raised when the fields below change: kept measurements of another format are measured again.
FORMAT = 5


class LockMode(IntEnum):
    """The modes of PostgreSQL's table locks, weakest first (its manual, "Table-Level Locks")."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def words(self) -> str:
        """Return the mode as PostgreSQL writes it."""
        return self.name.replace("_", " ")

    @property
    def blocks(self) -> str:
        """Return the operations that this mode blocks, in plain words; empty if it blocks neither reads nor writes."""
        if self is LockMode.ACCESS_EXCLUSIVE:
            return "reads and writes"
        return "writes" if self >= LockMode.SHARE else ""


@dataclass(frozen=True, slots=True)
class Lock:
    """The strongest lock that a statement takes on a relation: `schema.name`."""

    relation: str
    mode: LockMode


@dataclass(frozen=True, slots=True)
class Measured:
    """The effects of one statement. Relations are `schema.name`; those that the same file created are left out.

    `start` is the offset of the statement in the file's `sql`, in characters from 0. `rewritten` are the tables whose
    data was written again, `rebuilt` the indexes of other tables, `emptied` the tables that were truncated, and
    `scanned` those that were read in full, also to build an index. `unmeasured` is the reason if the effects are
    unknown, and `hint` says what would help, if that is known. `created` are the relations that exist only since the
    statement, `dropped` those that are gone, `renamed` those that it gave another name, each with its new and its old
    one. `partitions` are those of the relations above that are partitions, each with the table that it is a part of.
    `deferred` are the tables whose constraints it may leave to be checked at the commit, `secured` those that it
    writes or reads and whose row-level security holds for their owner too. `required` are the columns that were NOT
    NULL before it adds a primary key. `pending` tells that the server refused it until deferred checks were made.
    """

    start: int
    text: str
    locks: tuple[Lock, ...] = ()
    rewritten: tuple[str, ...] = ()
    scanned: tuple[str, ...] = ()
    unmeasured: str = ""
    hint: str = ""
    created: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    rebuilt: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    partitions: tuple[tuple[str, str], ...] = ()
    deferred: tuple[str, ...] = ()
    secured: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    pending: bool = False


def to_json(effects: Sequence[Measured]) -> str:
    """Return the effects as the text that `from_json` reads."""
    return json.dumps({"format": FORMAT, "effects": [asdict(effect) for effect in effects]}, ensure_ascii=False)


def from_json(text: str) -> tuple[Measured, ...] | None:
    """Return the effects; None if the text is not in this format."""
    try:
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            return None
        return tuple(_parse(effect) for effect in kept["effects"])
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
        return None


def _parse(kept: dict[str, Any]) -> Measured:
    names: dict[str, Any] = {name: tuple(kept[name]) for name in _NAMES}
    pairs: dict[str, Any] = {name: tuple((one, other) for one, other in kept[name]) for name in _PAIRS}
    locks = tuple(Lock(lock["relation"], LockMode(lock["mode"])) for lock in kept["locks"])
    texts: dict[str, Any] = {name: str(kept[name]) for name in ("text", "unmeasured", "hint")}
    return Measured(int(kept["start"]), locks=locks, pending=bool(kept["pending"]), **texts, **names, **pairs)


_NAMES = ("rewritten", "scanned", "created", "rebuilt", "emptied", "dropped", "deferred", "secured", "required")
_PAIRS = ("renamed", "partitions")
