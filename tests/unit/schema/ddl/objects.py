"""The objects of a schema that the cases of drafts are made of, and how a draft of them is written."""

from typing import NamedTuple

from tenantry.schema.ddl.draft import Risk
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.snapshot import SchemaObject, Snapshot

A, D, M = Risk.ADDITIVE, Risk.DESTRUCTIVE, Risk.AMBIGUOUS
Facts = dict[str, str]


def made(kind: str, name: str, facts: Facts | None = None, parent: str = "", position: int = 0) -> SchemaObject:
    """Return an object of a schema."""
    return SchemaObject(kind, name, facts or {}, parent, position)


def column(name: str, position: int = 1, **facts: str) -> SchemaObject:
    """Return a column of public.t; `_` in the name of a fact is a space."""
    named = {fact.replace("_", " "): value for fact, value in {"type": "integer", **facts}.items()}
    return made("column", f"public.t.{name}", named, "public.t", position)


def part(kind: str, name: str, **facts: str) -> SchemaObject:
    """Return something else that belongs to public.t."""
    full = f"public.{name}" if kind in {"index", "statistics"} else f"public.t.{name}"
    return made(kind, full, {fact.replace("_", " "): value for fact, value in facts.items()}, "public.t")


T = made("table", "public.t")


def table(**facts: str) -> SchemaObject:
    """Return public.t with facts."""
    return made("table", "public.t", {fact.replace("_", " "): value for fact, value in facts.items()})


def snapshot(*objects: SchemaObject) -> Snapshot:
    return Snapshot("", {one.key: one for one in objects})


def write(found: list[SchemaObject], expected: list[SchemaObject]) -> list[tuple[Risk, str]]:
    drafts = write_ddl(snapshot(*expected), snapshot(*found))
    return [(draft.kind, draft.sql or draft.note) for draft in drafts]


class Case(NamedTuple):
    """What is found, what is expected, and the statements that lead from the one to the other."""

    found: list[SchemaObject]
    expected: list[SchemaObject]
    drafts: list[tuple[Risk, str]]


FOREIGN = made("foreign table", "public.f", {"server": "s", "options": "a=1"})
FUNCTION = (
    "CREATE OR REPLACE FUNCTION public.f(a integer)\n RETURNS integer\n LANGUAGE plpgsql\nAS $function$x$function$\n"
)
VIEW = made("view", "public.v", {"definition": "SELECT 1 AS a"})
VIEW_COLUMN = made("column", "public.v.a", {"type": "integer"}, "public.v", 1)
INDEX = "CREATE INDEX i ON public.t USING btree (a)"
FK = "FOREIGN KEY (a) REFERENCES public.o(id)"
OWNED = {"type": "integer", "owned by": "public.t.a"}
SERIAL = column("a", default="nextval('public.t_a_seq'::regclass)", not_null="yes")
ENUM = made("enum", "public.e", {"labels": "'a', 'c'"})
DOMAIN = made("domain", "public.d", {"type": "integer"})
COMMENT = made("comment", "table public.t", {"text": "it's"}, "public.t")
LIST = made("default grants", "tables in schema app", {"grants": "r: SELECT"})

ALTER = "ALTER TABLE public.t ALTER COLUMN a "
