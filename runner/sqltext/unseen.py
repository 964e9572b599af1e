"""Statements whose effect no catalog comparison shows: on roles, on the database itself, on rows, on what is built in.

Recognised by their trees, also in a DO block; in a function they are part of a string, and are not recognised.
"""

import re
from collections.abc import Collection, Iterator

from tenantry.sqltext.bodies import CHANGES, DEFINES, read_block
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
    "AlterSubscriptionStmt": "ALTER SUBSCRIPTION",
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
# The words that begin such a statement in a block.
_FIRST = DEFINES | {"comment", "grant", "revoke", "security"}
_SYSTEM_COLUMNS = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})
_INFORMATION = "information_schema"
# In place of a tag: what the parser does not know, which may be newer than the parser, is not known to be visible.
_UNREAD = ""
_ABOUT = {"GrantStmt": "privileges on", "CommentStmt": "a comment on", "AlterOwnerStmt": "the owner of"}
# Most files end here: trees are slow to read.
_SUSPECT = re.compile(
    r"\b(?:role|user|group|database|system|extension|label|tablespace|large\s+object|parameter|grant|revoke|family"
    r"|subscription)\b",
    re.IGNORECASE,
)
_WRITES = re.compile(r"\b(?:insert|update|delete|merge|copy|truncate)\b", re.IGNORECASE)


def find_unseen(sql: str) -> tuple[str, ...]:
    """Return the words for the statements of a text that no catalog comparison shows, each once, in their order.

    Raises SqlError as `split` does.
    """
    if not _SUSPECT.search(sql):
        return ()
    return tuple(dict.fromkeys(word for tag, node in _read_all(sql, _FIRST) for word in _name(tag, node)))


def find_written(sql: str, *, own: bool = True) -> tuple[str, ...]:
    """Return the tables whose rows a text changes, as they are written; without `own` not those that it creates.

    Raises SqlError as `split` does.
    """
    if not _WRITES.search(sql):
        return ()
    found: dict[str, None] = {}
    created: set[str] = set()
    for tag, node in _read_all(sql, CHANGES | DEFINES):
        if tag in {"CreateStmt", "CreateTableAsStmt"}:
            created.add(_show(node.get("relation") or node["into"]["rel"]))
        found |= dict.fromkeys(map(_show, _list_written(tag, node)))
    return tuple(name for name in found if own or name not in created)


def _list_written(tag: str, node: Node) -> Iterator[Node]:
    if tag == "TruncateStmt":
        yield from (each["RangeVar"] for each in node["relations"])
    elif tag in {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"} or (tag == "CopyStmt" and node.get("is_from")):
        yield node["relation"]


def _show(relation: Node) -> str:
    return ".".join(filter(None, (relation.get("schemaname"), relation["relname"])))


def _read_all(sql: str, first: Collection[str]) -> Iterator[tuple[str, Node]]:
    """Yield the trees of the statements of a text, and of those in its DO blocks that begin with one of these words."""
    for statement in split(sql):
        try:
            tag, node = read_tree(statement.text)
        except RefusedError:
            tag, node = _UNREAD, {}
        yield tag, node
        if tag == "DoStmt":
            yield from ((inner.tag, inner.node) for inner in read_block(statement.text, node, first))


def _name(tag: str, node: Node) -> Iterator[str]:
    if tag == "AlterRoleSetStmt" and node.get("database"):
        return
    if tag == _UNREAD:
        yield "a statement that tenantry cannot read"
    elif tag in _STATEMENTS:
        yield _STATEMENTS[tag]
    elif tag in _ABOUT and (about := _OBJECTS.get(_read_kind(node))):
        yield f"{_ABOUT[tag]} {about}"
    elif tag == "GrantStmt":
        yield from _name_unread(node)
    elif tag == "AlterOpFamilyStmt" and _is_built_in([each["String"]["sval"] for each in node["opfamilyname"]]):
        yield "additions to a built-in operator family"


def _name_unread(grant: Node) -> Iterator[str]:
    """Yield the words for privileges on the few parts of tables that a comparison does not read."""
    objects = grant.get("objects", ())
    schemas = [each["RangeVar"].get("schemaname") for each in objects if "RangeVar" in each]
    every = grant.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA"
    schemas += [each["String"]["sval"] for each in objects if every and "String" in each]
    if _INFORMATION in schemas:
        yield f"privileges on {_INFORMATION}"
    columns = (column for each in grant.get("privileges", ()) for column in each["AccessPriv"].get("cols", ()))
    if any(column["String"]["sval"] in _SYSTEM_COLUMNS for column in columns):
        yield "privileges on a system column"


def _is_built_in(name: list[str]) -> bool:
    """Return whether a name seems to be that of a built-in operator family: these end in the same word."""
    return name[0] == "pg_catalog" or (len(name) == 1 and name[0].endswith("_ops"))


def _read_kind(node: Node) -> str:
    return str(node.get("objtype") or node.get("object_type") or node.get("objectType") or "")
