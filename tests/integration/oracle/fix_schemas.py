"""Schemas out of parts that need each other, for pairs that nobody thought of."""

from hypothesis import strategies as st

# One of each group at most, in this order: each is an object or a change of it that the later ones may need.
_TABLES = (
    (
        "CREATE TABLE t (id integer PRIMARY KEY, a integer, b text)",
        "CREATE TABLE t (id bigint, a text NOT NULL, b text DEFAULT 'x', PRIMARY KEY (id, a))",
        "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY UNIQUE, a integer DEFAULT 3)",
        "CREATE TABLE t (id serial PRIMARY KEY, a numeric(8,2), g integer GENERATED ALWAYS AS (1 + 2) STORED)",
    ),
    (
        "CREATE TABLE p (k integer, v text) PARTITION BY RANGE (k)",
        "CREATE TABLE p (k integer NOT NULL, v text DEFAULT 'n', PRIMARY KEY (k)) PARTITION BY RANGE (k)",
        "CREATE TABLE p (k integer, v integer)",
    ),
)
_TYPES = (
    ("CREATE TYPE e AS ENUM ('a')", "CREATE TYPE e AS ENUM ('a', 'b')", "CREATE DOMAIN e AS text CHECK (value <> '')"),
    ("CREATE TYPE c AS (x integer)", "CREATE TYPE c AS (x integer, y text)", "CREATE TYPE c AS RANGE (SUBTYPE = date)"),
)
_PARTS = (
    ("CREATE INDEX i ON t (a)", "CREATE UNIQUE INDEX i ON t (id, a)", "CREATE INDEX i ON t ((a IS NULL))"),
    ("CREATE INDEX pi ON p (v)", "CREATE INDEX pi ON p (k)"),
    ("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)", "CREATE TABLE p1 PARTITION OF p DEFAULT"),
    ("ALTER TABLE p1 ALTER v SET DEFAULT 'own'", "CREATE INDEX ON p1 (v)", "ALTER TABLE p1 ALTER v SET NOT NULL"),
    ("CREATE TABLE kid () INHERITS (t)", "CREATE TABLE kid (z integer) INHERITS (t)", "CREATE TABLE kid (id integer)"),
    ("CREATE TABLE r (t_id integer REFERENCES t)", "CREATE TABLE r (t_id bigint, x t)", "CREATE TABLE r (x t[])"),
    ("ALTER TABLE r ADD m e", "ALTER TABLE r ADD m c", "ALTER TABLE r ADD m integer CHECK (m > 0)"),
    ("CREATE VIEW v AS SELECT id, a FROM t", "CREATE VIEW v AS SELECT a, id FROM t GROUP BY id, a"),
    ("CREATE VIEW w AS SELECT id FROM v", "CREATE MATERIALIZED VIEW w AS SELECT a FROM t"),
    ("CREATE FUNCTION f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT count(*)::integer FROM t; END",
     "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
     "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"),
    ("ALTER TABLE t ADD d integer DEFAULT f()", "ALTER TABLE t ADD CHECK (f() IS NOT NULL)", "ALTER TABLE t ADD d e"),
    ("CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",),
    ("CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION g()",
     "CREATE TRIGGER x BEFORE UPDATE OF a ON t FOR EACH ROW WHEN (old.a IS NOT NULL) EXECUTE FUNCTION g()"),
    ("CREATE POLICY y ON t USING (a IS NOT NULL)", "CREATE POLICY y ON t USING (EXISTS (SELECT FROM p))"),
    ("CREATE RULE z AS ON DELETE TO t DO ALSO DELETE FROM p", "CREATE RULE z AS ON INSERT TO p DO INSTEAD NOTHING"),
    ("CREATE SEQUENCE s", "CREATE SEQUENCE s AS integer OWNED BY t.id", "CREATE SEQUENCE t_id_seq1"),
    ("CREATE STATISTICS k ON id, a FROM t", "CREATE STATISTICS k (ndistinct) ON k, v FROM p"),
    ("GRANT SELECT ON t TO pg_monitor", "GRANT SELECT (a), UPDATE (id) ON t TO pg_monitor", "GRANT ALL ON t TO PUBLIC"),
    ("COMMENT ON COLUMN t.a IS 'n'", "COMMENT ON TABLE t IS 'n'", "COMMENT ON VIEW v IS 'n'"),
    ("CREATE PUBLICATION q FOR TABLE t", "CREATE PUBLICATION q FOR TABLE t WHERE (id > 1)", "CREATE PUBLICATION q"),
    ("ALTER TABLE t REPLICA IDENTITY FULL", "ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey"),
    ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "ALTER TABLE t CLUSTER ON i", "ALTER TABLE t SET (fillfactor = 50)"),
    ("CREATE FOREIGN DATA WRAPPER wire", ),
    ("CREATE SERVER other FOREIGN DATA WRAPPER wire", "CREATE SERVER other VERSION '2' FOREIGN DATA WRAPPER wire"),
    ("CREATE FOREIGN TABLE far (a text OPTIONS (x '1')) SERVER other", "CREATE FOREIGN TABLE far () SERVER other"),
    ("CREATE FUNCTION h() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",),
    ("CREATE EVENT TRIGGER late ON sql_drop EXECUTE FUNCTION h()",),
    ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor",),
)  # fmt: skip


@st.composite
def schemas(draw: st.DrawFn) -> tuple[str, ...]:
    """Return statements; those that need what was not chosen fail, and are to be passed over."""
    chosen = [draw(st.sampled_from(group)) for group in (*_TYPES, *_TABLES)]
    chosen += [draw(st.sampled_from(("", "", *group))) for group in _PARTS]
    return tuple(statement for statement in chosen if statement)
