"""`_migrations_log`: every attempt and every repair, and who made it. Rows are only added."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.ledger import Ledger, check_taken, compose
from tenantry.ledger.provenance import Provenance
from tenantry.ledger.rows import decode_json, decode_time, decode_version, refuse_value
from tenantry.model import NO_VERSION, Migration
from tenantry.model.records import LOG_TABLE
from tenantry.postgres.copying import Fields

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
    try:
        rows = ledger.copy(LOG_TABLE, "id at run_id version event checksum applied_by reason detail")
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return ()
    except pg.InsufficientPrivilege as error:
        raise ledger.unreadable(error) from None
    entries = sorted((_parse(ledger, row) for row in rows), key=attrgetter("id"))
    return tuple(entry for entry in entries if version is None or entry.version == version)


def read_last_failure(ledger: Ledger, versions: Sequence[int], repeatables: Sequence[str]) -> LogEntry | None:
    """Return the last attempt at one of these files that did not succeed; None if there is none. Raises Refused."""
    failures = [entry for entry in read_log(ledger) if entry.event in FAILURES]
    of_files = (
        entry
        for entry in reversed(failures)
        if entry.version in versions or (entry.version is None and entry.detail.get("name") in repeatables)
    )
    return next(of_files, None)


def _parse(ledger: Ledger, row: Fields) -> LogEntry:
    """Return a line as values. Raises Refused for one that tenantry cannot have written."""
    number, at, run_id, version, event, checksum, by, reason, detail = (value or b"" for value in row)
    told = decode_version(version) if version else None
    shown = f"{ledger.schema}.{LOG_TABLE}"
    try:
        time = decode_time(at)
    except (ValueError, OverflowError, struct.error):
        raise refuse_value(shown, told, "at") from None
    try:
        details = decode_json(detail) if detail else {}
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, dict):
        raise refuse_value(shown, told, "detail")
    return LogEntry(
        id=decode_version(number),
        at=time,
        run_id=str(UUID(bytes=run_id)),
        version=told,
        event=event.decode(),
        checksum=checksum.decode(),
        applied_by=by.decode(),
        reason=reason.decode(),
        detail=details,
    )


def read_allowed(ledger: Ledger) -> frozenset[int]:
    """Return the versions that may be applied although newer ones are recorded; none if there is no ledger."""
    try:
        rows = ledger.copy(LOG_TABLE, "version event")
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return frozenset()
    return frozenset(decode_version(version) for version, event in rows if version and event == b"allowed")


def record_allowed(ledger: Ledger, migration: Migration, reason: str) -> None:
    """Write that a version may be applied although newer ones are recorded."""
    write_line(ledger, "allowed", migration.version, migration.checksum, reason=reason, detail={})


def record_danger_allowed(ledger: Ledger, migration: Migration, rules: Sequence[str]) -> None:
    """Write that a file is about to be applied although lint finds these dangers in it."""
    # A repeatable has no version to be known by.
    name = {"name": migration.name} if migration.version == NO_VERSION else {}
    write_line(ledger, "danger allowed", migration.version, migration.checksum, detail={**name, "rules": list(rules)})


def write_line(
    ledger: Ledger, event: str, version: int, checksum: str, *, reason: str | None = None, detail: Mapping[str, Any]
) -> None:
    """Append one line to the log. Raises Refused unless it was stored."""
    # Not as ASCII: people read the column in psql.
    told = json.dumps(dict(detail), ensure_ascii=False)
    line = compose_line(ledger.schema, ledger.provenance, event, version, checksum, reason=reason, detail=told)
    check_taken(ledger.run(line, tables=(LOG_TABLE,), writes=True), f"{ledger.schema}.{LOG_TABLE}")


def compose_line(
    schema: str,
    provenance: Provenance,
    event: str,
    version: int,
    checksum: str,
    *,
    reason: str | None = None,
    detail: str,
) -> sql.Composed:
    """Return the statement of `write_line`, to be sent together with others; `detail` is JSON."""
    return compose(
        schema,
        "insert_log",
        run_id=provenance.run_id,
        version=None if version == NO_VERSION else version,
        event=event,
        checksum=checksum,
        os_user=f" ({provenance.os_user})",
        reason=reason or provenance.reason or None,
        detail=detail,
    )
