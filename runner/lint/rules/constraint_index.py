"""A unique constraint or a primary key that builds its index while the application waits."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import Command, quote, strings, typed
from tenantry.lint.words import ALONE, advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level

_WORDS = {"CONSTR_UNIQUE": "UNIQUE", "CONSTR_PRIMARY": "PRIMARY KEY"}


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            if command.kind == "AddConstraint" and _builds(command):
                message = wait(LockMode.ACCESS_EXCLUSIVE, table, "while its index is built")
                text = _advise(part, table, command)
                yield Match(part.start + command.start, message, text, (table,))


def _builds(command: Command) -> bool:
    # USING INDEX takes an index that exists already.
    return command.node["contype"] in _WORDS and "indexname" not in command.node


def _advise(part: LintedStatement, table: str, command: Command) -> str:
    name, word = typed(part.node["relation"]), _WORDS[command.node["contype"]]
    columns = strings(command.node["keys"])
    alter = f"ALTER TABLE {name}"
    suffix = "pkey" if word == "PRIMARY KEY" else f"{'_'.join(columns)}_key"
    own = quote(command.name or f"{table.partition('.')[2]}_{suffix}")
    included = strings(command.node.get("including", []))
    more = f" INCLUDE ({_list(included)})" if included else ""
    more += " NULLS NOT DISTINCT" if command.node.get("nulls_not_distinct") else ""
    built = f"{ALONE}CREATE UNIQUE INDEX CONCURRENTLY {own} ON {name} ({_list(columns)}){more};\n"
    added = f"{alter} ADD CONSTRAINT {own} {word} USING INDEX {own}"
    if word == "UNIQUE":
        return advise("build its index first, in a file of its own, while writes continue", built, added)
    check = quote(f"{table.partition('.')[2]}_given")
    given = " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)
    return advise(
        "build its index first, while writes continue, and validate a check, or every row is searched for nulls",
        built,
        f"{alter} ADD CONSTRAINT {check} CHECK ({given}) NOT VALID",
        f"{alter} VALIDATE CONSTRAINT {check}",
        f"{added};\n{alter} DROP CONSTRAINT {check}",
    )


def _list(columns: list[str]) -> str:
    return ", ".join(map(quote, columns))


RULE = Rule(
    "constraint-index",
    Level.DANGER,
    "a unique constraint or primary key builds its index while the application waits",
    "build the index with CREATE UNIQUE INDEX CONCURRENTLY first, and add the constraint USING INDEX",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ADD CONSTRAINT sessions_code_key UNIQUE (code);\n",
    "ALTER TABLE sessions ADD UNIQUE NULLS NOT DISTINCT (code, title) INCLUDE (room_id);\n",
    "ALTER TABLE public.plays ADD PRIMARY KEY (room_id);\n",
)
