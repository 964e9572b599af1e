"""A new column that must have a value and has no default: the file fails if the table has a row."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import Command, cut, squeeze, typed
from tenantry.lint.words import advise, show
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.library import Node
from tenantry.sqltext.names import quote

_SERIALS = ("serial", "serial4", "bigserial", "serial8", "smallserial", "serial2")
_FILLS = ("CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED")


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            if command.kind == "AddColumn" and _lacks_value(command.node):
                fails = f"the file fails if {show(table)} has rows"
                yield Match(
                    part.start + command.start,
                    f"{command.name} is NOT NULL and has no default: {fails}",
                    _advise(part, command),
                    (table,),
                    name=command.name,
                    many=f"{NAMES} are NOT NULL and have no default: {fails}",
                )


def _lacks_value(column: Node) -> bool:
    kinds = {each["Constraint"]["contype"] for each in column.get("constraints", ())}
    kind = column["typeName"]["names"][-1]["String"]["sval"]
    required = not kinds.isdisjoint(("CONSTR_NOTNULL", "CONSTR_PRIMARY"))
    return required and not kinds.intersection(_FILLS) and kind not in _SERIALS


def _advise(part: LintedStatement, command: Command) -> str:
    first = command.node["constraints"][0]["Constraint"]
    kind = squeeze(cut(part.text, command.text, command.node["typeName"]["location"], first["location"]))
    return advise(
        "add it without NOT NULL, fill it in batches, and require it afterwards; or give it a default",
        f"ALTER TABLE {typed(part.node['relation'])} ADD COLUMN {quote(command.name)} {kind}",
    )


RULE = Rule(
    "required-column",
    Level.DANGER,
    "a new column is NOT NULL without a default, so the file fails if the table has rows",
    "add it without NOT NULL, fill it in batches, and require it in a later file; or give it a default",
    _check,
    harm=Harm.FILLED,
)
UNSAFE = ("ALTER TABLE sessions ADD COLUMN fee numeric(10, 2) NOT NULL;\n",)
