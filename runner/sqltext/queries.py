"""Queries that only read: SELECT, VALUES, TABLE and WITH that change and lock nothing by their own words.

What a function does that they call, no text says: that is for the server to refuse.
"""

from collections.abc import Iterator
from typing import Any

from tenantry.sqltext.checks import check
from tenantry.sqltext.findings import Finding, no_query
from tenantry.sqltext.library import read_tree
from tenantry.sqltext.statements import split

# What stands in the tree of a query that does more than read, wherever in it.
_WRITES = {
    "intoClause": "SELECT ... INTO makes a table",
    "lockingClause": "SELECT ... FOR UPDATE or SHARE locks rows",
    "InsertStmt": "INSERT in a query",
    "UpdateStmt": "UPDATE in a query",
    "DeleteStmt": "DELETE in a query",
    "MergeStmt": "MERGE in a query",
}


def check_queries(sql: str) -> tuple[Finding, ...]:
    """Return everything because of which a text is not one query that only reads, or several, in order of position.

    A query that the parser does not know is none. Raises ValueError for NUL.
    """
    if wrong := check(sql, transactional=True):
        return wrong
    statements = split(sql)
    if not statements:
        return (no_query(sql, 0, "nothing but comments"),)
    judged = ((statement, _judge(*read_tree(statement.text))) for statement in statements)
    return tuple(no_query(sql, statement.start, said) for statement, said in judged if said)


def _judge(tag: str, node: dict[str, Any]) -> str:
    """Return in words what a statement does beyond reading; empty where it only reads."""
    if not tag:
        return "a statement that is too long to be judged"
    if tag != "SelectStmt":
        return "not a query"
    return next((_WRITES[key] for key in _walk(node) if key in _WRITES), "")


def _walk(node: Any) -> Iterator[str]:
    """Yield every key in a tree."""
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield from part
            left += part.values()
        elif isinstance(part, list):
            left += part
