"""Drafts of DDL without a server: the exact statement for each kind and fact, and what can go wrong with it."""

from typing import NamedTuple

import pytest

from tenantry.schema.ddl.draft import Draft, Risk, render
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.snapshot import SchemaObject, Snapshot
from tests.places import DATA

_GOLDEN = DATA / "ddl" / "rendered.sql"

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

_ALTER = "ALTER TABLE public.t ALTER COLUMN a "
_CASES = {
    "nothing": Case([T], [T], []),
    "schema made": Case([], [made("schema", "app")], [(A, "CREATE SCHEMA app")]),
    "schema dropped": Case([made("schema", "app")], [], [(D, "DROP SCHEMA app")]),
    "extension made": Case(
        [],
        [made("extension", "citext", {"version": "1.6", "schema": "public"})],
        [(A, "CREATE EXTENSION citext SCHEMA public VERSION '1.6'")],
    ),
    "extension altered": Case(
        [made("extension", "citext", {"version": "1.5", "schema": "public"})],
        [made("extension", "citext", {"version": "1.6", "schema": "app"})],
        [(A, "ALTER EXTENSION citext UPDATE TO '1.6'"), (A, "ALTER EXTENSION citext SET SCHEMA app")],
    ),
    "extension dropped": Case([made("extension", "c", {"version": "1"})], [], [(D, "DROP EXTENSION c")]),
    "table made, columns by position": Case(
        [],
        [T, column("a", 2, default="1", not_null="yes"), column("z", 1, type="text", collation='"C"')],
        [(A, 'CREATE TABLE public.t (\n    z text COLLATE "C",\n    a integer DEFAULT 1 NOT NULL\n)')],
    ),
    "table dropped with its parts": Case(
        [T, column("a"), part("index", "i", definition=INDEX)], [], [(D, "DROP TABLE public.t")]
    ),
    "table of serials": Case(
        [],
        [T, SERIAL, made("sequence", "public.t_a_seq", OWNED)],
        [(A, "CREATE TABLE public.t (\n    a serial NOT NULL\n)")],
    ),
    "sequence that is not a serial's": Case(
        [],
        [T, SERIAL, made("sequence", "public.t_a_seq", {**OWNED, "cache": "5"})],
        [
            (A, "CREATE SEQUENCE public.t_a_seq AS integer CACHE 5"),
            (A, "CREATE TABLE public.t (\n    a integer DEFAULT nextval('public.t_a_seq'::regclass) NOT NULL\n)"),
            (A, "ALTER SEQUENCE public.t_a_seq OWNED BY public.t.a"),
        ],
    ),
    "table with facts": Case(
        [],
        [table(persistence="unlogged", options="fillfactor=7", toast_options="x=1", access_method="h")],
        [(A, "CREATE UNLOGGED TABLE public.t () USING h WITH (fillfactor=7, toast.x=1)")],
    ),
    "persistence": Case([T], [table(persistence="unlogged")], [(D, "ALTER TABLE public.t SET UNLOGGED")]),
    "persistence back": Case([table(persistence="unlogged")], [T], [(A, "ALTER TABLE public.t SET LOGGED")]),
    "options": Case(
        [table(options="a=1, b=2", toast_options="c=3")],
        [table(options="b=3")],
        [
            (A, "ALTER TABLE public.t RESET (a)"),
            (A, "ALTER TABLE public.t SET (b=3)"),
            (A, "ALTER TABLE public.t RESET (toast.c)"),
        ],
    ),
    "access method": Case([table(access_method="h")], [T], [(A, "ALTER TABLE public.t SET ACCESS METHOD heap")]),
    "row security": Case(
        [T],
        [table(row_security="enabled, forced")],
        [(A, "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY"), (A, "ALTER TABLE public.t FORCE ROW LEVEL SECURITY")],
    ),
    "row security off": Case(
        [table(row_security="enabled")], [T], [(D, "ALTER TABLE public.t DISABLE ROW LEVEL SECURITY")]
    ),
    "replica identity": Case(
        [T], [table(replica_identity="full")], [(A, "ALTER TABLE public.t REPLICA IDENTITY FULL")]
    ),
    "of": Case([T], [table(of="public.c")], [(A, "ALTER TABLE public.t OF public.c")]),
    "inherits": Case(
        [table(inherits="public.a")],
        [table(inherits="public.b")],
        [(D, "ALTER TABLE public.t NO INHERIT public.a"), (A, "ALTER TABLE public.t INHERIT public.b")],
    ),
    "partition bound": Case(
        [table(partition_of="public.p", bound="DEFAULT")],
        [table(partition_of="public.p", bound="FOR VALUES IN (1)")],
        [
            (D, "ALTER TABLE public.p DETACH PARTITION public.t"),
            (D, "ALTER TABLE public.p ATTACH PARTITION public.t FOR VALUES IN (1)"),
        ],
    ),
    "partition key": Case(
        [table(partition_by="RANGE (a)"), column("a")],
        [table(partition_by="LIST (a)"), column("a")],
        [(D, "DROP TABLE public.t"), (D, "CREATE TABLE public.t (\n    a integer\n) PARTITION BY LIST (a)")],
    ),
    "triggers of a partition": Case(
        [table(partition_of="public.p", triggers="x disabled, y enabled always")],
        [table(partition_of="public.p", triggers="y enabled replica")],
        [(A, "ALTER TABLE public.t ENABLE REPLICA TRIGGER y"), (A, "ALTER TABLE public.t ENABLE TRIGGER x")],
    ),
    "foreign table made": Case([], [FOREIGN], [(A, "CREATE FOREIGN TABLE public.f () SERVER s OPTIONS (a '1')")]),
    "foreign table altered": Case(
        [FOREIGN],
        [made("foreign table", "public.f", {"server": "s", "options": "a=2, b=it's"})],
        [(A, "ALTER FOREIGN TABLE public.f OPTIONS (SET a '2', ADD b 'it''s')")],
    ),
    "foreign table dropped": Case([FOREIGN], [], [(D, "DROP FOREIGN TABLE public.f")]),
    "column added": Case([T], [T, column("a")], [(A, "ALTER TABLE public.t ADD COLUMN a integer")]),
    "column added, not null": Case(
        [T],
        [T, column("a", not_null="yes")],
        [(A, "ALTER TABLE public.t ADD COLUMN a integer"), (D, _ALTER + "SET NOT NULL")],
    ),
    "column added, not null with a default": Case(
        [T],
        [T, column("a", not_null="yes", default="1")],
        [(A, "ALTER TABLE public.t ADD COLUMN a integer DEFAULT 1 NOT NULL")],
    ),
    "column added, identity": Case(
        [T],
        [T, column("a", identity="always", not_null="yes", start="5")],
        [(A, "ALTER TABLE public.t ADD COLUMN a integer GENERATED ALWAYS AS IDENTITY (START WITH 5) NOT NULL")],
    ),
    "column dropped": Case([T, column("a")], [T], [(D, "ALTER TABLE public.t DROP COLUMN a")]),
    "column type, wider": Case(
        [T, column("a", type="character varying(5)")],
        [T, column("a", type="text")],
        [(A, "ALTER TABLE public.t\n    ALTER COLUMN a TYPE text")],
    ),
    "column type, narrower": Case(
        [T, column("a", type="text", default="'x'::text")],
        [T, column("a", type="character varying(5)", default="'y'::text")],
        [
            (
                D,
                "ALTER TABLE public.t\n    ALTER COLUMN a DROP DEFAULT,\n    ALTER COLUMN a TYPE character varying(5) "
                "USING a::character varying(5),\n    ALTER COLUMN a SET DEFAULT 'y'::text",
            )
        ],
    ),
    "collation": Case(
        [T, column("a", type="text")],
        [T, column("a", type="text", collation='"C"')],
        [(A, 'ALTER TABLE public.t\n    ALTER COLUMN a TYPE text COLLATE "C"')],
    ),
    "not null": Case([T, column("a")], [T, column("a", not_null="yes")], [(D, _ALTER + "SET NOT NULL")]),
    "not null dropped": Case([T, column("a", not_null="yes")], [T, column("a")], [(A, _ALTER + "DROP NOT NULL")]),
    "not null not validated": Case(
        [T, column("a")],
        [T, column("a", not_null="yes", not_null_validated="no")],
        [(A, "ALTER TABLE public.t ADD NOT NULL a NOT VALID")],
    ),
    "not null validated": Case(
        [T, column("a", not_null="yes", not_null_validated="no")],
        [T, column("a", not_null="yes")],
        [(D, _ALTER + "SET NOT NULL")],
    ),
    "not null not inherited": Case(
        [T, column("a", not_null="yes")],
        [T, column("a", not_null="yes", not_null_inherited="no")],
        [(A, _ALTER + "DROP NOT NULL"), (D, "ALTER TABLE public.t ADD NOT NULL a NO INHERIT")],
    ),
    "default": Case([T, column("a")], [T, column("a", default="1")], [(A, _ALTER + "SET DEFAULT 1")]),
    "default dropped": Case([T, column("a", default="1")], [T, column("a")], [(A, _ALTER + "DROP DEFAULT")]),
    "identity": Case(
        [T, column("a", not_null="yes")],
        [T, column("a", not_null="yes", identity="by default")],
        [
            (A, _ALTER + "ADD GENERATED BY DEFAULT AS IDENTITY"),
            (
                A,
                "SELECT setval(pg_get_serial_sequence('public.t', 'a'), greatest(max(a) + 1, 1), false) FROM public.t",
            ),
        ],
    ),
    "identity altered": Case(
        [T, column("a", identity="always")],
        [T, column("a", identity="by default", increment="2")],
        [
            (
                A,
                _ALTER + "SET GENERATED BY DEFAULT SET INCREMENT BY 2 SET NO MINVALUE SET NO MAXVALUE "
                "SET START WITH 1 SET CACHE 1 SET NO CYCLE",
            )
        ],
    ),
    "identity dropped": Case(
        [T, column("a", identity="always")],
        [T, column("a")],
        [(D, "ALTER TABLE public.t\n    ALTER COLUMN a DROP IDENTITY")],
    ),
    "generated": Case(
        [T, column("b"), column("a", generated="(1) STORED")],
        [T, column("b"), column("a", generated="(2) STORED")],
        [
            (D, "ALTER TABLE public.t DROP COLUMN a"),
            (D, "ALTER TABLE public.t ADD COLUMN a integer GENERATED ALWAYS AS (2) STORED"),
        ],
    ),
    "generated no more": Case(
        [T, column("a", generated="(1) STORED")], [T, column("a")], [(D, _ALTER + "DROP EXPRESSION")]
    ),
    "storage": Case(
        [T, column("a", type="text", storage="main")],
        [T, column("a", type="text")],
        [(A, _ALTER + "SET STORAGE EXTENDED")],
    ),
    "compression": Case([T, column("a")], [T, column("a", compression="lz4")], [(A, _ALTER + "SET COMPRESSION lz4")]),
    "statistics of a column": Case(
        [T, column("a", statistics="5")], [T, column("a")], [(A, _ALTER + "SET STATISTICS -1")]
    ),
    "options of a column": Case([T, column("a")], [T, column("a", options="n=1")], [(A, _ALTER + "SET (n=1)")]),
    "primary key": Case(
        [T, column("a")],
        [T, column("a", not_null="yes"), part("constraint", "k", definition="PRIMARY KEY (a)")],
        [(A, "ALTER TABLE public.t ADD CONSTRAINT k PRIMARY KEY (a)")],
    ),
    "foreign key": Case(
        [T],
        [T, part("constraint", "k", definition=FK)],
        [
            (A, f"ALTER TABLE public.t ADD CONSTRAINT k {FK} NOT VALID"),
            (A, "ALTER TABLE public.t VALIDATE CONSTRAINT k"),
        ],
    ),
    "foreign key of a new table": Case(
        [],
        [T, part("constraint", "k", definition=FK)],
        [(A, "CREATE TABLE public.t ()"), (A, f"ALTER TABLE public.t ADD CONSTRAINT k {FK}")],
    ),
    "check not validated": Case(
        [T],
        [T, part("constraint", "k", definition="CHECK (x)", validated="no")],
        [(A, "ALTER TABLE public.t ADD CONSTRAINT k CHECK (x) NOT VALID")],
    ),
    "check validated": Case(
        [T, part("constraint", "k", definition="CHECK (x)", validated="no")],
        [T, part("constraint", "k", definition="CHECK (x)")],
        [(A, "ALTER TABLE public.t VALIDATE CONSTRAINT k")],
    ),
    "check not enforced": Case(
        [T, part("constraint", "k", definition="CHECK (x)")],
        [T, part("constraint", "k", definition="CHECK (x)", enforced="no")],
        [
            (D, "ALTER TABLE public.t DROP CONSTRAINT k"),
            (D, "ALTER TABLE public.t ADD CONSTRAINT k CHECK (x) NOT ENFORCED"),
        ],
    ),
    "constraint whose triggers are disabled": Case(
        [T, part("constraint", "k", definition=FK)],
        [T, part("constraint", "k", definition=FK, triggers="disabled")],
        [(D, "constraint public.t.k: triggers: expected disabled, found none")],
    ),
    "constraint dropped": Case(
        [T, part("constraint", "k", definition="UNIQUE (a)"), part("index", "k", definition=INDEX, constraint="k")],
        [T],
        [(D, "ALTER TABLE public.t DROP CONSTRAINT k")],
    ),
    "index": Case([T], [T, part("index", "i", definition=INDEX)], [(A, INDEX)]),
    "index of a partitioned table": Case(
        [T],
        [T, part("index", "i", definition="CREATE INDEX i ON ONLY public.t USING btree (a)")],
        [(A, INDEX)],
    ),
    "index changed": Case(
        [T, part("index", "i", definition=INDEX)],
        [T, part("index", "i", definition=INDEX + " WHERE a")],
        [(D, "DROP INDEX public.i"), (D, INDEX + " WHERE a")],
    ),
    "index not valid": Case(
        [T, part("index", "i", definition=INDEX, valid="no")],
        [T, part("index", "i", definition=INDEX)],
        [(A, "REINDEX INDEX public.i")],
    ),
    "index neither valid nor maintained": Case(
        [T, part("index", "i", definition=INDEX, valid="no", maintained="no")],
        [T, part("index", "i", definition=INDEX)],
        [(A, "REINDEX INDEX public.i")],
    ),
    "index expected not valid": Case(
        [T, part("index", "i", definition=INDEX)],
        [T, part("index", "i", definition=INDEX, valid="no")],
        [(D, "index public.i: an invalid index, as a failed CREATE INDEX CONCURRENTLY leaves it")],
    ),
    "clustered": Case(
        [T, part("index", "i", definition=INDEX)],
        [T, part("index", "i", definition=INDEX, clustered="yes")],
        [(A, "ALTER TABLE public.t CLUSTER ON i")],
    ),
    "not clustered": Case(
        [T, part("index", "i", definition=INDEX, clustered="yes")],
        [T, part("index", "i", definition=INDEX)],
        [(A, "ALTER TABLE public.t SET WITHOUT CLUSTER")],
    ),
    "replica identity by an index": Case(
        [T, part("index", "i", definition=INDEX)],
        [table(replica_identity="index"), part("index", "i", **{"definition": INDEX, "replica identity": "yes"})],
        [(A, "ALTER TABLE public.t REPLICA IDENTITY USING INDEX i")],
    ),
    "trigger": Case(
        [T],
        [T, part("trigger", "x", definition="CREATE TRIGGER x", enabled="no")],
        [(A, "CREATE TRIGGER x"), (A, "ALTER TABLE public.t DISABLE TRIGGER x")],
    ),
    "trigger changed": Case(
        [T, part("trigger", "x", definition="CREATE TRIGGER x")],
        [T, part("trigger", "x", definition="CREATE TRIGGER x AFTER")],
        [(D, "DROP TRIGGER x ON public.t"), (D, "CREATE TRIGGER x AFTER")],
    ),
    "rule": Case(
        [T, part("rule", "r", definition="CREATE RULE r AS 1;")],
        [T, part("rule", "r", definition="CREATE RULE r AS 2;", enabled="always")],
        [(A, "CREATE OR REPLACE RULE r AS 2"), (A, "ALTER TABLE public.t ENABLE ALWAYS RULE r")],
    ),
    "rule dropped": Case([T, part("rule", "r", definition="x")], [T], [(D, "DROP RULE r ON public.t")]),
    "policy": Case(
        [T],
        [T, part("policy", "p", command="SELECT", permissive="no", roles="a, b", using="(x)")],
        [(A, "CREATE POLICY p ON public.t AS RESTRICTIVE FOR SELECT TO a, b USING ((x))")],
    ),
    "policy altered": Case(
        [T, part("policy", "p", using="(x)", roles="a")],
        [T, part("policy", "p", using="(y)", check="(z)")],
        [(A, "ALTER POLICY p ON public.t TO PUBLIC USING ((y)) WITH CHECK ((z))")],
    ),
    "policy made again": Case(
        [T, part("policy", "p", using="(x)")],
        [T, part("policy", "p", command="DELETE", using="(x)")],
        [(D, "DROP POLICY p ON public.t"), (D, "CREATE POLICY p ON public.t FOR DELETE USING ((x))")],
    ),
    "statistics": Case(
        [T],
        [T, part("statistics", "s", definition="CREATE STATISTICS public.s", target="5")],
        [(A, "CREATE STATISTICS public.s"), (A, "ALTER STATISTICS public.s SET STATISTICS 5")],
    ),
    "statistics dropped": Case([T, part("statistics", "s", definition="x")], [T], [(D, "DROP STATISTICS public.s")]),
    "view": Case(
        [],
        [made("view", "public.v", {"definition": "SELECT 1", "options": "security_barrier=true"})],
        [(A, "CREATE VIEW public.v WITH (security_barrier=true) AS\nSELECT 1")],
    ),
    "view replaced": Case(
        [VIEW, VIEW_COLUMN],
        [made("view", "public.v", {"definition": "SELECT 2 AS a"}), VIEW_COLUMN],
        [(A, "CREATE OR REPLACE VIEW public.v AS\nSELECT 2 AS a")],
    ),
    "view of other columns": Case(
        [VIEW, VIEW_COLUMN],
        [
            made("view", "public.v", {"definition": "SELECT 2 AS b"}),
            made("column", "public.v.b", {"type": "integer"}, "public.v", 1),
        ],
        [(D, "DROP VIEW public.v"), (D, "CREATE VIEW public.v AS\nSELECT 2 AS b")],
    ),
    "view options": Case(
        [made("view", "public.v", {"definition": "SELECT 1", "options": "a=1"})],
        [made("view", "public.v", {"definition": "SELECT 1"})],
        [(A, "ALTER VIEW public.v RESET (a)")],
    ),
    "default of a view's column": Case(
        [VIEW, VIEW_COLUMN],
        [VIEW, made("column", "public.v.a", {"type": "integer", "default": "1"}, "public.v", 1)],
        [(A, "ALTER VIEW public.v ALTER COLUMN a SET DEFAULT 1")],
    ),
    "materialized view": Case(
        [],
        [made("materialized view", "public.m", {"definition": "SELECT 1", "access method": "h"})],
        [(A, "CREATE MATERIALIZED VIEW public.m USING h AS\nSELECT 1")],
    ),
    "function": Case([], [made("function", "public.f(integer)", {"definition": FUNCTION})], [(A, FUNCTION.rstrip())]),
    "function replaced": Case(
        [made("function", "public.f(integer)", {"definition": FUNCTION.replace("$x$", "$y$")})],
        [made("function", "public.f(integer)", {"definition": FUNCTION})],
        [(A, FUNCTION.rstrip())],
    ),
    "function with another result": Case(
        [made("function", "public.f(integer)", {"definition": FUNCTION.replace("RETURNS integer", "RETURNS text")})],
        [made("function", "public.f(integer)", {"definition": FUNCTION})],
        [(D, "DROP FUNCTION public.f(integer)"), (D, FUNCTION.rstrip())],
    ),
    "procedure dropped": Case(
        [made("procedure", "public.p()", {"definition": "x"})], [], [(D, "DROP PROCEDURE public.p()")]
    ),
    "aggregate": Case(
        [],
        [made("aggregate", "public.g()", {"definition": "() (SFUNC = f)"})],
        [(A, "CREATE AGGREGATE public.g(*) (SFUNC = f)")],
    ),
    "aggregate dropped": Case(
        [made("aggregate", "public.g(integer)", {"definition": "(integer) (SFUNC = f)"})],
        [],
        [(D, "DROP AGGREGATE public.g(integer)")],
    ),
    "sequence": Case(
        [],
        [made("sequence", "public.s", {"type": "bigint", "minimum": "5", "cycle": "yes", "persistence": "unlogged"})],
        [(A, "CREATE UNLOGGED SEQUENCE public.s MINVALUE 5 CYCLE")],
    ),
    "sequence altered": Case(
        [made("sequence", "public.s", {"type": "bigint"})],
        [made("sequence", "public.s", {"type": "bigint", "maximum": "9"})],
        [(A, "ALTER SEQUENCE public.s INCREMENT BY 1 NO MINVALUE MAXVALUE 9 START WITH 1 CACHE 1 NO CYCLE")],
    ),
    "sequence dropped": Case([made("sequence", "public.s", {"type": "x"})], [], [(D, "DROP SEQUENCE public.s")]),
    "enum": Case([], [ENUM], [(A, "CREATE TYPE public.e AS ENUM ('a', 'c')")]),
    "enum labels": Case(
        [ENUM],
        [made("enum", "public.e", {"labels": "'0', 'a', 'b', 'c'"})],
        [(A, "ALTER TYPE public.e ADD VALUE '0' BEFORE 'a'"), (A, "ALTER TYPE public.e ADD VALUE 'b' AFTER 'a'")],
    ),
    "enum label gone": Case(
        [ENUM, T, column("a", type="public.e", default="'a'::public.e")],
        [made("enum", "public.e", {"labels": "'c'"}), T, column("a", type="public.e")],
        [
            (D, "ALTER TABLE public.t\n    ALTER COLUMN a DROP DEFAULT,\n    ALTER COLUMN a TYPE text USING a::text"),
            (D, "DROP TYPE public.e"),
            (D, "CREATE TYPE public.e AS ENUM ('c')"),
            (D, "ALTER TABLE public.t\n    ALTER COLUMN a TYPE public.e USING a::public.e"),
        ],
    ),
    "domain": Case(
        [],
        [made("domain", "public.d", {"type": "text", "collation": '"C"', "default": "'x'", "not null": "yes"})],
        [(A, "CREATE DOMAIN public.d AS text COLLATE \"C\" DEFAULT 'x' NOT NULL")],
    ),
    "domain altered": Case(
        [DOMAIN],
        [made("domain", "public.d", {"type": "integer", "not null": "yes", "constraints": "CONSTRAINT c CHECK (x)"})],
        [
            (D, "ALTER DOMAIN public.d SET NOT NULL"),
            (A, "ALTER DOMAIN public.d ADD CONSTRAINT c CHECK (x) NOT VALID"),
            (A, "ALTER DOMAIN public.d VALIDATE CONSTRAINT c"),
        ],
    ),
    "range": Case(
        [],
        [made("range", "public.r", {"subtype": "text", "collation": '"C"', "operator class": "o", "difference": "f"})],
        [(A, 'CREATE TYPE public.r AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = o, COLLATION = "C", SUBTYPE_DIFF = f)')],
    ),
    "composite type": Case(
        [made("composite type", "public.c", {"attributes": "a numeric(1,2)"})],
        [made("composite type", "public.c", {"attributes": "a numeric(1,2), b text"})],
        [(A, "ALTER TYPE public.c ADD ATTRIBUTE b text CASCADE")],
    ),
    "publication": Case(
        [],
        [made("publication", "p", {"publish": "insert", "tables": "public.t", "via root": "yes"})],
        [(A, "CREATE PUBLICATION p FOR TABLE public.t WITH (publish = 'insert', publish_via_partition_root = true)")],
    ),
    "publication altered": Case(
        [made("publication", "p", {"publish": "insert", "tables": "public.t"})],
        [made("publication", "p", {"publish": "insert", "schemas": "app"})],
        [(A, "ALTER PUBLICATION p SET TABLES IN SCHEMA app")],
    ),
    "event trigger": Case(
        [],
        [
            made(
                "event trigger",
                "e",
                {"event": "sql_drop", "function": "public.f", "tags": "DROP TABLE", "enabled": "no"},
            )
        ],
        [
            (A, "CREATE EVENT TRIGGER e ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION public.f()"),
            (A, "ALTER EVENT TRIGGER e DISABLE"),
        ],
    ),
    "owner": Case([table(owner="a")], [T], [(A, "ALTER TABLE public.t OWNER TO CURRENT_USER")]),
    "owner of a type": Case(
        [ENUM],
        [made("enum", "public.e", {**ENUM.facts, "owner": "a"})],
        [(A, "ALTER TYPE public.e OWNER TO a")],
    ),
    "grants": Case(
        [table(grants="r: SELECT")],
        [table(grants="r: SELECT, INSERT*; s: ALL")],
        [(A, "GRANT INSERT ON TABLE public.t TO r WITH GRANT OPTION"), (A, "GRANT ALL ON TABLE public.t TO s")],
    ),
    "grants less": Case(
        [table(grants="r: SELECT, INSERT")],
        [table(grants="r: SELECT")],
        [(D, "REVOKE ALL ON TABLE public.t FROM r"), (D, "GRANT SELECT ON TABLE public.t TO r")],
    ),
    "grants of an owner less": Case(
        [T],
        [table(grants="CURRENT_USER: ALL but TRUNCATE, TRIGGER")],
        [(D, "REVOKE TRIGGER, TRUNCATE ON TABLE public.t FROM CURRENT_USER")],
    ),
    "grants of an owner otherwise": Case(
        [table(grants="CURRENT_USER: ALL but TRUNCATE")],
        [table(grants="CURRENT_USER: ALL but TRIGGER")],
        [
            (D, "REVOKE TRIGGER ON TABLE public.t FROM CURRENT_USER"),
            (D, "GRANT TRUNCATE ON TABLE public.t TO CURRENT_USER"),
        ],
    ),
    "grants of an owner more": Case(
        [table(grants="CURRENT_USER: SELECT")],
        [table(grants="CURRENT_USER: ALL but TRIGGER")],
        [(A, "GRANT ALL ON TABLE public.t TO CURRENT_USER"), (A, "REVOKE TRIGGER ON TABLE public.t FROM CURRENT_USER")],
    ),
    "grants of a column": Case(
        [T, column("a")],
        [T, column("a", grants="r: SELECT")],
        [(A, "GRANT SELECT (a) ON TABLE public.t TO r")],
    ),
    "default grants": Case([], [LIST], [(A, "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO r")]),
    "default grants ended": Case(
        [LIST], [], [(D, "ALTER DEFAULT PRIVILEGES IN SCHEMA app REVOKE ALL ON TABLES FROM r")]
    ),
    "comment": Case([T], [T, COMMENT], [(A, "COMMENT ON TABLE public.t IS 'it''s'")]),
    "comment ended": Case([T, COMMENT], [T], [(A, "COMMENT ON TABLE public.t IS NULL")]),
    "comment on a constraint": Case(
        [T, part("constraint", "k", definition="CHECK (x)")],
        [
            T,
            part("constraint", "k", definition="CHECK (x)"),
            made("comment", "constraint public.t.k", {"text": "a\\b"}, "public.t"),
        ],
        [(A, "COMMENT ON CONSTRAINT k ON public.t IS E'a\\\\b'")],
    ),
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
