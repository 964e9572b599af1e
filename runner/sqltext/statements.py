"""The statements of a text: as the parser finds them, or as psql would if the parser refuses the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tenantry.sqltext.findings import FaultKind, SqlError, unterminated
from tenantry.sqltext.lexer import SPACE, find_line_end, read_tokens
from tenantry.sqltext.library import RefusedError, read_spans

_COPY_END = re.compile(r"^\\\.[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `text` is `[start:end]` of the file, from its first token, without the semicolon."""

    start: int
    end: int
    text: str


class Piece(NamedTuple):
    """One statement of a text that the parser refuses: `fault` is a fault already seen in it, and `at` its offset.

    The next statement may start at `next`.
    """

    statement: Statement
    next: int
    fault: FaultKind | None = None
    at: int = 0


def split(text: str) -> tuple[Statement, ...]:
    """Return the statements in order; only white space, comments and semicolons lie between them.

    Each thread that calls this keeps one of the process's roughly 1,000 thread-local keys, which the library never
    releases: call it from a pool, not from a thread per tenant.
    Raises SqlError if a quote or a comment never ends, ValueError for NUL.
    """
    try:
        return parse(text)
    except RefusedError:
        pieces = tuple(read_pieces(text))
    # Other faults are left for the server, which may know more; this one makes every end of a statement a guess.
    if pieces[-1].fault is FaultKind.UNTERMINATED:
        raise SqlError(unterminated(text, pieces[-1].at))
    return tuple(piece.statement for piece in pieces)


def parse(text: str) -> tuple[Statement, ...]:
    """Return the statements of a text that the parser knows; raises RefusedError for any other."""
    return tuple(_make_statement(text, start, end) for start, end in read_spans(text))


def read_pieces(text: str) -> Iterator[Piece]:
    """Yield the statements of a text as psql would find them. Only the last one can be unterminated."""
    piece = _read_piece(text, 0)
    while piece:
        yield piece
        piece = _read_piece(text, piece.next)


def _read_piece(text: str, start: int) -> Piece | None:
    """Return the first statement from `start` on, or None."""
    reader, first = _Reader(), -1
    for token in read_tokens(text, start):
        char = text[token.start]
        ends = char == ";" and reader.may_end
        if ends and first < 0:
            continue
        first = token.start if first < 0 else first
        if ends and reader.copies:
            return _make_piece(text, first, _end_copy(text, token.end), FaultKind.COPY_STDIN, first)
        if ends:
            return _make_piece(text, first, token.start)._replace(next=token.end)
        if token.kind == "open":
            return _make_piece(text, first, token.end, FaultKind.UNTERMINATED, token.start)
        if char == "\\":
            return _make_piece(text, first, find_line_end(text, token.start), FaultKind.PSQL_COMMAND, token.start)
        reader.read(text[token.start : token.end].lower(), token.kind)
    return _make_piece(text, first, len(text)) if first >= 0 else None


def _make_piece(text: str, start: int, end: int, fault: FaultKind | None = None, at: int = 0) -> Piece:
    return Piece(_make_statement(text, start, end), end, fault, at)


def _make_statement(text: str, start: int, end: int) -> Statement:
    statement = text[start:end].rstrip(SPACE)
    return Statement(start, start + len(statement), statement)


def _end_copy(text: str, start: int) -> int:
    """Return the end of the rows after a COPY ... FROM stdin: after the line `\\.`, or at the end of the text."""
    match = _COPY_END.search(text, start)
    return match.end() if match else len(text)


class _Reader:
    """The state of a statement while its tokens are read, which tells whether it may end."""

    def __init__(self) -> None:
        self.head: list[str] = []
        self.last = ""
        self.parens = self.blocks = 0
        self.copies = False

    @property
    def may_end(self) -> bool:
        """Return whether a semicolon here is the end: not in a BEGIN ATOMIC body, nor in the parentheses of a RULE.

        No other statement has a semicolon in parentheses, so that a surplus parenthesis hides nothing.
        """
        return not self.blocks and (not self.parens or "rule" not in self.head)

    def read(self, word: str, kind: str) -> None:
        """Take the next token, in lower case."""
        self.parens = max(0, self.parens + (word == "(") - (word == ")"))
        # Four words reach RULE in CREATE OR REPLACE RULE.
        if kind == "word" and len(self.head) < 4:
            self.head.append(word)
        if (self.last, word) == ("begin", "atomic"):
            self.blocks = 1
        elif self.blocks:
            self.blocks += (word == "case") - (word == "end")
        if (self.last, word) == ("from", "stdin") and not self.parens:
            self.copies = self.head[0] == "copy"
        self.last = word
