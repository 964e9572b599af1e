"""CREATE TRIGGER together with other work: writes to its table wait until all of that is done."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level

_WRITES = ("UpdateStmt", "DeleteStmt", "InsertStmt", "MergeStmt")


def _check(file: LintedFile) -> Iterator[Match]:
    if not file.migration.transactional:
        return
    more = any(_lasts(part) for part in file.parts if part.tag != "CreateTrigStmt")
    for part in file.parts:
        if part.tag == "CreateTrigStmt" and more and (table := part.find(part.node["relation"])):
            message = wait(LockMode.SHARE_ROW_EXCLUSIVE, table, "until the rest of the file is done")
            text = advise("put it into a file of its own, which holds the lock only for a moment", squeeze(part.text))
            yield Match(part.start, message, text, (table,))


def _lasts(part: LintedStatement) -> bool:
    """Return whether a statement may have to wait, or to work for long."""
    strong = any(mode >= LockMode.SHARE and part.held.get(name) != mode for name, mode in part.locks.items())
    return strong or part.tag in _WRITES or bool(part.scanned)


RULE = Rule(
    "trigger",
    Level.CAUTION,
    "a trigger is created in a transaction that has more to do, while writes to its table wait",
    "put CREATE TRIGGER into a file of its own",
    _check,
)
UNSAFE = (
    "CREATE TRIGGER noted BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION note();\n"
    "ALTER TABLE rooms ADD COLUMN fee integer;\n",
)
