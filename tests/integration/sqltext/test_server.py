"""What the classifier says of a statement, against what a real server does with it."""

from enum import StrEnum

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import generators, pq

from tenantry import sqltext
from tenantry.sqltext import FaultKind
from tests.fix_postgres import MakeDatabase
from tests.unit.sqltext import grammar
from tests.unit.sqltext.samples import STATEMENTS, texts

Connection = psycopg.Connection[tuple[object, ...]]


class Outcome(StrEnum):
    """What becomes of a statement in a transaction, and of the transaction."""

    RUNS = "runs"
    REFUSED = "is refused"
    ENDS = "ends it"


OBJECTS = """
    CREATE SCHEMA s;
    CREATE TABLE t (id int PRIMARY KEY, a int);
    CREATE INDEX i ON t (a);
    ALTER TABLE t CLUSTER ON i;
    CREATE TABLE p (a int PRIMARY KEY) PARTITION BY RANGE (a);
    CREATE TABLE q PARTITION OF p FOR VALUES FROM (0) TO (9);
    CREATE MATERIALIZED VIEW v AS SELECT id FROM t;
    CREATE UNIQUE INDEX vi ON v (id);
    CREATE TYPE e AS ENUM ('a');
    CREATE PROCEDURE stays() LANGUAGE plpgsql AS 'BEGIN END';
    CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
"""

SUBSCRIPTION = "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)"
ENABLED = f"{SUBSCRIPTION}; ALTER SUBSCRIPTION s ENABLE"

# Each with what must be done first, in the same transaction.
FORMS = {
    "SELECT 1": "",
    "CREATE TABLE u (a int)": "",
    "CREATE TABLE u AS SELECT 1 AS a": "",
    "ALTER TABLE t ADD b int DEFAULT 1": "",
    "ALTER TABLE t SET (fillfactor = 90)": "",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID": "",
    "ALTER TABLE p DETACH PARTITION q": "",
    "ALTER TABLE p DETACH PARTITION q CONCURRENTLY": "",
    "ALTER TYPE e ADD VALUE 'b'": "",
    "CREATE INDEX j ON t (a)": "",
    "CREATE INDEX CONCURRENTLY j ON t (a)": "",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS j ON t (a)": "",
    "CREATE INDEX CONCURRENTLY ON t (a)": "",
    "CREATE SCHEMA r CREATE TABLE u (a int) CREATE INDEX CONCURRENTLY j ON u (a)": "",
    "DROP INDEX i": "",
    "DROP INDEX CONCURRENTLY i": "",
    "DROP INDEX CONCURRENTLY IF EXISTS nothing": "",
    "REINDEX INDEX i": "",
    "REINDEX TABLE t": "",
    "REINDEX TABLE p": "",
    "REINDEX (VERBOSE) TABLE t": "",
    "REINDEX (CONCURRENTLY false) TABLE t": "",
    "REINDEX (CONCURRENTLY off) TABLE t": "",
    "REINDEX (CONCURRENTLY 0) TABLE t": "",
    "REINDEX (CONCURRENTLY) TABLE t": "",
    "REINDEX (CONCURRENTLY on) INDEX i": "",
    "REINDEX TABLE CONCURRENTLY t": "",
    "REINDEX INDEX CONCURRENTLY i": "",
    "REINDEX SCHEMA s": "",
    "REINDEX SCHEMA CONCURRENTLY s": "",
    "REINDEX DATABASE d": "",
    "REINDEX SYSTEM d": "",
    "VACUUM": "",
    "VACUUM t": "",
    "VACUUM (FULL, ANALYZE) t": "",
    "ANALYZE t": "",
    "ANALYZE": "",
    "CLUSTER t": "",
    "CLUSTER t USING i": "",
    "CLUSTER": "",
    "CLUSTER VERBOSE": "",
    "CREATE DATABASE d": "",
    "DROP DATABASE d": "",
    "ALTER DATABASE postgres SET work_mem = '4MB'": "",
    "ALTER DATABASE postgres CONNECTION LIMIT -1": "",
    "ALTER DATABASE postgres SET TABLESPACE pg_default": "",
    "CREATE TABLESPACE ts LOCATION '/nowhere'": "",
    "DROP TABLESPACE ts": "",
    "ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_default": "",
    "ALTER SYSTEM SET work_mem = '4MB'": "",
    "ALTER SYSTEM RESET ALL": "",
    "DISCARD ALL": "",
    "DISCARD PLANS": "",
    "DISCARD TEMP": "",
    "REFRESH MATERIALIZED VIEW v": "",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY v": "",
    "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p": "",
    "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)": "",
    "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = off)": "",
    "ALTER SUBSCRIPTION s REFRESH PUBLICATION": ENABLED,
    "ALTER SUBSCRIPTION s SET PUBLICATION r": ENABLED,
    "ALTER SUBSCRIPTION s ADD PUBLICATION r WITH (refresh)": ENABLED,
    "ALTER SUBSCRIPTION s SET PUBLICATION r WITH (refresh = false)": ENABLED,
    "ALTER SUBSCRIPTION s SET (slot_name = NONE)": SUBSCRIPTION,
    "ALTER SUBSCRIPTION s DISABLE": ENABLED,
    "DROP SUBSCRIPTION s": SUBSCRIPTION,
    "CALL stays()": "",
    "CALL commits()": "",
    "DO 'BEGIN END'": "",
    "DO 'BEGIN COMMIT; END'": "",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN COMMIT; END'": "",
    "LOCK TABLE t": "",
    "LISTEN c": "",
    "NOTIFY c": "",
    "CHECKPOINT": "",
    "SET work_mem = '4MB'": "",
    "SET LOCAL work_mem = '4MB'": "",
    "PREPARE transaction AS SELECT 1": "",
    "DECLARE c CURSOR FOR SELECT 1": "",
    "COMMENT ON TABLE t IS 'COMMIT'": "",
    "GRANT SELECT ON t TO PUBLIC": "",
    "BEGIN": "",
    "BEGIN ISOLATION LEVEL SERIALIZABLE": "",
    "START TRANSACTION": "",
    "COMMIT": "",
    "COMMIT AND CHAIN": "",
    "END": "",
    "ROLLBACK": "",
    "ROLLBACK AND CHAIN": "",
    "ABORT": "",
    "SAVEPOINT a": "",
    "RELEASE a": "SAVEPOINT a",
    "ROLLBACK TO a": "SAVEPOINT a",
    "PREPARE TRANSACTION 'x'": "",
    "COMMIT PREPARED 'x'": "",
    "ROLLBACK PREPARED 'x'": "",
}

