"""Queries that only read: SELECT, VALUES, TABLE and WITH whose own words change and lock nothing.

The text does not tell the effects of the functions they call: the server must refuse those.
"""

from collections.abc import Iterator
from typing import Any

from tenantry.sqltext.checks import check
from tenantry.sqltext.findings import Finding, no_query
from tenantry.sqltext.library import read_tree
from tenantry.sqltext.statements import split

# Keys in the tree of a query that does more than read, at any depth.
_WRITES = {
    "intoClause": "SELECT ... INTO creates a table",
    "lockingClause": "SELECT ... FOR UPDATE or SHARE locks rows",
    "InsertStmt": "INSERT in a query",
    "UpdateStmt": "UPDATE in a query",
    "DeleteStmt": "DELETE in a query",
    "MergeStmt": "MERGE in a query",
}


def check_queries(sql: str) -> tuple[Finding, ...]:
    """Return every reason why a text is not one or more queries that only read, in order of position.

    A query that the parser does not know does not count as one. Raises ValueError for NUL.
    """
    if wrong := check(sql, transactional=True):
        return wrong
    statements = split(sql)
    if not statements:
        return (no_query(sql, 0, "nothing but comments"),)
    judged = ((statement, _judge(*read_tree(statement.text))) for statement in statements)
    return tuple(no_query(sql, statement.start, said) for statement, said in judged if said)


def _judge(tag: str, node: dict[str, Any]) -> str:
    """Return the effect of a statement beyond reading, in words; empty if it only reads."""
    if not tag:
        return "a statement that is too long to judge"
    if tag != "SelectStmt":
        return "not a query"
    return next((_WRITES[key] for key in _walk(node) if key in _WRITES), "")


def _walk(node: Any) -> Iterator[str]:
    """Yield every key in a tree."""
    # Without recursion: a tree may be deeper than Python's stack.
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield from part
            left += part.values()
        elif isinstance(part, list):
            left += part
