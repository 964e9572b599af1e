"""Statements whose effect no catalog comparison shows: on roles, on the database itself, on what all databases share.

Recognised by their trees; in a function or a DO block they are part of a string, and are not recognised.
"""

import re
from collections.abc import Iterator

from tenantry.sqltext.library import Node, RefusedError, read_tree
from tenantry.sqltext.statements import split

_STATEMENTS = {
    "CreateRoleStmt": "CREATE ROLE",
    "AlterRoleStmt": "ALTER ROLE",
    "AlterRoleSetStmt": "ALTER ROLE",
    "DropRoleStmt": "DROP ROLE",
    "GrantRoleStmt": "a grant of a role",
    "AlterDatabaseStmt": "ALTER DATABASE",
    "AlterDatabaseRefreshCollStmt": "ALTER DATABASE",
    "AlterSystemStmt": "ALTER SYSTEM",
    "AlterExtensionContentsStmt": "ALTER EXTENSION ADD or DROP",
    "SecLabelStmt": "SECURITY LABEL",
    "CreateTableSpaceStmt": "CREATE TABLESPACE",
    "DropTableSpaceStmt": "DROP TABLESPACE",
}
_OBJECTS = {
    "OBJECT_DATABASE": "a database",
    "OBJECT_ROLE": "a role",
    "OBJECT_TABLESPACE": "a tablespace",
    "OBJECT_LARGEOBJECT": "a large object",
    "OBJECT_PARAMETER_ACL": "a parameter",
}
_ABOUT = {"GrantStmt": "privileges on", "CommentStmt": "a comment on", "AlterOwnerStmt": "the owner of"}
# Most files end here: trees are slow to read.
_SUSPECT = re.compile(
    r"\b(?:role|user|group|database|system|extension|label|tablespace|large\s+object|parameter|grant|revoke)\b",
    re.IGNORECASE,
)


def find_unseen(sql: str) -> tuple[str, ...]:
    """Return the words for the statements of a text that no catalog comparison shows, each once, in their order.

    Raises SqlError as `split` does.
    """
    if not _SUSPECT.search(sql):
        return ()
    return tuple(dict.fromkeys(word for statement in split(sql) for word in _name(statement.text)))


def _name(text: str) -> Iterator[str]:
    try:
        tag, node = read_tree(text)
    # What the parser does not know fails on the server too, or is newer than the parser.
    except RefusedError:
        return
    if tag == "AlterRoleSetStmt" and node.get("database"):
        return
    if tag in _STATEMENTS:
        yield _STATEMENTS[tag]
    elif tag in _ABOUT and (about := _OBJECTS.get(_read_kind(node))):
        yield f"{_ABOUT[tag]} {about}"


def _read_kind(node: Node) -> str:
    return str(node.get("objtype") or node.get("object_type") or node.get("objectType") or "")
