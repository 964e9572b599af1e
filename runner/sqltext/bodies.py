"""Statements in the body of a DO or of a function, found by its tokens, as they stand there. Pure."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from tenantry.sqltext.lexer import Token, read_tokens
from tenantry.sqltext.library import Node, read_tree

# Words and signs after which a statement begins in PL/pgSQL.
_BEFORE = frozenset({";", "begin", "else", "loop", "then", ">>"})
# The first words of changes of rows, and of changes of what a database consists of.
CHANGES = frozenset({"delete", "insert", "merge", "update", "with"})
DEFINES = frozenset({"alter", "create", "drop"})
# With these, a statement of the block may use what the block computed: it does not stand by itself.
_COMPUTES = frozenset({"declare", "for", "foreach", "into"})
# The text of an EXECUTE that nothing is put into: as it stands in quotes.
_PLAIN = re.compile(r"'(?:[^']|'')*'|(\$\w*\$).*?\1", re.DOTALL)


@dataclass(frozen=True, slots=True)
class InnerStatement:
    """One statement in a block; `start` is its offset in the text of the DO. `whole`: it would run by itself, too."""

    start: int
    text: str
    tag: str
    node: Node
    whole: bool


def read_block(text: str, node: Node, first: Container[str] = CHANGES) -> Iterator[InnerStatement]:
    """Yield the changes of rows in a DO, or its statements with other first words, also in an EXECUTE.

    Text that is put together at run time is not read.
    """
    body = next((each["DefElem"]["arg"]["String"]["sval"] for each in node["args"] if _is_body(each)), "")
    # A body in plain quotes with a quote in it has no place in the text as it stands.
    yield from _read_body(body, max(text.find(body), 0), first)


def read_function(node: Node) -> Iterator[InnerStatement]:
    """Yield the changes of rows in a function or procedure whose body is a string, by the tree of its CREATE."""
    for option in node.get("options", ()):
        if _is_body(option):
            # Of two strings, the first one names a file.
            *_, body = option["DefElem"]["arg"]["List"]["items"]
            yield from _read_body(body["String"]["sval"], 0, CHANGES)


def _read_body(body: str, offset: int, first: Container[str]) -> Iterator[InnerStatement]:
    tokens = list(read_tokens(body))
    words = [body[token.start : token.end].lower() for token in tokens]
    # The INTO of an INSERT names a table, any other a variable.
    targets = {index + 1 for index, word in enumerate(words) if word in ("insert", "merge")}
    whole = _COMPUTES.isdisjoint(word for index, word in enumerate(words) if index not in targets)
    for index, word in enumerate(words):
        if word in first and (index == 0 or words[index - 1] in _BEFORE):
            statement = _cut(body, tokens, words, index)
            tag, tree = read_tree(statement)
            if tree:
                yield InnerStatement(offset + tokens[index].start, statement, tag, tree, whole)
        if word == "execute":
            yield from _read_executed(body, offset, tokens, index, first)


def _read_executed(
    body: str, offset: int, tokens: list[Token], index: int, first: Container[str]
) -> Iterator[InnerStatement]:
    """Yield the statement that the EXECUTE at a token runs, unless its text is put together."""
    following = tokens[index + 1 : index + 3]
    found = [body[token.start : token.end] for token in following]
    if len(found) == 2 and _PLAIN.fullmatch(found[0]) and found[1] == ";":
        text = _unquote(found[0])
        tag, tree = read_tree(text)
        if tree and text.split(maxsplit=1)[0].lower() in first:
            yield InnerStatement(offset + tokens[index].start, text, tag, tree, whole=True)


def _unquote(text: str) -> str:
    """Return the text of a literal, in quotes or between dollars."""
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    tag = text[: text.index("$", 1) + 1]
    return text.removeprefix(tag).removesuffix(tag)


def _is_body(option: Node) -> bool:
    return bool(option["DefElem"]["defname"] == "as")


def _cut(body: str, tokens: list[Token], words: list[str], index: int) -> str:
    """Return the statement that begins with a token, up to its semicolon."""
    end = next((other for other in range(index, len(words)) if words[other] == ";"), None)
    return body[tokens[index].start : len(body) if end is None else tokens[end].start].rstrip()
