"""Writing the rows of `_migrations`, each with its line in the log. The caller owns the transaction."""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq.abc import PGresult

from tenantry.ledger.guard import compose_guard, compose_stored, compose_unchanged, compose_unmarked, is_changed
from tenantry.ledger.ledger import LAYOUT, Ledger, Value, check_taken, compose, refuse_lost
from tenantry.ledger.log import compose_line, write_line
from tenantry.ledger.provenance import Provenance
from tenantry.ledger.touched import compose_check
from tenantry.model import AppliedMigration, Migration, Origin, Progress, RowState
from tenantry.model.checksum import hash_prefix
from tenantry.model.records import LEDGER_AND_LOG, LEDGER_TABLE
from tenantry.postgres.copying import Copied, commit_and_copy
from tenantry.postgres.queries import read_sql
from tenantry.postgres.transaction import compose_savepoint

# Random, so that no file has them in its text.
_TENANT, _STATEMENTS, _ELAPSED = (secrets.token_hex() for _ in range(3))
# Without the colon of a reason of the guard, which would be one to distrust the table.
_LOST = "tenantry lost a row"

# Returns what writes the record of a file, plainly or not: see `_compose_applied`.
_Compose = Callable[[bool], str]


@dataclass(frozen=True, slots=True)
class Author:
    """Whose rows are written: by the run with this provenance, for a tenant of a set, into the ledger in a schema."""

    schema: str
    set_name: str
    tenant: str
    provenance: Provenance


def record_applied(
    ledger: Ledger,
    migration: Migration,
    *,
    elapsed_ms: int,
    statements: int,
    after: sql.SQL | None = None,
    commits: bool = False,
    again: bool = True,
    then: str = "",
) -> Copied | None:
    """Write the row of a transactional file that has run, and its line in the log, unless the file has touched them.

    `after` is sent first and with `commits` a COMMIT last, all in one message: this runs for every file of every
    tenant. Without `again`, there was no row of this version under the lock. `then` follows the COMMIT, and its answer
    is returned, see `commit_and_copy`. Raises Refused unless both were stored, and psycopg.Error; then nothing is
    committed.
    """
    # What differs from tenant to tenant is filled in: to compose the whole again would cost more than to run it.
    anybody = replace(_sign(ledger), tenant=_TENANT)
    name = sql.Literal(ledger.tenant.name).as_string()
    values = {f"'{_TENANT}'": name, _STATEMENTS: str(statements), _ELAPSED: str(elapsed_ms)}

    def fill(plain: bool) -> str:
        record = _compose_applied(anybody, migration, migration.text, migration.rollback, plain=plain)
        for mark, value in values.items():
            record = record.replace(mark, value)
        return record

    try:
        results, copied = _send_record(
            ledger,
            [after.as_string()] if after else [],
            fill,
            ["COMMIT", *([then] if then else [])] if commits else [],
            counts=not again,
        )
    except pg.InvalidTextRepresentation as error:
        if _LOST not in (error.diag.message_primary or ""):
            raise
        raise refuse_lost(ledger.shown) from None
    except pg.UniqueViolation as error:
        if error.diag.table_name != LEDGER_TABLE:
            raise
        raise refuse_lost(ledger.shown) from None
    if commits and results[-1].command_status != b"COMMIT":
        raise psycopg.OperationalError("the server has not committed the transaction")
    return copied if then else None


# Arbitrary: the tenants of a run are seldom further apart. Each is kept with its text.
@lru_cache(maxsize=128)
def _compose_applied(author: Author, migration: Migration, _text: str, _rollback: str | None, *, plain: bool) -> str:
    """Return what writes both rows of a file, with marks for what differs from tenant to tenant.

    If `plain`, two statements that ask nothing, which costs the server half; else one that fails unless both are
    stored. The texts are arguments because migrations are equal without them.
    """
    statements, elapsed_ms = sql.SQL(_STATEMENTS), sql.SQL(_ELAPSED)
    row = _compose_row(
        author,
        migration,
        Origin.APPLIED,
        RowState.APPLIED,
        elapsed_ms=elapsed_ms,
        statements=statements,
        done=statements,
        again=not plain,
    )
    detail = f'{{"elapsed_ms": {_ELAPSED}}}'
    line = compose_line(
        author.schema, author.provenance, "applied", migration.version, migration.checksum, detail=detail
    )
    if plain:
        return f"{row.as_string()};\n{line.as_string()}"
    return sql.SQL(read_sql("ledger", "recorded")).format(row=row, line=line, lost=sql.Literal(_LOST)).as_string()


def _send_record(
    ledger: Ledger, before: Sequence[str], fill: _Compose, after: Sequence[str], *, counts: bool
) -> tuple[list[PGresult], Copied | None]:
    """Send the record after the guard of its tables, at first after what is seen quickly; see `commit_and_copy`.

    What that leaves in doubt, it says with an error, and then all is looked at. `counts`: both rows are new, so that
    the rows that were written can be counted.
    """
    guard, schema = ledger.guard, ledger.schema
    if guard.mark is not None:
        # The savepoint, because a file may well change these rows of the catalog, as by GRANT ... ON ALL TABLES.
        lead = (*before, compose_savepoint().as_string(), _compose_quick(ledger).as_string())
        stored = [compose_stored(guard, schema, _LOST)] if counts else []
        record = (fill(counts), *stored, *after)
        try:
            return _send_guarded(ledger, (*lead, compose_unmarked(guard, schema), *record))
        except pg.InvalidTextRepresentation as error:
            if not is_changed(error):
                raise
        ledger.connection.execute(compose_savepoint("ROLLBACK TO SAVEPOINT"))
        guard.seen, before = None, ()
    whole = compose_guard(guard, schema, LEDGER_AND_LOG, writes=True, remembers=guard.continues).as_string()
    record = (
        fill(False),
        *after,
    )
    return _send_guarded(ledger, (*before, whole, compose_check(ledger).as_string(), *record))


def _compose_quick(ledger: Ledger) -> sql.Composable:
    guard, schema = ledger.guard, ledger.schema
    if guard.seen is not None:
        return compose_unchanged(guard, schema, LEDGER_AND_LOG)
    return compose_guard(guard, schema, LEDGER_AND_LOG, writes=True, remembers=guard.continues, quick=True)


def _send_guarded(ledger: Ledger, parts: Sequence[str]) -> tuple[list[PGresult], Copied | None]:
    text = ";\n".join(parts)
    with ledger.guarding(LEDGER_AND_LOG):
        results, copied = commit_and_copy(ledger.connection, text)
    ledger.guard.remember(results)
    return results, copied


def record_running(ledger: Ledger, migration: Migration, *, statements: int) -> None:
    """Write the row of a non-transactional file that is about to run."""
    begun = Progress(hash_prefix(()))
    row = _compose_row(
        _sign(ledger), migration, Origin.APPLIED, RowState.RUNNING, statements=statements, progress=begun
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
        written = ledger.run(_compose_row(_sign(ledger), migration, Origin.MARKED, RowState.APPLIED), writes=True)
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
    row = _compose_row(_sign(ledger), migration, origin, RowState.APPLIED)
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


def _sign(ledger: Ledger) -> Author:
    tenant = ledger.tenant
    return Author(ledger.schema, tenant.set_name.value, tenant.name, ledger.provenance)


def _compose_row(
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
