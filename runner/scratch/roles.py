"""Roles that files rely on and none of them creates: created on a scratch server of our own, where nobody has any."""

import re

from psycopg import sql

from tenantry.scratch.places import Scratch

_NO_ROLE = "42704"
_MISSING = re.compile(r'role "(.*)" does not exist')


def find_missing_role(scratch: Scratch, sqlstate: str | None, message: str | None) -> str:
    """Return the role whose absence failed a statement, by the server's answer; empty if that was not the reason.

    Empty as well on any server but our own: there, a role would be left behind for somebody else to find.
    """
    found = _MISSING.fullmatch(message or "") if sqlstate == _NO_ROLE and scratch.own_server else None
    return found[1] if found else ""


def create_role(scratch: Scratch, name: str) -> None:
    """Create a role without any rights: it only has to be there to be named."""
    scratch.connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
