"""The tenants that a query of tenants.yaml names: run on the master, as one statement that only reads."""

import psycopg

from tenantry import sqltext
from tenantry.config.model import Config
from tenantry.fleet.missing import explain_missing
from tenantry.model.errors import ConfigError, InputError, Problem, TenantError, Unreachable
from tenantry.postgres.sessions import Sessions
from tenantry.postgres.transaction import Cursor, in_transaction

# It is asked before every run: it changes nothing, and no run waits for it for ever.
READ_ONLY = "BEGIN READ ONLY; SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '5s'"
_ONLY_READS = "write one SELECT that only reads"
_MASTER_FIRST = 'if the master\'s migrations create its table, run "tenantry migrate --tenants master" first'


def query_tenants(config: Config, sessions: Sessions) -> list[dict[str, object]]:
    """Return the rows of the query that names the tenants, run on the master. Raises InputError, Unreachable."""
    master = config.master
    if master is None or config.tenant_query is None:
        raise ConfigError((Problem(f"{config.path}: a query for the tenants needs a master to run it on"),))
    _check_query(config, config.tenant_query)
    try:
        with sessions.connect(master) as connection, in_transaction(connection):
            connection.execute(READ_ONLY)
            return _read_rows(config, connection.execute(config.tenant_query.encode()))
    except Unreachable as error:
        raise explain_missing(sessions, master, error) from None
    except TenantError as error:
        if isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction):
            raise _refuse_query(config, f"writes: {error}", _ONLY_READS) from None
        absent = isinstance(error.__cause__, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName)
        raise _refuse_query(config, f"failed: {error}", _MASTER_FIRST if absent else "") from None


def _check_query(config: Config, query: str) -> None:
    """Raise InputError unless the query is one statement: a second one could end the transaction that only reads."""
    try:
        count = len(sqltext.split(query))
    except sqltext.SqlError as error:
        raise _refuse_query(config, f"is malformed: {error}", "correct its SQL") from None
    if count != 1:
        raise _refuse_query(config, f"has {count} statements, expected one", _ONLY_READS)


def _read_rows(config: Config, cursor: Cursor) -> list[dict[str, object]]:
    if cursor.description is None:
        raise _refuse_query(config, "returns no columns, expected a query", _ONLY_READS)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _refuse_query(config: Config, what: str, hint: str) -> InputError:
    return InputError((Problem(f"{config.rules.query_at}: the query for the tenants {what}", hint),))
