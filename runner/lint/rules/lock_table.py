"""LOCK TABLE in a mode that keeps the application waiting until the commit."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import typed
from tenantry.lint.words import advise, show, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level

_UNTIL = "until the commit"


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        if part.tag != "LockStmt" or part.node["mode"] < LockMode.SHARE:
            continue
        for each in part.node["relations"]:
            if table := part.find(each["RangeVar"]):
                mode = LockMode(part.node["mode"])
                text = f"LOCK TABLE {typed(each['RangeVar'])} IN SHARE UPDATE EXCLUSIVE MODE"
                yield Match(
                    part.start,
                    wait(mode, table, _UNTIL),
                    advise("keep other schema changes out while reads and writes continue", text),
                    (table,),
                    name=show(table),
                    many=wait(mode, NAMES, _UNTIL),
                )


RULE = Rule(
    "lock-table",
    Level.CAUTION,
    "a table is locked explicitly until the commit",
    "leave it out, since each statement takes the lock that it needs, or choose a mode that allows reads and writes",
    _check,
)
UNSAFE = ("LOCK TABLE sessions IN SHARE MODE;\n", "LOCK sessions, rooms;\n")
