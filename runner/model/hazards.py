"""The findings of lint: the effect of a statement on a live database, and its safe form."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity: `migrate` refuses a file that contains a danger, unless that rule is allowed."""

    DANGER = "danger"
    CAUTION = "caution"


class Harm(StrEnum):
    """The tables on which a danger does harm: all, those that are not small, or those that have a row."""

    ALWAYS = "always"
    LARGE = "large"
    FILLED = "filled"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One finding of one rule. `line` and `column` are places in the file, counted from 1.

    `message` names the lock in plain words, `help` is the safe form. `relations` are the affected tables, as
    `schema.name`: their sizes tell how much it matters. `allowed` is the reason in the file's header, otherwise empty.
    `harm` says on which tables a danger counts; `weighed` are those tables, as they are called before the file runs:
    none means all tables of the database.
    """

    rule: str
    level: Level
    version: int
    path: str
    line: int
    column: int
    message: str
    help: str
    relations: tuple[str, ...] = ()
    allowed: str = ""
    harm: Harm = Harm.ALWAYS
    weighed: tuple[str, ...] = ()
