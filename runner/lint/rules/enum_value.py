"""A new value of an enum that is used by the file that adds it: the server refuses that before the commit."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze, strings, walk
from tenantry.lint.words import advise
from tenantry.model.hazards import Level


def _check(file: LintedFile) -> Iterator[Match]:
    if not file.migration.transactional:
        return
    made = {_name(part) for part in file.parts if part.tag == "CreateEnumStmt"}
    for index, part in enumerate(file.parts):
        if part.tag != "AlterEnumStmt" or "newVal" not in part.node or _name(part) in made:
            continue
        value = part.node["newVal"]
        for user in (later for later in file.parts[index + 1 :] if _uses(later, value)):
            message = f"the new value {value!r} of {_name(part)} cannot be used before the commit: the file fails"
            yield Match(user.start, message, advise("use it in a later file", squeeze(part.text), squeeze(user.text)))


def _name(part: LintedStatement) -> str:
    return strings(part.node["typeName"])[-1]


def _uses(part: LintedStatement, value: str) -> bool:
    """Return whether a statement has the value as a text, not as another new value."""
    return any(tag == "A_Const" and node.get("sval", {}).get("sval") == value for tag, node in walk(part.node))


RULE = Rule(
    "enum-value",
    Level.DANGER,
    "a new enum value is used by the file that adds it, which fails",
    "add the value in one file and use it in a later one",
    _check,
)
UNSAFE = ("ALTER TYPE mood ADD VALUE 'sad';\nUPDATE rooms SET mood = 'sad' WHERE id = 5;\n",)