# What no parser can know, and what a file must not hold though the server would run it.
EXCEPTIONS = {
    "REINDEX TABLE p": "that the table is partitioned stands in the catalog",
    "CREATE SCHEMA r CREATE TABLE u (a int) CREATE INDEX CONCURRENTLY j ON u (a)": "it runs nowhere: no header helps",
    "CALL commits()": "what a procedure does stands in the catalog",
    "DO 'BEGIN COMMIT; END'": "what a block does is PL/pgSQL, which the grammar does not hold",
    "DROP SUBSCRIPTION s": "whether it has a slot stands in the catalog",
    "BEGIN": "the server warns only, but whoever wrote it expects a transaction of its own",
    "START TRANSACTION": "likewise",
    "SAVEPOINT a": "it runs, but a name that the runner uses too would hide the runner's",
    "RELEASE a": "likewise",
    "ROLLBACK TO a": "it runs, and undoes half of a file without a word",
}
AGREEMENT = {
    None: {Outcome.RUNS},
    FaultKind.NOT_IN_TRANSACTION: {Outcome.REFUSED},
    FaultKind.TRANSACTION_CONTROL: {Outcome.ENDS, Outcome.REFUSED},
}

# Run first in a text, it fails after the server has parsed the whole text and before it runs any more of it.
PARSED = "DO 'BEGIN RAISE ''parsed''; END';\n"

SYNTAX = {
    "multi-byte": "SELECT 'é漢👩' AS é, x y z",
    "second statement": "SELECT 'é';\n-- é\nSELCT 1",
    "semicolon": "SELECT (1;\nSELECT 2",
    "parenthesis": "SELECT 1);",
    "string": "SELECT 1 a 'é' 'b'",
    "psql command": "SELECT 1;\n\\i a.sql",
    "psql variable": "SELECT 'é', :'a'",
    "unclosed quote": "SELECT 'é';\nSELECT 'é;\n",
    "unclosed escape string": "SELECT E'é\\'",
    "unclosed name": 'SELECT "é',
    "unclosed dollar quote": "SELECT $é$ $$ $e$",
    "unclosed comment": "SELECT 1 /* /* é */",
    "comment in an operator": "SELECT 1 */* é",
    "bad escape": "SELECT 'é', E'\\u12'",
    "number with a tail": "SELECT 1 +, 2",
}


def run(connection: Connection, setup: str, form: str) -> Outcome:
    """Run a statement in a transaction that is rolled back afterwards, if it is still there."""
    connection.execute("BEGIN")
    try:
        if setup:
            connection.execute(setup)
        before = connection.execute("SELECT pg_current_xact_id()").fetchone()
        connection.execute(form)
        if connection.info.transaction_status == pq.TransactionStatus.IDLE:
            return Outcome.ENDS
        same = connection.execute("SELECT pg_current_xact_id()").fetchone() == before
    except (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination):
        return Outcome.REFUSED
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        if error.diag.message_primary != "prepared transactions are disabled":
            raise
        return Outcome.ENDS
    finally:
        if connection.info.transaction_status != pq.TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
    return Outcome.RUNS if same else Outcome.ENDS


