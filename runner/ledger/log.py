"""`_migrations_log`: every attempt and every repair, and who made it. Rows are only added."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.ledger import Ledger, check_taken
from tenantry.ledger.rows import read_time, refuse_value
from tenantry.model import NO_VERSION, Migration
from tenantry.model.errors import Refused
from tenantry.model.records import LOG_TABLE

# Far more than a tenant's log ever has; a line takes some memory.
_MOST_LINES = 100_000


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
    """Return the log, oldest first; empty if there is no ledger yet."""
    try:
        rows = ledger.run(
            ledger.compose("read_log", version=version, most=_MOST_LINES + 1), tables=(LOG_TABLE,)
        ).fetchall()
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return ()
    except pg.UndefinedColumn:
        raise ledger.foreign() from None
    if len(rows) > _MOST_LINES:
        raise Refused(
            f"{ledger.schema}.{LOG_TABLE}: more than {_MOST_LINES:,} lines",
            hint="show one migration's with --version" if version is None else "read it with psql",
        )
    return tuple(_parse(ledger, row) for row in rows)


def _parse(ledger: Ledger, row: tuple[Any, ...]) -> LogEntry:
    """Return a line as values. Raises Refused for one that tenantry cannot have written."""
    number, at, run_id, version, event, checksum, by, reason, detail = row
    shown = f"{ledger.schema}.{LOG_TABLE}"
    try:
        time = read_time(at)
    except (ValueError, TypeError):
        raise refuse_value(shown, version, "at") from None
    if not isinstance(detail, dict | None):
        raise refuse_value(shown, version, "detail")
    return LogEntry(number, time, str(run_id), version, event, checksum or "", by, reason or "", detail or {})


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
