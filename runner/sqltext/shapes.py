"""Changes of rows that differ in their constants alone: they take the same locks and find rows in the same way."""

import re
from collections.abc import Callable, Iterable, Iterator

from tenantry.sqltext.statements import Statement

_CHANGES = re.compile(r"(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
# Strings are read as with standard_conforming_strings, which every session of ours has.
_TOKENS = re.compile(
    r"(?P<constant>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\.?\d[\w.]*)"
    r"|(?P<word>(?i:null|true|false)(?![\w$]))"
    r'|(?P<kept>"(?:[^"]|"")*"|[^\W\d][\w$]*)'
    r"|(?P<space>\s+)"
    # The ends of comments and of dollar quotes are for a real scanner to find.
    r"|(?P<open>--|/\*|\$|'|\")",
    re.DOTALL,
)
# With such words, a constant may decide whether any row is looked for: it does if no column is compared with it.
_CONDITION = re.compile(r"\b(WHERE|ON|HAVING|WHEN|CASE|LIMIT)\b", re.IGNORECASE)
_DECIDING = re.compile(
    r"\b(WHERE|AND|OR|NOT|ON|HAVING|WHEN|LIMIT) ?\(* ?[-+]? ?\?|\? ?[-+*/%<>=!|]+ ?\?", re.IGNORECASE
)
_BETWEEN = re.compile(r"\bBETWEEN [-+]? ?\? AND [-+]? ?\?", re.IGNORECASE)
_SIGNED = re.compile(r"([(,=]) ?[-+] ?\?")
_LIST = re.compile(r"\( ?\?(?: ?, ?\?)* ?\)")
_ROWS = re.compile(r"\(\?\)(?: ?, ?\(\?\))+")
_CALLED = re.compile(r'("(?:[^"]|"")*"|[^\W\d][\w$]*) ?\(')


def read_shape(text: str) -> str | None:
    """Return a change of rows with `?` for its constants and for lists of these; None for any other statement.

    None too if its constants cannot be told for sure.
    """
    if not _CHANGES.match(text):
        return None
    conditional = _CONDITION.search(text)
    opened = False

    def replace(found: re.Match[str]) -> str:
        nonlocal opened
        match found.lastgroup:
            case "constant":
                return "?"
            case "word":
                return found[0] if conditional else "?"
            case "space":
                return " "
            case "open":
                opened = True
        return found[0]

    plain = _TOKENS.sub(replace, text)
    if opened or (conditional and _DECIDING.search(_BETWEEN.sub("BETWEEN ?", plain))):
        return None
    return _ROWS.sub("(?)", _LIST.sub("(?)", _SIGNED.sub(r"\1?", plain)))


def find_calls(shape: str) -> list[str]:
    """Return the names before a parenthesis in a shape as catalogs have them: those of functions are among them."""
    names = (found[1] for found in _CALLED.finditer(shape))
    return sorted({name[1:-1].replace('""', '"') if name.startswith('"') else name.lower() for name in names})


def group_alike(
    statements: Iterable[Statement], knows: Callable[[str], bool] = lambda shape: True
) -> Iterator[tuple[Statement, ...]]:
    """Yield the statements in order, in groups: all but the first of a group are like one before them.

    `knows` tells whether statements of a shape have the same effect; it is asked when all groups before were taken.
    """
    shapes, group = set[str](), list[Statement]()
    for statement in statements:
        shape = read_shape(statement.text)
        if shape in shapes:
            group.append(statement)
            continue
        if group:
            yield tuple(group)
        group = [statement]
        if shape is None:
            # A change of the schema may have another effect on a change of rows: an index is gone.
            shapes.clear()
        elif knows(shape):
            shapes.add(shape)
    if group:
        yield tuple(group)
