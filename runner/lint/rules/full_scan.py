"""A table that is read in full while a lock on it keeps the application waiting."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level

# The rule `refresh` reports these.
_REFRESH = "RefreshMatViewStmt"


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for relation in part.scanned if part.tag != _REFRESH else ():
            mode = part.locks.get(relation, LockMode.ACCESS_SHARE)
            # A rewrite reads the table as well, and is reported by its own rule.
            if mode >= LockMode.SHARE and relation not in part.rewritten:
                message = wait(mode, relation, "while all of it is read")
                yield Match(part.start, message, _advise(file, part, relation), (relation,))


def _advise(file: LintedFile, part: LintedStatement, relation: str) -> str:
    """Return the safe form: another file if an earlier statement took the lock, else a way to avoid the scan."""
    if part.held.get(relation, LockMode.ACCESS_SHARE) >= LockMode.SHARE:
        taker = file.find_taker(part, relation)
        sentence = "move it to a file after the one that takes the lock"
        return advise(sentence, squeeze(taker.text), squeeze(part.text))
    return advise("state its condition as a CHECK constraint, first NOT VALID and then validated in a file of its own")


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
