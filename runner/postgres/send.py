"""Sending a text of SQL as a whole, and reading the server's answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from tenantry.postgres.sessions import Connection

# Arbitrary: psycopg itself wakes up as often, to notice signals.
_WAKE_S = 0.1


_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


_COPY = frozenset({ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH})


_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of a text: the number of statements that ran, and the error that ended it, if any.

    `rows` is the number of rows that the last statement wrote. `answers` are the results, one for each statement that
    ended.
    """

    statements: int
    error: psycopg.Error | None = None
    rows: int = 0
    answers: Sequence[PGresult] = field(default=(), repr=False)


def send(
    connection: Connection, text: str, look: Callable[[], None] | None = None, *, every_s: float = _WAKE_S
) -> Sent:
    """Send a whole text as one simple query: the server itself separates its statements.

    Not through `Connection.execute`, which drops the results before an error: they tell which statement failed.
    `look` is called about `every_s` seconds while there is no answer.
    """
    pgconn = connection.pgconn
    try:
        pgconn.send_query(text.encode(connection.info.encoding))
        running = generators.execute(pgconn)
        results = connection.wait(_attend(running, look) if look else running, min(every_s, _WAKE_S))
    except psycopg.Error as error:
        return Sent(0, error)
    except UnicodeError as error:
        return Sent(0, psycopg.DataError(f"the file set a client_encoding that cannot represent its own text: {error}"))
    done = sum(result.status in _DONE for result in results)
    last = results[-1]
    if last.status == ExecStatus.FATAL_ERROR:
        return Sent(done, psycopg.errors.error_from_result(last, connection.info.encoding), answers=results)
    if last.status in _COPY:
        # The server waits for data that a file cannot send: the connection is no longer usable.
        connection.close()
        return Sent(done, psycopg.errors.FeatureNotSupported("COPY from or to the client is not possible in a file"))
    return Sent(done, rows=last.command_tuples or 0, answers=results)


def ask(connection: Connection, text: str) -> list[PGresult]:
    """Send a message of our own and return the result of each of its statements. Raises psycopg.Error.

    Not through `Connection.execute`, whose cursor costs more than the message where it has many statements.
    """
    pgconn = connection.pgconn
    pgconn.send_query(text.encode(connection.info.encoding))
    results: list[PGresult] = connection.wait(generators.execute(pgconn))
    if results[-1].status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(results[-1], connection.info.encoding)
    return results


def _attend(running: PQGen[_Answer], look: Callable[[], None]) -> PQGen[_Answer]:
    """Pass on psycopg's waits, and call `look` each time a wait is interrupted."""
    try:
        wanted = next(running)
        while True:
            ready = yield wanted
            look()
            wanted = running.send(ready)
    except StopIteration as end:
        answer: _Answer = end.value
        return answer
