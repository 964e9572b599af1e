"""A change that is ready to be split into batches: its statement, the table to split by, and its progress so far.

Everything is checked here, before the first batch.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tenantry.apply.batch.keys import Range, RowKey
from tenantry.apply.batch.table import Table, find_table
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.rows import refuse_value
from tenantry.model import Migration, label
from tenantry.model.errors import Refused
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.changes import ChangeError, RowChange, read_change


@dataclass(frozen=True, slots=True)
class Reached:
    """The progress of a change: up to the key `last`, None before the first batch, of `top`, the highest at its start.

    `rows` counts the processed rows of the table that it is split by, `changed` the rows that were written. `begun`
    identifies the statement and the key.
    """

    begun: str
    top: RowKey
    last: RowKey | None = None
    rows: int = 0
    changed: int = 0

    @property
    def left(self) -> Range:
        """Return the keys that are still to be processed."""
        return Range(self.last, self.top)

    def as_json(self) -> dict[str, Any]:
        """Return the progress as the ledger takes it, after the first batch."""
        return {
            "begun": self.begun,
            "top": list(self.top),
            "last": list(self.last or ()),
            "rows": self.rows,
            "changed": self.changed,
        }

    def add(self, last: RowKey, rows: int, changed: int) -> "Reached":
        """Return the progress after one more batch."""
        return replace(self, last=last, rows=self.rows + rows, changed=self.changed + changed)


def parse_reached(written: Mapping[str, Any] | None) -> Reached | None:
    """Return the progress in the ledger; None before the first batch.

    Raises ValueError for a value that `Reached.as_json` does not write.
    """
    if not written:
        return None
    match written:
        case {"begun": str(begun), "top": [*top], "last": [*last], "rows": int(rows), "changed": int(changed)}:
            if all(isinstance(value, str) for value in (*top, *last)):
                return Reached(begun, tuple(top), tuple(last), rows, changed)
    raise ValueError("not the progress of a change in batches")


def _read_reached(ledger: Ledger, version: int) -> Reached | None:
    """Return the progress in a ledger. Raises Refused for a value that tenantry does not write."""
    try:
        return parse_reached(ledger.read_batch(version))
    except ValueError:
        raise refuse_value(ledger.shown, version, "progress") from None


@dataclass(frozen=True, slots=True)
class Cut:
    """A change, the table that it is split by, and its progress; `reached` is None before the first batch."""

    change: RowChange
    table: Table
    reached: Reached | None

    @property
    def fingerprint(self) -> str:
        """Return a hash of the statement and the key, which must stay the same for a change to resume."""
        parts = (self.change.statement.text, self.table.name, *self.table.key)
        return "sha256:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()


def prepare(connection: Connection, ledger: Ledger, step: Migration) -> Cut:
    """Return a file's change as it is split in this database. Raises Refused if it cannot be.

    The ledger may be on another connection.
    """
    name = label(step.version, step.name)
    try:
        change = read_change(step.sql)
        table = find_table(connection, change)
    except ChangeError as error:
        raise Refused(f"{name}: cannot run in batches: {error.message}", hint=error.hint) from None
    except Refused as refusal:
        raise Refused(f"{name}: cannot run in batches: {refusal}", hint=refusal.hint) from None
    cut = Cut(change, table, _read_reached(ledger, step.version))
    if cut.reached and cut.reached.begun != cut.fingerprint:
        again = f"tenantry forget {step.version} --tenants {ledger.tenant.name} --reason ..."
        raise Refused(
            f"{name}: the statement or the primary key has changed since {cut.reached.rows} rows were processed",
            hint=f'restore both, or run "{again}" to start again from the first row',
        )
    return cut
