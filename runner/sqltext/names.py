"""Names in SQL as a person types them: quoted only where they need it."""

import re

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# Those of PostgreSQL's reserved words that tables and columns are called by.
_RESERVED = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else
    end except false fetch for foreign from grant group having in initially intersect into lateral leading limit
    localtime localtimestamp not null offset on only or order placing primary references returning select
    session_user some symmetric system_user table then to trailing true union unique user using variadic when where
    window with
"""


def quote(name: str) -> str:
    """Return a name as it is to be typed."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED.split():
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def quote_qualified(name: str) -> str:
    """Return a name with its schema, which is up to the first dot, as it is to be typed."""
    return ".".join(map(quote, name.split(".", 1)))
