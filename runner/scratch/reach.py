"""Files that would touch more of a server than their own database: not replayed where tenants are."""

import re
from collections.abc import Sequence

from tenantry import sqltext
from tenantry.model import Migration
from tenantry.model.errors import Refused

# Statements that change the whole cluster; GRANT and REVOKE without ON are about roles.
_WIDE = re.compile(
    r"(CREATE|ALTER|DROP)\s+(ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION|SYSTEM)\b"
    r"|(GRANT|REVOKE)\b(?!.*\bON\b)|(GRANT|REVOKE)\b.*?\bON\s+(DATABASE|TABLESPACE|PARAMETER)\b"
    r"|(COMMENT|SECURITY\s+LABEL\b.*?)\s+ON\s+(ROLE|DATABASE|TABLESPACE|SUBSCRIPTION)\b"
    r"|(REASSIGN|DROP)\s+OWNED",
    re.IGNORECASE | re.DOTALL,
)
# In a DO block, creating a role is harmless, since such a block looks first whether there is one.
_WIDE_IN_BLOCK = re.compile(
    r"\b(ALTER|DROP)\s+(ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION|SYSTEM)\b|\b(REASSIGN|DROP)\s+OWNED",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"DO\b", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


def check_reach(migrations: Sequence[Migration]) -> None:
    """Raise Refused if a file would touch more of the tenants' server than the scratch database on it."""
    for migration in migrations:
        for statement in sqltext.split(migration.sql):
            # A comment may stand between any two words.
            plain = _COMMENT.sub(" ", statement.text)
            if found := _WIDE_IN_BLOCK.search(plain) if _BLOCK.match(plain) else _WIDE.match(plain):
                place = sqltext.position(migration.sql, statement.start)
                words = " ".join(found[0].split()).upper()
                raise Refused(
                    f"{migration.path}:{place.line}:{place.column}: {words} is not replayed on the tenants' own"
                    " server, which is the only one available for a scratch database",
                    hint="set TENANTRY_SCRATCH to the connection string of another server, or TENANTRY_PG_BIN to the "
                    "programs of a PostgreSQL of the same major version",
                )
