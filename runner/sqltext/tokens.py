"""Whether two texts are the same to PostgreSQL: token by token, as its own scanner separates them."""

from collections.abc import Iterator

from tenantry.sqltext.lexer import blank_comments
from tenantry.sqltext.library import RefusedError, scan

# Codes of the scanner, for comments of either kind.
_COMMENTS = frozenset({275, 276})
# Fields of the message ScanResult, and of the ScanTokens in it.
_TOKENS = 2
_START, _END, _CODE = 1, 2, 4
_VARINT, _LENGTH = 0, 2


def same_tokens(one: str, other: str) -> bool:
    """Return whether two texts differ only in comments, and in white space between tokens.

    Literals, quoted names and dollar bodies are tokens, and count to the character; so does the white space between
    the parts of one string. False if the scanner does not know a text: unreadable texts are never the same.
    """
    try:
        return _read(one) == _read(other)
    except RefusedError:
        return False


def _read(text: str) -> list[bytes]:
    """Return the tokens except comments. Raises RefusedError."""
    data = blank_comments(text).encode()
    return [data[start:end] for start, end, code in _decode(scan(data)) if code not in _COMMENTS]


def _decode(message: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and code of each token, from protobuf, which omits fields that are 0."""
    for field, value in _read_fields(message):
        if field == _TOKENS and isinstance(value, bytes):
            token = {key: number for key, number in _read_fields(value) if isinstance(number, int)}
            yield token.get(_START, 0), token[_END], token[_CODE]


def _read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field: the library's messages hold only integers and messages."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if key & 7 == _LENGTH:
            yield key >> 3, message[at : at + value]
            at += value
        elif key & 7 == _VARINT:
            yield key >> 3, value
        else:
            raise AssertionError(f"pg_query_scan: wire type {key & 7}, expected {_VARINT} or {_LENGTH}")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return an integer of seven bits a byte, the lowest first, and its end."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
