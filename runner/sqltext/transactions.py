"""Transaction control by a statement's own words, and the wrapper around a whole file."""

import re
from collections.abc import Iterator
from itertools import islice

from tenantry.sqltext.findings import SqlError
from tenantry.sqltext.lexer import read_tokens
from tenantry.sqltext.statements import Statement, split

# The first word decides: except for PREPARE, no other statement of the grammar begins with one of these.
_CONTROL = re.compile(r"(?:abort|begin|commit|end|prepare|release|rollback|savepoint|start)(?![\w$])", re.IGNORECASE)
_PLAIN_BEGIN = frozenset({"begin", "begin work", "begin transaction", "start transaction"})
_PLAIN_COMMIT = frozenset({"commit", "commit work", "commit transaction", "end", "end work", "end transaction"})


def name_control(statement: Statement) -> str:
    """Return the name of a statement that begins, ends or marks a transaction; empty for all others."""
    match = _CONTROL.match(statement.text)
    word = match[0].upper() if match else ""
    if word == "PREPARE":
        return "PREPARE TRANSACTION" if _prepares_transaction(statement.text) else ""
    return "START TRANSACTION" if word == "START" else word


def blank_wrapper(text: str) -> str:
    """Return the text with one plain BEGIN ... COMMIT around the whole of it replaced by spaces.

    Line ends and the length stay, and with them every position. `check` reports any other transaction control:
    a text with BEGIN ISOLATION LEVEL, or with a SAVEPOINT inside, is returned as it is.
    """
    # Spares almost every file a parse of its own.
    if next(_read_words(text), "") not in ("begin", "start"):
        return text
    try:
        statements = split(text)
    except SqlError:
        return text
    first, last = statements[0], statements[-1]
    plain = _plain(first) in _PLAIN_BEGIN and _plain(last) in _PLAIN_COMMIT
    if not plain or any(name_control(statement) for statement in statements[1:-1]):
        return text
    return _blank(_blank(text, first), last)


def _prepares_transaction(text: str) -> bool:
    """Tell PREPARE TRANSACTION 'x' from a prepared statement named transaction."""
    _, *words = islice(_read_words(text), 3)
    return len(words) == 2 and words[0] == "transaction" and words[1] not in ("as", "(")


def _plain(statement: Statement) -> str:
    """Return the words of a statement in lower case with one space between them."""
    return " ".join(_read_words(statement.text))


def _read_words(text: str) -> Iterator[str]:
    """Yield the tokens in lower case."""
    return (text[token.start : token.end].lower() for token in read_tokens(text))


def _blank(text: str, statement: Statement) -> str:
    """Return the text with a statement and its semicolon as spaces, line ends kept."""
    after = next(read_tokens(text, statement.end), None)
    end = after.end if after and text[after.start] == ";" else statement.end
    return text[: statement.start] + re.sub(".", " ", text[statement.start : end]) + text[end:]
