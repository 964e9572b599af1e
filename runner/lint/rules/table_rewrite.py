"""A table that is rewritten, whatever the reason."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.words import advise, show, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.names import quote

_WHILE = "while all of it is rewritten"


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for relation in part.rewritten:
            mode = part.locks.get(relation, LockMode.ACCESS_EXCLUSIVE)
            # Weaker locks keep nobody waiting.
            if mode >= LockMode.SHARE:
                many = wait(mode, NAMES, "while all of them are rewritten")
                message = wait(mode, relation, _WHILE)
                yield Match(part.start, message, _advise(part, relation), (relation,), name=show(relation), many=many)


def _advise(part: LintedStatement, relation: str) -> str:
    schema, _, own = relation.partition(".")
    old, new = (f"{quote(schema)}.{quote(name)}" for name in (own, f"{own}_new"))
    sentence = (
        "create a table of the new form next to it, let the application write both, fill it in batches, and switch over"
    )
    # A table that no file names may have another name in each database.
    return advise(sentence, *() if relation in part.unknown else (f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL)",))


RULE = Rule(
    "table-rewrite",
    Level.DANGER,
    "a table is rewritten while the application waits",
    "create a table of the new form next to it, fill it in batches, and switch the application over",
    _check,
    general=True,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions SET UNLOGGED;\n",
    "ALTER TABLE sessions ADD COLUMN twice integer GENERATED ALWAYS AS (room_id * 2) STORED;\n",
    "DO $$ BEGIN ALTER TABLE sessions ALTER title TYPE integer USING 1; END $$;\n",
)
