"""The refusals of a ledger that is not ours, not this tenant's or not this version's, each with the way out of it."""

from collections.abc import Collection

from tenantry.ledger.definitions import LATER_COLUMNS, LAYOUT
from tenantry.model import AppliedMigration, RowState, Tenant
from tenantry.model.errors import Refused
from tenantry.model.records import LEDGER_TABLE, LOG_TABLE
from tenantry.sqltext.names import quote


def check_layout(schema: str, layout: int | None) -> None:
    """Raise Refused for a layout that this version does not know, or None: the table has no comment of ours."""
    if layout is None:
        raise refuse_foreign(schema)
    if layout > LAYOUT:
        raise Refused(
            f"{schema}.{LEDGER_TABLE}: layout {layout}, "
            f"expected at most {LAYOUT}, the newest that this version of tenantry knows",
            hint="a newer version of tenantry has written it: upgrade this one",
        )


def check_identity(schema: str, tenant: Tenant, row: AppliedMigration) -> None:
    """Raise Refused for a row of another set or tenant: the connection leads to the wrong database."""
    ours = (tenant.set_name.value, tenant.name)
    if (row.set_name, row.tenant) != ours:
        raise Refused(
            f"{schema}.{LEDGER_TABLE}: database {tenant.database!r} belongs to {_identity(row.set_name, row.tenant)}, "
            f"expected {_identity(*ours)}",
            hint="correct the server or database of this tenant in tenants.yaml",
        )


def _identity(set_name: str, tenant: str) -> str:
    return "the master" if set_name == "master" else f"tenant {tenant}"


def refuse_foreign(schema: str) -> Refused:
    """Return the refusal for a table of our name whose columns or comment are not ours."""
    return Refused(
        f"{schema}.{LEDGER_TABLE}: not tenantry's ledger, expected the ledger's columns and comment",
        hint='set another schema under "ledger" in tenants.yaml; if a restore lost the comment, run '
        f"COMMENT ON TABLE {quote(schema)}.{LEDGER_TABLE} IS 'tenantry ledger, layout {LAYOUT}'",
    )


def refuse_old(schema: str, columns: Collection[str]) -> Refused:
    """Return the refusal for columns that are missing because the table is too old."""
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in LATER_COLUMNS.items())
    check = f"{LEDGER_TABLE}_state_check"
    states = ", ".join(f"'{state.value}'" for state in RowState)
    return Refused(
        f"{schema}.{LEDGER_TABLE}: no {' and no '.join(sorted(columns))}, expected the columns of layout {LAYOUT}: "
        "the table was created before the first release",
        hint=f"as its owner: ALTER TABLE {quote(schema)}.{LEDGER_TABLE} {added}, "
        f"DROP CONSTRAINT IF EXISTS {check}, ADD CONSTRAINT {check} CHECK (state IN ({states}))",
    )


def refuse_unreadable(schema: str, user: str, said: str) -> Refused:
    """Return the refusal where a role may not read the ledger, by the words of the server."""
    shown = f"{schema}.{LEDGER_TABLE}: {said}"
    # Whatever the language of the message, it names the table, or the schema if that is closed to the role.
    if LEDGER_TABLE not in said and schema not in said:
        return Refused(shown, hint="grant the role SELECT on it, which every role has by default")
    tables = ", ".join(f"{quote(schema)}.{table}" for table in (LEDGER_TABLE, LOG_TABLE))
    privilege = f"SELECT ON {tables}" if LEDGER_TABLE in said else f"USAGE ON SCHEMA {quote(schema)}"
    return Refused(shown, hint=compose_grant(privilege, user))


def compose_grant(privilege: str, user: str) -> str:
    """Return the hint for a privilege that a role lacks: the GRANT, to be copied by someone who may run it."""
    return f"as the owner: GRANT {privilege} TO {quote(user)};"


def refuse_lost(table: str) -> Refused:
    """Return the refusal of a table, named with its schema, that has not stored what was written to it."""
    return Refused(
        f"{table}: the row was not stored, expected a plain table",
        hint="drop the rule, trigger or policy that intercepts writes to it",
    )
