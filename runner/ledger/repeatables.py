"""`_migrations_repeatable`: the last applied text of each repeatable; only this module knows its columns.

The table is created on first use, under the lock, and never by reading.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.ledger import Ledger, check_taken, find_altered
from tenantry.ledger.log import write_line
from tenantry.ledger.rows import refuse_value
from tenantry.ledger.writing import unprove
from tenantry.model import NO_VERSION, Migration
from tenantry.model.errors import Refused
from tenantry.model.records import REPEATABLE_TABLE
from tenantry.postgres.sessions import Connection


@dataclass(frozen=True, slots=True)
class RepeatableTable:
    """The record of repeatables in a ledger's database. Methods that write leave the transaction to their caller."""

    ledger: Ledger

    @property
    def connection(self) -> Connection:
        """Return the connection of the ledger."""
        return self.ledger.connection

    def read(self) -> dict[str, str]:
        """Return the recorded checksums by name; empty if there is no table yet. One round trip."""
        try:
            rows = self.ledger.copy(REPEATABLE_TABLE, "name checksum")
        except (pg.UndefinedTable, pg.InvalidSchemaName):
            return {}
        except pg.InsufficientPrivilege as error:
            table = f"{self.ledger.typed_schema}.{REPEATABLE_TABLE}"
            raise Refused(
                f"{self._shown}: {error.diag.message_primary}", hint=self.ledger.compose_grant(f"SELECT ON {table}")
            ) from None
        try:
            return {(name or b"").decode(): (checksum or b"").decode() for name, checksum in rows}
        except UnicodeError:
            raise refuse_value(self._shown, None, "name or checksum") from None

    def find_altered(self) -> list[tuple[int, str]]:
        """Return version and name of each row whose text is not the one that its checksum was made from."""
        return find_altered(self.ledger, REPEATABLE_TABLE) if self.read() else []

    def find_pending(self, files: Iterable[Migration]) -> tuple[Migration, ...]:
        """Return the files, in order, whose text differs from the recorded one."""
        recorded = self.read()
        return tuple(file for file in files if recorded.get(file.name) != file.checksum)

    def create_if_absent(self) -> None:
        """Create the table unless it exists. Raises Refused if that is forbidden."""
        # Not IF NOT EXISTS, which needs the privilege to create even if there is nothing to create.
        name = self._table.as_string(self.connection)
        asked = sql.SQL("SELECT pg_catalog.to_regclass({}) IS NOT NULL").format(sql.Literal(name))
        if self.connection.execute(asked).fetchone() == (True,):
            return
        try:
            self.connection.execute(self.ledger.compose("create_repeatable"))
        except pg.InsufficientPrivilege as error:
            raise Refused(
                f"{self._shown}: cannot be created: {error.diag.message_primary}",
                hint=self.ledger.compose_grant(f"CREATE, USAGE ON SCHEMA {self.ledger.typed_schema}"),
            ) from None

    def record(self, step: Migration, *, elapsed_ms: int) -> None:
        """Write that a file was applied, and its line in the log; no row is proven any more."""
        row = self.ledger.compose(
            "record_repeatable",
            name=step.name,
            checksum=step.checksum,
            set_name=self.ledger.tenant.set_name.value,
            tenant=self.ledger.tenant.name,
            elapsed_ms=elapsed_ms,
            sql_text=step.text,
            **self.ledger.provenance.values(),
        )
        written = self.ledger.run(row, tables=(REPEATABLE_TABLE,), writes=True)
        check_taken(written, self._shown)
        unprove(self.ledger)
        detail = {"name": step.name, "elapsed_ms": elapsed_ms}
        write_line(self.ledger, "repeated", NO_VERSION, step.checksum, detail=detail)

    @property
    def _table(self) -> sql.Identifier:
        return self.ledger.name(REPEATABLE_TABLE)

    @property
    def _shown(self) -> str:
        return f"{self.ledger.schema}.{REPEATABLE_TABLE}"


def find_pending(files: Sequence[Migration] | None, ledger: Ledger | None) -> tuple[Migration, ...]:
    """Return the pending repeatables of a set, in order. Without a ledger, which is None, there is no database yet.

    The database is asked only if the set has repeatables.
    """
    return RepeatableTable(ledger).find_pending(files) if ledger and files else tuple(files or ())


def find_gone(files: Sequence[Migration] | None, ledger: Ledger) -> list[str]:
    """Return the names of recorded repeatables without a file; `files` is None if the set has no folder of them."""
    if files is None:
        return []
    return sorted(RepeatableTable(ledger).read().keys() - {file.name for file in files})
