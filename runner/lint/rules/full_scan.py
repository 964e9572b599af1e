"""A table that is read whole while a lock on it keeps the application waiting."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level

# It is the rule of its own that tells of this one.
_REFRESH = "RefreshMatViewStmt"


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for relation in part.scanned if part.tag != _REFRESH else ():
            mode = part.locks.get(relation, LockMode.ACCESS_SHARE)
            # What is written anew is read, too: that is told already.
            if mode >= LockMode.SHARE and relation not in part.rewritten:
                message = wait(mode, relation, "while all of it is read")
                yield Match(part.start, message, _advise(file, part, relation), (relation,))


def _advise(file: LintedFile, part: LintedStatement, relation: str) -> str:
    """Return what is better: another file where the lock is an earlier statement's, else what spares the reading."""
    if part.held.get(relation, LockMode.ACCESS_SHARE) >= LockMode.SHARE:
        taker = file.find_taker(part, relation)
        sentence = "put it into a file after the one that takes the lock"
        return advise(sentence, squeeze(taker.text), squeeze(part.text))
    return advise("say by a CHECK constraint what it looks for, NOT VALID at first and validated in a file of its own")


RULE = Rule(
    "full-scan",
    Level.DANGER,
    "a table is read whole while the application waits",
    "put what reads it into a file after the one that takes the lock",
    _check,
    general=True,
)
UNSAFE = (
    "ALTER TABLE sessions ADD CONSTRAINT roomy CHECK (room_id > 0) NOT VALID;\n"
    "ALTER TABLE sessions VALIDATE CONSTRAINT roomy;\n",
)
