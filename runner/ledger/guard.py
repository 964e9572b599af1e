"""The guard before the ledger's tables: nothing that a tenant put in their place runs when they are read or written.

The tables lie in a database whose owner may be hostile. A view, a trigger, a default or an index may call a function,
which would run with the rights of whoever migrates. So each query is sent after a guard, in the same message: it pins
the table with a lock, and raises an error before the query is even analysed, unless the whole definition is ours.

A read is made for every tenant of every run, and is not to cost what comparing a definition costs. It is a COPY, which
plans nothing and so runs nothing of a plain table's, whatever is on it; a glance at one row of pg_class comes after it.
What a glance does not see, an index or a default, is seen before anything is written, and by `verify`.

The lock is on a table, not on its schema, and an owner of the database could exchange schemas within the microseconds
between guard and query. A superuser, who has most to lose, locks the schema's row before a write. PostgreSQL has no
lock that a role without rights on its catalogs could take against that.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq.abc import PGresult

from tenantry.ledger.definitions import DEFINITIONS
from tenantry.ledger.mark import CHANGED, MARK, TableMark, as_oid, as_relation, compose_mark, compose_unless, parse_mark
from tenantry.model.records import LEDGER_AND_LOG, LEDGER_TABLE, LEDGER_TABLES
from tenantry.postgres.copying import Fields, read_row
from tenantry.postgres.queries import read_sql

# Without the quotes around them, which differ with the language of the server's messages.
_REASON = re.compile("tenantry: (owner|not as tenantry created it)")
_VERSIONS = "versions"
_RESTORE_PATH, _RESTORE_SECURITY = "SET LOCAL search_path TO DEFAULT", "SET LOCAL row_security TO DEFAULT"
# The columns that tell whether another runner has been at work.
STATES = "version state"
# Whatever a user creates has a number from here on.
_FIRST_OF_USERS = 16384


@dataclass(slots=True)
class Guard:
    """How the tables of one database are guarded.

    `owner` is a role that tenants.yaml names as the owner of the ledger, trusted like the connected one. `glances`: a
    whole table is read after no more than a glance, as long as the glance finds nothing. `by_grant`: also a table of a
    role that was granted to ours is trusted, which takes longer to ask; with `strict`, it never is. `lender` is such a
    role, once it is known. `pins`: the connected role is a superuser.
    `witness` is the name of a relation that a file creates: a glance that finds it has seen more than the ledger's own.
    `alone`: False once a glance has; None if nobody knows whether the database has any other relation.
    `seen`: the versions of the catalog's rows of both tables at which their whole definition was compared.
    `mark`: of the rows of both tables at the beginning of a file's transaction, see `compose_unmarked`, if it is known.
    `rows`: how many each table had at the beginning of a file, if the counts of the server are no witness of it.
    `continues`: further records will be written, so that these versions are worth their while.
    """

    owner: str = ""
    glances: bool = False
    by_grant: bool = False
    strict: bool = False
    lender: bytes | None = None
    pins: bool = False
    witness: str = ""
    alone: bool | None = None
    seen: str | None = None
    mark: TableMark | None = None
    rows: tuple[int, ...] | None = None
    continues: bool = True

    def results(self, *, writes: bool) -> int:
        """Return how many results come before the one of a guarded query: SET, the schema's lock, LOCK, SELECT."""
        return 4 if self.pins and writes else 3

    def remember(self, results: Iterable[PGresult]) -> None:
        """Keep the versions and the mark if one of the results of a message gives them."""
        for result in results:
            name = result.fname(result.nfields - 1) if result.nfields else None
            if name == _VERSIONS.encode():
                versions = read_row(result)[-1]
                self.seen = None if versions is None else versions.decode()
            elif name == MARK.encode():
                value = read_row(result)[-1]
                self.mark = None if value is None else parse_mark(value.decode())


def compose_guarded(
    guard: Guard, schema: str, tables: Sequence[str], query: sql.Composable, *, writes: bool
) -> sql.Composed:
    """Return a query with the guard of its tables before it, as one message; then the search path is restored.

    `writes`: no trigger can be added by another session before the transaction ends.
    """
    restore = sql.SQL("SET LOCAL search_path TO DEFAULT")
    return sql.SQL(";\n").join((compose_guard(guard, schema, tables, writes=writes), query, restore))


def compose_guard(
    guard: Guard, schema: str, tables: Sequence[str], *, writes: bool, remembers: bool = False, quick: bool = False
) -> sql.SQL:
    """Return the statements that raise an error unless the tables are plain ones of ours; see `Guard.results`.

    `remembers`: the answer has the versions of their catalog's rows too, of the same moment, for `remember`.
    `quick`: the error is the one of `is_changed`, where there is a doubt; a third cheaper.
    """
    settled = (guard.owner, guard.by_grant, guard.pins and writes, quick)
    return _compose_guard(settled, schema, tuple(tables), writes=writes, remembers=remembers)


