"""A column or table that is renamed while a running application may still use the old name."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze, typed
from tenantry.lint.words import advise, show
from tenantry.model.hazards import Level
from tenantry.sqltext.names import quote

_FAILS = "anything that still uses the old name fails"
_OTHER = "anything that still uses the old name finds another one"
_TABLES = ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW")


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.acts():
        if part.tag != "RenameStmt" or "relation" not in part.node or not (table := part.find(part.node["relation"])):
            continue
        kind, new = part.node["renameType"], part.node["newname"]
        if kind == "OBJECT_COLUMN" and part.node["relationType"] in _TABLES:
            if file.adds_before(part, table, part.node["subname"]):
                continue
            ends = _OTHER if file.adds_again(part, table, part.node["subname"]) else _FAILS
            message = f"{show(table)}.{part.node['subname']} is called {new} after the commit: {ends}"
            yield Match(part.start, message, _advise_on_column(part), (table,))
        elif kind in _TABLES and not _stands_in(file, part):
            taken = file.fills_again(part, table)
            message = f"{show(table)} is called {new} after the commit: {_OTHER if taken else _FAILS}"
            yield Match(part.start, message, _advise_on_use(part) if taken else _advise_on_table(part), (table,))


def _stands_in(file: LintedFile, part: LintedStatement) -> bool:
    """Return whether the file creates a view with the old name, so that nobody notices."""
    old = part.node["relation"]["relname"]
    return any(later.tag == "ViewStmt" and later.node["view"]["relname"] == old for later in file.acts())


def _advise_on_column(part: LintedStatement) -> str:
    return advise(
        "add a column with the new name, fill it in batches and switch the application over; or say in the header "
        "that nobody uses the old name",
        f"-- lint: allow rename because no release uses the old name\n{squeeze(part.text)};\n",
    )


def _advise_on_use(part: LintedStatement) -> str:
    return advise(
        "have the file copy the rows first; then say in the header that both have the same ones",
        f"-- lint: allow rename because both tables have the same rows\n{squeeze(part.text)};\n",
    )


def _advise_on_table(part: LintedStatement) -> str:
    old, schema, new = typed(part.node["relation"]), part.node["relation"].get("schemaname"), part.node["newname"]
    named = ".".join(quote(word) for word in (schema, new) if word)
    return advise(
        "leave a view with the old name in its place until no release uses it",
        f"{squeeze(part.text)};\nCREATE VIEW {old} AS SELECT * FROM {named}",  # noqa: S608  # for a person to type
    )


RULE = Rule(
    "rename",
    Level.CAUTION,
    "a column or table that an application may use is renamed",
    "add a column or view with the new name next to it, and drop the old one when no release uses it",
    _check,
)
UNSAFE = (
    "ALTER TABLE sessions RENAME COLUMN code TO number;\n",
    "ALTER TABLE public.sessions RENAME TO bookings;\n",
    "ALTER TABLE sessions RENAME TO sessions_old;\nCREATE TABLE sessions (id integer);\n",
    "DO $$ BEGIN ALTER TABLE sessions RENAME COLUMN code TO number; END $$;\n",
)
