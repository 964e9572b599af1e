"""Two tables that are locked in the other order than in an earlier file: who follows both orders can deadlock."""

from collections.abc import Iterator
from itertools import combinations

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, show
from tenantry.model import label
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level


def _check(file: LintedFile) -> Iterator[Match]:
    for (first, one), (second, other) in combinations(_order(file), 2):
        # What one statement locks, the server locks in an order of its own.
        if one.start != other.start and (earlier := _find_reverse(file, first, second)):
            name = label(earlier.migration.version, earlier.migration.name)
            message = (
                f"ACCESS EXCLUSIVE on {show(first)}, then on {show(second)}, which {name} locks in the other order: "
                "an application that follows one order deadlocks with the other"
            )
            text = advise("let each have a file of its own", squeeze(one.text), squeeze(other.text))
            yield Match(other.start, message, text, (first, second))


def _order(file: LintedFile) -> list[tuple[str, LintedStatement]]:
    """Return the tables that nobody can use meanwhile, each with the statement that locks it, in order."""
    locked: dict[str, LintedStatement] = {}
    for part in file.parts if file.migration.transactional else ():
        for name, mode in part.locks.items():
            if mode is LockMode.ACCESS_EXCLUSIVE:
                locked.setdefault(name, part)
    return list(locked.items())


def _find_reverse(file: LintedFile, first: str, second: str) -> LintedFile | None:
    """Return the newest earlier file that locks the second table in a statement before the first one."""
    for earlier in reversed(file.before):
        order = dict(_order(earlier))
        if first in order and second in order and order[second].start < order[first].start:
            return earlier
    return None


RULE = Rule(
    "lock-order",
    Level.CAUTION,
    "tables are locked in the other order than in an earlier file",
    "lock tables in the same order everywhere, or one table a file",
    _check,
)
UNSAFE = ("ALTER TABLE sessions ADD COLUMN fee integer;\nALTER TABLE rooms ADD COLUMN fee integer;\n",)
