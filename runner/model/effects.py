"""The measured effects of a statement on a database: the locks it takes, the tables it rewrites or reads in full."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum

# To be raised when the fields below change: kept measurements of another format are measured again.
FORMAT = 3


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
    data was written again, `scanned` the tables that were read in full, also to build an index. `unmeasured` is the
    reason if the effects are unknown, and `hint` says what would help, if that is known. `created` are the relations
    that exist only since the statement, `renamed` those that it gave another name, each with its new and its old one.
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


def _parse(kept: dict[str, object]) -> Measured:
    locks = kept["locks"]
    assert isinstance(locks, list)
    return Measured(
        # By way of str, since JSON values are only objects to mypy; ValueError is caught above.
        start=int(str(kept["start"])),
        text=str(kept["text"]),
        locks=tuple(Lock(lock["relation"], LockMode(lock["mode"])) for lock in locks),
        rewritten=tuple(kept["rewritten"]),  # type: ignore[arg-type]  # a list of texts, as written above
        scanned=tuple(kept["scanned"]),  # type: ignore[arg-type]  # as above
        unmeasured=str(kept["unmeasured"]),
        hint=str(kept["hint"]),
        created=tuple(kept["created"]),  # type: ignore[arg-type]  # as above
        renamed=tuple((new, old) for new, old in kept["renamed"]),  # type: ignore[attr-defined]  # as above
    )
