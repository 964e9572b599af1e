"""TRUNCATE: all rows are gone after the commit, and reads and writes wait until then."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import advise, show
from tenantry.model.hazards import Level

_ALLOW = "-- lint: allow truncate because no release needs these rows\n"


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        if tables := _find_emptied(part):
            named = ", ".join(map(show, tables))
            message = f"every row of {named} is gone after the commit, and reads and writes wait until then"
            sentence = "delete in batches those rows that nobody needs; or say in the header that all of them may go"
            yield Match(part.start, message, advise(sentence, f"{_ALLOW}{squeeze(part.text)};\n"), tables)


def _find_emptied(part: LintedStatement) -> tuple[str, ...]:
    """Return the tables of earlier files that a statement empties; a partition only without its table."""
    if part.effect:
        roots = dict(part.effect.partitions)
        return tuple(name for name in part.effect.emptied if roots.get(name) not in part.effect.emptied)
    if part.tag != "TruncateStmt":
        return ()
    return tuple(filter(None, (part.find(each["RangeVar"]) for each in part.node["relations"])))


RULE = Rule(
    "truncate",
    Level.CAUTION,
    "a table is emptied",
    "delete the rows that nobody needs in batches, or say in the header that all of them may go",
    _check,
)
UNSAFE = ("TRUNCATE plays;\n", "TRUNCATE rooms, sessions, visits;\n")
