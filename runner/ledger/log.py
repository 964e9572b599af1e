"""`_migrations_log`: every attempt and every repair, and who made it. Rows are only added."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.ledger import Ledger, check_taken, read_time
from tenantry.model import NO_VERSION, Migration
from tenantry.model.records import LOG_TABLE
from tenantry.postgres.queries import read_sql

# The events of an attempt that did not succeed.
FAILURES = ("failed", "blocked", "lost", "cancelled")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One row of `_migrations_log`; `version` is None if it is about no single migration."""

    id: int
    at: datetime
    run_id: str
    version: int | None
    event: str
    checksum: str
    applied_by: str
    reason: str
    detail: Mapping[str, Any]


def read_log(ledger: Ledger, version: int | None = None) -> tuple[LogEntry, ...]:
    """Return the log, oldest first; empty if there is no ledger yet. Raises Refused."""
    return _read_entries(ledger, ledger.compose("read_log", version=version))


def read_last_failure(ledger: Ledger, versions: Sequence[int], repeatables: Sequence[str]) -> LogEntry | None:
    """Return the last attempt at one of these files that did not succeed; None if there is none. Raises Refused."""
    query = sql.SQL(read_sql("ledger", "last_failure")).format(
        schema=sql.Identifier(ledger.schema),
        failures=sql.Literal(list(FAILURES)),
        versions=sql.Literal(list(versions)),
        repeatables=sql.Literal(list(repeatables)),
    )
    return next(iter(_read_entries(ledger, query)), None)


def _read_entries(ledger: Ledger, query: sql.Composable) -> tuple[LogEntry, ...]:
    try:
        rows = ledger.run(query, tables=(LOG_TABLE,)).fetchall()
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return ()
    except pg.UndefinedColumn:
        raise ledger.foreign() from None
    except pg.InsufficientPrivilege as error:
        raise ledger.unreadable(error) from None
    return tuple(
        LogEntry(
            row[0], read_time(row[1]), str(row[2]), row[3], row[4], row[5] or "", row[6], row[7] or "", row[8] or {}
        )
        for row in rows
    )


def read_allowed(ledger: Ledger) -> frozenset[int]:
    """Return the versions that may be applied although newer ones are recorded; none if there is no ledger."""
    query = sql.SQL("SELECT version FROM ONLY {} WHERE event = 'allowed'").format(ledger.name(LOG_TABLE))
    try:
        return frozenset(version for (version,) in ledger.run(query, tables=(LOG_TABLE,)).fetchall())
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return frozenset()


def record_allowed(ledger: Ledger, migration: Migration, reason: str) -> None:
    """Write that a version may be applied although newer ones are recorded."""
    write_line(ledger, "allowed", migration.version, migration.checksum, reason=reason, detail={})


def record_danger_allowed(ledger: Ledger, migration: Migration, rules: Sequence[str]) -> None:
    """Write that a file is about to be applied although lint finds these dangers in it."""
    write_line(ledger, "danger allowed", migration.version, migration.checksum, detail={"rules": list(rules)})


def write_line(
    ledger: Ledger, event: str, version: int, checksum: str, *, reason: str | None = None, detail: Mapping[str, Any]
) -> None:
    """Append one line to the log. Raises Refused unless it was stored."""
    line = compose_line(ledger, event, version, checksum, reason=reason, detail=detail)
    check_taken(ledger.run(line, tables=(LOG_TABLE,), writes=True), f"{ledger.schema}.{LOG_TABLE}")


def compose_line(
    ledger: Ledger, event: str, version: int, checksum: str, *, reason: str | None = None, detail: Mapping[str, Any]
) -> sql.Composed:
    """Return the statement of `write_line`, to be sent together with others."""
    return ledger.compose(
        "insert_log",
        run_id=ledger.provenance.run_id,
        version=None if version == NO_VERSION else version,
        event=event,
        checksum=checksum,
        os_user=f" ({ledger.provenance.os_user})",
        reason=reason,
        # Not as ASCII: people read the column in psql.
        detail=json.dumps(dict(detail), ensure_ascii=False),
    )
