"""A rule: its name, its title, and the function that finds it in a file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tenantry.lint.reading import LintedFile
from tenantry.model.hazards import Harm, Level

# Stands in `Match.many` for the names of all objects.
NAMES = "{names}"


@dataclass(frozen=True, slots=True)
class Match:
    """One place where a rule applies. `start` is an offset in the file's `sql`, in characters from 0.

    `help` is a sentence with the safe form below it. `relations` are the tables it is about, as `schema.name`. `read`
    are further ones whose sizes decide how long it takes; None if they may be any. `name` is the object that it is
    about, and `many` the message where a statement has several of them, with `NAMES` in the place of their names.
    """

    start: int
    message: str
    help: str
    relations: tuple[str, ...] = ()
    read: tuple[str, ...] | None = ()
    name: str = ""
    many: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `title` says in a few words what is found, `help` what to do instead, in general.

    A `general` rule is silent about a statement in which another rule finds a danger: that one knows more. `harm` says
    on which tables its findings count for `migrate`.
    """

    name: str
    level: Level
    title: str
    help: str
    check: Callable[[LintedFile], Iterable[Match]]
    general: bool = False
    harm: Harm = Harm.ALWAYS
