"""What is told of two snapshots: every difference once, in the order and words that a person reads."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.schema.differences import Difference, What, compare_schemas, explain
from tenantry.schema.snapshot import SchemaObject, Snapshot

LONG = "x" * 101


def snapshot(*objects: SchemaObject) -> Snapshot:
    return Snapshot("", {one.key: one for one in objects})


def one(kind: str, name: str, parent: str = "", position: int = 0, **facts: str) -> SchemaObject:
    """Return an object; a blank in the name of a fact is written as an underline."""
    return SchemaObject(kind, name, {fact.replace("_", " "): text for fact, text in facts.items()}, parent, position)


TABLE = one("table", "public.t")
A = one("column", "public.t.a", "public.t", 1, type="integer", not_null="yes")
B = one("column", "public.t.b", "public.t", 2, type="text")
KEY = one("constraint", "public.t.t_pkey", "public.t", definition="PRIMARY KEY (a)")
INDEX = one("index", "public.t_pkey", "public.t", definition="CREATE UNIQUE INDEX ...", constraint="t_pkey")
SEQUENCE = one("sequence", "public.t_a_seq", "public.t", type="integer", owned_by="public.t.a")
REMARK = one("comment", "table public.t", "public.t", text="x")
KEY_REMARK = one("comment", "constraint public.t.t_pkey", "public.t", text="x")
INDEX_REMARK = one("comment", "index public.t_pkey", "public.t", text="x")
VIEW = one("view", "public.v", definition="SELECT 1")
FUNCTION = one("function", "public.f(integer)", definition="CREATE ...")
FUNCTION_REMARK = one("comment", "function public.f(integer)", text="x")
WHOLE = snapshot(TABLE, A, B, KEY, INDEX, SEQUENCE, REMARK, KEY_REMARK, INDEX_REMARK, VIEW, FUNCTION, FUNCTION_REMARK)


def without(*left_out: SchemaObject) -> Snapshot:
    return snapshot(*(child for child in WHOLE.objects.values() if child not in left_out))


class TestCompare:
    @pytest.mark.parametrize(
        ("left_out", "named"),
        [
            ((), []),
            ((TABLE, A, B, KEY, INDEX, SEQUENCE, REMARK, KEY_REMARK, INDEX_REMARK), ["public.t"]),
            ((A, SEQUENCE), ["public.t.a"]),
            ((SEQUENCE,), ["public.t_a_seq"]),
            ((KEY, INDEX, KEY_REMARK, INDEX_REMARK), ["public.t.t_pkey"]),
            ((INDEX, INDEX_REMARK), ["public.t_pkey"]),
            ((REMARK,), ["table public.t"]),
            ((FUNCTION, FUNCTION_REMARK), ["public.f(integer)"]),
            ((A, B), ["public.t.a", "public.t.b"]),
        ],
        ids=["none", "table", "column", "sequence", "constraint", "index", "comment", "function", "columns"],
    )
    def test_children(self, left_out: tuple[SchemaObject, ...], named: list[str]) -> None:
        """What belongs to an object that is missing or extra is not listed beside it."""
        missing = compare_schemas(WHOLE, without(*left_out))
        assert [(different.name, different.what) for different in missing] == [(name, What.MISSING) for name in named]
        extra = compare_schemas(without(*left_out), WHOLE)
        assert [(different.name, different.what) for different in extra] == [(name, What.EXTRA) for name in named]

    def test_each_fact(self) -> None:
        """Each fact that differs is one difference, and an absent one an empty text."""
        other = one("column", "public.t.a", "public.t", 1, type="bigint", default="1")
        assert compare_schemas(snapshot(TABLE, A), snapshot(TABLE, other)) == (
            Difference("column", "public.t.a", What.DIFFERENT, "default", "", "1"),
            Difference("column", "public.t.a", What.DIFFERENT, "not null", "yes", ""),
            Difference("column", "public.t.a", What.DIFFERENT, "type", "integer", "bigint"),
        )

    def test_definitions_are_kept(self) -> None:
        """What is not shown in the line is in the difference."""
        other = one("view", "public.v", definition="SELECT\n 2")
        (different,) = compare_schemas(snapshot(VIEW), snapshot(other))
        assert (different.expected, different.found) == ("SELECT 1", "SELECT\n 2")

    def test_columns_of_a_view(self) -> None:
        """Columns that come with another definition of a view are not listed, but for what they have themselves."""
        column = one("column", "public.v.a", "public.v", 1, type="integer")
        other = one("column", "public.v.a", "public.v", 1, type="text", grants="PUBLIC: SELECT")
        more = one("column", "public.v.b", "public.v", 2, type="text")
        found = snapshot(one("view", "public.v", definition="SELECT 2"), other, more)
        lines = [explain(different) for different in compare_schemas(snapshot(VIEW, column), found)]
        assert lines == [
            "view v: definition SELECT 2, expected SELECT 1",
            "v.a: grants PUBLIC: SELECT, expected as built in",
        ]

    def test_position(self) -> None:
        """Another order of columns is no difference."""
        other = one("column", "public.t.a", "public.t", 9, type="integer", not_null="yes")
        assert compare_schemas(snapshot(A), snapshot(other)) == ()

    def test_other_parent(self) -> None:
        """An object that has changed its table is told by its own facts, or else by its parent."""
        moved = one("sequence", "public.t_a_seq", "public.u", type="integer", owned_by="public.u.a")
        (different,) = compare_schemas(snapshot(SEQUENCE), snapshot(moved))
        assert explain(different) == "sequence t_a_seq: owned by public.u.a, expected public.t.a"
        (different,) = compare_schemas(snapshot(one("index", "i", "t")), snapshot(one("index", "i", "u")))
        assert explain(different) == "index i: parent u, expected t"

    def test_order(self) -> None:
        """Types come first; then each table with its columns in their order and what else it has; then the rest."""
        found = snapshot(one("table", "public.u"), one("enum", "public.m", labels="'a'"), TABLE)
        lines = [explain(different) for different in compare_schemas(snapshot(TABLE, A, B, KEY, VIEW, FUNCTION), found)]
        assert lines == [
            "enum m: extra, found 'a'",
            "t.a: missing, expected integer not null",
            "t.b: missing, expected text",
            "constraint t.t_pkey: missing, expected PRIMARY KEY (a)",
            "u: extra, found a table",
            "view v: missing",
            "function f(integer): missing",
        ]

    @given(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(("", "x", "y"))),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(("x", "y"))),
    )
    def test_both_ways(self, left: Mapping[str, str], right: Mapping[str, str]) -> None:
        """Looked at from the other side, the same facts differ with their values exchanged."""
        here = snapshot(SchemaObject("table", "t", left))
        there = snapshot(SchemaObject("table", "t", right))
        turned = {(different.fact, different.found, different.expected) for different in compare_schemas(there, here)}
        assert {(one.fact, one.expected, one.found) for one in compare_schemas(here, there)} == turned


class TestExplain:
    @pytest.mark.parametrize(
        ("difference", "line"),
        [
            (
                Difference("column", "public.sessions.a", What.MISSING, expected="numeric(10,2)"),
                "sessions.a: missing, expected numeric(10,2)",
            ),
            (
                Difference("column", "app.t.a", What.EXTRA, found="character varying(5)[]"),
                "app.t.a: extra, found varchar(5)[]",
            ),
            (Difference("table", "public.t", What.MISSING), "t: missing, expected a table"),
            (Difference("foreign table", "public.t", What.EXTRA), "foreign table t: extra"),
            (
                Difference("column", "t.a", What.DIFFERENT, "type", "text", "character varying(50)"),
                "t.a: type varchar(50), expected text",
            ),
            (Difference("column", "t.a", What.DIFFERENT, "not null", "yes", ""), "t.a: nullable, expected not null"),
            (Difference("column", "t.a", What.DIFFERENT, "default", "now()", ""), "t.a: default none, expected now()"),
            (Difference("column", "t.a", What.DIFFERENT, "default", "", "now()"), "t.a: default now(), expected none"),
            (Difference("table", "t", What.DIFFERENT, "owner", "app", ""), "t: owner the connected role, expected app"),
            (Difference("index", "i", What.DIFFERENT, "valid", "", "no"), "index i: INVALID"),
            (Difference("index", "i", What.DIFFERENT, "valid", "no", ""), "index i: valid, expected INVALID"),
            (Difference("constraint", "t.c", What.DIFFERENT, "validated", "", "no"), "constraint t.c: NOT VALID"),
            (Difference("view", "public.v", What.DIFFERENT, "definition", LONG, "x"), "view v: definition differs"),
            (
                Difference("function", "f()", What.DIFFERENT, "definition", "a\nb", "a"),
                "function f(): definition differs",
            ),
            (Difference("comment", "column public.t.public.a", What.EXTRA), "comment on column t.public.a: extra"),
            (Difference("comment", "schema public", What.EXTRA), "comment on schema public: extra"),
            (Difference("default grants", "tables", What.EXTRA), "default grants on tables: extra"),
            (Difference("enum", "m", What.MISSING, expected="'a\nb'"), "enum m: missing"),
        ],
        ids=lambda given: given if isinstance(given, str) else "",
    )
    def test_line(self, difference: Difference, line: str) -> None:
        """A difference reads as one line."""
        assert explain(difference) == line
