"""A table that is written anew, whatever the reason."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import quote
from tenantry.lint.words import advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level

_WHILE = "while all of it is written anew"


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for relation in part.rewritten:
            mode = part.locks.get(relation, LockMode.ACCESS_EXCLUSIVE)
            # Below it, nobody waits.
            if mode >= LockMode.SHARE:
                yield Match(part.start, wait(mode, relation, _WHILE), _advise(relation), (relation,))


def _advise(relation: str) -> str:
    schema, _, own = relation.partition(".")
    old, new = (f"{quote(schema)}.{quote(name)}" for name in (own, f"{own}_new"))
    return advise(
        "make a table of the new form beside it, have the application write both, fill it in parts, and change over",
        f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL)",
    )


RULE = Rule(
    "table-rewrite",
    Level.DANGER,
    "a table is written anew while the application waits",
    "make a table of the new form beside it, fill it in parts, and have the application change over",
    _check,
    general=True,
)
UNSAFE = (
    "ALTER TABLE sessions SET UNLOGGED;\n",
    "ALTER TABLE sessions ADD COLUMN twice integer GENERATED ALWAYS AS (room_id * 2) STORED;\n",
    "DO $$ BEGIN ALTER TABLE sessions ALTER title TYPE integer USING 1; END $$;\n",
)
