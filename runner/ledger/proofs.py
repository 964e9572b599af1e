"""`_migrations_proofs`: the tokens of all tenants' proven schemas, in the master; only this module knows its columns.

Whoever writes a row there can pass any schema of any tenant off as proven. So the table is trusted less easily than a
ledger: it belongs to the connected role, or to the owner that tenants.yaml names, and nobody else may write to it. A
role that was granted to ours is not enough, since roles of tenants often are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.faults import list_grants
from tenantry.ledger.ledger import Ledger
from tenantry.model.errors import Refused
from tenantry.model.records import LEDGER_TABLE, PROOF_TABLE
from tenantry.postgres.runner_lock import LOCK_KEY
from tenantry.postgres.transaction import in_transaction

# Set and tenant; and what the schema was compared with, and the token of its catalog.
Key = tuple[str, str]
Proof = tuple[str, str]
# Held while the table is created. Arbitrary, but never to change: two versions of the runner must take the same lock.
_KEY = sql.Literal(LOCK_KEY + 2)


@dataclass(frozen=True, slots=True)
class ProofTable:
    """The proofs in the database of a ledger, which is the master's. No transaction may be open."""

    ledger: Ledger

    @classmethod
    def of(cls, ledger: Ledger) -> "ProofTable":
        """Return the table next to a ledger's, guarded more strictly than that."""
        return cls(replace(ledger, guard=replace(ledger.guard, glances=False, by_grant=False, strict=True)))

    def read(self) -> dict[Key, Proof]:
        """Return all proofs; none if there is no table yet. Raises Refused if the table is not to be trusted."""
        connection = self.ledger.connection
        with in_transaction(connection):
            connection.execute("BEGIN READ ONLY")
            try:
                self._check_grants()
            except (pg.UndefinedTable, pg.InvalidSchemaName):
                return {}
            # Pinned by the guard: nothing but a plain table can have this name until the transaction ends.
            query = sql.SQL("SELECT set_name, tenant, expected, token FROM ONLY {}").format(self._table)
            rows = connection.execute(query).fetchall()
        return {(set_name, tenant): (expected, token) for set_name, tenant, expected, token in rows}

    def create_if_absent(self) -> None:
        """Create the table, where there is a ledger that it could join. Raises psycopg.Error."""
        connection = self.ledger.connection
        with in_transaction(connection):
            connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            if self._create_if_absent():
                connection.execute("COMMIT")

    def write(self, proofs: Mapping[Key, Proof]) -> None:
        """Write proofs over those of the same tenants; nothing where there is no ledger that the table could join.

        Raises Refused if the table is not to be trusted, and psycopg.Error.
        """
        connection = self.ledger.connection
        with in_transaction(connection):
            connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            if not self._create_if_absent():
                return
            # Sorted, since another run may write the same rows: in another order, each would wait for the other.
            rows = sql.SQL(", ").join(self._compose_rows(dict(sorted(proofs.items()))))
            self.ledger.run(self.ledger.compose("record_proofs", rows=rows), tables=(PROOF_TABLE,), writes=True)
            self._check_grants()
            connection.execute("COMMIT")

    def _compose_rows(self, proofs: Mapping[Key, Proof]) -> Iterator[sql.Composable]:
        marks = self.ledger.provenance
        for (set_name, tenant), (expected, token) in proofs.items():
            values = map(sql.Literal, (set_name, tenant, expected, token, marks.run_id, marks.tool_version))
            yield sql.SQL("({}, {}, {}, {}, pg_catalog.clock_timestamp(), {}, {})").format(*values)

    def _check_grants(self) -> None:
        """Raise Refused unless the table is ours, and nobody but its owner may write to it."""
        grants = list_grants(self.ledger.schema, PROOF_TABLE)
        for grantee, privileges in self.ledger.run(grants, tables=(PROOF_TABLE,)).fetchall():
            raise Refused(
                f"{self._shown}: {grantee} may {privileges} it, expected nobody but its owner to write to it",
                hint=f"as its owner: REVOKE ALL ON {self.ledger.typed_schema}.{PROOF_TABLE} FROM that role",
            )

    def _create_if_absent(self) -> bool:
        """Create the table next to the ledger's unless it exists; return whether there is one."""
        beside, exists = self._look()
        if beside and not exists:
            self.ledger.connection.execute(sql.SQL("SELECT pg_catalog.pg_advisory_xact_lock({})").format(_KEY))
            # Another run may have created it meanwhile.
            beside, exists = self._look()
        if beside and not exists:
            self.ledger.connection.execute(self.ledger.compose("create_proofs"))
            self._revoke()
        return beside

    def _look(self) -> tuple[bool, bool]:
        """Return whether the ledger's table exists, and whether this one does."""
        asked = sql.SQL("SELECT pg_catalog.to_regclass({}) IS NOT NULL, pg_catalog.to_regclass({}) IS NOT NULL")
        names = (self.ledger.name(table).as_string(self.ledger.connection) for table in (LEDGER_TABLE, PROOF_TABLE))
        return self.ledger.connection.execute(asked.format(*map(sql.Literal, names))).fetchone() or (False, False)

    def _revoke(self) -> None:
        """Take back what default privileges gave to others: an application often may write to each new table."""
        grants = list_grants(self.ledger.schema, PROOF_TABLE)
        for grantee, _ in self.ledger.connection.execute(grants).fetchall():
            role = sql.SQL("PUBLIC") if grantee == "every role" else sql.Identifier(grantee.removeprefix("role "))
            self.ledger.connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(self._table, role))

    @property
    def _table(self) -> sql.Identifier:
        return self.ledger.name(PROOF_TABLE)

    @property
    def _shown(self) -> str:
        return f"{self.ledger.schema}.{PROOF_TABLE}"
