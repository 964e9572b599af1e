"""Texts on their way to the server: sent as they are, cancelled, and read to the last result."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from tenantry.model.errors import Cancelled, TenantError
from tenantry.postgres.failures import FailureKind, classify
from tenantry.postgres.send import send
from tenantry.postgres.sessions import Connection
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import LONG_MS, WAIT_AT_GATE, make_sessions, make_tenant, wait_until


class TestCancel:
    def test_running(self, opened: Callable[..., Connection]) -> None:
        """What a connection is running is cancelled, and said to be so rather than failed."""
        beside = opened()
        beside.execute("SELECT pg_advisory_lock(77)")
        sessions = make_sessions(beside.info.dsn, lock_timeout_ms=LONG_MS)

        def wait() -> None:
            with sessions.connect(make_tenant(beside.info.dsn)) as connection:
                connection.execute(WAIT_AT_GATE.encode())

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(wait)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 77"
            wait_until(lambda: beside.execute(waiting).fetchone() == (1,))
            sessions.cancel()
            with pytest.raises(Cancelled) as caught:
                running.result()
        assert str(caught.value) == "cancelled"
        assert sessions.cancelled

    def test_nothing_to_cancel(self, opened: Callable[..., Connection]) -> None:
        """Cancelling is harmless where nothing runs, and where the connection is gone."""
        dsn = opened().info.dsn
        sessions = make_sessions(dsn)
        sessions.cancel()
        with sessions.connect(make_tenant(dsn)) as connection:
            sessions.cancel()
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_cancelled_by_another(self, opened: Callable[..., Connection]) -> None:
        """A statement that its statement_timeout ended was not cancelled by us."""
        dsn = make_conninfo(opened().info.dsn, options="-c statement_timeout=500")
        with pytest.raises(TenantError) as caught, make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            connection.execute("SELECT pg_sleep(60)")
        assert str(caught.value) == "canceling statement due to statement timeout (57014)"


class TestSend:
    @pytest.mark.parametrize(
        ("text", "statements"),
        [
            ("", 0),
            ("-- nothing", 0),
            (";;", 0),
            ("SELECT 1", 1),
            ("SELECT 1; SELECT 2 WHERE false; CREATE TABLE t (a int); INSERT INTO t VALUES (1)", 4),
            ("SELECT '100%' LIKE '%s', $$;$$; SELECT '%(a)s'", 2),
            ("DO $$ BEGIN RAISE NOTICE 'a'; END $$; SELECT generate_series(1, 10000)", 2),
            ("SELECT 'é\U0001f3b8'", 1),
        ],
        ids=["empty", "comment", "semicolons", "one", "four", "percent", "notice and many rows", "multi-byte"],
    )
    def test_counted(self, opened: Callable[..., Connection], text: str, statements: int) -> None:
        """The statements that ran are counted as the server tells them apart."""
        sent = send(opened(), text)
        assert (sent.statements, sent.error) == (statements, None)

    @pytest.mark.parametrize(
        ("text", "statements", "state"),
        [
            ("CREATE TABLE t (a int); SELECT 1; SELECT 1 / 0; SELECT 2", 2, "22012"),
            ("SELECT 1 / 0", 0, "22012"),
            ("SELECT 1; SELCT 2", 0, "42601"),
            ("SELECT 1; DO 'BEGIN COMMIT; END'; SELECT 1 FROM nosuch", 1, "2D000"),
        ],
        ids=["third", "first", "syntax", "in a block"],
    )
    def test_failing(self, opened: Callable[..., Connection], text: str, statements: int, state: str) -> None:
        """How many statements ran before the one that failed is known, and nothing of them stays."""
        connection = opened()
        sent = send(connection, text)
        assert sent.error is not None
        assert (sent.statements, sent.error.sqlstate) == (statements, state)
        assert connection.info.transaction_status is TransactionStatus.IDLE
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)

    @pytest.mark.parametrize("text", ["COPY t FROM stdin", "COPY t TO stdout", "COPY t FROM stdin; SELECT 2"])
    def test_copy(self, opened: Callable[..., Connection], text: str) -> None:
        """A COPY that wants rows from us, or has some for us, is an error, and the connection does not hang."""
        connection = opened()
        connection.execute("BEGIN")
        sent = send(connection, f"CREATE TABLE t (a int); SELECT 1; {text}")
        assert (sent.statements, str(sent.error)) == (2, "COPY from or to the client is not possible in a file")
        assert connection.closed
        assert opened().execute("SELECT to_regclass('t')").fetchone() == (None,)

    def test_lost(self, opened: Callable[..., Connection]) -> None:
        """A connection that breaks is told apart from a statement that fails."""
        connection = opened()
        sent = send(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert sent.error is not None
        assert classify(sent.error, connection) is FailureKind.LOST

    def test_encoding(self, database: MakeDatabase) -> None:
        """A database in another encoding takes a UTF-8 file, and names the character that it does not have."""
        dsn = database()
        name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as beside:
            beside.execute(sql.SQL("DROP DATABASE {}").format(name))
            text = "CREATE DATABASE {} ENCODING 'LATIN1' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"
            beside.execute(sql.SQL(text).format(name))
        with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            assert send(connection, "CREATE TABLE t AS SELECT 'é' AS a").error is None
            assert connection.execute("SELECT octet_length(a), a FROM t").fetchone() == (1, "é")
            error = send(connection, "SELECT '€'").error
            assert error is not None
            assert error.sqlstate == "22P05"
