"""The control database: the tables through which a run and its workers know each other, and the way there.

No secret is in them, and no result is taken from them that a tenant's ledger does not confirm. All names are qualified;
the search path is for the library's own functions, which qualify none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tenantry.fleet.workers.rights import READ, RIGHTS, Part
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection, Sessions

# Of our tables; raised when another version of tenantry would misread them.
LAYOUT = 1
# The connection is lost, or the server does not take one now: all of them pass.
LOST = (psycopg.OperationalError, psycopg.InterfaceError)
# Arbitrary: a worker says that it is alive every second, so that several of its signs were missed.
_ALIVE_S = 10.0
# The same where it has lost its lease as well.
_SIGN_S = 4.0

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A job of the queue, and the attempt at it, counted from 0: only the newest one counts."""

    job: int
    attempt: int


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job of the queue: `todo`, `doing`, or another word where it is over; empty if it is gone."""

    ticket: Ticket
    status: str
    queue: str

    @property
    def over(self) -> bool:
        """Return whether nobody works on it, or will."""
        return self.status not in ("todo", "doing")


@dataclass(frozen=True, slots=True)
class WorkerSign:
    """A worker that is alive, and what it says of itself; `files` is the short form of the digests of its files."""

    host: str
    pid: int
    servers: tuple[str, ...]
    queues: tuple[str, ...]
    version: str
    files: str

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"{self.host}:{self.pid}"


class Control:
    """The control database. Each method but `open` and `list_parameters` takes a connection of `open`."""

    def __init__(self, sessions: Sessions, server: str, database: str, schema: str) -> None:
        """Take the way to it: `server` is a name in `sessions`."""
        self.schema = schema
        self.database = database
        self.server = server
        self._sessions = sessions

    def list_parameters(self) -> dict[str, Any]:
        """Return what libpq needs to connect, with the password."""
        given = self._sessions.list_parameters(self.server, self.database)
        return {**given, "options": f"{given['options']} -c search_path={self.schema},pg_catalog"}

    def open(self) -> Connection:
        """Open a connection. Raises one of `LOST`."""
        return psycopg.connect(**self.list_parameters(), autocommit=True, prepare_threshold=None)

    def check(self) -> tuple[int, str] | None:
        """Return the version of our tables and that of the library's; None if they are not there.

        Raises Unreachable, with what can be done about it.
        """
        with self._sessions.connect_to(self.server, self.database) as connection:
            try:
                found = self._ask(connection, "find_layout").fetchone()
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                return None
        return (found[0], found[1]) if found else None

    def list_missing(self, part: Part | None) -> list[str]:
        """Return the rights, in words, that the role that connects lacks for a part. Raises Unreachable.

        Without a part, those to find out whether the tables are there. None are missing where there are no tables.
        """
        tables, privileges, columns = map(list, zip(*RIGHTS[part], strict=True)) if RIGHTS[part] else ([], [], [])
        with self._sessions.connect_to(self.server, self.database) as connection:
            wanted = {"read": [*READ[part]], "tables": tables, "privileges": privileges, "columns": columns}
            return [row[0] for row in self._ask(connection, "missing_rights", schema_name=self.schema, **wanted)]

    def set_up(self, library: str, library_version: str) -> bool:
        """Create the schema with our tables and the library's, whole or not at all; return False if it is there.

        Raises TenantError.
        """
        name = sql.Identifier(self.schema)
        with self._sessions.connect_to(self.server, self.database) as connection, connection.transaction():
            # Two that set up at once: the second waits, and finds it done.
            connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(%s))", [self.schema])
            if connection.execute("SELECT pg_catalog.to_regnamespace(%s)", [self.schema]).fetchone() != (None,):
                return False
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
            connection.execute(sql.SQL("SET LOCAL search_path TO {}, pg_catalog").format(name))
            # Without parameters, since it has signs of percent.
            connection.execute(library.encode())
            self._ask(connection, "create")
            insert = sql.SQL("INSERT INTO {} (version, queue) VALUES (%s, %s)")
            connection.execute(insert.format(sql.Identifier(self.schema, "layout")), [LAYOUT, library_version])
        return True

    def add_run(self, connection: Connection, run: str, request: Mapping[str, Any]) -> None:
        """Add a run, and delete what is left of those that nobody resumed."""
        self._ask(connection, "forget_old")
        insert = sql.SQL("INSERT INTO {} (run, request) VALUES (%s, %s) ON CONFLICT DO NOTHING")
        connection.execute(insert.format(sql.Identifier(self.schema, "runs")), [run, json.dumps(request)])

    def add_batches(self, connection: Connection, run: str, made: Mapping[int, Mapping[str, Any]]) -> None:
        """Add the content of each job."""
        contents = [json.dumps(content) for content in made.values()]
        self._ask(connection, "insert_batches", run=run, jobs=list(made), contents=contents)

    def read_batch(self, connection: Connection, ticket: Ticket) -> Row | None:
        """Return run, request and content of a job; None unless this attempt at it is the one that counts."""
        return self._ask(connection, "read_batch", job=ticket.job, attempt=ticket.attempt).fetchone()

    def take_lease(self, connection: Connection, job: int) -> bool:
        """Try to take the lease of a job, which lasts as long as the connection."""
        # The second half is an integer: of two jobs whose numbers differ by 2^32, one would wait for the other.
        key = (job + 2**31) % 2**32 - 2**31
        query = "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext(%s), %s)"
        return connection.execute(query, [self.schema, key]).fetchone() == (True,)

    def write_messages(
        self, connection: Connection, run: str, ticket: Ticket, before: int, messages: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write messages of an attempt after the first `before` ones; those that are there already are left alone."""
        text, channel = json.dumps(messages), name_channel(run)
        job, attempt = ticket.job, ticket.attempt
        self._ask(connection, "write_messages", job=job, attempt=attempt, before=before, messages=text, channel=channel)

    def read_messages(self, connection: Connection, cursors: Mapping[int, tuple[int, int]]) -> list[Row]:
        """Return job, attempt, number and message of those after each cursor, which is attempt and number."""
        attempts, seqs = [pair[0] for pair in cursors.values()], [pair[1] for pair in cursors.values()]
        return self._ask(connection, "read_messages", jobs=list(cursors), attempts=attempts, seqs=seqs).fetchall()

    def read_states(self, connection: Connection, run: str, jobs: Sequence[int] | None = None) -> dict[int, JobState]:
        """Return the states of some jobs of a run, by default of all."""
        rows = self._ask(connection, "read_states", run=run, jobs=None if jobs is None else list(jobs))
        return {row[0]: JobState(Ticket(row[0], row[2] or 0), row[1] or "", row[3] or "") for row in rows}

    def read_contents(self, connection: Connection, run: str) -> dict[int, tuple[Mapping[str, Any], str | None]]:
        """Return the content of each job of a run, and the lock that it was queued with."""
        rows = self._ask(connection, "read_contents", run=run)
        return {job: (content, lock) for job, content, lock in rows}

    def order(self, connection: Connection, run: str, orders: str, reason: str) -> None:
        """Give the workers of a run an order."""
        self._ask(connection, "order", run=run, orders=orders, reason=reason)

    def read_order(self, connection: Connection, run: str) -> tuple[str, str] | None:
        """Return the order to the workers of a run, and its reason; None if the run is gone."""
        found = self._ask(connection, "read_order", run=run).fetchone()
        return (found[0], found[1]) if found else None

    def cancel_waiting(self, connection: Connection, run: str, queue: str | None = None) -> None:
        """Cancel the jobs of a run, or those in one of its queues, that no worker has begun."""
        self._ask(connection, "cancel_waiting", run=run, queue=queue).fetchall()

    def find_lost(self, connection: Connection, run: str | None = None) -> dict[Ticket, bool]:
        """Return the jobs, of one run or of all, that are begun and whose lease nobody holds.

        For each, whether its worker says that it is alive: then it may be about to take the lease.
        """
        rows = self._ask(connection, "find_lost", run=run, schema_name=self.schema, seconds=_SIGN_S)
        return {Ticket(job, attempt): alive for job, attempt, alive in rows}

    def take_back(self, connection: Connection, lost: Ticket) -> bool:
        """Have another attempt made at a lost job; False if somebody else was quicker."""
        return self._ask(connection, "take_back", job=lost.job, attempt=lost.attempt).fetchone() is not None

    def end_job(self, connection: Connection, lost: Ticket) -> bool:
        """Give a lost job up; False if somebody else was quicker."""
        return self._ask(connection, "end_job", job=lost.job, attempt=lost.attempt).fetchone() is not None

    def sign_in(self, connection: Connection, worker: str, sign: WorkerSign, number: int | None) -> None:
        """Say that a worker is alive, and what it does; `number` is that of the library, None before it has one."""
        self._ask(
            connection,
            "sign_in",
            worker=worker,
            host=sign.host,
            pid=sign.pid,
            servers=list(sign.servers),
            queues=list(sign.queues),
            version=sign.version,
            files=sign.files,
            number=number,
        )

    def sign_out(self, connection: Connection, worker: str) -> None:
        """Say that a worker ends."""
        delete = sql.SQL("DELETE FROM {} WHERE worker = %s")
        connection.execute(delete.format(sql.Identifier(self.schema, "workers")), [worker])

    def list_workers(self, connection: Connection) -> list[WorkerSign]:
        """Return the workers that are alive, the oldest first."""
        rows = self._ask(connection, "list_workers", seconds=_ALIVE_S)
        return [WorkerSign(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4], row[5]) for row in rows]

    def forget(self, connection: Connection, run: str) -> None:
        """Delete a run that is over; its journal has all that it did."""
        self._ask(connection, "forget_run", run=run)

    def _ask(self, connection: Connection, name: str, **values: Any) -> "psycopg.Cursor[Row]":
        query = sql.SQL(read_sql("fleet", name)).format(schema=sql.Identifier(self.schema))
        return connection.execute(query, values or None)


def name_channel(run: str) -> str:
    """Return the channel on which the workers of a run ring: a bell and no message, since it may be missed."""
    return f"tenantry_{run}"
