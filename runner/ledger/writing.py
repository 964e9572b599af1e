"""Writing the rows of `_migrations`, each with its line in the log. The caller owns the transaction."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from tenantry.ledger.definitions import LAYOUT
from tenantry.ledger.ledger import Ledger, Value, check_taken, compose
from tenantry.ledger.log import write_line
from tenantry.ledger.provenance import Provenance
from tenantry.model import AppliedMigration, Migration, Origin, Progress, RowState
from tenantry.model.checksum import hash_prefix
from tenantry.model.records import LEDGER_TABLE
from tenantry.postgres.queries import read_sql


@dataclass(frozen=True, slots=True)
class Author:
    """Whose rows are written: by the run with this provenance, for a tenant of a set, into the ledger in a schema."""

    schema: str
    set_name: str
    tenant: str
    provenance: Provenance


def record_running(ledger: Ledger, migration: Migration, *, statements: int) -> None:
    """Write the row of a non-transactional file that is about to run."""
    begun = Progress(hash_prefix(()))
    row = compose_row(
        name_author(ledger), migration, Origin.APPLIED, RowState.RUNNING, statements=statements, progress=begun
    )
    check_taken(ledger.run(row, writes=True), ledger.shown)
    write_line(ledger, "started", migration.version, migration.checksum, detail={"statements": statements})


def record_resumed(
    ledger: Ledger, migration: Migration, before: AppliedMigration, *, statements: int, done: int
) -> None:
    """Write that a file resumes after its first `done` statements, with its current text."""
    text = ledger.read_text(migration.version)
    written = ledger.run(
        ledger.compose(
            "resume",
            **_of_file(migration),
            rollback_text=migration.rollback,
            statements=statements,
            **ledger.provenance.values(),
        ),
        writes=True,
    )
    check_taken(written, ledger.shown)
    edited = {"sql_text": text} if migration.checksum != before.checksum else {}
    # In the log it is the statement's number, as `--resume-at` takes it.
    detail = {**_as_detail(before), **edited, "resumed_at": done + 1}
    write_line(ledger, "resumed", migration.version, migration.checksum, detail=detail)


def record_progress(ledger: Ledger, version: int, done: int, progress: Progress) -> None:
    """Write how many statements of a non-transactional file have taken effect, and which one may have."""
    check_taken(ledger.run(compose_progress(ledger, version, done, progress), writes=True), ledger.shown)


def compose_progress(ledger: Ledger, version: int, done: int, progress: Progress) -> sql.Composed:
    """Return the statement of `record_progress`, to be sent by the session that runs the file."""
    return ledger.compose("update_progress", version=version, done=done, progress=_write_progress(progress))


def record_batch(ledger: Ledger, version: int, batch: Mapping[str, Any], *, before: Mapping[str, Any] | None) -> None:
    """Write the progress of a change in batches; `before` is the recorded progress, None if there is none."""
    # Compared by the UPDATE itself: the session of a runner that was thought dead may have written this batch.
    found = None if before is None else json.dumps(before)
    written = ledger.run(
        ledger.compose("update_batch", version=version, batch=json.dumps(batch), before=found), writes=True
    )
    check_taken(written, ledger.shown)


def record_finished(
    ledger: Ledger, migration: Migration, state: RowState, *, elapsed_ms: int, told: Mapping[str, int] | None = None
) -> None:
    """Write how a non-transactional file ended; a failure's line in the log is the caller's.

    `told` is added to the log's line if the file is applied.
    """
    done = ledger.run(
        ledger.compose("finish_statements", version=migration.version, state=state.value, elapsed_ms=elapsed_ms),
        writes=True,
    )
    check_taken(done, ledger.shown)
    if state is RowState.APPLIED:
        detail = {"elapsed_ms": elapsed_ms, **(told or {})}
        write_line(ledger, "applied", migration.version, migration.checksum, detail=detail)


def record_marked(ledger: Ledger, migration: Migration, reason: str, before: AppliedMigration | None) -> None:
    """Write that a version counts as applied without being run, whether it has an unfinished row or none."""
    detail: dict[str, Any] = {}
    if before is None:
        written = ledger.run(compose_row(name_author(ledger), migration, Origin.MARKED, RowState.APPLIED), writes=True)
    else:
        detail = _describe(ledger, before)
        written = ledger.run(
            ledger.compose(
                "complete",
                **_of_file(migration),
                rollback_text=migration.rollback,
                statements=before.statements,
            ),
            writes=True,
        )
    check_taken(written, ledger.shown)
    write_line(ledger, "marked", migration.version, migration.checksum, reason=reason, detail=detail)


def record_proven(ledger: Ledger, versions: Iterable[int]) -> None:
    """Write that the schema was seen to match these rows, in a transaction of its own.

    Other rows are left alone: one that another runner has written meanwhile was not part of the proof.
    """
    query = sql.SQL(
        "UPDATE ONLY {} SET proven_at = pg_catalog.clock_timestamp() WHERE proven_at IS NULL AND version = ANY ({})"
    )
    ledger.run(query.format(ledger.name(LEDGER_TABLE), sql.Literal(list(versions))), writes=True)


def unprove(ledger: Ledger) -> None:
    """Write that no row is proven any more, since the record that the schema was compared with has changed."""
    query = sql.SQL("UPDATE ONLY {} SET proven_at = NULL")
    ledger.run(query.format(ledger.name(LEDGER_TABLE)), writes=True)


def record_known(ledger: Ledger, migration: Migration, origin: Origin, reason: str) -> None:
    """Write that the database already has a version, according to the catalog and perhaps to another tool."""
    row = compose_row(name_author(ledger), migration, origin, RowState.APPLIED)
    check_taken(ledger.run(row, writes=True), ledger.shown)
    write_line(ledger, "adopted", migration.version, migration.checksum, reason=reason, detail={"origin": origin.value})


def record_accepted(ledger: Ledger, migration: Migration, reason: str, before: AppliedMigration) -> None:
    """Write the current name, checksum and text of a file into its row."""
    text = ledger.read_text(migration.version)
    check_taken(ledger.run(ledger.compose("accept", **_of_file(migration)), writes=True), ledger.shown)
    unprove(ledger)
    detail = {**_as_detail(before), "sql_text": text}
    write_line(ledger, "accepted", migration.version, migration.checksum, reason=reason, detail=detail)


def record_rolled_back(ledger: Ledger, row: AppliedMigration, reason: str, text: str, *, elapsed_ms: int) -> None:
    """Write that `text` has undone a version, in the transaction that ran it; the log keeps its former row."""
    check_taken(ledger.run(ledger.compose("roll_back", version=row.version), writes=True), ledger.shown)
    unprove(ledger)
    detail = {**_as_detail(row), "rollback_text": text, "elapsed_ms": elapsed_ms}
    write_line(ledger, "rolled back", row.version, row.checksum, reason=reason, detail=detail)


def record_forgotten(ledger: Ledger, row: AppliedMigration, reason: str) -> None:
    """Delete a row; the log keeps its contents."""
    detail = {**_describe(ledger, row), "sql_text": ledger.read_text(row.version)}
    query = sql.SQL("DELETE FROM ONLY {} WHERE version = {}").format(
        ledger.name(LEDGER_TABLE), sql.Literal(row.version)
    )
    check_taken(ledger.run(query, writes=True), ledger.shown)
    unprove(ledger)
    write_line(ledger, "forgotten", row.version, row.checksum, reason=reason, detail=detail)


def _describe(ledger: Ledger, row: AppliedMigration) -> dict[str, Any]:
    """Return the contents of a row that is about to be lost, and the progress of its batches, kept nowhere else."""
    batch = {"batch": ledger.read_batch(row.version)} if row.progress and row.progress.rows else {}
    return {**_as_detail(row), **batch}


def name_author(ledger: Ledger) -> Author:
    """Return whose rows are written into a ledger."""
    tenant = ledger.tenant
    return Author(ledger.schema, tenant.set_name.value, tenant.name, ledger.provenance)


def compose_row(
    author: Author,
    migration: Migration,
    origin: Origin,
    state: RowState,
    *,
    elapsed_ms: Value = None,
    statements: Value = 0,
    done: Value = 0,
    progress: Progress | None = None,
    again: bool = True,
) -> sql.Composed:
    """Return the statement that writes a row; with `again`, also in the place of one that was rolled back."""
    return compose(
        author.schema,
        "insert",
        again=sql.SQL(read_sql("ledger", "insert_again") if again else ""),
        **_of_file(migration),
        origin=origin.value,
        state=state.value,
        set_name=author.set_name,
        tenant=author.tenant,
        finished_at=sql.SQL("pg_catalog.clock_timestamp()" if state is RowState.APPLIED else "NULL"),
        elapsed_ms=elapsed_ms,
        statements=statements,
        statements_done=done,
        layout=LAYOUT,
        **author.provenance.values(),
        rollback_text=migration.rollback,
        progress=_write_progress(progress) if progress else None,
    )


def _of_file(migration: Migration) -> dict[str, str | int]:
    return {
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "sql_text": migration.text,
    }


def _as_detail(row: AppliedMigration) -> dict[str, Any]:
    """Return the contents of a row before a change, as JSON."""
    return {
        "name": row.name,
        "checksum": row.checksum,
        "origin": row.origin.value,
        "state": row.state.value,
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "statements": row.statements,
        "statements_done": row.statements_done,
        "applied_by": row.applied_by,
    }


def _write_progress(progress: Progress) -> str:
    """Return the text for the column, which people read too: empty values are left out."""
    written = {"prefix": progress.prefix, "running": progress.running, "before": progress.before}
    return json.dumps({key: value for key, value in written.items() if value}, ensure_ascii=False)
