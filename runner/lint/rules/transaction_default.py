"""A default for transactions is set in a file whose own transaction has begun: nothing of the file runs with it."""

from collections.abc import Iterator, Sequence

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze
from tenantry.lint.words import ALONE, advise
from tenantry.model.hazards import Level

_ADVICE = (
    "leave it out, set it with ALTER ROLE for the role that migrates, or write it in a file with "
    "`-- transactional: false`, before the statements that need it"
)
_STANDARD, _SETTINGS = "SESSION CHARACTERISTICS", "default_transaction_"


def _check(file: LintedFile) -> Iterator[Match]:
    # Without a transaction of the file, each later statement has one of its own.
    for index, part in enumerate(file.parts if file.migration.transactional else ()):
        if _sets_default(part):
            message = f"{part.node['name']}: holds for transactions that begin later, and is reset after the file"
            yield Match(part.start, message, advise(_ADVICE, *_write_apart(file.parts[index:])))


def _write_apart(parts: Sequence[LintedStatement]) -> Iterator[str]:
    """Yield the file in which each statement after the default begins a transaction with it; none without one."""
    if parts[1:]:
        yield ALONE + "".join(f"{squeeze(part.text)};\n" for part in parts)


def _sets_default(part: LintedStatement) -> bool:
    name = part.node.get("name", "") if part.tag == "VariableSetStmt" else ""
    sets = part.node.get("kind") in {"VAR_SET_VALUE", "VAR_SET_MULTI"}
    return sets and (name == _STANDARD or name.startswith(_SETTINGS))


RULE = Rule(
    "transaction-default",
    Level.CAUTION,
    "a default for transactions is set too late for the file's own transaction",
    _ADVICE,
    _check,
)
UNSAFE = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n"
    "UPDATE rooms SET name = 'x' WHERE id = 5;\n",
    "SET default_transaction_isolation = 'serializable';\nUPDATE rooms SET name = 'x' WHERE id = 5;\n",
)
