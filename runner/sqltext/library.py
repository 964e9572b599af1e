"""PostgreSQL's own parser: the statements of a text, and the tree of one. Offsets count characters, not bytes."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from tenantry.sqltext.lexer import find_excess

# The PostgreSQL major whose grammar the library holds: it changes only with the library.
GRAMMAR_MAJOR = 18

# Arbitrary, for the eye. The library quotes the whole token it stops at, and a token can be a string of many lines.
_LONGEST_MESSAGE = 100
# The library prints trees by recursion without a limit, and a sum of 60,000 terms overruns a stack of 8 MB. A level
# takes two characters at least, so this is safe by a factor of four.
_LONGEST_TREE = 30_000

# A node of a tree as the library prints it, in JSON.
Node = dict[str, Any]


class RefusedError(Exception):
    """The parser does not know the text; it stopped at `offset`, counted from the start of that text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class ExcessError(RefusedError):
    """The text would take any scanner of PostgreSQL too long, the server's too."""


def read_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of each statement of a text that the parser knows; raises RefusedError for any other.

    White space may lie before an end. Raises ValueError for NUL.
    """
    _check_excess(text)
    data = _encode(text)
    library = _library()
    # By the parser and not by its scanner, which also splits text that is not SQL: this is how a refusal is noticed.
    result = library.pg_query_split_with_parser(data)
    try:
        if result.error:
            raise _refuse(result.error.contents)
        spans = [result.spans[index].contents for index in range(result.count)]
        # Copied before the result is freed: the spans are the library's memory.
        marks = [mark for span in spans for mark in (span.start, span.start + span.length)]
    finally:
        library.pg_query_free_split_result(result)
    offsets = iter(marks if text.isascii() else _count_characters(data, marks))
    return list(zip(offsets, offsets, strict=True))


def read_tree(text: str) -> tuple[str, Node]:
    """Return the tag and the node of one statement; ("", {}) if it is unknown, too long or too deep.

    The server judges such a statement.
    """
    if len(text) > _LONGEST_TREE or find_excess(text):
        return "", {}
    import json  # Slow to import, and needed for few files only.

    library = _library()
    result = library.pg_query_parse(_encode(text))
    try:
        if result.error:
            return "", {}
        ((tag, node),) = json.loads(result.parse_tree)["stmts"][0]["stmt"].items()
    except RecursionError:
        return "", {}
    finally:
        library.pg_query_free_parse_result(result)
    return tag, node


def scan(data: bytes) -> bytes:
    """Return the tokens of a text in UTF-8 as the library encodes them, a ScanResult of its pg_query.proto.

    Raises RefusedError if the scanner does not know a token.
    """
    from tenantry.sqltext.binding import copy_bytes

    _check_excess(data.decode())
    library = _library()
    result = library.pg_query_scan(data)
    try:
        if result.error:
            raise _refuse(result.error.contents)
        return copy_bytes(result.tokens)
    finally:
        library.pg_query_free_scan_result(result)


@cache
def _library() -> Any:
    """Return libpg_query, loaded once."""
    from tenantry.sqltext.binding import load_library

    return load_library()


def _encode(text: str) -> bytes:
    # A C string ends at the first NUL: the rest of the text would pass unread.
    if "\0" in text:
        raise ValueError("SQL: a NUL character, expected text that PostgreSQL accepts")
    return text.encode()


def _check_excess(text: str) -> None:
    if found := find_excess(text):
        raise ExcessError(*found)


def _refuse(error: Any) -> RefusedError:
    message: str = error.message.decode()
    short = message.partition("\n")[0][:_LONGEST_MESSAGE]
    return RefusedError(message if short == message else f'{short}…"', max(error.cursorpos - 1, 0))


def _count_characters(data: bytes, marks: Iterable[int]) -> Iterator[int]:
    """Yield for each offset in bytes, in order, the offset in characters."""
    last = characters = 0
    for mark in marks:
        characters += len(data[last:mark].decode())
        last = mark
        yield characters
