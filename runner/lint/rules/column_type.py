"""A change of a column's type that rewrites the table, reads all of it, or rebuilds its indexes."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import Command, squeeze, typed
from tenantry.lint.words import BATCHED, advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.lexer import read_tokens
from tenantry.sqltext.names import quote


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            if command.kind == "AlterColumnType" and (why := _tell(part, table)):
                message = wait(LockMode.ACCESS_EXCLUSIVE, table, why)
                text = _advise(typed(part.node["relation"]), command)
                many = f"{message} for {NAMES}"
                yield Match(part.start + command.start, message, text, (table,), name=command.name, many=many)


def _tell(part: LintedStatement, table: str) -> str:
    """Return how long the application waits; empty if the server was seen to change nothing but its catalog."""
    if part.effect is None or part.rewrites(table):
        return "while every row is rewritten"
    if part.rebuilt:
        return "while its indexes are rebuilt"
    return "while every row is checked" if part.scans(table) else ""


def _advise(name: str, command: Command) -> str:
    old, new = quote(command.name), quote(f"{command.name}_new")
    kind, using = _read_type(command.text)
    return advise(
        "add a column of the new type, let the application write both, fill it in batches, and let it read the new one",
        f"ALTER TABLE {name} ADD COLUMN {new} {kind}",
        f"{BATCHED}UPDATE {name} SET {new} = {using or old}"  # noqa: S608  # for a person to type
        f" WHERE {new} IS NULL AND {old} IS NOT NULL;\n",
    )


def _read_type(text: str) -> tuple[str, str]:
    """Return the type and the USING expression of `ALTER column TYPE type USING expression`, as written."""
    words = [(text[token.start : token.end].lower(), token) for token in read_tokens(text)]
    start = next((token.end for word, token in words if word == "type"), 0)
    using = next((token for word, token in words if word == "using"), None)
    if using is None:
        return squeeze(text[start:].strip()), ""
    return squeeze(text[start : using.start].strip()), squeeze(text[using.end :].strip())


RULE = Rule(
    "column-type",
    Level.DANGER,
    "the type of a column is changed in a way that rewrites or reads the whole table",
    "add a column of the new type, fill it in batches, and switch the application over",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ALTER COLUMN room_id TYPE bigint;\n",
    "ALTER TABLE sessions ALTER COLUMN code SET DATA TYPE integer USING length(code);\n",
    'ALTER TABLE sessions ALTER COLUMN code TYPE text COLLATE "C";\n',
    "ALTER TABLE sessions ALTER COLUMN starts_at TYPE timestamptz;\n",
)
