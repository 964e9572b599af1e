"""Two tables that an earlier file locks in the opposite order: an application can deadlock with one of the files."""

from collections.abc import Iterator
from itertools import combinations

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, show
from tenantry.model import label
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level


def _check(file: LintedFile) -> Iterator[Match]:
    for (first, one), (second, other) in combinations(_order(file), 2):
        # The order in which one statement takes its locks is the server's choice.
        if one.start != other.start and (earlier := _find_reverse(file, first, second)):
            name = label(earlier.migration.version, earlier.migration.name)
            text = advise("give each a file of its own", squeeze(one.text), squeeze(other.text))
            message, many = (_describe(each, second, name) for each in (first, NAMES))
            yield Match(other.start, message, text, (first, second), name=show(first), many=many)


def _describe(first: str, second: str, name: str) -> str:
    return (
        f"ACCESS EXCLUSIVE on {show(first)}, then on {show(second)}, which {name} locks in the opposite order: "
        "an application that follows one order can deadlock with the other"
    )


def _order(file: LintedFile) -> list[tuple[str, LintedStatement]]:
    """Return the tables that are closed to everybody, each with the statement that locks it, in order."""
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
    "tables are locked in the opposite order to an earlier file",
    "lock tables in the same order everywhere, or one table per file",
    _check,
)
UNSAFE = ("ALTER TABLE sessions ADD COLUMN fee integer;\nALTER TABLE rooms ADD COLUMN fee integer;\n",)
