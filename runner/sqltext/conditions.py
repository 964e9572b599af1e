"""A statement's text with another condition: its place, and the proof that nothing else changes.

The tree decides: a place for the condition is right if the tree of the new text is the old one plus the condition.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tenantry.sqltext.lexer import Token, read_tokens
from tenantry.sqltext.library import Node, read_tree

# Tokens that can follow a WHERE clause, or FROM without one, in a statement that may be split.
_FOLLOWERS = frozenset({"", ")", "on", "for"})
# The fields of a tree that hold a position but are not named after it.
_PLACES = frozenset({"rexpr_list_start", "rexpr_list_end", "list_start", "list_end"})
_PROBE = "TRUE"


class Place(NamedTuple):
    """The place of a condition: after the WHERE from `opening` to `closing`; `opening` is None without a WHERE.

    Both count characters from 0.
    """

    opening: int | None
    closing: int

    def join(self, condition: str) -> str:
        """Return the text to insert at `closing`."""
        return f" WHERE ({condition})" if self.opening is None else f") AND ({condition})"

    def find_origin(self, condition: str, offset: int) -> int:
        """Return the old offset of a character of the new text; those of the condition were at `closing`."""
        inserted = [] if self.opening is None else [(self.opening, 1)]
        for at, length in (*inserted, (self.closing, len(self.join(condition)))):
            if offset >= at:
                offset = max(at, offset - length)
        return offset


def find_place(text: str, node: Node) -> Place | None:
    """Return the place for another condition in a statement with this tree, or None."""
    tokens = tuple(read_tokens(text))
    select = node.get("selectStmt", {}).get("SelectStmt", node)
    # The tree of this grammar gives no end of a clause, so that places are tried: the first right one is taken.
    places = _opened_places(text, tokens) if "whereClause" in select else _bare_places(text, tokens)
    for place in places:
        if is_restricted(insert(text, place, _PROBE), node, _PROBE):
            return place
    return None


def _bare_places(text: str, tokens: tuple[Token, ...]) -> Iterator[Place]:
    """Yield the places where a WHERE could begin, the last one first, which most often is right."""
    for index in reversed(range(len(tokens))):
        if _word(text, tokens, index + 1) in _FOLLOWERS:
            yield Place(None, tokens[index].end)


def _opened_places(text: str, tokens: tuple[Token, ...]) -> Iterator[Place]:
    """Yield the places after each WHERE, the outermost first, where its condition could end."""
    depth, found = 0, list[tuple[int, int]]()
    for index in range(len(tokens)):
        word = _word(text, tokens, index)
        depth += (word == "(") - (word == ")")
        if word == "where":
            found.append((depth, index))
    for _, index in sorted(found):
        for last in _find_ends(text, tokens, index + 1):
            yield Place(tokens[index + 1].start, tokens[last].end)


def _find_ends(text: str, tokens: tuple[Token, ...], first: int) -> Iterator[int]:
    """Yield the tokens that could end the expression that begins at `first`, with its parentheses closed."""
    depth = 0
    for index in range(first, len(tokens)):
        word = _word(text, tokens, index)
        depth += (word == "(") - (word == ")")
        if depth < 0:
            return
        if depth == 0 and _word(text, tokens, index + 1) in _FOLLOWERS:
            yield index


def _word(text: str, tokens: tuple[Token, ...], index: int) -> str:
    """Return a token in lower case; empty after the last one."""
    return text[tokens[index].start : tokens[index].end].lower() if index < len(tokens) else ""


def insert(text: str, place: Place, condition: str) -> str:
    """Return a text with the condition at its place; the rest stays as it is, byte for byte."""
    head, rest = text[: place.closing] + place.join(condition), text[place.closing :]
    return head + rest if place.opening is None else f"{head[: place.opening]}({head[place.opening :]}{rest}"


def is_restricted(text: str, node: Node, condition: str) -> bool:
    """Return whether the tree of a text is the given one plus the condition, and nothing else.

    A condition with a surplus parenthesis, which could end the statement and begin another, does not parse by itself.
    """
    _, found = read_tree(text)
    _, probe = read_tree(f"SELECT WHERE {condition}")
    return "whereClause" in probe and bool(found) and _bare(found) == _add_condition(node, probe["whereClause"])


def _add_condition(node: Node, condition: Node) -> Any:
    """Return a tree without its positions, plus the condition, joined as PostgreSQL's grammar joins them."""
    if "selectStmt" in node:
        select = _add_condition(node["selectStmt"]["SelectStmt"], condition)
        return {**_bare(node), "selectStmt": {"SelectStmt": select}}
    old = _bare(node.get("whereClause"))
    if old is None:
        return {**_bare(node), "whereClause": _bare(condition)}
    ands = old.get("BoolExpr", {})
    args = ands["args"] if ands.get("boolop") == "AND_EXPR" else [old]
    joined = {"BoolExpr": {"boolop": "AND_EXPR", "args": [*args, _bare(condition)]}}
    return {**_bare(node), "whereClause": joined}


def _bare(node: Any) -> Any:
    """Return a part of a tree without its positions in the text."""
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if not (key.endswith("location") or key in _PLACES)}
    return [_bare(one) for one in node] if isinstance(node, list) else node
