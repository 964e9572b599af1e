"""The tokens of SQL, for a text that the parser refuses. They are the tokens of the server's scan.l."""

import re
from collections.abc import Iterator
from typing import NamedTuple

SPACE = " \t\n\r\f\v"


class Token(NamedTuple):
    """One token; `kind` is blank (a comment too), quoted, open (a quote or comment that never ends), word or other."""

    kind: str
    start: int
    end: int


# A letter, _ or a character beyond ASCII; the second one also a digit. As negations: wide ranges compile slowly.
_FIRST, _NEXT = r"[^\x00-@\[-^`{-\x7f]", r"[^\x00-/:-@\[-^`{-\x7f]"
# Possessive (*+, ++) here and below, so that a long text without its closing quote costs no backtracking.
_TAG = rf"\$(?:{_FIRST}{_NEXT}*+)?\$"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
_TOKEN = re.compile(
    rf"""
      (?P<blank> (?: [ \t\n\r\f\v] | --[^\n\r]* )++ )
    | (?P<comment> /\* )
    | (?P<quoted> [eE]{_ESCAPED} | '(?: [^'] | '' )*+' | "(?: [^"] | "" )*+" | (?P<tag> {_TAG} ) .*? (?P=tag) )
    | (?P<open> [eE]?' | " | {_TAG} )
    | (?P<word> {_FIRST}(?: {_NEXT} | \$ )*+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(_ESCAPED, re.DOTALL)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPERATOR = "~!@#^&|`?+\\-*/%<>="
# Arbitrary, and far beyond any text of a person. The server's scanner reads the rest of a row of such characters
# again for each of them: its time grows with the square of their number, as does that of the parser's library.
DEEPEST = 1_000
_LONG_ROW = re.compile(rf"(?<![{_OPERATOR}])[{_OPERATOR}]{{{DEEPEST + 1}}}")


def is_blank(text: str) -> bool:
    """Return whether a text is only white space. Comments are not blank: they are a deliberate no-op."""
    return not text.strip(SPACE)


def find_line_end(text: str, start: int) -> int:
    """Return the offset at which the line of a character ends, before its line end."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def read_tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the tokens from `start` on without white space and comments."""
    return (token for token in read_all(text, start) if token.kind != "blank")


def blank_comments(text: str) -> str:
    """Return the text with every comment that ends with its line as spaces.

    The server accepts them between the parts of one string, the library does not: it reads them as tokens.
    """
    parts = [(token, text[token.start : token.end]) for token in read_all(text)]
    return "".join(_blank_lines(part) if token.kind == "blank" and part[0] != "/" else part for token, part in parts)


def _blank_lines(blank: str) -> str:
    return re.sub(r"--[^\n\r]*", lambda match: " " * len(match[0]), blank)


def read_all(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the tokens of a text from `start` on, with nothing left between them."""
    escapes = False
    while match := _TOKEN.match(text, start):
        kind, end = match.lastgroup or "", match.end()
        if kind == "comment":
            kind, end = _end_comment(text, start)
        elif escapes and text[start] == "'":
            kind, end = _end_part(text, start)
        yield Token(kind, start, len(text) if kind == "open" else end)
        if kind == "open":
            return
        if kind != "blank" and text[start] != "'":
            escapes = kind == "quoted" and text[start] in "eE"
        start = end


def find_excess(text: str) -> tuple[str, int] | None:
    """Return the reason why a text would take the scanner too long, and the offset; None for any other.

    Comments may nest, and operator characters may follow one another, up to `DEEPEST` times.
    """
    # Nearly all texts end here: the tokens are only read where there may be too many.
    if text.count("/*") <= DEEPEST and not _LONG_ROW.search(text):
        return None
    row = end = -1
    for token in read_all(text):
        if text.startswith("/*", token.start) and _measure_depth(text, token) > DEEPEST:
            return f"comments nested more than {DEEPEST:,} levels deep", token.start
        if token.kind == "other" and text[token.start] in _OPERATOR:
            row = row if token.start == end else token.start
            end = token.end
            if end - row > DEEPEST:
                return f"more than {DEEPEST:,} operator characters in a row", row
    return None


def _measure_depth(text: str, comment: Token) -> int:
    """Return how many comments of a comment are open at most."""
    depth = deepest = 0
    for edge in _COMMENT_EDGE.finditer(text, comment.start, comment.end):
        depth += 1 if edge[0] == "/*" else -1
        deepest = max(deepest, depth)
    return deepest


def _end_comment(text: str, start: int) -> tuple[str, int]:
    """Return the kind and the end of the comment that starts there: comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return "blank", edge.end()
    return "open", len(text)


def _end_part(text: str, start: int) -> tuple[str, int]:
    """Return the kind and the end of a further part of an escape string: a string continues across white space."""
    match = _PART.match(text, start)
    return ("quoted", match.end()) if match else ("open", len(text))
