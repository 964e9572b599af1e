"""The lock of the runner: who waits for whom, for how long, and who is named."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from tenantry.model.errors import Blocked
from tenantry.model.events import LockAwaited
from tenantry.model.results import Result
from tenantry.postgres.runner_lock import describe_holder, poll, try_session_lock
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import try_transaction_lock
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import LONG_MS, MakeSite, at_once, finish, make_sessions, make_tenant, wait_until
from tests.integration.postgres.fix_sessions import show

INDEX = {
    "0001_rooms.sql": "CREATE TABLE rooms (id int)",
    "0002_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_id ON rooms (id)",
}


def await_lock(connection: Connection, wait_ms: int) -> list[LockAwaited]:
    """Poll for the migration lock until it is had; return how often it was awaited. Raises Blocked."""
    return list(poll(lambda: try_transaction_lock(connection), connection, "1", wait_ms))


class TestLock:
    @pytest.mark.parametrize(
        "end",
        [Connection.commit, Connection.rollback, Connection.close, lambda connection: connection.execute("COMMIT")],
        ids=["commit", "rollback", "close", "COMMIT as a statement"],
    )
    def test_transaction_lock(self, opened: Callable[..., Connection], end: Callable[[Connection], object]) -> None:
        """The lock of a transaction is held by one alone, and goes with the transaction, however that ends."""
        first, second = opened(), opened()
        assert try_transaction_lock(first)
        assert not try_transaction_lock(second)
        end(first)
        wait_until(lambda: try_transaction_lock(second) is not None)

    def test_session_lock(self, opened: Callable[..., Connection]) -> None:
        """The lock of a session outlives its transactions, excludes those of transactions, and goes with it."""
        first, second, third = opened(), opened(), opened()
        assert try_session_lock(first)
        first.execute("BEGIN; COMMIT")
        assert not try_session_lock(second)
        assert not try_transaction_lock(third)
        first.close()
        wait_until(lambda: try_session_lock(second))
        assert not try_transaction_lock(third)

    def test_nothing_left_open(self, opened: Callable[..., Connection]) -> None:
        """A transaction is open exactly where the lock was had."""
        first, second = opened(), opened()
        assert try_transaction_lock(first)
        assert first.info.transaction_status is TransactionStatus.INTRANS
        assert not try_transaction_lock(second)
        assert second.info.transaction_status is TransactionStatus.IDLE

    def test_one_database(self, database: MakeDatabase) -> None:
        """The lock of one database keeps nobody out of another one."""
        dsns = database(), database()
        with ExitStack() as stack:
            held = [stack.enter_context(make_sessions(dsn).connect(make_tenant(dsn))) for dsn in dsns]
            assert all(try_transaction_lock(connection) for connection in held)

    def test_read_committed(self, opened: Callable[..., Connection]) -> None:
        """Under the lock what others have committed is seen, whatever the database's default."""
        name = sql.Identifier(opened().info.dbname)
        opened().execute(sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = serializable").format(name))
        connection = opened()
        assert show(connection, "transaction_isolation") == "serializable"
        assert try_transaction_lock(connection)
        assert show(connection, "transaction_isolation") == "read committed"

    def test_blocked(self, opened: Callable[..., Connection]) -> None:
        """Who waits for the lock says so, and gives up after the time with the holder named."""
        holder, waiter = opened(), opened()
        holder.execute("SET application_name = 'psql of Ada'")
        assert try_transaction_lock(holder)
        seen: list[LockAwaited] = []
        with pytest.raises(Blocked) as caught:
            seen.extend(poll(lambda: try_transaction_lock(waiter), waiter, "16", 150))
        assert {event.tenant for event in seen} == {"16"}
        pid = holder.info.backend_pid
        assert seen[0].holder == f"pid {pid}, psql of Ada, user postgres, for 0 s"
        assert seen == sorted(seen, key=lambda event: event.waited_ms)
        said = str(caught.value)
        assert said.startswith("another session has held the migration lock ")
        assert said.endswith(f": pid {pid}, psql of Ada, user postgres, for 0 s")
        assert caught.value.hint == (
            "wait for it to end and run the same command again, or wait longer with --lock-wait"
        )
        assert waiter.info.transaction_status is TransactionStatus.IDLE

    def test_no_wait(self, opened: Callable[..., Connection]) -> None:
        """With no time to wait, one try is made, and no event."""
        holder, waiter = opened(), opened()
        assert try_transaction_lock(holder)
        with pytest.raises(Blocked):
            await_lock(waiter, 0)
        holder.rollback()
        assert await_lock(waiter, 0) == []

    def test_had_in_the_end(self, opened: Callable[..., Connection]) -> None:
        """Who waits has the lock as soon as its holder lets go."""
        holder, waiter = opened(), opened()
        assert try_transaction_lock(holder)
        waiting = poll(lambda: try_transaction_lock(waiter), waiter, "1", 60_000)
        next(waiting)
        holder.rollback()
        list(waiting)
        assert waiter.info.transaction_status is TransactionStatus.INTRANS

    def test_holder_of_another_role(self, opened: Callable[..., Connection], database: MakeDatabase) -> None:
        """A role that sees little of other sessions is told what it may know of the holder, and no None."""
        holder = opened()
        name = f"role_{holder.info.dbname}"
        holder.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        try:
            assert try_transaction_lock(holder)
            dsn = make_conninfo(holder.info.dsn, user=name)
            with make_sessions(dsn).connect(make_tenant(dsn)) as other:
                said = describe_holder(other)
        finally:
            holder.rollback()
            holder.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        assert said.startswith(f"pid {holder.info.backend_pid}, ")
        assert "None" not in said

    def test_nobody_holds_it(self, opened: Callable[..., Connection]) -> None:
        """Where nobody holds the lock, nobody is described: another advisory lock is not ours."""
        first, second = opened(), opened()
        first.execute("SELECT pg_advisory_lock(1)")
        assert describe_holder(second) == ""


class TestPolling:
    def test_no_deadlock(self, site: MakeSite) -> None:
        """A runner that waits for another one does not hold up its CREATE INDEX CONCURRENTLY."""
        here = site(INDEX)
        here.migrate(migrations=here.project().files(here.project().tenants[0])[:1])
        with here.connect() as reader:
            # An index that is built concurrently waits for every transaction that may not see it.
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM rooms")
            with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
                here.await_waiting()
                second = here.steps()
                waits = [next(event for event in second if isinstance(event, LockAwaited)) for _ in range(2)]
                reader.execute("COMMIT")
                verdict = finish(second)
        assert first.result().applied == ["0002_index"]
        assert verdict.result is Result.UP_TO_DATE
        assert all("tenantry/" in event.holder for event in waits)
        assert here.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'rooms_id'::regclass") == [(True,)]
