"""One statement of a non-transactional file: in one transaction with its record, if the server permits that.

A statement that must stand alone is announced in the ledger first, and its end is written afterwards. So at any moment
the ledger knows which statements took effect, and which one that stands alone may have.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from psycopg import sql

from tenantry import sqltext
from tenantry.apply.attempt import Broken
from tenantry.apply.lock_waits import Watch, watching
from tenantry.apply.retries import choose_timeouts, compose_limits, retry
from tenantry.apply.stepwise import standalone
from tenantry.apply.stepwise.work import Work, number_after
from tenantry.ledger.touched import compose_check
from tenantry.ledger.writing import compose_progress
from tenantry.model.errors import Problem
from tenantry.model.events import Event
from tenantry.postgres.failures import FailureKind
from tenantry.postgres.queries import read_sql
from tenantry.postgres.send import Sent, send
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import Timeouts, compose_durable, in_transaction
from tenantry.sqltext.standalone import Act

# The statement ends its own transaction, or must not run in one: only the server knows every such statement.
_NEEDS_NONE = frozenset({"2D000", "25001"})
# A setting of the file keeps its session from writing to the ledger.
_NO_RECORD = frozenset({"25006", "42501"})
# The number of statements in close.sql before the first of ours, and before its COMMIT.
_OURS, _COMMIT = 1, 8


def run_statement(work: Work, index: int) -> Generator[Event, None, Broken | None]:
    """Run the statement at `index`, counted from 0, and write that it is done; return its failure, if any.

    It is repeated after a lock, in the session as the file has left it. Raises psycopg.Error if the record cannot be
    written.
    """

    def attempt() -> Generator[Event, None, Broken | None]:
        yield from ()  # `retry` takes a generator, but a statement yields no events.
        return _try_statement(work, index)

    return (yield from retry(work.site, work.step, attempt, cleans=False))


def _try_statement(work: Work, index: int) -> Broken | None:
    text = work.statements[index].text
    timeouts = choose_timeouts(work.site, work.step, text)
    with watching(work.site, work.site.connection.info.backend_pid, timeouts) as watch:
        if not sqltext.must_stand_alone(text):
            sent = _run_with_record(work, index, timeouts, watch)
            if sent:
                return work.break_off(sent.error, index, watch.wait) if sent.error else None
        return _run_alone(work, index, timeouts, watch)


def _run_with_record(work: Work, index: int, timeouts: Timeouts, watch: Watch) -> Sent | None:
    """Run a statement and write its record in one transaction; None if it cannot run in one, and was undone."""
    worker = work.site.connection
    progress = compose_progress(work.ledger, work.step.version, index + 1, work.progress(index + 1))
    text = sql.SQL(read_sql("apply/stepwise", "close"))
    close = text.format(durable=compose_durable(), untouched=compose_check(work.ledger), progress=progress).as_string(
        worker
    )
    with in_transaction(worker):
        worker.execute(sql.SQL("; ").join((sql.SQL("BEGIN"), *compose_limits(timeouts))))
        sent = send(worker, work.statements[index].text, watch.look, every_s=watch.every_s)
        if sent.error:
            return None if _needs_none(sent.error) else sent
        closed = send(worker, close)
        if closed.error and _OURS <= closed.statements < _COMMIT and closed.error.sqlstate in _NO_RECORD:
            return None
        return closed


def _needs_none(error: psycopg.Error) -> bool:
    # 25001 is also raised for a SET TRANSACTION that comes too late, which is a mistake in the file.
    barred = error.diag.source_function == "PreventInTransactionBlock"
    return error.sqlstate in _NEEDS_NONE and (error.sqlstate != "25001" or barred)


def _run_alone(work: Work, index: int, timeouts: Timeouts, watch: Watch) -> Broken | None:
    text = work.statements[index].text
    act = sqltext.read_act(text)
    try:
        prepared = standalone.prepare(act, text, work.site.connection, work.ledger.connection)
    except psycopg.Error as error:
        return work.break_off(error, index)
    if isinstance(prepared, Problem):
        return work.refuse(prepared, index)
    if prepared.note:
        work.notices.append(("NOTICE", prepared.note))
    # Recorded before it is sent: if the runner dies now, the next run knows which statement may have taken effect.
    work.record(index, text, prepared.before)
    with _limited(work.site.connection, timeouts):
        sent = send(work.site.connection, prepared.text, watch.look, every_s=watch.every_s)
    if sent.error:
        broken = work.break_off(sent.error, index, watch.wait)
        _clear(work, index, act, prepared.before, broken)
        return broken if act else _doubt(broken, index)
    problem = standalone.check(act, work.site.connection, prepared.before)
    if problem:
        broken = work.refuse(problem, index)
        _clear(work, index, act, prepared.before, broken)
        return broken
    try:
        work.record(index + 1)
    except psycopg.Error as error:
        if act:
            raise
        return _doubt(work.break_off(error, index), index)
    return None


def _doubt(broken: Broken, index: int) -> Broken:
    """Return the failure of a statement whose effects no catalog shows: a person has to decide about it."""
    # A procedure may have committed before it failed: that must not be run again unasked.
    kind = broken.kind if broken.kind is FailureKind.LOST else FailureKind.FAILED
    return replace(broken, kind=kind, in_doubt=number_after(index))


@contextmanager
def _limited(connection: Connection, timeouts: Timeouts) -> Iterator[None]:
    """Set a session's limits for the length of the block; those that the file has set apply again afterwards."""
    wanted = {"lock_timeout": timeouts.lock_ms, "statement_timeout": timeouts.statement_ms}
    limits = {name: str(value) for name, value in wanted.items() if value is not None}
    before = {name: _set(connection, name, value) for name, value in limits.items()}
    yield
    # If the connection is lost, so are its settings.
    if not connection.broken:
        for name, value in before.items():
            _set(connection, name, value)


def _set(connection: Connection, name: str, value: str) -> str:
    """Set a parameter of the session; return its former value."""
    # For the session: a statement that must stand alone has no transaction for SET LOCAL.
    query = "SELECT pg_catalog.current_setting(%(name)s), pg_catalog.set_config(%(name)s, %(value)s, false)"
    row = connection.execute(query, {"name": name, "value": value}).fetchone()
    return str(row[0]) if row else value


def _clear(work: Work, index: int, act: Act | None, before: tuple[int, ...], broken: Broken) -> None:
    """Drop the remains of a statement that failed, and write that it is no longer running.

    If either is impossible, it stays announced, and the next run clears it.
    """
    # Nobody can tell how far an unknown statement came: a procedure may have committed before it failed.
    if broken.kind is FailureKind.LOST or act is None:
        return
    try:
        standalone.clear(act, work.site.connection, work.ledger.connection, before)
        work.record(index)
    except psycopg.Error as error:
        said = (error.diag.message_primary or str(error)).strip()
        work.notices.append(("WARNING", f"cleaning up after the statement is left to the next run: {said}"))
