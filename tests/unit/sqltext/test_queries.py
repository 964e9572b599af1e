"""Queries that only read: what passes for one, and what is said of all else."""

import pytest

from tenantry import sqltext

READS = (
    "SELECT true",
    "select count(*) = 0, 'rooms' from rooms",
    "VALUES (true)",
    "TABLE rooms",
    "(SELECT true) UNION ALL (SELECT false) LIMIT 1;",
    "WITH rooms AS (SELECT 1) SELECT true FROM rooms",
    "-- why\nSELECT true; -- and\nSELECT false",
    "SELECT nextval('numbers') > 0",
)


@pytest.mark.parametrize("text", READS)
def test_reads(text: str) -> None:
    """A query that writes by no word of its own is one, and so are several."""
    assert sqltext.check_queries(text) == ()


ONLY = "expected a query that only reads"
REFUSED = {
    "": f"1:1: nothing but comments, {ONLY}",
    "-- later": f"1:1: nothing but comments, {ONLY}",
    "UPDATE rooms SET fee = 0": f"1:1: not a query, {ONLY}",
    "EXPLAIN SELECT true": f"1:1: not a query, {ONLY}",
    "SHOW lock_timeout": f"1:1: not a query, {ONLY}",
    "SELECT true;\n  SET a.b = 1": f"2:3: not a query, {ONLY}",
    "SELECT true INTO found": f"1:1: SELECT ... INTO creates a table, {ONLY}",
    "SELECT true FROM rooms FOR KEY SHARE": f"1:1: SELECT ... FOR UPDATE or SHARE locks rows, {ONLY}",
    "SELECT true FROM (SELECT FROM rooms FOR UPDATE) AS a": f"1:1: SELECT ... FOR UPDATE or SHARE locks rows, {ONLY}",
    "WITH a AS (INSERT INTO rooms SELECT RETURNING 1) SELECT true": f"1:1: INSERT in a query, {ONLY}",
    "WITH a AS (UPDATE rooms SET fee = 0 RETURNING 1) SELECT true": f"1:1: UPDATE in a query, {ONLY}",
    "SELECT (WITH a AS (DELETE FROM rooms RETURNING 1) TABLE a)": f"1:1: DELETE in a query, {ONLY}",
    "WITH a AS (MERGE INTO b USING c ON d WHEN MATCHED THEN DO NOTHING RETURNING 1) TABLE a": (
        f"1:1: MERGE in a query, {ONLY}"
    ),
    "COMMIT": "1:1: COMMIT is transaction control, which only tenantry may use",
    "SELECT true FRM rooms": '1:17: syntax error at or near "rooms"',
    "SELECT :'name'": "1:8: :'name' is a psql variable, not SQL",
    "SELECT 'a": "1:8: unclosed quote, expected a closing '",
    f"SELECT {'1 + ' * 10_000}1": f"1:1: a statement that is too long to judge, {ONLY}",
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=[text[:40] for text in REFUSED])
def test_refused(text: str, expected: str) -> None:
    """All else is refused at its place, wherever in the query it writes."""
    found = [f"{f.position.line}:{f.position.column}: {f.message}" for f in sqltext.check_queries(text)]
    assert found == [expected]
