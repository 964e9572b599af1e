"""A change of rows under a row-level security that holds for the owner: rows that no policy shows are left out."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, show
from tenantry.model.hazards import Level

_SETTING = "row_security"


def _check(file: LintedFile) -> Iterator[Match]:
    off = False
    for part in file.parts:
        off = off or _switches_off(part)
        tables = part.effect.secured if part.effect and not off else ()
        if tables:
            named = ", ".join(map(show, tables))
            message = f"row-level security holds for the owner of {named} too: rows that no policy shows are left out"
            yield Match(part.start, f"{message}, without an error", _advise(file, part), tables)


def _switches_off(part: LintedStatement) -> bool:
    return part.tag == "VariableSetStmt" and part.node.get("name") == _SETTING


def _advise(file: LintedFile, part: LintedStatement) -> str:
    if file.migration.directives.batch:
        return "apply it as a role with BYPASSRLS, which sees every row"
    word = "SET LOCAL" if file.migration.transactional else "SET"
    sentence = "have the server refuse it unless the role sees every row, as one with BYPASSRLS does"
    return advise(sentence, f"{word} {_SETTING} = off;\n{squeeze(part.text)}")


RULE = Rule(
    "row-security",
    Level.CAUTION,
    "a change of rows leaves those out that row-level security hides",
    "set row_security to off before it, so that the server refuses it where it would leave rows out",
    _check,
)
UNSAFE = (
    "UPDATE secured SET org = 2 WHERE id = 5;\n",
    "DO $$ BEGIN DELETE FROM secured WHERE id = 5; END $$;\n",
    "WITH gone AS (DELETE FROM secured WHERE id = 5 RETURNING id) SELECT count(*) FROM gone;\n",
    "INSERT INTO plays (room_id) SELECT id FROM secured WHERE id = 5;\n",
)
