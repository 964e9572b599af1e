"""Writing the record of a transactional file: its row and its line in the log, as a part of the file's transaction.

One message for each file of each tenant, so that whatever it asks the server is worth its while.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq.abc import PGresult

from tenantry.ledger.guard import compose_guard, compose_unchanged, is_changed
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import compose_line
from tenantry.ledger.mark import compose_stored, compose_unmarked
from tenantry.ledger.refusals import refuse_lost
from tenantry.ledger.touched import compose_check
from tenantry.ledger.writing import Author, compose_row, name_author
from tenantry.model import Migration, Origin, RowState
from tenantry.model.records import LEDGER_AND_LOG, LEDGER_TABLE
from tenantry.postgres.copying import Copied, Lack, commit_and_copy
from tenantry.postgres.queries import read_sql
from tenantry.postgres.transaction import compose_savepoint

# Random, so that no file has them in its text.
_TENANT, _STATEMENTS, _ELAPSED = (secrets.token_hex() for _ in range(3))
# Without the colon of a reason of the guard, which would be one to distrust the table.
_LOST = "tenantry lost a row"

# Returns what writes the record of a file, plainly or not: see `_compose_applied`.
_Compose = Callable[[bool], str]


@dataclass(frozen=True, slots=True)
class Message:
    """The rest of the message that a record is sent in: there is one for each file of each tenant.

    `end` comes before the record. `commits`: a COMMIT comes after it, and then `then`, whose answer is wanted.
    """

    end: sql.SQL | None = None
    commits: bool = False
    then: str = ""

    @property
    def before(self) -> list[str]:
        """Return the statements before the record."""
        return [self.end.as_string()] if self.end else []

    @property
    def after(self) -> list[str]:
        """Return the statements after the record."""
        return ["COMMIT", *filter(None, [self.then])] if self.commits else []


# The record alone: the caller owns the transaction.
_ALONE = Message()


def record_applied(
    ledger: Ledger,
    migration: Migration,
    message: Message = _ALONE,
    *,
    elapsed_ms: int,
    statements: int,
    again: bool = True,
) -> Copied | Lack | None:
    """Write the row of a transactional file that has run, and its line in the log, unless the file has touched them.

    Without `again`, there was no row of this version under the lock. Returns the answer to `message.then`, see
    `commit_and_copy`. Raises Refused unless both were stored, and psycopg.Error; then nothing is committed.
    """
    # What differs from tenant to tenant is filled in: to compose the whole again would cost more than to run it.
    anybody = replace(name_author(ledger), tenant=_TENANT)
    name = sql.Literal(ledger.tenant.name).as_string()
    values = {f"'{_TENANT}'": name, _STATEMENTS: str(statements), _ELAPSED: str(elapsed_ms)}

    def fill(plain: bool) -> str:
        record = _compose_applied(anybody, migration, migration.text, migration.rollback, plain=plain)
        for mark, value in values.items():
            record = record.replace(mark, value)
        return record

    try:
        results, copied = _send_record(ledger, message, fill, counts=not again)
    except pg.InvalidTextRepresentation as error:
        if _LOST not in (error.diag.message_primary or ""):
            raise
        raise refuse_lost(ledger.shown) from None
    except pg.UniqueViolation as error:
        # A deferred one of the file's own, on any other table, comes in this message too.
        if (error.diag.schema_name, error.diag.table_name) != (ledger.schema, LEDGER_TABLE):
            raise
        raise refuse_lost(ledger.shown) from None
    if message.commits and results[-1].command_status != b"COMMIT":
        raise psycopg.OperationalError("the server has not committed the transaction")
    return copied if message.then else None


# Arbitrary: the tenants of a run are seldom further apart. Each is kept with its text.
@lru_cache(maxsize=128)
def _compose_applied(author: Author, migration: Migration, _text: str, _rollback: str | None, *, plain: bool) -> str:
    """Return what writes both rows of a file, with marks for what differs from tenant to tenant.

    If `plain`, two statements that ask nothing, which costs the server half; else one that fails unless both are
    stored. The texts are arguments because migrations are equal without them.
    """
    statements, elapsed_ms = sql.SQL(_STATEMENTS), sql.SQL(_ELAPSED)
    row = compose_row(
        author,
        migration,
        Origin.APPLIED,
        RowState.APPLIED,
        elapsed_ms=elapsed_ms,
        statements=statements,
        done=statements,
        again=not plain,
    )
    detail = f'{{"elapsed_ms": {_ELAPSED}}}'
    line = compose_line(
        author.schema, author.provenance, "applied", migration.version, migration.checksum, detail=detail
    )
    if plain:
        return f"{row.as_string()};\n{line.as_string()}"
    return sql.SQL(read_sql("ledger", "recorded")).format(row=row, line=line, lost=sql.Literal(_LOST)).as_string()


def _send_record(
    ledger: Ledger, message: Message, fill: _Compose, *, counts: bool
) -> tuple[list[PGresult], Copied | Lack]:
    """Send the record after the guard of its tables, at first after what is seen quickly; see `commit_and_copy`.

    What that leaves in doubt, it says with an error, and then all is looked at. `counts`: both rows are new, so that
    the rows that were written can be counted.
    """
    guard, schema = ledger.guard, ledger.schema
    before, after = message.before, message.after
    if guard.mark is not None:
        # The savepoint, because a file may well change these rows of the catalog, as by GRANT ... ON ALL TABLES.
        lead = (*before, compose_savepoint().as_string(), _compose_quick(ledger).as_string())
        stored = [compose_stored(guard.mark, schema, _LOST)] if counts else []
        try:
            return _send_guarded(ledger, (*lead, compose_unmarked(guard.mark, schema), fill(counts), *stored, *after))
        except pg.InvalidTextRepresentation as error:
            if not is_changed(error):
                raise
        ledger.connection.execute(compose_savepoint("ROLLBACK TO SAVEPOINT"))
        guard.seen, before = None, []
    whole = compose_guard(guard, schema, LEDGER_AND_LOG, writes=True, remembers=guard.continues).as_string()
    return _send_guarded(ledger, (*before, whole, compose_check(ledger).as_string(), fill(False), *after))


def _compose_quick(ledger: Ledger) -> sql.Composable:
    guard, schema = ledger.guard, ledger.schema
    if guard.seen is not None:
        return compose_unchanged(guard, schema, LEDGER_AND_LOG)
    return compose_guard(guard, schema, LEDGER_AND_LOG, writes=True, remembers=guard.continues, quick=True)


def _send_guarded(ledger: Ledger, parts: Sequence[str]) -> tuple[list[PGresult], Copied | Lack]:
    text = ";\n".join(parts)
    with ledger.guarding(LEDGER_AND_LOG):
        results, copied = commit_and_copy(ledger.connection, text)
    ledger.guard.remember(results)
    return results, copied
