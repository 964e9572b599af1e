"""What a rule finds in a file: what would happen to a live database, and the safe form."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: `migrate` refuses a file with a danger in it, unless that rule is allowed."""

    DANGER = "danger"
    CAUTION = "caution"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One finding of one rule. `line` and `column` count from 1 and are of the file.

    `message` names the lock in plain words, `help` is the safe form. `relations` are the tables it is about, as
    `schema.name`: their sizes say how bad it is. `allowed` is the reason that the file's header gives, else empty.
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
