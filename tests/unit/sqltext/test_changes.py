"""The statement of a file that runs in batches: what is refused, what drives it, and its text with a condition more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.sqltext.changes import ChangeError, RowSource, find_origin, read_change, restrict
from tenantry.sqltext.library import read_tree
from tests.builders import unhurried

CONDITION = "(t.id) > ('1')"
# Each with what stands around its condition: the text with a condition more is these, with the condition between.
RESTRICTED = {
    "update": ("UPDATE t SET a = 1", "UPDATE t SET a = 1 WHERE (", ")"),
    "where": ("UPDATE t SET a = 1 WHERE b OR c", "UPDATE t SET a = 1 WHERE (b OR c) AND (", ")"),
    "and": ("DELETE FROM t WHERE b AND c", "DELETE FROM t WHERE (b AND c) AND (", ")"),
    "comment behind": ("DELETE FROM t -- all\n", "DELETE FROM t WHERE (", ") -- all"),
    "comment within": (
        "UPDATE t SET a = 1 WHERE -- where b\n b -- c\n;",
        "UPDATE t SET a = 1 WHERE -- where b\n (b) AND (",
        ") -- c",
    ),
    "comment before": ("-- a\n/* UPDATE */ UPDATE t SET a = 1;", "UPDATE t SET a = 1 WHERE (", ")"),
    "alias": (
        'UPDATE ONLY s."T" AS "x y" SET a = 1 WHERE ("x y".b)',
        'UPDATE ONLY s."T" AS "x y" SET a = 1 WHERE (("x y".b)) AND (',
        ")",
    ),
    "from": (
        "UPDATE t SET a = u.a FROM u JOIN v ON u.b = v.b WHERE t.id = u.id",
        "UPDATE t SET a = u.a FROM u JOIN v ON u.b = v.b WHERE (t.id = u.id) AND (",
        ")",
    ),
    "using": ("DELETE FROM t USING u", "DELETE FROM t USING u WHERE (", ")"),
    "where in a query": (
        "UPDATE t SET a = (SELECT b FROM u WHERE c)",
        "UPDATE t SET a = (SELECT b FROM u WHERE c) WHERE (",
        ")",
    ),
    "where in both": (
        "DELETE FROM t WHERE EXISTS (SELECT FROM u WHERE u.id = t.id)",
        "DELETE FROM t WHERE (EXISTS (SELECT FROM u WHERE u.id = t.id)) AND (",
        ")",
    ),
    "where as a name": (
        "UPDATE t SET a = t.where, \"where\" = ' WHERE ' WHERE b",
        "UPDATE t SET a = t.where, \"where\" = ' WHERE ' WHERE (b) AND (",
        ")",
    ),
    "with": (
        "WITH x AS (SELECT 1 WHERE true) UPDATE t SET a = 1 FROM x WHERE b",
        "WITH x AS (SELECT 1 WHERE true) UPDATE t SET a = 1 FROM x WHERE (b) AND (",
        ")",
    ),
    "insert": ("INSERT INTO z SELECT id FROM t", "INSERT INTO z SELECT id FROM t WHERE (", ")"),
    "insert in parentheses": (
        "INSERT INTO z (a) ((SELECT id FROM t WHERE b))",
        "INSERT INTO z (a) ((SELECT id FROM t WHERE (b) AND (",
        ")))",
    ),
    "on conflict": (
        "INSERT INTO z SELECT id FROM t ON CONFLICT (id) WHERE b DO UPDATE SET a = 1 WHERE z.b",
        "INSERT INTO z SELECT id FROM t WHERE (",
        ") ON CONFLICT (id) WHERE b DO UPDATE SET a = 1 WHERE z.b",
    ),
    "join and on conflict": (
        "INSERT INTO z SELECT t.id FROM t JOIN u ON (t.a = u.a) WHERE t.b /* x */ ON CONFLICT DO NOTHING",
        "INSERT INTO z SELECT t.id FROM t JOIN u ON (t.a = u.a) WHERE (t.b) AND (",
        ") /* x */ ON CONFLICT DO NOTHING",
    ),
    "for share": ("INSERT INTO z SELECT id FROM t FOR SHARE", "INSERT INTO z SELECT id FROM t WHERE (", ") FOR SHARE"),
    "beyond ascii": ("UPDATE t SET é = 'ü' WHERE 'ä' > é", "UPDATE t SET é = 'ü' WHERE ('ä' > é) AND (", ")"),
}
NO_BATCHES = "run the file without batches"
TAKE_OUT = f"remove it, or {NO_BATCHES}"
UNREADABLE = "a statement that is too long or too deep to read"
OTHER_KIND = "another kind of statement, expected an UPDATE, a DELETE or an INSERT ... SELECT"
NOTHING_IN_FROM = "no table in FROM that can be split into batches, expected one"
READ_A_TABLE = "read from a named table, not from the optional side of an outer join, and without column aliases"
# Each with its place, as the text from there on begins.
REFUSED = {
    "nothing": (
        "-- batch",
        "0 statements, expected a single one to run in batches",
        "write each statement in its own file",
    ),
    "two": (
        "DELETE FROM t; DELETE FROM u",
        "2 statements, expected a single one to run in batches",
        "write each statement in its own file",
        "DELETE FROM u",
    ),
    "unknown": ("REPACK t", 'syntax error at or near "REPACK"', NO_BATCHES, "REPACK"),
    "select": ("\nSELECT 1", OTHER_KIND, NO_BATCHES, "SELECT"),
    "merge": ("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", OTHER_KIND, NO_BATCHES),
    "values": ("INSERT INTO t VALUES (1)", "an INSERT without SELECT, expected rows from a table", NO_BATCHES),
    "default values": (
        "INSERT INTO t DEFAULT VALUES",
        "an INSERT without SELECT, expected rows from a table",
        NO_BATCHES,
    ),
    "union": (
        "INSERT INTO t SELECT 1 UNION ALL SELECT 2",
        "several SELECTs, expected one",
        "write each in its own file",
    ),
    "returning": (
        "DELETE FROM t RETURNING id",
        "RETURNING is not allowed, since nobody reads the returned rows",
        TAKE_OUT,
        "id",
    ),
    "order by": (
        "INSERT INTO z SELECT a FROM t ORDER BY b",
        "ORDER BY is not allowed, since batches follow the order of the key",
        TAKE_OUT,
        "b",
    ),
    "limit": (
        "INSERT INTO z SELECT a FROM t LIMIT 7",
        "LIMIT is not allowed, since each batch would apply the limit again",
        TAKE_OUT,
        "7",
    ),
    "offset": (
        "INSERT INTO z SELECT a FROM t OFFSET 7",
        "OFFSET is not allowed, since each batch would skip rows",
        TAKE_OUT,
        "7",
    ),
    "distinct": (
        "INSERT INTO z SELECT DISTINCT a FROM t",
        "DISTINCT is not allowed, since equal rows may lie in several batches",
        TAKE_OUT,
    ),
    "group by": (
        "INSERT INTO z SELECT a FROM t GROUP BY é, a",
        "GROUP BY is not allowed, since the rows of a group may lie in several batches",
        TAKE_OUT,
        "é",
    ),
    "having": (
        "INSERT INTO z SELECT 1 FROM t HAVING true",
        "HAVING is not allowed, since the rows of a group may lie in several batches",
        TAKE_OUT,
        "true",
    ),
    "named window": (
        "INSERT INTO z SELECT 1 FROM t WINDOW w AS ()",
        "WINDOW is not allowed, since the rows of a window may lie in several batches",
        TAKE_OUT,
        "()",
    ),
    "aggregate": (
        "INSERT INTO z SELECT 'é', 1 + max(a) FROM t",
        "max() needs rows that may lie in several batches",
        TAKE_OUT,
        "max",
    ),
    "any aggregate": (
        "INSERT INTO z SELECT mine(a) FILTER (WHERE b) FROM t",
        "mine() needs rows that may lie in several batches",
        TAKE_OUT,
        "mine",
    ),
    "window": (
        "INSERT INTO z SELECT mine(a) OVER () FROM t",
        "mine() needs rows that may lie in several batches",
        TAKE_OUT,
        "mine",
    ),
    "with that writes": (
        "WITH x AS (DELETE FROM u RETURNING a) UPDATE t SET a = 1",
        "a WITH that writes would write in every batch",
        "move it to its own file",
        "x AS",
    ),
    "with that writes, in parentheses": (
        "INSERT INTO z (WITH x AS (DELETE FROM u RETURNING a) SELECT 1 FROM t)",
        "a WITH that writes would write in every batch",
        "move it to its own file",
        "x AS",
    ),
    "cursor": (
        "DELETE FROM t WHERE CURRENT OF c",
        "no place for another condition, expected a plain WHERE",
        NO_BATCHES,
    ),
    "no table": ("INSERT INTO z SELECT 1", NOTHING_IN_FROM, READ_A_TABLE),
    "function": ("INSERT INTO z SELECT a FROM generate_series(1, 9) AS a", NOTHING_IN_FROM, READ_A_TABLE),
    "name of a with": ("INSERT INTO z WITH t AS (SELECT 1) SELECT 1 FROM t", NOTHING_IN_FROM, READ_A_TABLE),
    "far side": ("INSERT INTO z SELECT 1 FROM f() AS x LEFT JOIN t ON true", NOTHING_IN_FROM, READ_A_TABLE),
    "full join": ("INSERT INTO z SELECT 1 FROM t FULL JOIN u ON true", NOTHING_IN_FROM, READ_A_TABLE),
    "named join": ("INSERT INTO z SELECT 1 FROM (t JOIN u ON true) AS j", NOTHING_IN_FROM, READ_A_TABLE),
    "named columns": ("INSERT INTO z SELECT 1 FROM t AS x (id)", NOTHING_IN_FROM, READ_A_TABLE),
    "too long": (f"DELETE FROM t WHERE a = '{'x' * 30_000}'", UNREADABLE, NO_BATCHES),
    "too deep": (f"DELETE FROM t WHERE {'NOT ' * 300}a", UNREADABLE, NO_BATCHES),
}


@pytest.mark.parametrize(("text", "before", "behind"), RESTRICTED.values(), ids=RESTRICTED)
def test_restricted(text: str, before: str, behind: str) -> None:
    """A condition more goes to where PostgreSQL takes it as one; all else stays as it is."""
    assert restrict(read_change(text), CONDITION) == f"{before}{CONDITION}{behind}"


@pytest.mark.parametrize(("text", "before", "behind"), RESTRICTED.values(), ids=RESTRICTED)
def test_origin(text: str, before: str, behind: str) -> None:
    """Of each character of the restricted text, the place in the file is known that has the same one."""
    change = read_change(text)
    restricted = restrict(change, CONDITION)
    inserted = change.place.join(CONDITION)
    at = restricted.index(inserted)
    for offset, character in enumerate(restricted):
        origin = find_origin(change, CONDITION, offset)
        if at <= offset < at + len(inserted):
            assert origin == change.statement.start + change.place.closing
        elif offset != change.place.opening:
            assert text[origin] == character


@pytest.mark.parametrize(
    "condition",
    ["true) OR (true", "true; DELETE FROM t", "true); DELETE FROM t WHERE (true", "", "true -- ", "true) -- "],
)
def test_other_conditions(condition: str) -> None:
    """What would be more than a condition is not put in."""
    with pytest.raises(ChangeError) as caught:
        restrict(read_change("DELETE FROM t WHERE b"), condition)
    assert str(caught.value) == "a condition that does not fit the statement"


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_refused(case: tuple[str, ...]) -> None:
    """What cannot be cut is refused, with its reason and its place."""
    text, message, hint, *place = case
    with pytest.raises(ChangeError) as caught:
        read_change(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    expected = place[0] if place else text.lstrip("\n")
    assert text[caught.value.offset :].startswith(expected)


SOURCES = {
    "update": ("UPDATE t SET a = 1 FROM u", [(("t",), "t", False)]),
    "delete": ("DELETE FROM ONLY s.t AS x USING u", [(("s", "t"), "x", True)]),
    "several": ("INSERT INTO z SELECT 1 FROM f(), t, s.u AS x", [(("t",), "t", False), (("s", "u"), "x", False)]),
    "left join": ("INSERT INTO z SELECT 1 FROM t LEFT JOIN u ON true", [(("t",), "t", False)]),
    "right join": ("INSERT INTO z SELECT 1 FROM t RIGHT JOIN u ON true", [(("u",), "u", False)]),
    "cross join": ("INSERT INTO z SELECT 1 FROM t CROSS JOIN u", [(("t",), "t", False), (("u",), "u", False)]),
    "named with": ("WITH u AS (SELECT 1) INSERT INTO z SELECT 1 FROM u, s.u", [(("s", "u"), "u", False)]),
    "other database": ("UPDATE d.s.t SET a = 1", [(("d", "s", "t"), "t", False)]),
}


@pytest.mark.parametrize(("text", "expected"), SOURCES.values(), ids=SOURCES)
def test_sources(text: str, expected: list[tuple[tuple[str, ...], str, bool]]) -> None:
    """The tables that can drive a change are those of which no row is made up: the target, or those in FROM."""
    assert list(read_change(text).sources) == [RowSource(*source) for source in expected]


def test_sets() -> None:
    """An UPDATE tells what columns it sets, also a part of one and several at once."""
    assert read_change("UPDATE t SET a = 1, (b, c) = (1, 2), d.e = 3, f[1] = 4").sets == {"a", "b", "c", "d", "f"}


def test_calls() -> None:
    """Of a SELECT the functions are known that it calls itself, not those of a query within it."""
    change = read_change("INSERT INTO z SELECT f(g(a)), s.h(), (SELECT max(b) FROM u) FROM t WHERE i(a)")
    assert change.calls == {("f",), ("g",), ("s", "h")}


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "t.where", "b > 1 -- where\n", "c IN (1, 2)", "'where (' = d", "EXISTS (SELECT 1 WHERE e)"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} AND {pair[1]}"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} OR {pair[1]})"),
        inner.map(lambda one: f"NOT ({one})"),
        inner.map(lambda one: f"CASE WHEN {one} THEN true END"),
    ),
    max_leaves=6,
)


@unhurried
@given(EXPRESSIONS, st.sampled_from(["UPDATE t SET z = ({}) WHERE {}", "DELETE FROM t WHERE {1}"]), st.booleans())
def test_expressions(expression: str, form: str, or_true: bool) -> None:
    """Whatever a WHERE says, the new text says that and the condition: in each place the tree has both."""
    text = form.format(expression, f"{expression} OR true" if or_true else expression)
    change = read_change(text)
    restricted = restrict(change, CONDITION)
    _, node = read_tree(restricted)
    joined = node["whereClause"]["BoolExpr"]
    assert joined["boolop"] == "AND_EXPR"
    assert joined["args"][-1]["A_Expr"]["lexpr"]["ColumnRef"]["fields"][-1] == {"String": {"sval": "id"}}
    opening = change.place.opening or 0
    without = restricted.replace(f") AND ({CONDITION})", "")
    assert without[:opening] + without[opening + 1 :] == text.rstrip()
