"""SET NOT NULL that looks for a null in every row; a validated check says that there is none."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import typed
from tenantry.lint.words import advise, show, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.names import quote


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            if command.kind != "SetNotNull":
                continue
            if part.scans(table) or (part.effect is None and not _is_proven(file, table)):
                why = "while every row is searched for a null in"
                yield Match(
                    part.start + command.start,
                    wait(LockMode.ACCESS_EXCLUSIVE, table, f"{why} {command.name}"),
                    _advise(typed(part.node["relation"]), table, command.name),
                    (table,),
                    name=command.name,
                    many=wait(LockMode.ACCESS_EXCLUSIVE, table, f"{why} {NAMES}"),
                )


def _is_proven(file: LintedFile, table: str) -> bool:
    """Return whether an earlier file validated a constraint of the table, which may be the one that is needed."""
    commands = (found for before in file.before for part in before.parts for found in part.commands())
    return any(name == table and command.kind == "ValidateConstraint" for name, command in commands)


def _advise(name: str, table: str, column: str) -> str:
    check = quote(f"{show(table).rpartition('.')[2]}_{column}_given")
    return advise(
        "validate a check first, which takes no strong lock while it reads the rows: SET NOT NULL then reads none",
        f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({quote(column)} IS NOT NULL) NOT VALID",
        f"ALTER TABLE {name} VALIDATE CONSTRAINT {check}",
        f"ALTER TABLE {name} ALTER COLUMN {quote(column)} SET NOT NULL;\nALTER TABLE {name} DROP CONSTRAINT {check}",
    )


RULE = Rule(
    "set-not-null",
    Level.DANGER,
    "every row is searched for nulls while the application waits",
    "add CHECK (... IS NOT NULL) NOT VALID, run VALIDATE CONSTRAINT in a later file, and SET NOT NULL in a third",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = ("ALTER TABLE sessions ALTER COLUMN title SET NOT NULL;\n",)
