"""Whether an index, a constraint or statistics certainly go with a column, by their definitions."""

import pytest

from tenantry.schema.ddl.kin import is_kin
from tenantry.schema.snapshot import SchemaObject

_INDEX = "CREATE INDEX i ON public.t USING"
_STATISTICS = "CREATE STATISTICS public.s (ndistinct) ON"
_OTHERS = {
    ("year", "CHECK ((EXTRACT(year FROM b) > 3))"),
    ("gist", "EXCLUDE USING gist (a WITH =)"),
    ("int4", "CHECK ((CAST(a AS int4) > 3))"),
    ("integer", "CHECK ((JSON_VALUE(a, '$' RETURNING integer) > 3))"),
    ("x", "CHECK (f(x => a))"),
    ("id", "FOREIGN KEY (a) REFERENCES public.o(id)"),
    ("b", """CHECK (("x (b" = '(b'))"""),
    ("btree", f"{_INDEX} btree (a)"),
    ("fillfactor", f"{_INDEX} btree (a) WITH (fillfactor='70')"),
    ("auto", f"{_INDEX} gist (a) WITH (buffering=auto)"),
    ("siglen", f"{_INDEX} gist (a gist_trgm_ops (siglen='32'))"),
    ("a_ops", f"{_INDEX} btree (a a_ops)"),
    ("b", 'CREATE INDEX "x USING (b" ON public.t USING btree (a)'),
    ("t", f"{_STATISTICS} a, b FROM t"),
    ("ndistinct", f"{_STATISTICS} a, b FROM public.t"),
}
_OWN = {
    ("b", "CHECK ((EXTRACT(year FROM b) > 3))"),
    ("year", "CHECK ((EXTRACT(year FROM year) > 3))"),
    ("date", "CHECK ((EXTRACT(year FROM date) > (3)::numeric))"),
    ("b", "CHECK ((a IS DISTINCT FROM b))"),
    ("b", "CHECK ((a = ANY (ARRAY[b, c])))"),
    ("gist", "EXCLUDE USING gist (a WITH =, gist WITH &&)"),
    ("a", "NOT NULL a"),
    ("a", "FOREIGN KEY (a) REFERENCES public.o(id)"),
    ('"x FROM y"', 'CHECK (("x FROM y" > 3))'),
    ("b", f"{_INDEX} btree (a) INCLUDE (b) WITH (fillfactor='70') WHERE (c > 3)"),
    ("c", f"{_INDEX} btree (a) WITH (fillfactor='70') WHERE (c IS NOT NULL)"),
    ("c", f"{_INDEX} btree (a) WHERE (a IS DISTINCT FROM c)"),
    ('"X y"', 'CREATE INDEX i ON public."t ON (a" USING btree ("X y")'),
    ("a", "CREATE INDEX i ON ONLY public.t USING btree (a)"),
    ("a", f"{_STATISTICS} a, b FROM public.t"),
    ("b", f"{_STATISTICS} a, (EXTRACT(year FROM b)) FROM public.t"),
    ("c", f"{_STATISTICS} (a IS DISTINCT FROM b), c FROM public.t"),
}


def _is_kin(name: str, definition: str) -> bool:
    words = definition.split(" ")
    kind = words[1].lower() if words[0] == "CREATE" else "constraint"
    column = SchemaObject("column", f"public.t.{name}", {"type": "integer"}, "public.t", 1)
    return is_kin(SchemaObject(kind, "public.x", {"definition": definition}, "public.t"), column)


@pytest.mark.parametrize(("name", "definition"), sorted(_OTHERS))
def test_other(name: str, definition: str) -> None:
    """A word that is no column is not taken for one: the draft keeps the DROP of the part."""
    assert not _is_kin(name, definition)


@pytest.mark.parametrize(("name", "definition"), sorted(_OWN))
def test_own(name: str, definition: str) -> None:
    """A column is found wherever a definition names it, with all words of SQL around it."""
    assert _is_kin(name, definition)
