"""Drafts for tables, partitions and foreign tables."""

from tests.unit.schema.ddl.objects import FOREIGN, INDEX, OWNED, SERIAL, A, Case, D, T, column, made, part, table

CASES = {
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
}
