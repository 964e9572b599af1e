"""Drafts for owners, grants and comments."""

from tests.unit.schema.ddl.objects import COMMENT, ENUM, LIST, A, Case, D, T, column, made, part, table

CASES = {
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
}
