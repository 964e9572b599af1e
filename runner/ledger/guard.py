"""The guard before the ledger's tables: nothing that a tenant put in their place runs when they are read or written.

The tables lie in a database whose owner may be hostile. A view, a trigger, a default or an index may call a function,
which would run with the rights of whoever migrates. So each query is sent after a guard, in the same message: it pins
the table with a lock, and raises an error before the query is even analysed, unless the whole definition is ours.

One read is made for every tenant of every run, and is not to cost what comparing a definition costs. It is a COPY,
which plans nothing and so runs nothing of a plain table's, whatever is on it; a glance at one row of pg_class comes
after it. What a glance does not see, an index or a default, is seen before anything is written, and by `verify`.

The lock is on a table, not on its schema, and an owner of the database could exchange schemas within the microseconds
between guard and query. A superuser, who has most to lose, locks the schema's row before a write. PostgreSQL has no
lock that a role without rights on its catalogs could take against that.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.definitions import DEFINITIONS, PLAIN
from tenantry.model.records import LEDGER_TABLES
from tenantry.postgres.copying import Fields
from tenantry.postgres.queries import read_sql
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
# Without the quotes around them, which differ with the language of the server's messages.
_REASON = re.compile("tenantry: (owner|not as tenantry created it)")
_CHANGED = "tenantry: changed"
_VERSIONS = "versions"
_STRICTLY_OWNED = "its owner is neither the connected role nor the owner that tenants.yaml names"
_NO_PATH = "SET LOCAL search_path = ''"


@dataclass(slots=True)
class Guard:
    """How the tables of one database are guarded.

    `owner` is a role that tenants.yaml names as the owner of the ledger, trusted like the connected one. `glances`: a
    whole table is read after no more than a glance, as long as the glance finds nothing. `by_grant`: also a table of a
    role that was granted to ours is trusted, which takes longer to ask; with `strict`, it never is. `pins`: the
    connected role is a superuser.
    `alone`: the last glance saw no relation in the database but the ledger's own; None before the first one.
    `seen`: the versions of the catalog's rows of both tables at which their whole definition was compared.
    """

    owner: str = ""
    glances: bool = False
    by_grant: bool = False
    strict: bool = False
    pins: bool = False
    alone: bool | None = None
    seen: str | None = None

    def results(self, *, writes: bool) -> int:
        """Return how many results come before the one of a guarded query: SET, the schema's lock, LOCK, SELECT."""
        return 4 if self.pins and writes else 3

    def remember(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        """Keep the versions if the result at which a cursor stands is that of a guard that gives them."""
        result = cursor.pgresult
        if result and result.nfields and result.fname(result.nfields - 1) == _VERSIONS.encode():
            self.seen = str((cursor.fetchone() or ("",))[-1])


def compose_guarded(
    guard: Guard, schema: str, tables: Sequence[str], query: sql.Composable, *, writes: bool
) -> sql.Composed:
    """Return a query with the guard of its tables before it, as one message; then the search path is restored.

    `writes`: no trigger can be added by another session before the transaction ends.
    """
    restore = sql.SQL("SET LOCAL search_path TO DEFAULT")
    return sql.SQL(";\n").join((compose_guard(guard, schema, tables, writes=writes), query, restore))


def compose_guard(
    guard: Guard, schema: str, tables: Sequence[str], *, writes: bool, remembers: bool = False
) -> sql.SQL:
    """Return the statements that raise an error unless the tables are plain ones of ours; see `Guard.results`.

    `remembers`: the answer has the versions of their catalog's rows too, of the same moment, for `remember`.
    """
    settled = (guard.owner, guard.by_grant, guard.pins and writes)
    return _compose_guard(settled, schema, tuple(tables), writes=writes, remembers=remembers)


# Composed once, and not again for each file of each tenant.
@cache
def _compose_guard(
    settled: tuple[str, bool, bool], schema: str, tables: tuple[str, ...], *, writes: bool, remembers: bool
) -> sql.SQL:
    owner, by_grant, pins = settled
    guard = Guard(owner, by_grant=by_grant)
    text = sql.SQL(read_sql("ledger", "guard")).format(
        lock=_compose_lock(schema, tables, pins=pins, writes=writes),
        owned=_compose_owned(guard, schema, tables),
        definition=_compose("definition", schema, tables),
        # Sorted as the query sorts: by the bytes of the text.
        expected=sql.Literal("\n".join(sorted(_number(tables)))),
        versions=_compose_versions(schema, tables) if remembers else sql.SQL(""),
    )
    return sql.SQL(text.as_string())


def _compose_lock(schema: str, tables: Sequence[str], *, pins: bool, writes: bool) -> sql.Composed:
    """Return the statements that pin the tables: from then on, the search path holds nothing of the tenant's."""
    return sql.SQL(read_sql("ledger", "lock")).format(
        pin=sql.SQL(read_sql("ledger", "pin")).format(schema=sql.Literal(schema)) if pins else sql.SQL(""),
        tables=sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables),
        # With ACCESS SHARE, which is all that a reader may take, nobody can exchange the table.
        mode=sql.SQL("ROW EXCLUSIVE" if writes else "ACCESS SHARE"),
    )


