"""The rows of `_migrations`: read, and only where the table and its identity are ours.

The table is created by the first write, never by reading. A row names the set and the tenant that the database
belongs to: rows of another tenant mean that the connection leads to the wrong database. `writing` writes the rows, and
`log` has the other table.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenantry.ledger.guard import RESULTS, Guard, compose_guard, compose_guarded, find_faults, read_reason
from tenantry.ledger.provenance import Provenance
from tenantry.model import AppliedMigration, Origin, Progress, RowState, Tenant
from tenantry.model.errors import Problem, Refused, TenantError
from tenantry.model.records import LEDGER_TABLE, LEDGER_TABLES, LOG_TABLE
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

LAYOUT = 1
# The value for a placeholder in a SQL file: a literal, or SQL as it is.
Value = str | int | sql.Composable | None
_OWN_TABLES = sql.SQL(", ").join(map(sql.Literal, LEDGER_TABLES))
_LAYOUT_COMMENT = re.compile(r"^tenantry ledger, layout (\d+)\b")
# Columns that layout 1 gained before the first release; it gains no more.
_LATER_COLUMNS = {"proven_at": "timestamptz", "rollback_text": "text", "progress": "jsonb"}
# Arbitrary: the first ones tell enough.
_SHOWN_FAULTS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one tenant on one connection."""

    connection: Connection
    schema: str
    tenant: Tenant
    provenance: Provenance
    guard: Guard = field(default_factory=Guard, compare=False, repr=False)

    def read(self) -> tuple[AppliedMigration, ...]:
        """Return all rows, in no particular order; none if there is no ledger yet. One round trip.

        Raises Refused if the table is not ours, has a newer layout, or belongs to another set or tenant.
        """
        try:
            rows = self.execute("read", tables=_OWN_TABLES).fetchall()
        except (pg.UndefinedTable, pg.InvalidSchemaName):
            return ()
        except (pg.UndefinedColumn, pg.DatatypeMismatch, pg.UndefinedFunction, pg.CannotCoerce) as error:
            # Either a foreign table of this name or a newer layout, whose comment says so.
            self._check_layout(_layout_of(self._find()[1]))
            raise self._lacking(error) or self.foreign() from None
        except pg.InsufficientPrivilege as error:
            raise self.unreadable(error) from None
        if rows:
            # From the rows and not from the comment: a tenant must cost one round trip.
            self._check_layout(max(row[-1] for row in rows))
        applied = tuple(self._parse(row) for row in rows)
        for row in applied:
            self._check_identity(row)
        return applied

    def read_states(self) -> dict[int, str]:
        """Return the state of every row by version: enough to notice that another runner has been at work."""
        query = sql.SQL("SELECT version, state FROM ONLY {}").format(self.name(LEDGER_TABLE))
        return dict(self.run(query).fetchall())

    def compose_states(self) -> sql.Composed:
        """Return the query of `read_states` after its guard, to be sent together with another one."""
        guard = compose_guard(self.guard, self.schema, (LEDGER_TABLE,), writes=True)
        # The path is restored first: the answer has to be the last result, and a file of the tenant's comes next.
        query = sql.SQL("SET LOCAL search_path TO DEFAULT;\nSELECT version, state FROM ONLY {}")
        return sql.SQL(";\n").join((guard, query.format(self.name(LEDGER_TABLE))))

    def read_text(self, version: int) -> str:
        """Return the text of a recorded file as it was applied; empty if there is no such row."""
        return str(self._read_cell(sql.SQL("sql_text"), version) or "")

    def read_texts(self, versions: Collection[int]) -> dict[int, str]:
        """Return the texts of recorded files as they were applied, by version; versions without a row are left out."""
        query = sql.SQL("SELECT version, sql_text FROM ONLY {} WHERE version = ANY ({})").format(
            self.name(LEDGER_TABLE), sql.Literal(list(versions))
        )
        return dict(self.run(query).fetchall())

    def find_altered(self) -> list[tuple[int, str]]:
        """Return version and name of each row whose text is not the one that its checksum was made from."""
        return find_altered(self, LEDGER_TABLE, sql.Identifier("version"))

    def read_rollback(self, version: int) -> str | None:
        """Return the rollback text recorded with a file when it was applied; None if there was none."""
        text: str | None = self._read_cell(sql.SQL("rollback_text"), version)
        return text

    def read_batch(self, version: int) -> Mapping[str, Any] | None:
        """Return the progress of a change in batches, as `record_batch` wrote it; None before the first batch."""
        batch: Mapping[str, Any] | None = self._read_cell(sql.SQL("progress -> 'batch'"), version)
        return batch

    def _read_cell(self, column: sql.SQL, version: int) -> Any:
        """Return one value of a version's row; None if there is no such row."""
        query = sql.SQL("SELECT {} FROM ONLY {} WHERE version = {}")
        row = self.run(query.format(column, self.name(LEDGER_TABLE), sql.Literal(version))).fetchone()
        return row[0] if row else None

    def create_if_absent(self) -> None:
        """Create both tables unless they exist. Raises Refused if that is forbidden or the table is not ours."""
        # Not CREATE TABLE IF NOT EXISTS, which needs the privilege even if there is nothing to create, and accepts a
        # foreign table.
        found, comment = self._find()
        if found:
            self._check_layout(_layout_of(comment))
            return
        try:
            self.connection.execute(
                self.compose("create", comment=f"tenantry ledger, layout {LAYOUT}: one row for each migration")
            )
        except pg.InvalidSchemaName:
            raise Refused(
                f"{self.shown}: schema {self.schema!r} does not exist",
                hint=f"CREATE SCHEMA {self.typed_schema} in this database, "
                'or set another schema under "ledger" in tenants.yaml',
            ) from None
        except pg.InsufficientPrivilege as error:
            raise Refused(
                f"{self.shown}: cannot be created: {error.diag.message_primary}",
                hint=self.compose_grant(f"CREATE, USAGE ON SCHEMA {self.typed_schema}"),
            ) from None

    def _find(self) -> tuple[bool, str | None]:
        """Return whether a table of our name exists, and its comment."""
        # Passed as text: a name that does not exist gives NULL, and not an error that aborts the transaction.
        table = self.name(LEDGER_TABLE).as_string(self.connection)
        return self.connection.execute(self.compose("find", table=table)).fetchone() or (False, None)

    def execute(self, file: str, /, **values: Value) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run one of the ledger's SQL files that reads `_migrations`, after its guard. Raises what `run` raises."""
        return self.run(self.compose(file, **values))

    def run(
        self, query: sql.Composable, *, tables: Sequence[str] = (LEDGER_TABLE,), writes: bool = False
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a query after the guard of its tables, in one message, and return a cursor on its result.

        Raises Refused if a table is not one of ours, before anything that was put there could run.
        """
        idle = self.connection.info.transaction_status is TransactionStatus.IDLE
        try:
            cursor = self.connection.execute(compose_guarded(self.guard, self.schema, tables, query, writes=writes))
        except (pg.InvalidTextRepresentation, pg.WrongObjectType) as error:
            reason = read_reason(error)
            if reason is None:
                raise
            if self.guard.thorough or not idle:
                raise self._distrust(tables, reason, explain=idle) from None
            self.guard.thorough = True
            return self.run(query, tables=tables, writes=writes)
        for _ in range(RESULTS):
            cursor.nextset()
        return cursor

    def _distrust(self, tables: Sequence[str], reason: str, *, explain: bool) -> Refused:
        """Return why a table is not trusted; `explain`: no transaction is open, so that the catalog can be asked."""
        faults = [
            f"{self.schema}.{table}: {fault}"
            for table in (tables if explain else ())
            for fault in find_faults(self.connection, self.guard, self.schema, table)
        ]
        said = "; ".join(faults[:_SHOWN_FAULTS]) or f"{self.shown}: {reason}"
        more = f"; {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        return Refused(
            f"{said}{more}, expected the table as tenantry creates it: it is neither read nor written",
            hint="find out who changed it, and have its owner restore it; if a role of yours owns it, connect as that "
            'role, or name it under "ledger" in tenants.yaml: owner: ROLE',
        )

    def compose(self, file: str, /, **values: Value) -> sql.Composed:
        """Return one of the ledger's SQL files with its values as literals, so that it stays one simple query."""
        return sql.SQL(read_sql("ledger", file)).format(
            schema=sql.Identifier(self.schema),
            **{
                key: value if isinstance(value, sql.Composable) else sql.Literal(value) for key, value in values.items()
            },
        )

    def name(self, table: str) -> sql.Identifier:
        """Return the qualified name of one of the ledger's tables, as SQL."""
        return sql.Identifier(self.schema, table)

    def compose_grant(self, privilege: str) -> str:
        """Return the hint for a privilege that the role lacks: the GRANT, to be copied by someone who may run it."""
        return f"as the owner: GRANT {privilege} TO {self._type(self.connection.info.user)}"

    @property
    def typed_schema(self) -> str:
        """Return the schema as a person types it."""
        return self._type(self.schema)

    def _type(self, name: str) -> str:
        """Return a name as a person types it, in quotes only if it needs them."""
        plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name)
        return name if plain else sql.Identifier(name).as_string(self.connection)

    @property
    def shown(self) -> str:
        """Return the qualified name of the table, as errors show it."""
        return f"{self.schema}.{LEDGER_TABLE}"

    def _parse(self, row: tuple[Any, ...]) -> AppliedMigration:
        (
            version,
            name,
            checksum,
            origin,
            state,
            set_name,
            tenant,
            finished,
            elapsed_ms,
            total,
            done,
            by,
            proven,
            progress,
            bare,
            _layout,
        ) = row
        return AppliedMigration(
            version=version,
            name=name,
            checksum=checksum,
            origin=Origin(origin),
            state=RowState(state),
            set_name=set_name,
            tenant=tenant,
            finished_at=None if finished is None else read_time(finished),
            elapsed_ms=elapsed_ms,
            statements=total,
            statements_done=done,
            applied_by=by,
            proven=proven,
            progress=_parse_progress(progress),
            bare=bare,
        )

    def _check_layout(self, layout: int | None) -> None:
        if layout is None:
            raise self.foreign()
        if layout > LAYOUT:
            raise Refused(
                f"{self.shown}: layout {layout}, "
                f"expected at most {LAYOUT}, the newest that this version of tenantry knows",
                hint="a newer version of tenantry has written it: upgrade this one",
            )

    def _check_identity(self, row: AppliedMigration) -> None:
        ours = (self.tenant.set_name.value, self.tenant.name)
        if (row.set_name, row.tenant) != ours:
            raise Refused(
                f"{self.shown}: database {self.tenant.database!r} belongs to {_identity(row.set_name, row.tenant)}, "
                f"expected {_identity(*ours)}",
                hint="correct the server or database of this tenant in tenants.yaml",
            )

    def unreadable(self, error: psycopg.Error) -> Refused:
        """Return the refusal where the role may not read the ledger."""
        said = error.diag.message_primary or ""
        tables = ", ".join(f"{self.typed_schema}.{table}" for table in (LEDGER_TABLE, LOG_TABLE))
        # Whatever the language of the message, it names the table, unless the schema itself is closed to the role.
        privilege = f"SELECT ON {tables}" if LEDGER_TABLE in said else f"USAGE ON SCHEMA {self.typed_schema}"
        return Refused(f"{self.shown}: {said}", hint=self.compose_grant(privilege))

    def _lacking(self, error: psycopg.Error) -> Refused | None:
        """Return the refusal for a column that is missing because the table is too old; None for any other column."""
        said = error.diag.message_primary or ""
        if not any(name in said for name in _LATER_COLUMNS):
            return None
        columns = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _LATER_COLUMNS.items())
        return Refused(
            f"{self.shown}: {said}, expected the columns of layout {LAYOUT}: "
            "the table was created before the first release",
            hint=f"as its owner: ALTER TABLE {self.typed_schema}.{LEDGER_TABLE} {columns}, "
            f"DROP CONSTRAINT IF EXISTS {LEDGER_TABLE}_state_check",
        )

    def foreign(self) -> Refused:
        """Return the refusal for a table of our name whose columns or comment are not ours."""
        return Refused(
            f"{self.shown}: not tenantry's ledger, expected the ledger's columns and comment",
            hint='set another schema under "ledger" in tenants.yaml; if a restore lost the comment, run '
            f"COMMENT ON TABLE {self.typed_schema}.{LEDGER_TABLE} IS 'tenantry ledger, layout {LAYOUT}'",
        )


