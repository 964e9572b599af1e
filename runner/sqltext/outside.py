"""Statements with effects outside their database: files and programs of the server, other servers, other sessions.

Recognised by their trees. In a function or a DO block, such a call is part of a string, and is not recognised.
"""

import re
from collections.abc import Iterator

from tenantry.sqltext.library import Node, read_tree
from tenantry.sqltext.statements import Statement, split

# Functions by the beginnings of their names.
_FUNCTIONS = (
    "dblink",
    "lo_export",
    "lo_import",
    "pg_cancel_backend",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_create_restore_point",
    "pg_drop_replication_slot",
    "pg_file_",
    "pg_logical_emit_message",
    "pg_ls_",
    "pg_promote",
    "pg_read_",
    "pg_reload_conf",
    "pg_replication_",
    "pg_rotate_logfile",
    "pg_stat_file",
    "pg_switch_wal",
    "pg_terminate_backend",
)
# A statement that only defines something calls nothing, and later statements rely on it.
_CALLING = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CallStmt"})
# Most files end here: trees are slow to read.
_SUSPECT = re.compile(rf"\b(?:copy|load|{'|'.join(_FUNCTIONS)})", re.IGNORECASE)


def name_outside(text: str) -> str:
    """Return the words for the effect of a statement outside its database; empty if none is recognised."""
    if not _SUSPECT.search(text):
        return ""
    tag, node = read_tree(text)
    if tag == "LoadStmt":
        return "LOAD"
    if tag == "CopyStmt" and "filename" in node:
        return f"COPY {'from' if node.get('is_from') else 'to'} a {'program' if node.get('is_program') else 'file'}"
    # SELECT INTO creates a table, which later statements rely on.
    if tag not in _CALLING or "intoClause" in node:
        return ""
    return next((name for name in _list_calls(node) if name.startswith(_FUNCTIONS)), "")


def find_outside(sql: str) -> list[Statement]:
    """Return the statements of a text that have effects outside their database. Raises SqlError as `split` does."""
    return [statement for statement in split(sql) if name_outside(statement.text)] if _SUSPECT.search(sql) else []


def blank_outside(sql: str) -> str:
    """Return a text with these statements as spaces, so that all others stay where they are."""
    for statement in find_outside(sql):
        blank = re.sub(r"[^\n]", " ", statement.text)
        sql = f"{sql[: statement.start]}{blank}{sql[statement.end :]}"
    return sql


def _list_calls(tree: Node) -> Iterator[str]:
    """Yield the name of each function that is called in a tree, without its schema."""
    left: list[object] = [tree]
    while left:
        found = left.pop()
        if isinstance(found, list):
            left += found
        elif isinstance(found, dict):
            if "funcname" in found:
                yield found["funcname"][-1]["String"]["sval"]
            left += found.values()
