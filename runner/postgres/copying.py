"""Reading a whole table with COPY, which plans nothing: no code of a table's owner runs, whatever he has put on it.

COPY takes plain tables alone, not views, and gives the rows of the table itself. psycopg's own `copy` takes no message
of several statements, and a second round trip would cost as much as the reading.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import errors as pg
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from tenantry.postgres.sessions import Connection

# Each value as the server sends it; None for NULL.
Fields = tuple[bytes | None, ...]

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
# Flags, and the length of what follows them: no server of ours sends either.
_HEADER = len(_SIGNATURE) + 8
_COUNT, _LENGTH = struct.Struct("!h"), struct.Struct("!i")


class TooMuch(Exception):
    """A table has more than may be read of it; the connection is closed, since the server would send the rest."""


# Why there is no answer after a COMMIT.
Lack = psycopg.Error | TooMuch


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that is read of one table."""

    rows: int
    size: int


# Far beyond any ledger of ours, and within what a command can hold in memory for several tenants at once.
MOST = Bound(rows=100_000, size=256 * 1024**2)


@dataclass(frozen=True, slots=True)
class Copied:
    """The rows of a table, none without a COPY, and the results of the message's SELECTs that gave a row."""

    rows: list[Fields]
    results: list[PGresult]

    @property
    def answer(self) -> Fields:
        """Return the row of the last SELECT, as texts; empty if no SELECT gave one."""
        return read_row(self.results[-1]) if self.results else ()


def read_row(result: PGresult) -> Fields:
    """Return the first row of a result, as texts."""
    return tuple(result.get_value(0, column) for column in range(result.nfields))


@dataclass(slots=True)
class _Answers:
    """What has come of a message so far: the data of its COPY, the results of its statements, and the first error."""

    data: bytes | None = None
    results: list[PGresult] = field(default_factory=list)
    failed: PGresult | None = None

    def copied(self, first: int = 0) -> Copied:
        """Return the rows of the COPY, and the results with a row from the statement `first` on."""
        told = [result for result in self.results[first:] if result.status == ExecStatus.TUPLES_OK and result.ntuples]
        return Copied([] if self.data is None else list(_split(self.data)), told)

    @property
    def committed(self) -> int:
        """Return how many results there are up to that of the COMMIT; 0 if there is none."""
        commits = (place for place, result in enumerate(self.results, start=1) if result.command_status == b"COMMIT")
        return next(commits, 0)


def copy_rows(connection: Connection, text: str, bound: Bound = MOST) -> Copied:
    """Send a message with at most one COPY ... TO STDOUT in binary format, and return its rows.

    Raises psycopg.Error if any statement of the message fails, and TooMuch.
    """
    answers = _Answers()
    _ask(connection, text, bound, answers)
    if answers.failed:
        raise pg.error_from_result(answers.failed, connection.info.encoding)
    return answers.copied()


def commit_and_copy(connection: Connection, text: str, bound: Bound = MOST) -> tuple[list[PGresult], Copied | Lack]:
    """Send a message with a COMMIT, and return the results up to it, and what `copy_rows` gives or raises for the rest.

    If the rest fails, the transaction is committed all the same. Raises psycopg.Error if it is not, or if the
    connection was lost before the server said so.
    """
    answers = _Answers()
    try:
        _ask(connection, text, bound, answers)
    except (psycopg.Error, TooMuch) as error:
        if not answers.committed:
            raise
        connection.close()
        return answers.results[: answers.committed], error
    end = answers.committed or len(answers.results)
    if not answers.failed:
        return answers.results[:end], answers.copied(end)
    failure = pg.error_from_result(answers.failed, connection.info.encoding)
    if not answers.committed:
        raise failure
    return answers.results[:end], failure


def _ask(connection: Connection, text: str, bound: Bound, answers: _Answers) -> None:
    pgconn = connection.pgconn
    pgconn.send_query(text.encode(connection.info.encoding))
    try:
        connection.wait(_receive(pgconn, bound, answers))
    except TooMuch:
        connection.close()
        raise
    except psycopg.OperationalError:
        # A server that ends a connection says why before: that tells more.
        if not answers.failed:
            raise


def _receive(pgconn: PGconn, bound: Bound, answers: _Answers) -> PQGen[None]:
    """Take the data of the message's COPY and the results of its statements, once all of them are done."""
    yield from _flush(pgconn)
    while result := (yield from _next_result(pgconn)):
        if result.status == ExecStatus.COPY_OUT:
            answers.data = yield from _drain(pgconn, bound)
        elif result.status == ExecStatus.FATAL_ERROR:
            answers.failed = answers.failed or result
        else:
            answers.results.append(result)


def _flush(pgconn: PGconn) -> PQGen[None]:
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()


def _next_result(pgconn: PGconn) -> PQGen[PGresult | None]:
    while pgconn.is_busy():
        yield Wait.R
        pgconn.consume_input()
    return pgconn.get_result()


def _drain(pgconn: PGconn, bound: Bound) -> PQGen[bytes]:
    pieces: list[bytes] = []
    size = 0
    while True:
        length, piece = pgconn.get_copy_data(1)
        if length < 0:
            return b"".join(pieces)
        if length == 0:
            yield Wait.R
            pgconn.consume_input()
            continue
        # Each piece is a row.
        pieces.append(bytes(piece))
        size += length
        if len(pieces) > bound.rows or size > bound.size:
            raise TooMuch


def _split(data: bytes) -> Iterator[Fields]:
    """Yield the rows of a COPY in binary format."""
    if not data.startswith(_SIGNATURE):
        raise psycopg.DataError("COPY gave no data in binary format")
    at, read_length = _HEADER, _LENGTH.unpack_from
    while (count := _COUNT.unpack_from(data, at)[0]) >= 0:
        at += 2
        fields: list[bytes | None] = []
        for _ in range(count):
            (length,) = read_length(data, at)
            at += 4
            if length < 0:
                fields.append(None)
            else:
                end = at + length
                fields.append(data[at:end])
                at = end
        yield tuple(fields)
