"""Whether each rollback file undoes its file: run after it on a scratch database, it must restore the schema.

It runs in a transaction that is rolled back, so that the files after it find the schema that they rely on.
"""

from collections.abc import Generator, Sequence

import psycopg

from tenantry import sqltext
from tenantry.files.directory import ROLLBACK
from tenantry.files.header import parse_header
from tenantry.model import Migration
from tenantry.model.errors import Problem
from tenantry.postgres.send import send
from tenantry.postgres.transaction import compose_end, in_transaction, try_transaction_lock
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.differences import compare_schemas, describe_unnamed, explain
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.replay import Replay

_CORRECT = "correct it, or delete it: rollback would run it"


def replay_both_ways(replay: Replay, migrations: Sequence[Migration]) -> Generator[Problem, None, Snapshot]:
    """Apply the files in order, try the rollback of each that has one, and return the schema that they produce.

    Yields the problems of rollbacks. Raises Refused at the first file that fails.
    """
    done = 0
    for index, migration in enumerate(migrations):
        if migration.rollback is None or not is_transactional(migration.rollback):
            continue
        # Files without a rollback run together with the next one: only here is a snapshot of before needed.
        before = replay.run(migrations[done:index])
        replay.run((migration,))
        done = index + 1
        yield from _try_rollback(replay, _show(migration), migration.rollback, before)
    return replay.run(migrations[done:])


def describe_untried(migrations: Sequence[Migration]) -> list[Problem]:
    """Return a warning for each rollback file that cannot be tried, or whose effect the comparison does not show."""
    warnings = []
    for file in migrations:
        if file.rollback is None:
            continue
        if not is_transactional(file.rollback):
            message = "runs outside a transaction, so neither check nor rollback runs it"
            warnings.append(Problem(f"{_show(file)}: {message}", "run it by hand if you need it"))
        elif unseen := _list_unseen(file):
            message = f"whether it undoes this part of its file is not compared: {', '.join(unseen)}"
            warnings.append(Problem(f"{_show(file)}: {message}", "read it: no schema shows this"))
    return warnings


def _list_unseen(file: Migration) -> list[str]:
    """Return the words for what no schema shows of a file; the rows of its own tables go with these."""
    written = sqltext.find_written(file.sql, own=False)
    return [*sqltext.find_unseen(file.sql), *(f"rows of {table}" for table in written)]


def is_transactional(rollback: str) -> bool:
    """Return whether a rollback file, by its text, is to run in a transaction."""
    return parse_header(rollback)[0].transactional


def _show(migration: Migration) -> str:
    return f"{migration.path.removesuffix('.sql')}{ROLLBACK}"


def _try_rollback(replay: Replay, shown: str, text: str, before: Snapshot) -> list[Problem]:
    """Return what a rollback leaves of its file, or why it fails; all of it is undone."""
    connection = replay.scratch.connection
    with in_transaction(connection):
        # As `rollback` does it: a file that depends on the lock, or on being in a transaction, behaves the same.
        begun = try_transaction_lock(connection, reading=replay.scratch.list_settings())
        assert begun, "nobody else is on a scratch database"
        sent = send(connection, sqltext.blank_outside(sqltext.blank_wrapper(text)))
        try:
            if sent.error:
                raise sent.error
            # Deferred constraints fail here, and so does a file that has ended the transaction.
            connection.execute(compose_end())
        except psycopg.Error as error:
            return [_describe_failure(shown, text, error)]
        after = read_snapshot(connection, replay.scope)
    if after.fingerprint == before.fingerprint:
        return []
    differences = [explain(difference) for difference in compare_schemas(before, after)]
    return [
        Problem(f"{shown}: does not undo its file: {one}", _CORRECT)
        for one in differences or [describe_unnamed().message]
    ]


def _describe_failure(shown: str, text: str, error: psycopg.Error) -> Problem:
    position = error.diag.statement_position
    at = sqltext.position(text, int(position) - 1) if position else None
    place = f"{shown}:{at.line}:{at.column}" if at else shown
    said = f"{error.diag.message_primary or error} (SQLSTATE {error.sqlstate})"
    return Problem(f"{place}: fails after its file: {said}", _CORRECT)