def classify(form: str) -> FaultKind | None:
    """Return the kind of the one finding; None without one."""
    kinds = [finding.kind for finding in sqltext.check(form, transactional=True)]
    assert len(kinds) <= 1
    return kinds[0] if kinds else None


def parse(connection: Connection, sql: str) -> psycopg.Error | None:
    """Return the server's error at the syntax of a text, of which nothing is run; None where it has none."""
    with pytest.raises(psycopg.Error) as caught:
        connection.execute((PARSED + sql).encode())
    if caught.value.sqlstate == "P0001":
        return None
    return caught.value


def test_the_classifier_agrees_with_the_server(any_database: MakeDatabase) -> None:
    """What is said to run inside a transaction runs, what is said to be refused is, and the exceptions are known."""
    with psycopg.connect(any_database(), autocommit=True) as connection:
        connection.execute(OBJECTS)
        outcomes = {form: run(connection, setup, form) for form, setup in FORMS.items()}
    disagreed = {form: outcome for form, outcome in outcomes.items() if outcome not in AGREEMENT[classify(form)]}
    assert disagreed.keys() == EXCEPTIONS.keys(), disagreed


@pytest.mark.parametrize("sql", SYNTAX.values(), ids=SYNTAX)
def test_syntax_errors_stand_where_the_server_puts_them(sql: str, database: MakeDatabase) -> None:
    """The first place found is that of the server's error, in characters."""
    with psycopg.connect(database(), autocommit=True) as connection:
        error = parse(connection, sql)
    assert error is not None
    offset = int(error.diag.statement_position or 0) - 1 - len(PARSED)
    (finding,) = sqltext.check(sql, transactional=True)
    assert finding.position == sqltext.position(sql, offset)
    if finding.kind is FaultKind.SYNTAX:
        assert finding.message == error.diag.message_primary


def test_the_server_knows_what_the_parser_knows(database: MakeDatabase) -> None:
    """Every corner of the grammar that is tested without a server is one that a server takes."""
    with psycopg.connect(database(), autocommit=True) as connection:
        errors = {sql: parse(connection, sql) for sql in STATEMENTS.values()}
    assert {sql: error for sql, error in errors.items() if error} == {}


def test_any_text_is_refused_by_both_or_by_neither(database: MakeDatabase) -> None:
    """A text that the server cannot parse has a finding, and one that it can parse has none of syntax."""
    with psycopg.connect(database(), autocommit=True) as connection:

        @given(texts)
        def compare(sql: str) -> None:
            kinds = {finding.kind for finding in sqltext.check(sql, transactional=True)}
            if parse(connection, sql):
                assert kinds
            else:
                assert not kinds & {FaultKind.SYNTAX, FaultKind.UNTERMINATED, FaultKind.PSQL_COMMAND}

        compare()


# What was done, in the order in which it was done.
EFFECTS = (
    "SELECT n, a FROM t ORDER BY n; SELECT a FROM u; SELECT prosrc, prosqlbody::text FROM pg_proc WHERE proname = 'f'"
)


def send(connection: Connection, text: str) -> list[tuple[object, ...]]:
    """Return what a simple query came to: of each of its results the tag and the rows, or the error's code."""
    connection.pgconn.send_query(text.encode())
    results = connection.wait(generators.execute(connection.pgconn))
    return [
        (
            result.command_status,
            result.error_field(pq.DiagnosticField.SQLSTATE),
            [result.get_value(row, column) for row in range(result.ntuples) for column in range(result.nfields)],
        )
        for result in results
    ]


def run_whole(connection: Connection, text: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return what a text sent whole comes to, and what it did; all is rolled back."""
    send(connection, "BEGIN; ALTER SEQUENCE t_n_seq RESTART")
    results = send(connection, text)
    effects = send(connection, EFFECTS)
    send(connection, "ROLLBACK")
    return results, effects


def run_split(connection: Connection, text: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return the same of a text sent statement by statement, up to the first that fails: each is just one."""
    send(connection, "BEGIN; ALTER SEQUENCE t_n_seq RESTART")
    results: list[tuple[object, ...]] = []
    for statement in sqltext.split(text):
        (result,) = send(connection, statement.text)
        results.append(result)
        if result[1]:
            break
    effects = send(connection, EFFECTS)
    send(connection, "ROLLBACK")
    return results, effects


def test_statement_by_statement_comes_to_the_same(database: MakeDatabase) -> None:
    """A text that is split has as many statements as the server finds in it, with the same results and effects."""
    with psycopg.connect(database(), autocommit=True) as connection:
        connection.execute(grammar.OBJECTS)

        @settings(suppress_health_check=[HealthCheck.too_slow])
        @given(grammar.files)
        def compare(text: str) -> None:
            whole = run_whole(connection, text)
            assert not {error for _, error, _ in whole[0]} & {b"42601"}, "what is made up is SQL"
            assert run_split(connection, text) == whole

        compare()
