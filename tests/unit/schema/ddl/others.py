"""Drafts for objects other than tables: schemas, views, functions, sequences, types, publications."""

from tests.unit.schema.ddl.objects import DOMAIN, ENUM, FUNCTION, VIEW, VIEW_COLUMN, A, Case, D, T, column, made

CASES = {
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
}
