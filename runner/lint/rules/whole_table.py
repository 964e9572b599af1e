"""An UPDATE or DELETE without WHERE: every row is locked until the last one is written."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze, walk
from tenantry.lint.words import BATCHED, advise, show
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.library import Node

_VERBS = {"UpdateStmt": "written", "DeleteStmt": "deleted"}


def _check(file: LintedFile) -> Iterator[Match]:
    if file.migration.directives.batch:
        return
    for part in file.parts:
        # Under a stronger lock, the rule `backfill` reports it.
        for tag, node in () if holds(part) else ((part.tag, part.node), *walk(part.node)):
            if tag in _VERBS and "whereClause" not in node and (table := part.find(node["relation"])):
                done = f"every row of {show(table)} is {_VERBS[tag]} in one transaction"
                yield Match(part.start, f"{done}: writes to them wait until it ends", _advise(part, node), (table,))


def holds(part: LintedStatement) -> bool:
    """Return whether the transaction already holds a lock that keeps the application waiting."""
    return any(mode >= LockMode.SHARE for mode in part.held.values())


def _advise(part: LintedStatement, node: Node) -> str:
    if node is not part.node:
        return (
            "write it as a statement of its own, in batches: a file with `-- batch: 5000 pause 100ms` cannot have a "
            "WITH that writes"
        )
    return advise("run it in batches, in a file of its own", f"{BATCHED}{squeeze(part.text)};\n")


RULE = Rule(
    "whole-table",
    Level.DANGER,
    "every row of a table is written in one transaction",
    "run it in batches, in a file of its own with `-- batch: 5000 pause 100ms`",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "UPDATE sessions SET code = 'x';\n",
    "DELETE FROM sessions;\n",
)
