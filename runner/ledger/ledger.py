"""`_migrations` and `_migrations_log`: the only module that knows their columns.

Made on the first write, never by reading. A row names the set and the tenant that the database belongs to: rows of
another one mean that the connection leads to the wrong database.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from tenantry.ledger.provenance import Provenance
from tenantry.model import NO_VERSION, AppliedMigration, Migration, Origin, Progress, RowState, Tenant
from tenantry.model.checksum import hash_prefix
from tenantry.model.errors import Refused
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

LAYOUT = 1
# What stands in for a mark of a SQL file: a literal, or SQL as it is.
Value = str | int | sql.SQL | None
_LAYOUT_COMMENT = re.compile(r"^tenantry ledger, layout (\d+)\b")
# What layout 1 was given before the first release; nothing is added to it any more.
_LATER_COLUMNS = {"proven_at": "timestamptz", "rollback_text": "text", "progress": "jsonb"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One row of `_migrations_log`; `version` is None where no migration is meant."""

    id: int
    at: datetime
    run_id: str
    version: int | None
    event: str
    checksum: str
    applied_by: str
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one tenant on one connection. Methods that write leave the transaction to their caller."""

    connection: Connection
    schema: str
    tenant: Tenant
    provenance: Provenance

    def read(self) -> tuple[AppliedMigration, ...]:
        """Return all rows, in no particular order; none where there is no ledger yet. One round trip.

        Raises Refused where the table is not ours, is of a newer layout, or belongs to another set or tenant.
        """
        try:
            rows = self._execute("read").fetchall()
        except pg.UndefinedTable:
            return ()
        except (pg.UndefinedColumn, pg.DatatypeMismatch, pg.UndefinedFunction, pg.CannotCoerce) as error:
            # A newer layout may have other columns: then its comment says so.
            self._check_layout(_layout_of(self._find()[1]))
            raise self._lacking(error) or self._foreign() from None
        except pg.InsufficientPrivilege as error:
            raise Refused(f"{self._table}: {error.diag.message_primary}", hint="grant the role SELECT on it") from None
        if rows:
            self._check_layout(max(row[-1] for row in rows))
        applied = tuple(self._parse(row) for row in rows)
        for row in applied:
            self._check_identity(row)
        return applied

    def read_states(self) -> dict[int, str]:
        """Return version to state of every row: enough to see whether another runner was here meanwhile."""
        return dict(self.connection.execute(self.compose_states()).fetchall())

    def compose_states(self) -> sql.Composed:
        """Return the query for `read_states`, to be asked together with another one."""
        return sql.SQL("SELECT version, state FROM {}").format(self._name("_migrations"))

    def read_text(self, version: int) -> str:
        """Return the text of a recorded file as it was applied; empty where there is no such row."""
        query = sql.SQL("SELECT sql_text FROM {} WHERE version = {}").format(
            self._name("_migrations"), sql.Literal(version)
        )
        row = self.connection.execute(query).fetchone()
        return str(row[0]) if row else ""

    def read_texts(self, versions: Collection[int]) -> dict[int, str]:
        """Return the texts of recorded files as they were applied, by version; those without a row are left out."""
        query = sql.SQL("SELECT version, sql_text FROM {} WHERE version = ANY ({})").format(
            self._name("_migrations"), sql.Literal(list(versions))
        )
        return dict(self.connection.execute(query).fetchall())

    def read_log(self, version: int | None = None) -> tuple[LogEntry, ...]:
        """Return the log, oldest first; none where there is no ledger yet."""
        try:
            rows = self._execute("read_log", version=version).fetchall()
        except pg.UndefinedTable:
            return ()
        except pg.UndefinedColumn:
            raise self._foreign() from None
        return tuple(
            LogEntry(
                row[0], _time(row[1]), str(row[2]), row[3], row[4], row[5] or "", row[6], row[7] or "", row[8] or {}
            )
            for row in rows
        )

    def create_if_absent(self) -> None:
        """Create both tables unless they are there. Raises Refused where that is forbidden or the table is not ours."""
        found, comment = self._find()
        if found:
            self._check_layout(_layout_of(comment))
            return
        try:
            self._execute("create", comment=f"tenantry ledger, layout {LAYOUT}: one row for each migration")
        except pg.InvalidSchemaName:
            hint = f"CREATE SCHEMA {self._identifier} in this database, or set another one under ledger in tenants.yaml"
            raise Refused(f"{self._table}: there is no schema {self.schema!r}", hint=hint) from None
        except pg.InsufficientPrivilege as error:
            raise Refused(
                f"{self._table}: cannot be created: {error.diag.message_primary}",
                hint=f"as its owner: GRANT CREATE, USAGE ON SCHEMA {self._identifier} TO the role that migrates",
            ) from None

    def _find(self) -> tuple[bool, str | None]:
        """Return whether there is a table of our name, and its comment."""
        table = self._name("_migrations").as_string(self.connection)
        return self._execute("find", table=table).fetchone() or (False, None)

    def record_applied(
        self, migration: Migration, *, elapsed_ms: int, statements: int, after: sql.SQL | None = None
    ) -> None:
        """Write the row of a transactional file that has run, and its line in the log.

        `after` is sent before them: together, since this is done for every file of every tenant.
        """
        row = self._compose_row(
            migration,
            Origin.APPLIED,
            RowState.APPLIED,
            elapsed_ms=elapsed_ms,
            statements=statements,
            done=statements,
        )
        detail = {"elapsed_ms": elapsed_ms}
        line = self._compose_line("applied", migration.version, migration.checksum, None, detail)
        cursor = self.connection.execute(sql.SQL(";").join((after, row, line) if after else (row, line)))
        while not (cursor.statusmessage or "").startswith("INSERT") and cursor.nextset():
            pass
        self._check_taken(cursor)

    def record_running(self, migration: Migration, *, statements: int) -> None:
        """Write the row of a non-transactional file that is about to run."""
        begun = Progress(hash_prefix(()))
        row = self._compose_row(migration, Origin.APPLIED, RowState.RUNNING, statements=statements, progress=begun)
        self._check_taken(self.connection.execute(row))
        self.log("started", migration.version, migration.checksum, detail={"statements": statements})

    def record_resumed(self, migration: Migration, before: AppliedMigration, *, statements: int, at: int) -> None:
        """Write that a file goes on at its statement number `at`, counted from 1, with the text it has now."""
        text = self.read_text(migration.version)
        provenance = self.provenance
        written = self._execute(
            "resume",
            **_of_file(migration),
            rollback_text=migration.rollback,
            statements=statements,
            os_user=f" ({provenance.os_user})",
            run_id=provenance.run_id,
            tool_version=provenance.tool_version,
            git_commit=provenance.git_commit,
        )
        self._check_taken(written)
        edited = {"sql_text": text} if migration.checksum != before.checksum else {}
        detail = {**_as_detail(before), **edited, "resumed_at": at}
        self.log("resumed", migration.version, migration.checksum, detail=detail)

    def record_progress(self, version: int, done: int, progress: Progress) -> None:
        """Write how many statements of a non-transactional file have taken effect, and which one may have."""
        self.connection.execute(self.compose_progress(version, done, progress))

    def compose_progress(self, version: int, done: int, progress: Progress) -> sql.Composed:
        """Return the statement of `record_progress`, to be sent by the session that runs the file."""
        return self._compose("update_progress", version=version, done=done, progress=_write_progress(progress))

    def read_batch(self, version: int) -> Mapping[str, Any] | None:
        """Return how far a change in batches came, as `record_batch` wrote it; None where no batch is done."""
        query = sql.SQL("SELECT progress -> 'batch' FROM {} WHERE version = {}").format(
            self._name("_migrations"), sql.Literal(version)
        )
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def record_batch(self, version: int, batch: Mapping[str, Any], *, before: Mapping[str, Any] | None) -> None:
        """Write how far a change in batches is; `before` is what must be there, None: nothing of it."""
        found = None if before is None else json.dumps(before)
        self._check_taken(self._execute("update_batch", version=version, batch=json.dumps(batch), before=found))

    def record_finished(
        self, migration: Migration, state: RowState, *, elapsed_ms: int, told: Mapping[str, int] | None = None
    ) -> None:
        """Write how a non-transactional file ended; a failure's line in the log is the caller's.

        `told` is what else the log is to say of one that is applied.
        """
        done = self._execute("finish_statements", version=migration.version, state=state.value, elapsed_ms=elapsed_ms)
        self._check_taken(done)
        if state is RowState.APPLIED:
            detail = {"elapsed_ms": elapsed_ms, **(told or {})}
            self.log("applied", migration.version, migration.checksum, detail=detail)

    def record_marked(self, migration: Migration, reason: str, before: AppliedMigration | None) -> None:
        """Write that a version counts as applied without being run, whether it has an unfinished row or none."""
        detail: dict[str, Any] = {}
        if before is None:
            self.connection.execute(self._compose_row(migration, Origin.MARKED, RowState.APPLIED))
        else:
            detail = self._describe(before)
            self._execute(
                "complete", **_of_file(migration), rollback_text=migration.rollback, statements=before.statements
            )
        self.log("marked", migration.version, migration.checksum, reason=reason, detail=detail)

    def record_proven(self, versions: Iterable[int]) -> None:
        """Write that the schema was seen to be what these rows stand for. A transaction of its own.

        No other row: one that another runner has written meanwhile was not part of the proof.
        """
        query = sql.SQL(
            "UPDATE {} SET proven_at = pg_catalog.clock_timestamp() WHERE proven_at IS NULL AND version = ANY ({})"
        )
        self.connection.execute(query.format(self._name("_migrations"), sql.Literal(list(versions))))

    def unprove(self) -> None:
        """Write that what was proven is not any more: the record that it was held against is another one."""
        self.connection.execute(sql.SQL("UPDATE {} SET proven_at = NULL").format(self._name("_migrations")))

    def record_known(self, migration: Migration, origin: Origin, reason: str) -> None:
        """Write that a version is in the database already, by the catalog and perhaps by another tool's record."""
        self._check_taken(self.connection.execute(self._compose_row(migration, origin, RowState.APPLIED)))
        self.log("adopted", migration.version, migration.checksum, reason=reason, detail={"origin": origin.value})

    def record_allowed(self, migration: Migration, reason: str) -> None:
        """Write into the log that a version may be applied although newer ones are recorded."""
        self.log("allowed", migration.version, migration.checksum, reason=reason, detail={})

    def record_danger_allowed(self, migration: Migration, rules: Sequence[str]) -> None:
        """Write into the log that a file is about to be applied although lint finds these dangers in it."""
        self.log("danger allowed", migration.version, migration.checksum, detail={"rules": list(rules)})

    def read_allowed(self) -> frozenset[int]:
        """Return the versions that may be applied although newer ones are recorded; none where there is no ledger."""
        query = sql.SQL("SELECT version FROM {} WHERE event = 'allowed'").format(self._name("_migrations_log"))
        try:
            return frozenset(version for (version,) in self.connection.execute(query).fetchall())
        except pg.UndefinedTable:
            return frozenset()

    def record_accepted(self, migration: Migration, reason: str, before: AppliedMigration) -> None:
        """Write the name, checksum and text that the file has now into its row."""
        text = self.read_text(migration.version)
        self._execute("accept", **_of_file(migration))
        self.unprove()
        detail = {**_as_detail(before), "sql_text": text}
        self.log("accepted", migration.version, migration.checksum, reason=reason, detail=detail)

    def read_rollback(self, version: int) -> str | None:
        """Return the text that undoes a recorded file, as it was when that was applied; None where there was none."""
        query = sql.SQL("SELECT rollback_text FROM {} WHERE version = {}").format(
            self._name("_migrations"), sql.Literal(version)
        )
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def record_rolled_back(self, row: AppliedMigration, reason: str, text: str, *, elapsed_ms: int) -> None:
        """Write that a version was undone by `text`, in the transaction that ran it; what its row said is logged."""
        self._check_taken(self._execute("roll_back", version=row.version))
        self.unprove()
        detail = {**_as_detail(row), "rollback_text": text, "elapsed_ms": elapsed_ms}
        self.log("rolled back", row.version, row.checksum, reason=reason, detail=detail)

    def record_forgotten(self, row: AppliedMigration, reason: str) -> None:
        """Delete a row; what it said goes into the log."""
        detail = {**self._describe(row), "sql_text": self.read_text(row.version)}
        query = sql.SQL("DELETE FROM {} WHERE version = {}").format(self._name("_migrations"), sql.Literal(row.version))
        self.connection.execute(query)
        self.unprove()
        self.log("forgotten", row.version, row.checksum, reason=reason, detail=detail)

    def log(
        self, event: str, version: int, checksum: str, *, reason: str | None = None, detail: Mapping[str, Any]
    ) -> None:
        """Append one line to the log."""
        self.connection.execute(self._compose_line(event, version, checksum, reason, detail))

    def _describe(self, row: AppliedMigration) -> dict[str, Any]:
        """Return what a row says before it is lost, how far its batches came among it: nothing else has that."""
        batch = {"batch": self.read_batch(row.version)} if row.progress and row.progress.rows else {}
        return {**_as_detail(row), **batch}

    def _check_taken(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        """Raise Refused where a statement did not write just one row: a rule or trigger can see to that."""
        if cursor.rowcount != 1:
            raise Refused(
                f"{self._table}: did not take the row, expected a plain table",
                hint="look for a rule, a trigger or a policy on it, and drop that",
            )

    def _compose_line(
        self, event: str, version: int, checksum: str, reason: str | None, detail: Mapping[str, Any]
    ) -> sql.Composed:
        return self._compose(
            "insert_log",
            run_id=self.provenance.run_id,
            version=None if version == NO_VERSION else version,
            event=event,
            checksum=checksum,
            os_user=f" ({self.provenance.os_user})",
            reason=reason,
            detail=json.dumps(dict(detail), ensure_ascii=False),
        )

    def _compose_row(
        self,
        migration: Migration,
        origin: Origin,
        state: RowState,
        *,
        elapsed_ms: int | None = None,
        statements: int = 0,
        done: int = 0,
        progress: Progress | None = None,
    ) -> sql.Composed:
        return self._compose(
            "insert",
            **_of_file(migration),
            origin=origin.value,
            state=state.value,
            set_name=self.tenant.set_name.value,
            tenant=self.tenant.name,
            finished_at=sql.SQL("pg_catalog.clock_timestamp()" if state is RowState.APPLIED else "NULL"),
            elapsed_ms=elapsed_ms,
            statements=statements,
            statements_done=done,
            os_user=f" ({self.provenance.os_user})",
            run_id=self.provenance.run_id,
            layout=LAYOUT,
            tool_version=self.provenance.tool_version,
            git_commit=self.provenance.git_commit,
            rollback_text=migration.rollback,
            progress=_write_progress(progress) if progress else None,
        )

    def _execute(self, file: str, /, **values: Value) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run one of the ledger's SQL files."""
        return self.connection.execute(self._compose(file, **values))

    def _compose(self, file: str, /, **values: Value) -> sql.Composed:
        """Return one of the ledger's SQL files with its values as literals, so that it stays one simple query."""
        return sql.SQL(read_sql("ledger", f"{file}")).format(
            schema=sql.Identifier(self.schema),
            **{key: value if isinstance(value, sql.SQL) else sql.Literal(value) for key, value in values.items()},
        )

    def _name(self, table: str) -> sql.Identifier:
        return sql.Identifier(self.schema, table)

    @property
    def _identifier(self) -> str:
        """Return the schema as it is to be typed, in quotes only where they are needed."""
        plain = re.fullmatch(r"[a-z_][a-z0-9_]*", self.schema)
        return self.schema if plain else sql.Identifier(self.schema).as_string(self.connection)

    @property
    def _table(self) -> str:
        return f"{self.schema}._migrations"

    def _parse(self, row: tuple[Any, ...]) -> AppliedMigration:
        (
            version,
            name,
            checksum,
            origin,
            state,
            set_name,
            tenant,
            finished,
            elapsed_ms,
            total,
            done,
            by,
            proven,
            progress,
            _layout,
        ) = row
        return AppliedMigration(
            version=version,
            name=name,
            checksum=checksum,
            origin=Origin(origin),
            state=RowState(state),
            set_name=set_name,
            tenant=tenant,
            finished_at=None if finished is None else _time(finished),
            elapsed_ms=elapsed_ms,
            statements=total,
            statements_done=done,
            applied_by=by,
            proven=proven,
            progress=_parse_progress(progress),
        )

    def _check_layout(self, layout: int | None) -> None:
        if layout is None:
            raise self._foreign()
        if layout > LAYOUT:
            raise Refused(
                f"{self._table}: layout {layout}, this version of tenantry knows layouts up to {LAYOUT}",
                hint="a newer tenantry was here: upgrade this one",
            )

    def _check_identity(self, row: AppliedMigration) -> None:
        ours = (self.tenant.set_name.value, self.tenant.name)
        if (row.set_name, row.tenant) != ours:
            raise Refused(
                f"{self._table}: belongs to {_identity(row.set_name, row.tenant)}, "
                f"expected {_identity(*ours)}: database {self.tenant.database!r} is another one's",
                hint="correct server or database of this tenant in tenants.yaml",
            )

    def _lacking(self, error: psycopg.Error) -> Refused | None:
        """Return what to do about a column that is missing because the table is older than it; None for any other."""
        said = error.diag.message_primary or ""
        if not any(name in said for name in _LATER_COLUMNS):
            return None
        columns = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _LATER_COLUMNS.items())
        return Refused(
            f"{self._table}: {said}, expected the columns of layout {LAYOUT}: made before its first release",
            hint=f"as its owner: ALTER TABLE {self._identifier}._migrations {columns}, "
            "DROP CONSTRAINT IF EXISTS _migrations_state_check",
        )

    def _foreign(self) -> Refused:
        return Refused(
            f"{self._table}: not a ledger of tenantry, expected its columns and its comment",
            hint="set another schema under ledger in tenants.yaml; if a restore lost the comment, run "
            f"COMMENT ON TABLE {self._identifier}._migrations IS 'tenantry ledger, layout {LAYOUT}'",
        )


