"""A new column whose default differs from row to row, so every row is rewritten."""

from collections.abc import Iterator

from tenantry.lint.defaults import differs, write_filled
from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import Command
from tenantry.lint.words import advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            if command.kind != "AddColumn" or not differs(command.node):
                continue
            if part.effect is None or part.rewrites(table):
                why = "while every row is rewritten, each with a value of its own"
                message = wait(LockMode.ACCESS_EXCLUSIVE, table, why)
                many, text = f"{message}: {NAMES}", _advise(part, table, command)
                yield Match(part.start + command.start, message, text, (table,), name=command.name, many=many)


def _advise(part: LintedStatement, table: str, command: Command) -> str:
    sentence = "add it without a default, set the default for new rows, and fill the others in batches, in a later file"
    return advise(sentence, *write_filled(part, table, command))


RULE = Rule(
    "volatile-default",
    Level.DANGER,
    "a new column has a default that differs from row to row, so every row is rewritten",
    "add the column without a default, SET DEFAULT, and fill the existing rows in batches, in a later file",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ADD COLUMN token uuid DEFAULT gen_random_uuid();\n",
    "ALTER TABLE sessions ADD COLUMN luck double precision DEFAULT random() * 10 NOT NULL, ADD COLUMN x int;\n",
    "ALTER TABLE public.sessions ADD COLUMN number bigserial NOT NULL;\n",
)
