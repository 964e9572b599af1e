"""Drafts of DDL without a server: the exact statement for each kind and fact, and what can go wrong with it."""

import pytest

from tenantry.schema.ddl.draft import Draft, Risk, render
from tenantry.schema.ddl.write import write_ddl
from tests.places import DATA
from tests.unit.schema.ddl import columns, others, parts, rights, tables
from tests.unit.schema.ddl.objects import (
    ENUM,
    FK,
    FUNCTION,
    A,
    Case,
    D,
    M,
    T,
    column,
    made,
    part,
    snapshot,
    table,
    write,
)

_GOLDEN = DATA / "ddl" / "rendered.sql"

_CASES = {
    "nothing": Case([T], [T], []),
    **tables.CASES,
    **columns.CASES,
    **parts.CASES,
    **others.CASES,
    **rights.CASES,
    "column renamed": Case(
        [T, column("a", type="text")],
        [T, column("b", type="text")],
        [(M, "ALTER TABLE public.t RENAME COLUMN a TO b")],
    ),
    "table renamed": Case(
        [T, column("a")],
        [made("table", "public.u"), made("column", "public.u.a", {"type": "integer"}, "public.u", 1)],
        [(M, "ALTER TABLE public.t RENAME TO u")],
    ),
    "kind that nobody knows": Case(
        [], [made("subscription", "x")], [(D, "subscription x: objects of this kind are not written")]
    ),
    "fact that nobody knows": Case(
        [T], [table(detached="pending")], [(D, "table public.t: detached: expected pending, found none")]
    ),
    "extra of a kind that nobody knows": Case(
        [made("subscription", "x")],
        [],
        [(D, "subscription x: extra, and objects of this kind are not dropped")],
    ),
}


@pytest.mark.parametrize("name", _CASES)
def test_each_kind_and_fact_has_its_statements(name: str) -> None:
    """The statements, their order and their risks are exactly these."""
    case = _CASES[name]
    assert write(case.found, case.expected) == case.drafts


def test_what_has_to_be_in_a_file_of_its_own_says_so() -> None:
    """VALIDATE and ADD VALUE are separate, other statements are not."""
    expected = snapshot(
        T, part("constraint", "k", definition=FK), made("enum", "public.e", {"labels": "'a', 'b', 'c'"})
    )
    drafts = write_ddl(expected, snapshot(T, ENUM))
    assert [(draft.separate, draft.sql.split()[2:4]) for draft in drafts] == [
        (True, ["public.e", "ADD"]),
        (False, ["public.t", "ADD"]),
        (True, ["public.t", "VALIDATE"]),
    ]


def test_a_widened_column_under_a_view_waits_for_what_drops_the_view() -> None:
    """A statement that fails unless a destructive one ran before is destructive itself."""
    view = made("view", "public.v", {"definition": "SELECT a FROM public.t"})
    column_of_view = made("column", "public.v.a", {"type": "integer"}, "public.v", 1)
    wide = made("column", "public.v.a", {"type": "bigint"}, "public.v", 1)
    assert write([T, column("a"), view, column_of_view], [T, column("a", type="bigint"), view, wide]) == [
        (D, "DROP VIEW public.v"),
        (D, "ALTER TABLE public.t\n    ALTER COLUMN a TYPE bigint"),
        (D, "CREATE VIEW public.v AS\nSELECT a FROM public.t"),
    ]


def test_bodies_are_not_checked_where_a_function_is_written_in_sql() -> None:
    """A body that is a string of SQL may name what is made after it, so the draft begins with a setting."""
    sql_function = FUNCTION.replace("plpgsql", "sql")
    drafts = write([], [made("function", "public.f(integer)", {"definition": sql_function})])
    assert drafts[0] == (A, "SET check_function_bodies = off")


def test_the_rendered_text_is_ready_to_review() -> None:
    """Additive statements stand as they are; the others are comments under their reason."""
    drafts = [
        Draft("CREATE TABLE public.t (\n    a integer\n)", Risk.ADDITIVE),
        Draft("CREATE INDEX i ON public.t USING btree (a)", Risk.ADDITIVE, "writes wait"),
        Draft("ALTER TABLE public.t VALIDATE CONSTRAINT k", Risk.ADDITIVE, "scans the table", separate=True),
        Draft("ALTER TABLE public.t\n    DROP COLUMN b", Risk.DESTRUCTIVE, "its values are lost"),
        Draft("DROP VIEW public.v", Risk.DESTRUCTIVE),
        Draft("ALTER TABLE public.t RENAME COLUMN c TO d", Risk.AMBIGUOUS, "c or d", alternative="ADD d;\nDROP c"),
        Draft("", Risk.DESTRUCTIVE, "index public.j: not valid"),
    ]
    assert render(drafts) == _GOLDEN.read_text()


@pytest.mark.parametrize(
    ("majors", "word"),
    [({"origin": 17}, "UNLOGGED "), ({"major": 15}, "UNLOGGED "), ({"origin": 14}, ""), ({"major": 14}, ""), ({}, "")],
)
def test_sequence_of_unlogged_table(majors: dict[str, int], word: str) -> None:
    """A sequence is unlogged with its table only where the schemas come from a server that has such sequences."""
    owned = made("sequence", "public.s", {"type": "bigint", "owned by": "public.t.a"})
    drafts = write_ddl(snapshot(table(persistence="unlogged"), column("a"), owned), snapshot(), **majors)
    (note,) = [draft.note for draft in drafts if draft.sql == f"CREATE {word}SEQUENCE public.s"]
    # Nobody says on which server it is to run.
    older = "leave UNLOGGED out on servers before PostgreSQL 15, which have no unlogged sequences"
    assert note == (older if word and "major" not in majors else "")


_LONG = "t" * 57


@pytest.mark.parametrize(
    ("local", "name", "taken", "free"),
    [
        ("t", "a", "t_a_seq", "t_a_seq1"),
        (_LONG, "a", f"{_LONG}_a_seq", f"{_LONG[:-1]}_a_seq1"),
        ("t", "a" * 60, f"t_{'a' * 57}_seq", f"t_{'a' * 56}_seq1"),
        ('"T"', '"a""b"', '"T_a""b_seq"', '"T_a""b_seq1"'),
        ('"tä"', "a", '"tä_a_seq"', '"tä_a_seq1"'),
        (f'"{"ä" * 40}"', "a", f'"{"ä" * 28}_a_seq"', f'"{"ä" * 28}_a_seq1"'),
    ],
)
def test_room_for_names(local: str, name: str, taken: str, free: str) -> None:
    """A sequence that makes room gets the server's second choice, which fits, and is set up under that name."""
    of_table = f"public.{local}"
    facts = {"type": "integer", "identity": "always", "not null": "yes"}
    found = made("column", f"{of_table}.{name}", facts, of_table, 1)
    expected = made("column", f"{of_table}.{name}", {**facts, "persistence": "unlogged"}, of_table, 1)
    new = made("sequence", f"public.{taken}", {"type": "bigint"})
    home = made("table", of_table)
    assert [sql for _, sql in write([home, found], [home, expected, new])] == [
        f"ALTER SEQUENCE IF EXISTS public.{taken} RENAME TO {free}",
        f"CREATE SEQUENCE public.{taken}",
        f"ALTER SEQUENCE public.{free} SET UNLOGGED",
    ]
