"""A table that is read in full while a lock on it keeps the application waiting."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, show, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level

# The rule `refresh` reports these.
_REFRESH = "RefreshMatViewStmt"
_OTHERWISE = {
    "AlterDomainStmt": "add the constraint NOT VALID, and run VALIDATE CONSTRAINT in a later file",
    "DoStmt": "write the statement that reads it outside the block: lint then knows the safe form of it",
}


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for relation in part.scanned if part.tag != _REFRESH else ():
            mode = part.locks.get(relation, LockMode.ACCESS_SHARE)
            # A rewrite reads the table as well, and is reported by its own rule.
            if mode >= LockMode.SHARE and relation not in part.rewritten:
                message = wait(mode, relation, "while all of it is read")
                many = wait(mode, NAMES, "while all of them are read")
                text = _advise(file, part, relation)
                yield Match(part.start, message, text, (relation,), name=show(relation), many=many)


def _advise(file: LintedFile, part: LintedStatement, relation: str) -> str:
    """Return the safe form: another file if an earlier statement took the lock, else a way to avoid the scan."""
    if part.held.get(relation, LockMode.ACCESS_SHARE) >= LockMode.SHARE:
        taker = file.find_taker(part, relation)
        sentence = "move it to a file after the one that takes the lock"
        return advise(sentence, squeeze(taker.text), squeeze(part.text))
    if any(command.kind == "AttachPartition" for _, command in part.commands()):
        return advise("state its bounds as a CHECK constraint, first NOT VALID and then validated in a file of its own")
    return advise(
        _OTHERWISE.get(part.tag, "run it while the application can wait: no form of it reads without the lock")
    )


RULE = Rule(
    "full-scan",
    Level.DANGER,
    "a table is read in full while the application waits",
    "move the statement that reads it to a file after the one that takes the lock",
    _check,
    general=True,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ADD CONSTRAINT roomy CHECK (room_id > 0) NOT VALID;\n"
    "ALTER TABLE sessions VALIDATE CONSTRAINT roomy;\n",
)
