"""What the classifier says of a statement, against what a real server does with it."""

from enum import StrEnum

import psycopg
import pytest
from hypothesis import given, settings
from psycopg import pq

from runner import sqltext
from runner.sqltext import Kind, Position
from tests.fix_postgres import MakeDatabase
from tests.unit.test_sqltext import STATEMENTS, texts

Connection = psycopg.Connection[tuple[object, ...]]


class Verdict(StrEnum):
    """What becomes of a transaction in which a statement is run."""

    RUNS = "runs"
    REFUSED = "cannot run inside a transaction"
    ENDS = "ends or refuses the transaction as a whole"


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
    "CLUSTER (VERBOSE)": "",
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
    "CREATE ROLE tenantry_test_nobody": "",
    "GRANT SELECT ON t TO PUBLIC": "",
    "IMPORT FOREIGN SCHEMA x FROM SERVER f INTO s": "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER f FOREIGN DATA WRAPPER w",
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

# What no parser can know, or what is refused for another reason than the server's.
EXCEPTIONS = {
    "REINDEX TABLE p": "that the table is partitioned stands in the catalog",
    "CREATE SCHEMA r CREATE TABLE u (a int) CREATE INDEX CONCURRENTLY j ON u (a)": "runs nowhere, so no header line helps",
    "CALL commits()": "what a procedure does stands in the catalog",
    "DO 'BEGIN COMMIT; END'": "what a block does is PL/pgSQL, which the grammar does not hold",
    "DROP SUBSCRIPTION s": "whether it has a slot stands in the catalog",
    "BEGIN": "a warning for the server, a sign of a misunderstanding in a file",
    "BEGIN ISOLATION LEVEL SERIALIZABLE": "likewise",
    "START TRANSACTION": "likewise",
    "SAVEPOINT a": "runs, and the runner's own savepoints are behind it",
    "RELEASE a": "likewise",
    "ROLLBACK TO a": "likewise",
}


def judge(connection: Connection, setup: str, form: str) -> Verdict:
    """Run a statement in a transaction that is rolled back, and return what became of the transaction."""
    connection.execute("BEGIN")
    if setup:
        connection.execute(setup)
    before = connection.execute("SELECT pg_current_xact_id()").fetchone()
    try:
        connection.execute(form)
    except psycopg.errors.ActiveSqlTransaction:
        return Verdict.REFUSED
    except psycopg.errors.InvalidTransactionTermination:
        return Verdict.REFUSED
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return Verdict.ENDS
    else:
        idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
        ended = idle or connection.execute("SELECT pg_current_xact_id()").fetchone() != before
        return Verdict.ENDS if ended else Verdict.RUNS
    finally:
        if connection.info.transaction_status != pq.TransactionStatus.IDLE:
            connection.execute("ROLLBACK")


def classify(form: str) -> Verdict:
    """Return what the classifier expects."""
    kinds = [finding.kind for finding in sqltext.check(form, transactional=True)]
    expected = {Kind.NOT_IN_TRANSACTION: Verdict.REFUSED, Kind.TRANSACTION_CONTROL: Verdict.ENDS}
    (verdict,) = [expected[kind] for kind in kinds] or [Verdict.RUNS]
    return verdict


def test_the_classifier_agrees_with_the_server(any_database: MakeDatabase) -> None:
    """What is said to run in a transaction runs in one, what is said to be refused is; the exceptions are known."""
    with psycopg.connect(any_database(), autocommit=True) as connection:
        connection.execute(OBJECTS)
        said = {form: (classify(form), judge(connection, setup, form)) for form, setup in FORMS.items()}
    print(said)
    assert {form: pair for form, pair in said.items() if pair[0] != pair[1]}.keys() == EXCEPTIONS.keys()