def _layout_of(comment: str | None) -> int | None:
    """Return the number that the comment on the table gives; None where it is not ours."""
    match = _LAYOUT_COMMENT.match(comment or "")
    return int(match[1]) if match else None


def _identity(set_name: str, tenant: str) -> str:
    return "the master" if set_name == "master" else f"tenant {tenant}"


def _of_file(migration: Migration) -> dict[str, str | int]:
    return {
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "sql_text": migration.text,
    }


def _as_detail(row: AppliedMigration) -> dict[str, Any]:
    """Return what a row said before it is changed, as JSON takes it."""
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
    """Return what a person can read in the column, without what is empty."""
    written = {"prefix": progress.prefix, "running": progress.running, "before": progress.before}
    return json.dumps({key: value for key, value in written.items() if value}, ensure_ascii=False)


def _parse_progress(written: Mapping[str, Any] | None) -> Progress | None:
    """Return what the column says; None where nothing is known of a file's statements."""
    if not written or "prefix" not in written:
        return None
    rows = written.get("batch", {}).get("rows", 0)
    return Progress(written["prefix"], written.get("running", ""), tuple(written.get("before", ())), rows)


def _time(epoch_s: float) -> datetime:
    return _EPOCH + timedelta(microseconds=round(epoch_s * 1_000_000))
