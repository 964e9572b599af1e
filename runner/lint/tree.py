"""Trees and texts of statements: the names in them, and the parts of an ALTER TABLE as they were written."""

from collections.abc import Iterator
from dataclasses import dataclass

from tenantry.sqltext.lexer import read_tokens
from tenantry.sqltext.library import Node
from tenantry.sqltext.names import quote


@dataclass(frozen=True, slots=True)
class Command:
    """One command of an ALTER TABLE: `text` as written, from `start` in the statement's, and its `def` as `node`.

    `name` is that of a column or a constraint. `cascades` tells of CASCADE, `missing_ok` of IF EXISTS.
    """

    start: int
    kind: str
    name: str
    node: Node
    text: str
    cascades: bool = False
    missing_ok: bool = False


def typed(relation: Node) -> str:
    """Return the name of a RangeVar as it is to be typed."""
    parts = (relation.get("schemaname"), relation["relname"])
    return ".".join(quote(part) for part in parts if part)


def find_view(tag: str, node: Node) -> Node:
    """Return the RangeVar of the view that a statement creates; empty if it creates none."""
    if tag == "ViewStmt":
        view: Node = node["view"]
        return view
    made: Node = node["into"]["rel"] if tag == "CreateTableAsStmt" and node["objtype"] == "OBJECT_MATVIEW" else {}
    return made


def strings(nodes: list[Node]) -> list[str]:
    """Return the texts of a list of String nodes."""
    return [node["String"]["sval"] for node in nodes]


def to_relation(names: list[str]) -> Node:
    """Return the RangeVar of a name in parts."""
    return dict(zip(("relname", "schemaname"), reversed(names), strict=False))


def walk(node: object) -> Iterator[tuple[str, Node]]:
    """Yield every tagged node below a node, with its tag."""
    if isinstance(node, list):
        for part in node:
            yield from walk(part)
    elif isinstance(node, dict):
        for tag, part in node.items():
            if isinstance(part, dict):
                yield tag, part
            yield from walk(part)


def read_commands(text: str, node: Node) -> Iterator[Command]:
    """Yield the commands of an ALTER TABLE in order."""
    commands = [command["AlterTableCmd"] for command in node["cmds"]]
    for command, (start, end) in zip(commands, _spans(text), strict=False):
        definition: Node = next(iter(command.get("def", {}).values()), {})
        first = next(read_tokens(text, start)).start
        own = command.get("name") or definition.get("colname") or definition.get("conname") or ""
        kind, cascades = command["subtype"].removeprefix("AT_"), command.get("behavior") == "DROP_CASCADE"
        missing_ok = bool(command.get("missing_ok"))
        yield Command(first, kind, own, definition, text[first:end].rstrip(), cascades, missing_ok)


def cut(text: str, command: str, start: int, end: int | None) -> str:
    """Return a part of a command, by the offsets that the tree of the whole text has: they count bytes.

    Without an end, it goes on to that of the command.
    """
    data = text.encode()
    last = data.index(command.encode()) + len(command.encode()) if end is None else end
    return data[start:last].decode().strip()


def squeeze(text: str) -> str:
    """Return a text in one line, unless that might change what it means."""
    return text if "'" in text or "--" in text or '"' in text else " ".join(text.split())


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each command of an ALTER TABLE starts and ends: between commas that no parenthesis is around."""
    start, depth = _end_of_name(text), 0
    for token in read_tokens(text, start):
        char = text[token.start]
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            yield start, token.start
            start = token.end
    yield start, len(text)


def _end_of_name(text: str) -> int:
    """Return where the name of the table in an ALTER TABLE ends."""
    words = iter(read_tokens(text))
    token = next(word for word in words if text[word.start : word.end].lower() in ("table", "view", "index"))
    skipped = ("if", "exists", "only")
    token = next(word for word in words if text[word.start : word.end].lower() not in skipped)
    end = token.end
    for word in words:
        follows = text[word.start] in ".*" or text[end - 1] == "."
        if not follows:
            return end
        end = word.end
    return end
