"""A column or table that is dropped while a running application may still use it."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import Command, strings, to_relation, typed
from tenantry.lint.words import advise, show
from tenantry.model.hazards import Level
from tenantry.sqltext.names import quote

_FIRST = "first deploy a release that does not use it; then say so in the header of the file that drops it"
_ALLOW = "-- lint: allow drop because no release uses it any more\n"
_KINDS = {"OBJECT_TABLE": "TABLE", "OBJECT_VIEW": "VIEW", "OBJECT_MATVIEW": "MATERIALIZED VIEW"}


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.acts():
        for table, command in part.commands():
            if command.kind == "DropColumn" and not _is_unused(file, part, table, command):
                name = typed(part.node["relation"])
                text = f"{_ALLOW}ALTER TABLE {name} DROP COLUMN {quote(command.name)};\n"
                again = file.adds_again(part, table, command.name)
                yield _tell(part.start + command.start, f"{show(table)}.{command.name}", text, table, again=again)
        if part.tag == "DropStmt" and (kind := _KINDS.get(part.node["removeType"])):
            for each in part.node["objects"]:
                relation = to_relation(strings(each["List"]["items"]))
                if (table := part.find(relation)) and not file.creates_again(part, table):
                    text = f"{_ALLOW}DROP {kind} {typed(relation)};\n"
                    yield _tell(part.start, show(table), text, table, again=file.fills_again(part, table))


def _is_unused(file: LintedFile, part: LintedStatement, table: str, command: Command) -> bool:
    """Return whether the file adds a column itself, or drops it IF EXISTS and no file has its name before."""
    if not command.missing_ok:
        return file.adds_before(part, table, command.name)
    texts = [*(each.migration.sql for each in file.before), file.migration.sql[: part.start]]
    return not any(command.name in text for text in texts)


def _tell(start: int, name: str, text: str, table: str, *, again: bool) -> Match:
    if again:
        message = f"{name} is another one after the commit, without the values that it had"
        many = f"{NAMES} are others after the commit, without the values that they had"
        return Match(start, message, advise(_FIRST, text), (table,), name=name, many=many)
    message = f"{name} is gone after the commit: anything that still uses it fails"
    many = f"{NAMES} are gone after the commit: anything that still uses them fails"
    return Match(start, message, advise(_FIRST, text), (table,), name=name, many=many)


RULE = Rule(
    "drop",
    Level.CAUTION,
    "a column or table that an application may use is dropped",
    "first deploy a release that does not use it, and say so in the header",
    _check,
)
UNSAFE = (
    "ALTER TABLE sessions DROP COLUMN code;\n",
    "DROP TABLE public.sessions;\n",
    "DO $$ BEGIN IF true THEN DROP TABLE visits; END IF; END $$;\n",
    "DO $$ BEGIN EXECUTE 'ALTER TABLE sessions DROP COLUMN code'; END $$;\n",
)