# Composed once, and not again for each file of each tenant.
@cache
def _compose_guard(
    settled: tuple[str, bool, bool, bool], schema: str, tables: tuple[str, ...], *, writes: bool, remembers: bool
) -> sql.SQL:
    owner, by_grant, pins, quick = settled
    guard = Guard(owner, by_grant=by_grant)
    lock = _compose_lock(schema, tables, pins=pins, writes=writes)
    versions = _compose_versions(schema, tables) if remembers else sql.SQL("")
    if quick:
        return _compose_defined(guard, schema, tables, lock=lock, versions=versions)
    text = sql.SQL(read_sql("ledger", "guard")).format(
        lock=lock,
        owned=compose_owned(guard, schema, tables),
        definition=compose_of("definition", schema, tables),
        # Sorted as the query sorts: by the bytes of the text.
        expected=sql.Literal("\n".join(sorted(_number(tables)))),
        versions=versions,
    )
    return sql.SQL(text.as_string())


def _compose_defined(
    guard: Guard, schema: str, tables: Sequence[str], *, lock: sql.Composable, versions: sql.Composable
) -> sql.SQL:
    """Return the quick guard, which looks for each line of the definitions, but tells no difference."""
    lines = sorted(_number(tables))
    text = compose_of(
        "defined",
        schema,
        tables,
        lock=lock,
        owned=compose_owned(guard, schema, tables, quick=True),
        lines=sql.SQL(", ").join(map(sql.Literal, lines)),
        columns=sql.Literal(sum(DEFINITIONS[table].columns for table in tables)),
        constraints=sql.Literal(sum(DEFINITIONS[table].constraints for table in tables)),
        changed=sql.Literal(CHANGED),
        versions=versions,
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
    return sql.SQL(", ({}) AS {}").format(compose_of("versions", schema, tables), sql.Identifier(_VERSIONS))


def compose_unchanged(guard: Guard, schema: str, tables: Sequence[str]) -> sql.SQL:
    """Return the statements that raise an error, see `is_changed`, unless the tables are as `guard.seen` says.

    That costs a quarter of a comparison of their definition. They are pinned as by `compose_guard`.
    """
    return sql.SQL(_compose_unchanged(schema, tuple(tables), pins=guard.pins)(guard.seen or ""))


@cache
def _compose_unchanged(schema: str, tables: tuple[str, ...], *, pins: bool) -> Callable[[str], str]:
    lock = _compose_lock(schema, tables, pins=pins, writes=True).as_string()
    return compose_unless(compose_of("versions", schema, tables), CHANGED, before=f"{lock};\n")


def is_changed(error: psycopg.Error) -> bool:
    """Return whether an error is that of `compose_unchanged`: the definition has to be compared again."""
    return isinstance(error, pg.InvalidTextRepresentation) and CHANGED in (error.diag.message_primary or "")


def compose_copy(guard: Guard, schema: str, table: str, columns: str) -> str:
    """Return the message that reads columns of a whole table, and raises an error unless it is a plain one of ours."""
    before = compose_guard(guard, schema, (table,), writes=False).as_string()
    # What was set holds to the end of a transaction, which may be the caller's.
    return ";\n".join((before, _compose_copy(schema, table, columns).as_string(), _RESTORE_SECURITY, _RESTORE_PATH))


def compose_guarded_states(guard: Guard, schema: str) -> str:
    """Return the statements that read the states of rows after a guard of both tables.

    The guard is the short one where the definition was compared before; see `is_changed` for its error.
    """
    before = (
        compose_guard(guard, schema, LEDGER_AND_LOG, writes=True, remembers=True)
        if guard.seen is None
        else compose_unchanged(guard, schema, LEDGER_AND_LOG)
    ).as_string()
    copy = _compose_copy(schema, LEDGER_TABLE, STATES).as_string()
    return ";\n".join((before, compose_mark(schema), copy, _RESTORE_SECURITY, _RESTORE_PATH))


# Composed once, and not again for each tenant.
@cache
def compose_glanced(schema: str, table: str, columns: str, witness: str = "") -> str:
    """Return the message that reads columns of a whole table, and then gives what `is_plain` judges.

    It is for a transaction of its own. The glance comes last, so that it is at the table that COPY has locked.
    """
    # Found by name in the tenant's own search_path: what it is does not matter, only that it is there.
    asked = sql.SQL("CAST(pg_catalog.to_regclass({}) AS pg_catalog.oid)").format(sql.Literal(witness))
    glance = sql.SQL(read_sql("ledger", "glance")).format(
        table=as_oid(schema, table), witness=asked if witness else sql.SQL("NULL")
    )
    return sql.SQL(";\n").join((_compose_copy(schema, table, columns), glance)).as_string()


# Composed once, and not again for each file of each tenant.
@cache
def compose_glanced_states(schema: str) -> str:
    """Return the statements that pin both tables and read the states of rows, and then give what `is_plain` judges.

    They are for the transaction of a file, which must not notice the setting.
    """
    lock = _compose_lock(schema, LEDGER_AND_LOG, pins=False, writes=True).as_string()
    glanced = compose_glanced(schema, LEDGER_TABLE, STATES)
    return ";\n".join((lock, _RESTORE_PATH, compose_mark(schema), glanced, _RESTORE_SECURITY))


def compose_created(schema: str, create: sql.Composable) -> str:
    """Return the statements that create the ledger's tables, and give their versions and mark for `Guard.remember`.

    What was just created is as it was written, unless an event trigger had its say: then there are no versions.
    """
    alone = sql.SQL("NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger)")
    versions = compose_of("versions", schema, LEDGER_AND_LOG)
    seen = sql.SQL("SELECT CASE WHEN {} THEN ({}) END AS {}").format(alone, versions, sql.Identifier(_VERSIONS))
    # Of the tenant's own path, an operator could become part of a check.
    parts = (sql.SQL("SET LOCAL search_path = ''"), create, seen, sql.SQL(compose_mark(schema)), sql.SQL(_RESTORE_PATH))
    return sql.SQL(";\n").join(parts).as_string()


def _compose_copy(schema: str, table: str, columns: str) -> sql.Composed:
    """Return a COPY, and the setting without which row security would have it run policies."""
    return sql.SQL("SET LOCAL row_security = off;\nCOPY {} ({}) TO STDOUT (FORMAT binary)").format(
        sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    )


def compose_alone() -> sql.Composed:
    """Return the question whether a database has no relation but the ledger's own, which reads all of pg_class."""
    tables = sql.SQL(", ").join(map(sql.Literal, LEDGER_TABLES))
    return sql.SQL(read_sql("ledger", "alone")).format(tables=tables)


def is_plain(guard: Guard, table: str, seen: Fields) -> bool:
    """Return whether a glance found a plain table, with as many columns and checks as ours, of an owner we trust."""
    owner = find_owner(guard, table, seen)
    return owner is not None and owner in {seen[-2], guard.owner.encode(), guard.lender}


def find_owner(guard: Guard, table: str, seen: Fields) -> bytes | None:
    """Return the owner of a plain table like ours, whoever that is; None if a glance did not find one."""
    if not seen:
        return None  # gone while it was looked at
    *shape, owner, _current, witness = seen
    # Lower numbers are those of the system's own relations.
    if witness and int(witness) >= _FIRST_OF_USERS:
        guard.alone = False
    return owner if tuple(shape) == _shape_of(table) else None


@cache
def _shape_of(table: str) -> Fields:
    """Return what a glance sees of one of our tables, except for its owner."""
    expected = DEFINITIONS[table]
    return (b"r", b"p", *(b"f",) * 6, b"%d" % expected.columns, b"%d" % expected.checks)


def compose_lent(owner: bytes) -> sql.Composed:
    """Return the question whether the role `owner` was granted to the connected one."""
    held = sql.SQL(read_sql("ledger", "held"))
    return sql.SQL(read_sql("ledger", "lent")).format(held=held, owner=sql.Literal(owner.decode()))


def compose_owned(guard: Guard, schema: str, tables: Sequence[str], *, quick: bool = False) -> sql.Composed:
    """Return the question why a table is not trusted for its row in pg_class; NULL if it is."""
    flagged = sql.SQL(read_sql("ledger", "flagged")).format(changed=sql.Literal(CHANGED)) if quick else sql.SQL("")
    owner = sql.Literal(guard.owner)
    if not guard.by_grant:
        return compose_of("owned", schema, tables, owner=owner, flagged=flagged)
    held = sql.SQL(read_sql("ledger", "held"))
    return compose_of("owned_by_grant", schema, tables, owner=owner, flagged=flagged, held=held)


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


def compose_of(file: str, schema: str, tables: Sequence[str], **values: sql.Composable) -> sql.Composed:
    """Return one of the ledger's SQL files that ask the catalog about tables of the ledger."""
    ids = sql.SQL("CAST(ARRAY[{}] AS pg_catalog.oid[])").format(
        sql.SQL(", ").join(as_relation(schema, table) for table in tables)
    )
    return sql.SQL(read_sql("ledger", file)).format(ids=ids, **values)
