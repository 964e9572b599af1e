"""The subject of a statement that must stand alone, outside any transaction: it leads to the statement's traces."""

from collections.abc import Callable
from dataclasses import dataclass

from tenantry.sqltext.lexer import read_tokens
from tenantry.sqltext.library import Node, read_tree
from tenantry.sqltext.trees import name_barred, read_suspect

# The parts of a name that may be qualified.
Name = tuple[str, ...]

# Running them again leaves the server in the same state.
_REPEATABLE = frozenset(
    {
        "AlterDatabaseStmt",
        "AlterSubscriptionStmt",
        "AlterSystemStmt",
        "ClusterStmt",
        "DiscardStmt",
        "VacuumStmt",
        "VariableSetStmt",
        "VariableShowStmt",
    }
)
_SHARED = {
    "CreatedbStmt": ("database", "dbname", True),
    "DropdbStmt": ("database", "dbname", False),
    "CreateTableSpaceStmt": ("tablespace", "tablespacename", True),
    "DropTableSpaceStmt": ("tablespace", "tablespacename", False),
}


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """CREATE INDEX CONCURRENTLY; `index` is empty if the server chooses the name."""

    table: Name
    index: str
    skips: bool


@dataclass(frozen=True, slots=True)
class IndexDrop:
    """DROP INDEX CONCURRENTLY."""

    index: Name


@dataclass(frozen=True, slots=True)
class Reindex:
    """REINDEX; `scope` is index, table, schema, database or system, `name` empty for the current database."""

    scope: str
    name: Name


@dataclass(frozen=True, slots=True)
class Detach:
    """ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY."""

    parent: Name
    partition: Name


@dataclass(frozen=True, slots=True)
class SharedObject:
    """A database or tablespace that is created or dropped."""

    kind: str
    name: str
    made: bool


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A statement that may run twice, and leaves no traces if it fails."""


Act = IndexBuild | IndexDrop | Reindex | Detach | SharedObject | Repeatable


def must_stand_alone(text: str) -> bool:
    """Return whether the server bars a statement from a transaction, as far as its text tells."""
    return bool(name_barred(*read_suspect(text)))


def read_act(text: str) -> Act | None:
    """Return the subject of a statement that stood alone; None if its traces are not known."""
    tag, node = read_tree(text)
    if tag in _REPEATABLE:
        return Repeatable()
    if tag in _SHARED:
        kind, key, made = _SHARED[tag]
        return SharedObject(kind, node[key], made)
    return _ACTS[tag](node) if tag in _ACTS else None


def changes_session(text: str) -> bool:
    """Return whether a statement only changes settings for the rest of its session: SET and RESET."""
    tag, node = read_tree(text)
    return tag == "VariableSetStmt" and not node.get("is_local") and node.get("kind") != "VAR_SET_MULTI"


def _build(node: Node) -> IndexBuild | None:
    if not node.get("concurrent"):
        return None
    return IndexBuild(_name(node["relation"]), node.get("idxname", ""), bool(node.get("if_not_exists")))


def _drop(node: Node) -> IndexDrop | None:
    if not node.get("concurrent"):
        return None
    (named,) = node["objects"]  # the server accepts only one
    return IndexDrop(tuple(part["String"]["sval"] for part in named["List"]["items"]))


def _reindex(node: Node) -> Reindex:
    name = _name(node["relation"]) if "relation" in node else (node["name"],) if node.get("name") else ()
    return Reindex(node["kind"].removeprefix("REINDEX_OBJECT_").lower(), name)


def _detach(node: Node) -> Detach | None:
    for command in node["cmds"]:
        partition = command["AlterTableCmd"].get("def", {}).get("PartitionCmd", {})
        if partition.get("concurrent"):
            return Detach(_name(node["relation"]), _name(partition["name"]))
    return None


def _name(relation: Node) -> Name:
    schema = relation.get("schemaname")
    return (schema, relation["relname"]) if schema else (relation["relname"],)


_ACTS: dict[str, Callable[[Node], Act | None]] = {
    "IndexStmt": _build,
    "DropStmt": _drop,
    "ReindexStmt": _reindex,
    "AlterTableStmt": _detach,
}


def move_build(text: str, table: str) -> str:
    """Return a CREATE INDEX CONCURRENTLY as a plain one for another table, with a name that the server chooses.

    `table` is inserted as it is. Raises ValueError for any other statement.
    """
    # By tokens: nothing here can turn a tree back into SQL, and the text after the table is to stay as it is.
    tokens = list(read_tokens(text))
    words = [text[token.start : token.end].lower() for token in tokens]
    on = words.index("on")
    first = on + (2 if words[on + 1] == "only" else 1)
    last = first
    while words[last + 1 : last + 2] == ["."]:
        last += 2
    unique = "UNIQUE " if "unique" in words[:on] else ""
    return f"CREATE {unique}INDEX ON {table}{text[tokens[last].end :]}"
