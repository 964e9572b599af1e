"""Facts that only the tree of a statement tells: that the server bars it from a transaction, and a COPY's ends."""

import re
from collections.abc import Callable

from tenantry.sqltext.library import Node, read_tree

# The statements whose tree is needed: reading trees is by far the slowest part.
_SUSPECT = re.compile(
    r"(?:cluster|copy|discard|reindex|vacuum)\b"
    r"|(?:alter|create|drop)\b.*?\b(?:concurrently|database|subscription|system|tablespace)\b",
    re.IGNORECASE | re.DOTALL,
)


def read_suspect(text: str) -> tuple[str, Node]:
    """Return the tag and the node of a statement that might be barred, or is a COPY; ("", {}) for all others."""
    return read_tree(text) if _SUSPECT.match(text) else ("", {})


def name_barred(tag: str, node: Node) -> str:
    """Return the name of a form that the server bars from a transaction; empty for all others."""
    return _NOT_IN_TRANSACTION[tag](node) if tag in _NOT_IN_TRANSACTION else ""


def _option(node: Node, name: str, default: str) -> str:
    """Return the value of an option in lower case, "true" for one without a value, `default` if it is not given."""
    for element in (*node.get("params", ()), *node.get("options", ())):
        if element["DefElem"]["defname"] == name:
            return _value(element["DefElem"].get("arg"))
    return default


def _value(argument: Node | None) -> str:
    if argument is None:
        return "true"
    if "TypeName" in argument:  # The grammar takes an unquoted word for the name of a type, `off` among them.
        argument = argument["TypeName"]["names"][-1]
    ((tag, value),) = argument.items()
    return str(value.get("sval", value.get("ival", 0 if tag == "Integer" else ""))).lower()


def is_on(node: Node, name: str, default: str) -> bool:
    """Return the value of an option as PostgreSQL's defGetBoolean reads it."""
    return _option(node, name, default) not in ("false", "off", "0")


def _detaches_concurrently(node: Node) -> bool:
    commands = [command["AlterTableCmd"].get("def", {}) for command in node["cmds"]]
    return any(command.get("PartitionCmd", {}).get("concurrent") for command in commands)


def _reindex(node: Node) -> str:
    target = node["kind"].removeprefix("REINDEX_OBJECT_")
    if target in ("SCHEMA", "DATABASE", "SYSTEM"):
        return f"REINDEX {target}"
    return f"REINDEX {target} CONCURRENTLY" if is_on(node, "concurrently", "false") else ""


def _create_subscription(node: Node) -> str:
    connects = is_on(node, "connect", "true")
    return "CREATE SUBSCRIPTION with a slot" if connects and is_on(node, "create_slot", "true") else ""


def _alter_subscription(node: Node) -> str:
    kind = node["kind"].removeprefix("ALTER_SUBSCRIPTION_")
    if kind == "REFRESH" or (kind.endswith("_PUBLICATION") and is_on(node, "refresh", "true")):
        return "ALTER SUBSCRIPTION with a refresh"
    return ""


# The names of statements that call PreventInTransactionBlock in the server, by tag; empty for a form that may run.
# Without those that only the server can know: a partitioned table, a COMMIT in a procedure, a subscription's slot.
_NOT_IN_TRANSACTION: dict[str, Callable[[Node], str]] = {
    "AlterDatabaseStmt": lambda node: "ALTER DATABASE ... SET TABLESPACE" if _option(node, "tablespace", "") else "",
    "AlterSubscriptionStmt": _alter_subscription,
    "AlterSystemStmt": lambda _: "ALTER SYSTEM",
    "AlterTableStmt": lambda node: "DETACH PARTITION CONCURRENTLY" if _detaches_concurrently(node) else "",
    "ClusterStmt": lambda node: "" if "relation" in node else "CLUSTER of all tables",
    "CreateSubscriptionStmt": _create_subscription,
    "CreateTableSpaceStmt": lambda _: "CREATE TABLESPACE",
    "CreatedbStmt": lambda _: "CREATE DATABASE",
    "DiscardStmt": lambda node: "DISCARD ALL" if node["target"] == "DISCARD_ALL" else "",
    "DropStmt": lambda node: "DROP INDEX CONCURRENTLY" if node.get("concurrent") else "",
    "DropTableSpaceStmt": lambda _: "DROP TABLESPACE",
    "DropdbStmt": lambda _: "DROP DATABASE",
    "IndexStmt": lambda node: "CREATE INDEX CONCURRENTLY" if node.get("concurrent") else "",
    "ReindexStmt": _reindex,
    "VacuumStmt": lambda node: "VACUUM" if node.get("is_vacuumcmd") else "",
}
