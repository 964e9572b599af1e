"""The faults of the ledger's tables, in words: how each differs from the one that tenantry creates.

They are looked for only after a guard has refused a table, and by `verify`: all of it costs more than a guard.
"""

import re
from collections.abc import Iterator

from psycopg import sql

from tenantry.ledger.definitions import DEFINITIONS, PLAIN
from tenantry.ledger.guard import Guard, compose_of, compose_owned
from tenantry.postgres.sessions import Connection

# Kinds of relations, and the ways in which they are kept, as pg_class has them.
_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "p": "a partitioned table",
    "S": "a sequence",
    "i": "an index",
    "c": "a composite type",
}
_KEPT = {"u": "an unlogged table", "t": "a temporary table"}
_STRICTLY_OWNED = "its owner is neither the connected role nor the owner that tenants.yaml names"


def find_faults(connection: Connection, guard: Guard, schema: str, table: str) -> Iterator[str]:
    """Yield how a table of the ledger differs from the one that tenantry creates; nothing if there is none.

    Reads catalogs alone: nothing of the table runs.
    """
    relation = sql.Identifier(schema, table).as_string()
    exists = sql.SQL("SELECT pg_catalog.to_regclass({}) IS NOT NULL").format(sql.Literal(relation))
    if connection.execute(exists).fetchone() != (True,):
        return
    longer = Guard(guard.owner, by_grant=not guard.strict)
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        owned = connection.execute(compose_owned(longer, schema, (table,))).fetchone()
        found = connection.execute(compose_of("definition", schema, (table,))).fetchone()
    lines = frozenset(line.removeprefix("1 ") for line in str(found[0]).splitlines()) if found else frozenset()
    kinds = [line for line in lines if line.startswith("table ")]
    if kinds != [PLAIN]:
        # Its columns would only hide this.
        yield f"not a plain table, but {' and '.join(filter(None, map(_describe_kind, kinds))) or 'something else'}"
        return
    for line in sorted(lines ^ DEFINITIONS[table].lines):
        yield f"{'unexpected' if line in lines else 'missing'}: {' '.join(line.split())}"
    if owned != (None,):
        yield _STRICTLY_OWNED if guard.strict else "its owner is a role that the connected role is not a member of"
    for grantee, privileges in connection.execute(list_grants(schema, table)).fetchall():
        yield f"{grantee} may {privileges} it"


def list_grants(schema: str, table: str) -> sql.Composed:
    """Return the query for the roles that may write to a table besides its owner, each with what it may do."""
    return compose_of("granted", schema, (table,))


def _describe_kind(line: str) -> str:
    """Return in words how a table differs from a plain one, by the first line of its definition."""
    shape = re.fullmatch(r"table (.)(.) row security (.)(.) partition (.)", line)
    if shape is None:
        return line
    kind, kept, secured, forced, part = shape.groups()
    words = (_KINDS.get(kind), _KEPT.get(kept), "one with row security" if "t" in secured + forced else None)
    return " and ".join(filter(None, (*words, "a partition" if part == "t" else None)))