def _layout_of(comment: str | None) -> int | None:
    """Return the layout number in the table's comment; None if the comment is not ours."""
    match = _LAYOUT_COMMENT.match(comment or "")
    return int(match[1]) if match else None


def _identity(set_name: str, tenant: str) -> str:
    return "the master" if set_name == "master" else f"tenant {tenant}"


def _parse_progress(written: Mapping[str, Any] | None) -> Progress | None:
    """Return the progress in the column; None if nothing is known about the file's statements."""
    if not written or "prefix" not in written:
        return None
    rows = written.get("batch", {}).get("rows", 0)
    return Progress(written["prefix"], written.get("running", ""), tuple(written.get("before", ())), rows)


def read_time(epoch_s: float) -> datetime:
    """Return a time given as seconds since 1970, which no time zone of a session changes."""
    return _EPOCH + timedelta(microseconds=round(epoch_s * 1_000_000))


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
        raise Refused(
            f"{shown}: the row was not stored, expected a plain table",
            hint="drop the rule, trigger or policy that intercepts writes to it",
        )


def find_altered(ledger: Ledger, table: str, version: sql.Composable) -> list[tuple[int, str]]:
    """Return version and name of each row of a table whose text is not the one that its checksum was made from."""
    query = sql.SQL(read_sql("ledger", "altered")).format(version=version, table=ledger.name(table))
    return sorted(ledger.run(query, tables=(table,)).fetchall())
