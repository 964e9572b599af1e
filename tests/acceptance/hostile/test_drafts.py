"""A draft of SQL is for people to run: a name in it never becomes a statement of its own."""

import pytest

from tenantry import sqltext
from tests.acceptance.hostile.attack import Attack
from tests.acceptance.hostile.fix_hostile import MakeVictim

# As identifiers; what they would run, if they could, is this.
_HIDDEN = "DROP TABLE rooms"
_NAMES = {
    "a new line": f'"x\n{_HIDDEN}; --"',
    "a return": f'"x\r{_HIDDEN}; --"',
    "a quote": f'"x""; {_HIDDEN}; --"',
    "the end of a comment": f'"x */ {_HIDDEN}; --"',
    "a dollar quote": f'"x$$; {_HIDDEN}; --"',
}
_KINDS = {
    "a table": "CREATE TABLE public.{} (id integer)",
    "a column": "CREATE TABLE public.own ({} integer)",
    "a view": "CREATE VIEW public.{} AS SELECT 1 AS one",
    "a function": "CREATE FUNCTION public.{}() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a schema": "CREATE SCHEMA {}",
}


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("kind", _KINDS)
def test_a_name_in_a_draft(victim: MakeVictim, kind: str, name: str) -> None:
    """Whatever an object is called, the draft that repairs a tenant has no statement out of its name."""
    one = victim(Attack("draft", _KINDS[kind].format(_NAMES[name])))
    one.strike()
    draft = one.run("drift draft").result.out
    statements = [statement.text.strip() for statement in sqltext.split(draft)]
    assert [statement for statement in statements if statement.startswith(_HIDDEN)] == []
