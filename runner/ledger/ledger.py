"""The rows of `_migrations`: read, and only where the table and its identity are ours.

The table is created by the first write, never by reading. A row names the set and the tenant that the database
belongs to: rows of another tenant mean that the connection leads to the wrong database. `writing` writes the rows, and
`log` has the other table.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.ledger.definitions import LATER_COLUMNS, LAYOUT
from tenantry.ledger.faults import find_faults
from tenantry.ledger.guard import (
    STATES,
    Guard,
    compose_alone,
    compose_copy,
    compose_created,
    compose_glanced,
    compose_guarded,
    compose_lent,
    find_owner,
    is_plain,
    read_reason,
)
from tenantry.ledger.provenance import Provenance
from tenantry.ledger.refusals import (
    check_identity,
    check_layout,
    compose_grant,
    refuse_foreign,
    refuse_lost,
    refuse_old,
    refuse_unreadable,
)
from tenantry.ledger.rows import COLUMNS, decode, decode_json, decode_version, find_layout, refuse_value
from tenantry.model import NO_VERSION, AppliedMigration, Tenant
from tenantry.model.checksum import checksum
from tenantry.model.errors import Problem, Refused, TenantError
from tenantry.model.records import LEDGER_TABLE, LEDGER_TABLES
from tenantry.postgres.copying import MOST, Copied, Fields, TooMuch, copy_rows
from tenantry.postgres.queries import read_sql
from tenantry.postgres.send import ask
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.names import quote

# The value for a placeholder in a SQL file: a literal, or SQL as it is.
Value = str | int | sql.Composable | None
_LAYOUT_COMMENT = re.compile(r"^tenantry ledger, layout (\d{1,9})\b")
# Arbitrary: the first ones tell enough.
_SHOWN_FAULTS = 3
# What COPY says of a table that is not ours: a glance comes only after it.
OF_COPY = (pg.WrongObjectType, pg.UndefinedColumn, pg.InvalidColumnReference, pg.InsufficientPrivilege)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one tenant on one connection."""

    connection: Connection
    schema: str
    tenant: Tenant
    provenance: Provenance
    guard: Guard = field(default_factory=Guard, compare=False, repr=False)
    # Rows that were read, by what the server sent.
    decoded: dict[Fields, AppliedMigration] = field(default_factory=dict, compare=False, repr=False)

    def read(self) -> tuple[AppliedMigration, ...]:
        """Return all rows, in no particular order; none if there is no ledger yet. One round trip.

        Raises Refused if the table is not ours, has a newer layout, or belongs to another set or tenant.
        """
        try:
            rows = self.copy(LEDGER_TABLE, COLUMNS)
        except (pg.UndefinedTable, pg.InvalidSchemaName):
            return ()
        except pg.InsufficientPrivilege as error:
            raise self.unreadable(error) from None
        if rows:
            # From the rows and not from the comment: a tenant must cost one round trip.
            check_layout(self.schema, find_layout(rows))
        applied = self._decode(rows)
        for row in applied:
            check_identity(self.schema, self.tenant, row)
        return applied

    def _decode(self, rows: Sequence[Fields]) -> tuple[AppliedMigration, ...]:
        """Return rows as values; those that were read before are the same: a history is long, and read twice."""
        new = [fields for fields in rows if fields not in self.decoded]
        self.decoded.update(zip(new, decode(new, self.shown), strict=True))
        return tuple(self.decoded[fields] for fields in rows)

    def copy(self, table: str, columns: str) -> list[Fields]:
        """Return columns of all rows of a table, as the server sends them. One round trip.

        Raises Refused if the table is not one of ours, or has more than any ledger of ours.
        """
        with self.bounding(table):
            if self.guard.glances and self._is_idle():
                rows = self._glance(table, columns)
                if rows is not None:
                    return rows
                self.guard.glances = False
            return self._trusting((table,), partial(self._copy_guarded, table, columns)).rows

    @contextmanager
    def bounding(self, table: str) -> Iterator[None]:
        """Raise Refused for a table of which there is too much to read, in a message that the caller sends."""
        try:
            yield
        except TooMuch:
            raise Refused(
                f"{self.schema}.{table}: more than {MOST.rows:,} rows or {MOST.size // 1024**2} MB, "
                "expected one row for each migration",
                hint="find out who filled it, and have its owner delete the rows that are not tenantry's",
            ) from None

    def _copy_guarded(self, table: str, columns: str) -> Copied:
        return copy_rows(self.connection, compose_copy(self.guard, self.schema, table, columns))

    def _glance(self, table: str, columns: str) -> list[Fields] | None:
        """Return columns of all rows; None where a glance at the table leaves a doubt."""
        witness = self.guard.witness if self.guard.alone is None else ""
        with suppress(*OF_COPY):
            copied = copy_rows(self.connection, compose_glanced(self.schema, table, columns, witness))
            return copied.rows if self._is_trusted(table, copied.answer) else None
        return None

    def _is_trusted(self, table: str, seen: Fields) -> bool:
        """Return whether a glance saw a plain table of an owner we trust; a role that may be granted is asked about."""
        guard = self.guard
        if is_plain(guard, table, seen):
            return True
        owner = None if guard.strict else find_owner(guard, table, seen)
        if owner is None or self.connection.execute(compose_lent(owner)).fetchone() != (True,):
            return False
        guard.by_grant, guard.lender = True, owner
        return True

    def read_states(self) -> dict[int, str]:
        """Return the state of every row by version: enough to notice that another runner has been at work."""
        return take_states(self.copy(LEDGER_TABLE, STATES))

    def read_text(self, version: int) -> str:
        """Return the text of a recorded file as it was applied; empty if there is no such row."""
        return self.read_texts([version]).get(version, "")

    def read_texts(self, versions: Collection[int]) -> dict[int, str]:
        """Return the texts of recorded files as they were applied, by version; versions without a row are left out."""
        found = self._read_column("sql_text")
        return {version: found[version].decode() for version in versions if version in found}

    def find_altered(self) -> list[tuple[int, str]]:
        """Return version and name of each row whose text is not the one that its checksum was made from."""
        return find_altered(self, LEDGER_TABLE, "version")

    def read_rollback(self, version: int) -> str | None:
        """Return the rollback text recorded with a file when it was applied; None if there was none."""
        text = self._read_column("rollback_text").get(version)
        return None if text is None else text.decode()

    def read_batch(self, version: int) -> Mapping[str, Any] | None:
        """Return the progress of a change in batches, as `record_batch` wrote it; None before the first batch."""
        found = self._read_column("progress").get(version)
        if found is None:
            return None
        try:
            progress = decode_json(found)
            batch = progress.get("batch") if isinstance(progress, dict) else progress
        except (ValueError, RecursionError):
            raise refuse_value(self.shown, version, "progress") from None
        if batch is not None and not isinstance(batch, dict):
            raise refuse_value(self.shown, version, "progress")
        return batch

    def _read_column(self, column: str) -> dict[int, bytes]:
        """Return a column by version, as the server sends it; rows without a value are left out.

        Of the whole table, since that is all that COPY gives: a SELECT could be led to a view in the table's place.
        """
        return _by_version(self.copy(LEDGER_TABLE, f"version {column}"))

    def is_alone(self) -> bool:
        """Return whether the database has no relation but the ledger's own; asked only if no glance has seen it."""
        if self.guard.alone is not None:
            return self.guard.alone
        return self.connection.execute(compose_alone()).fetchone() == (True,)

    def create_if_absent(self) -> bool:
        """Create both tables unless they exist, and return whether they were created.

        Raises Refused if that is forbidden or the table is not ours.
        """
        found, comment = self._find()
        return self.create_unless(found=found, comment=comment)

    def create_unless(self, *, found: bool, comment: str | None) -> bool:
        """Do as `create_if_absent`, after `compose_find` was answered in a message of the caller's."""
        # Not CREATE TABLE IF NOT EXISTS, which needs the privilege even if there is nothing to create, and accepts a
        # foreign table.
        if found:
            check_layout(self.schema, _layout_of(comment))
            return False
        try:
            self.guard.remember(ask(self.connection, _compose_create(self.schema)))
        except pg.InvalidSchemaName:
            raise Refused(
                f"{self.shown}: schema {self.schema!r} does not exist",
                hint=f"in this database: CREATE SCHEMA {self.typed_schema}; "
                'or set another schema under "ledger" in tenants.yaml',
            ) from None
        except pg.InsufficientPrivilege as error:
            raise Refused(
                f"{self.shown}: cannot be created: {error.diag.message_primary}",
                hint=self.compose_grant(f"CREATE, USAGE ON SCHEMA {self.typed_schema}"),
            ) from None
        return True

    def compose_find(self) -> sql.Composed:
        """Return the question whether a table of our name exists, and for its comment."""
        # Passed as text: a name that does not exist gives NULL, and not an error that aborts the transaction.
        return self.compose("find", table=self.name(LEDGER_TABLE).as_string(self.connection))

    def _find(self) -> tuple[bool, str | None]:
        """Return whether a table of our name exists, and its comment."""
        return self.connection.execute(self.compose_find()).fetchone() or (False, None)

    def run(
        self, query: sql.Composable, *, tables: Sequence[str] = (LEDGER_TABLE,), writes: bool = False
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a query after the guard of its tables, in one message, and return a cursor on its result.

        Raises Refused if a table is not one of ours, before anything that was put there could run.
        """

        def run() -> psycopg.Cursor[tuple[Any, ...]]:
            return self.connection.execute(compose_guarded(self.guard, self.schema, tables, query, writes=writes))

        cursor = self._trusting(tables, run)
        for _ in range(self.guard.results(writes=writes)):
            cursor.nextset()
        return cursor

    @contextmanager
    def guarding(self, tables: Sequence[str]) -> Iterator[None]:
        """Raise Refused for an error of the guard, in a message that the caller sends; its transaction has ended."""
        try:
            yield
        except (pg.InvalidTextRepresentation, pg.WrongObjectType) as error:
            reason = read_reason(error)
            if reason is None:
                raise
            if self.connection.info.transaction_status is TransactionStatus.INERROR:
                self.connection.execute("ROLLBACK")
            faults = [(table, list(find_faults(self.connection, self.guard, self.schema, table))) for table in tables]
            if isinstance(error, pg.WrongObjectType) and not any(found for _, found in faults):
                raise  # of something else in the same message
            raise self._distrust(dict(faults), reason) from None

    def _trusting(self, tables: Sequence[str], ask: Callable[[], _T]) -> _T:
        """Return what a guarded message answers; look longer if its guard finds a fault and no transaction is open."""
        if self._is_idle() and not (self.guard.by_grant or self.guard.strict):
            try:
                return ask()
            except (pg.InvalidTextRepresentation, pg.WrongObjectType) as error:
                if read_reason(error) is None:
                    raise
                self.guard.by_grant = True
        with self.guarding(tables):
            return ask()

    def _is_idle(self) -> bool:
        return self.connection.info.transaction_status is TransactionStatus.IDLE

    def _distrust(self, faults: Mapping[str, Sequence[str]], reason: str) -> Refused:
        """Return why tables are not trusted, by the faults of each, or by the guard's reason if they have none."""
        if LEDGER_TABLE in faults:
            layout = _layout_of(self._find()[1])
            missing = {fault.split()[2] for fault in faults[LEDGER_TABLE] if fault.startswith("missing: column ")}
            if layout is not None:
                check_layout(self.schema, layout)
                if missing and missing <= LATER_COLUMNS.keys():
                    return refuse_old(self.schema, missing)
            elif missing:
                return refuse_foreign(self.schema)
        listed = [f"{self.schema}.{table}: {fault}" for table, found in faults.items() for fault in found]
        said = "; ".join(listed[:_SHOWN_FAULTS]) or f"{self.shown}: {reason}"
        more = f"; {len(listed) - _SHOWN_FAULTS} more" if len(listed) > _SHOWN_FAULTS else ""
        return Refused(
            f"{said}{more}, expected the table as tenantry creates it: it is neither read nor written",
            hint="find out who changed it, and have its owner restore it; if a role of yours owns it, connect as that "
            'role, or name it under "ledger" in tenants.yaml: owner: ROLE',
        )

    def compose(self, file: str, /, **values: Value) -> sql.Composed:
        """Return one of the ledger's SQL files with its values as literals, so that it stays one simple query."""
        return compose(self.schema, file, **values)

    def name(self, table: str) -> sql.Identifier:
        """Return the qualified name of one of the ledger's tables, as SQL."""
        return sql.Identifier(self.schema, table)

    def compose_grant(self, privilege: str) -> str:
        """Return the hint for a privilege that the role lacks: the GRANT, to be copied by someone who may run it."""
        return compose_grant(privilege, self.connection.info.user)

    def unreadable(self, error: psycopg.Error) -> Refused:
        """Return the refusal where the role may not read the ledger."""
        return refuse_unreadable(self.schema, self.connection.info.user, error.diag.message_primary or "")

    @property
    def typed_schema(self) -> str:
        """Return the schema as a person types it."""
        return quote(self.schema)

    @property
    def shown(self) -> str:
        """Return the qualified name of the table, as errors show it."""
        return f"{self.schema}.{LEDGER_TABLE}"


# Composed once, and not again for each tenant.
@cache
def _compose_create(schema: str) -> str:
    comment = f"tenantry ledger, layout {LAYOUT}: one row for each migration"
    return compose_created(schema, compose(schema, "create", comment=comment))


def take_states(rows: Iterable[Fields]) -> dict[int, str]:
    """Return the state of every row by version, from the columns STATES of all rows."""
    return {version: state.decode(errors="replace") for version, state in _by_version(rows).items()}


def _by_version(rows: Iterable[Fields]) -> dict[int, bytes]:
    return {decode_version(number): value for number, value in rows if number and value is not None}


def _layout_of(comment: str | None) -> int | None:
    """Return the layout number in the table's comment; None if the comment is not ours."""
    match = _LAYOUT_COMMENT.match(comment or "")
    return int(match[1]) if match else None


def compose(schema: str, file: str, /, **values: Value) -> sql.Composed:
    """Return what `Ledger.compose` does, for any ledger in this schema."""
    literals = {
        key: value if isinstance(value, sql.Composable) else sql.Literal(value) for key, value in values.items()
    }
    return sql.SQL(read_sql("ledger", file)).format(schema=sql.Identifier(schema), **literals)


def find_ledger_faults(ledger: Ledger) -> Iterator[Problem]:
    """Yield what the ledger's tables have that tenantry did not create, or lack, and who else may write to them.

    Raises TenantError if the catalog may not be read.
    """
    for table in LEDGER_TABLES:
        try:
            faults = list(find_faults(ledger.connection, ledger.guard, ledger.schema, table))
        except pg.InsufficientPrivilege as error:
            raise TenantError(
                f"catalog: {error.diag.message_primary}",
                hint="grant the role SELECT on it, which every role has by default",
            ) from None
        for fault in faults:
            yield Problem(
                f"{ledger.schema}.{table}: {fault}, expected the table as tenantry creates it",
                "as its owner: undo that; nothing of yours belongs in a table of the ledger",
            )


def check_taken(cursor: psycopg.Cursor[tuple[Any, ...]], shown: str) -> None:
    """Raise Refused unless a statement wrote exactly one row: a rule or a trigger can prevent that."""
    if cursor.rowcount != 1:
        raise refuse_lost(shown)


def find_altered(ledger: Ledger, table: str, version: str = "") -> list[tuple[int, str]]:
    """Return version and name of each row of a table whose text is not the one that its checksum was made from.

    `version` is the column, if the table has one.
    """
    rows = ledger.copy(table, f"name checksum sql_text {version}")
    return sorted(
        (decode_version(more[0] or b"") if more else NO_VERSION, (name or b"").decode())
        for name, recorded, text, *more in rows
        if checksum((text or b"").decode()) != (recorded or b"").decode()
    )
