"""The findings of lint: the effect of a statement on a live database, and its safe form."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity: `migrate` refuses a file that contains a danger, unless that rule is allowed."""

    DANGER = "danger"
    CAUTION = "caution"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One finding of one rule. `line` and `column` are places in the file, counted from 1.

    `message` names the lock in plain words, `help` is the safe form. `relations` are the affected tables, as
    `schema.name`: their sizes tell how much it matters. `allowed` is the reason in the file's header, otherwise empty.
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