def _compose_versions(schema: str, tables: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ({}) AS {}").format(_compose("versions", schema, tables), sql.Identifier(_VERSIONS))


def compose_unchanged(guard: Guard, schema: str, tables: Sequence[str], *, locks: bool) -> sql.Composed:
    """Return the statements that raise an error, see `is_changed`, unless the tables are as `guard.seen` says.

    That costs a quarter of a comparison of their definition. `locks`: they are pinned as by `compose_guard`; where
    the open transaction has pinned them before, only what it did itself can have changed them.
    """
    before, after = _compose_unchanged(schema, tuple(tables), pins=guard.pins, locks=locks)
    return sql.SQL("").join((before, sql.Literal(guard.seen), after))


@cache
def _compose_unchanged(schema: str, tables: tuple[str, ...], *, pins: bool, locks: bool) -> tuple[sql.SQL, sql.SQL]:
    """Return the text before and after what was seen, which is each tenant's own."""
    mark = secrets.token_hex()
    text = sql.SQL(";\n").join(
        (
            _compose_lock(schema, tables, pins=pins, writes=True) if locks else sql.SQL(_NO_PATH),
            sql.SQL(read_sql("ledger", "unchanged")).format(
                versions=_compose("versions", schema, tables), seen=sql.SQL(mark), changed=sql.Literal(_CHANGED)
            ),
        )
    )
    before, after = text.as_string().split(mark)
    return sql.SQL(before), sql.SQL(after)


def is_changed(error: psycopg.Error) -> bool:
    """Return whether an error is that of `compose_unchanged`: the definition has to be compared again."""
    return isinstance(error, pg.InvalidTextRepresentation) and _CHANGED in (error.diag.message_primary or "")


def compose_copy(guard: Guard, schema: str, table: str, columns: str) -> str:
    """Return the message that reads columns of a whole table, and raises an error unless it is a plain one of ours."""
    # What was set holds to the end of a transaction, which may be the caller's.
    restore = sql.SQL("SET LOCAL row_security TO DEFAULT;\nSET LOCAL search_path TO DEFAULT")
    before = compose_guard(guard, schema, (table,), writes=False)
    return sql.SQL(";\n").join((before, _compose_copy(schema, table, columns), restore)).as_string()


# Composed once, and not again for each tenant.
@cache
def compose_glanced(schema: str, table: str, columns: str) -> str:
    """Return the message that reads columns of a whole table, and then gives what `is_plain` judges.

    It is for a transaction of its own. The glance comes last, so that it is at the table that COPY has locked.
    """
    glance = sql.SQL(read_sql("ledger", "glance")).format(table=_as_relation(schema, table), alone=compose_alone())
    return sql.SQL(";\n").join((_compose_copy(schema, table, columns), glance)).as_string()


def _compose_copy(schema: str, table: str, columns: str) -> sql.Composed:
    """Return a COPY, and the setting without which row security would have it run policies."""
    return sql.SQL("SET LOCAL row_security = off;\nCOPY {} ({}) TO STDOUT (FORMAT binary)").format(
        sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    )


def compose_alone() -> sql.Composed:
    """Return the question whether a database has no relation but the ledger's own."""
    tables = sql.SQL(", ").join(map(sql.Literal, LEDGER_TABLES))
    return sql.SQL(read_sql("ledger", "alone")).format(tables=tables)


def is_plain(guard: Guard, table: str, seen: Fields) -> bool:
    """Return whether a glance found a plain table, with as many columns and checks as ours, of an owner we trust."""
    if not seen:
        return False  # gone while it was looked at
    *shape, owner, current, alone = seen
    guard.alone = alone == b"t"
    expected = DEFINITIONS[table]
    ours = (b"r", b"p", *(b"f",) * 6, b"%d" % expected.columns, b"%d" % expected.checks)
    return tuple(shape) == ours and owner in {current, guard.owner.encode()}


def _compose_owned(guard: Guard, schema: str, tables: Sequence[str]) -> sql.Composed:
    return _compose("owned_by_grant" if guard.by_grant else "owned", schema, tables, owner=guard.owner)


def _number(tables: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the definitions as `definition.sql` gives them."""
    for place, table in enumerate(tables, start=1):
        yield from (f"{place} {line}" for line in DEFINITIONS[table].lines)


def read_reason(error: psycopg.Error) -> str | None:
    """Return why the guard refused a table; None if the error is not the guard's."""
    if isinstance(error, pg.WrongObjectType):
        return "not a plain table"
    found = (
        _REASON.search(error.diag.message_primary or "") if isinstance(error, pg.InvalidTextRepresentation) else None
    )
    return found[1] if found else None


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
        owned = connection.execute(_compose_owned(longer, schema, (table,))).fetchone()
        found = connection.execute(_compose("definition", schema, (table,))).fetchone()
    lines = frozenset(line.removeprefix("1 ") for line in str(found[0]).splitlines()) if found else frozenset()
    kinds = [line for line in lines if line.startswith("table ")]
    if kinds != [PLAIN]:
        # Its columns would only hide this.
        yield f"not a plain table, but {' and '.join(filter(None, map(_describe_kind, kinds))) or 'something else'}"
        return
    for line in sorted(lines ^ DEFINITIONS[table].lines):
        yield f"{'unexpected' if line in lines else 'missing'}: {' '.join(line.split())}"
    if owned != (True,):
        yield _STRICTLY_OWNED if guard.strict else "its owner is a role that the connected role is not a member of"
    for grantee, privileges in connection.execute(list_grants(schema, table)).fetchall():
        yield f"{grantee} may {privileges} it"


def list_grants(schema: str, table: str) -> sql.Composed:
    """Return the query for the roles that may write to a table besides its owner, each with what it may do."""
    return _compose("granted", schema, (table,))


def _describe_kind(line: str) -> str:
    """Return in words how a table differs from a plain one, by the first line of its definition."""
    shape = re.fullmatch(r"table (.)(.) row security (.)(.) partition (.)", line)
    if shape is None:
        return line
    kind, kept, secured, forced, part = shape.groups()
    words = (_KINDS.get(kind), _KEPT.get(kept), "one with row security" if "t" in secured + forced else None)
    return " and ".join(filter(None, (*words, "a partition" if part == "t" else None)))


def _compose(file: str, schema: str, tables: Sequence[str], **values: str) -> sql.Composed:
    ids = sql.SQL("CAST(ARRAY[{}] AS pg_catalog.oid[])").format(
        sql.SQL(", ").join(_as_relation(schema, table) for table in tables)
    )
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return sql.SQL(read_sql("ledger", file)).format(ids=ids, **literals)


def _as_relation(schema: str, table: str) -> sql.Composed:
    name = sql.Literal(sql.Identifier(schema, table).as_string())
    return sql.SQL("CAST({} AS pg_catalog.regclass)").format(name)
