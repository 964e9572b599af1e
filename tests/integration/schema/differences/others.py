"""Planted differences of views, code, types, rights and the rest."""

from tests.integration.fix_catalog import planted
from tests.integration.schema.differences.tables import TABLE

FUNCTION = "CREATE FUNCTION add_one(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a + 1'"
REMOTE = """
    CREATE FOREIGN DATA WRAPPER nowhere;
    CREATE SERVER here FOREIGN DATA WRAPPER nowhere;
    CREATE SERVER there FOREIGN DATA WRAPPER nowhere;
    CREATE FOREIGN TABLE remote (id integer) SERVER here
"""
AGGREGATE = "CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')"
WATCH = """
    CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watch()
"""

CASES = {
    "view definition": planted(
        f"{TABLE}; CREATE VIEW listed AS SELECT id, notes FROM sessions",
        "DROP VIEW listed; CREATE VIEW listed AS SELECT id, price FROM sessions",
        "view listed: definition differs",
    ),
    "view options": planted(
        f"{TABLE}; CREATE VIEW listed AS SELECT id FROM sessions",
        "ALTER VIEW listed SET (security_barrier = true)",
        "view listed: options security_barrier=true, expected none",
    ),
    "view missing": planted(
        f"{TABLE}; CREATE VIEW listed AS SELECT id FROM sessions; COMMENT ON VIEW listed IS 'x'",
        "DROP VIEW listed",
        "view listed: missing",
    ),
    "materialized view": planted(
        f"{TABLE}; CREATE MATERIALIZED VIEW kept AS SELECT id FROM sessions; CREATE INDEX kept_id ON kept (id)",
        "DROP MATERIALIZED VIEW kept; CREATE MATERIALIZED VIEW kept AS SELECT id + 1 AS id FROM sessions; "
        "CREATE INDEX kept_id ON kept (id)",
        "materialized view kept: definition differs",
    ),
    "sequence missing": planted("CREATE SEQUENCE numbers", "DROP SEQUENCE numbers", "sequence numbers: missing"),
    "sequence parameters": planted(
        "CREATE SEQUENCE numbers",
        "ALTER SEQUENCE numbers AS smallint INCREMENT 2 MAXVALUE 99 START 3 CACHE 4 CYCLE",
        "sequence numbers: cache 4, expected none",
        "sequence numbers: cycle yes, expected none",
        "sequence numbers: increment 2, expected none",
        "sequence numbers: maximum 99, expected none",
        "sequence numbers: start 3, expected none",
        "sequence numbers: type smallint, expected bigint",
    ),
    "sequence owned by": planted(
        "CREATE TABLE a (id serial)",
        "ALTER SEQUENCE a_id_seq OWNED BY NONE",
        "sequence a_id_seq: owned by none, expected public.a.id",
    ),
    "sequence grants": planted(
        "CREATE SEQUENCE numbers",
        "GRANT USAGE, SELECT ON SEQUENCE numbers TO PUBLIC",
        "sequence numbers: grants PUBLIC: SELECT, USAGE, expected as built in",
    ),
    "function body": planted(
        FUNCTION,
        "CREATE OR REPLACE FUNCTION add_one(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a + 2'",
        "function add_one(integer): definition differs",
    ),
    "function volatility": planted(
        FUNCTION, "ALTER FUNCTION add_one IMMUTABLE", "function add_one(integer): definition differs"
    ),
    "function overloaded": planted(
        FUNCTION,
        "CREATE FUNCTION add_one(a bigint) RETURNS bigint LANGUAGE sql AS 'SELECT a + 1'",
        "function add_one(bigint): extra",
    ),
    "function grants": planted(
        FUNCTION,
        "REVOKE EXECUTE ON FUNCTION add_one FROM PUBLIC; GRANT EXECUTE ON FUNCTION add_one TO rt_other",
        "function add_one(integer): grants PUBLIC: none; rt_other: ALL, expected as built in",
    ),
    "function owner": planted(
        FUNCTION,
        "ALTER FUNCTION add_one OWNER TO rt_other",
        "function add_one(integer): owner rt_other, expected the connected role",
    ),
    "procedure": planted(
        "CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1'",
        "DROP PROCEDURE tidy; CREATE FUNCTION tidy() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "function tidy(): extra",
        "procedure tidy(): missing",
    ),
    "aggregate": planted(
        AGGREGATE,
        "DROP AGGREGATE total(integer); " + AGGREGATE.replace("'0'", "'1'"),
        "aggregate total(integer): definition (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '1'), "
        "expected (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
    ),
    "enum value": planted(
        "CREATE TYPE mood AS ENUM ('bad', 'good')",
        "ALTER TYPE mood ADD VALUE 'so so' BEFORE 'good'",
        "enum mood: labels 'bad', 'so so', 'good', expected 'bad', 'good'",
    ),
    "enum missing": planted(
        "CREATE TYPE mood AS ENUM ('bad', 'good')",
        "DROP TYPE mood",
        "enum mood: missing, expected 'bad', 'good'",
    ),
    "domain": planted(
        "CREATE DOMAIN amount AS numeric(10,2) CONSTRAINT positive CHECK (VALUE > 0)",
        "ALTER DOMAIN amount SET NOT NULL; ALTER DOMAIN amount SET DEFAULT 1; "
        "ALTER DOMAIN amount DROP CONSTRAINT positive",
        "domain amount: constraints none, expected CONSTRAINT positive CHECK ((VALUE > (0)::numeric))",
        "domain amount: default 1, expected none",
        "domain amount: not null yes, expected no",
    ),
    "range": planted(
        "CREATE TYPE span AS RANGE (subtype = date)",
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = timestamptz)",
        "range span: subtype timestamp with time zone, expected date",
    ),
    "composite type": planted(
        "CREATE TYPE place AS (street text)",
        "ALTER TYPE place ADD ATTRIBUTE city varchar(20)",
        "composite type place: attributes street text, city varchar(20), expected street text",
    ),
    "type grants": planted(
        "CREATE TYPE place AS (street text)",
        "REVOKE USAGE ON TYPE place FROM PUBLIC",
        "composite type place: grants PUBLIC: none, expected as built in",
    ),
    "extended statistics": planted(
        f"{TABLE}; CREATE STATISTICS together (ndistinct) ON id, notes FROM sessions",
        "DROP STATISTICS together; CREATE STATISTICS together (dependencies) ON id, notes FROM sessions; "
        "ALTER STATISTICS together SET STATISTICS 5",
        "statistics together: definition CREATE STATISTICS public.together (dependencies) ON id, notes "
        "FROM public.sessions, expected CREATE STATISTICS public.together (ndistinct) ON id, notes "
        "FROM public.sessions",
        "statistics together: target 5, expected none",
    ),
    "comment": planted(
        f"{TABLE}; COMMENT ON TABLE sessions IS 'old'; COMMENT ON COLUMN sessions.id IS 'x'",
        "COMMENT ON TABLE sessions IS 'new'; COMMENT ON COLUMN sessions.id IS NULL; COMMENT ON SCHEMA odd IS 'y'",
        "comment on column sessions.id: missing",
        "comment on table sessions: text new, expected old",
        "comment on schema odd: extra",
    ),
    "schema": planted("", "DROP SCHEMA odd; CREATE SCHEMA even", "schema even: extra", "schema odd: missing"),
    "schema grants": planted(
        "",
        "GRANT USAGE ON SCHEMA odd TO PUBLIC; ALTER SCHEMA odd OWNER TO rt_other",
        "schema odd: grants PUBLIC: USAGE, expected as built in",
        "schema odd: owner rt_other, expected the connected role",
    ),
    "schema public": planted(
        "",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "schema public: grants PUBLIC: ALL, expected as built in",
    ),
    "schema public made anew": planted(
        "",
        "DROP SCHEMA public; CREATE SCHEMA public",
        "schema public: grants PUBLIC: none, expected as built in",
    ),
    "default grants": planted(
        "",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA odd GRANT SELECT ON TABLES TO PUBLIC; "
        "ALTER DEFAULT PRIVILEGES FOR ROLE rt_other REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        "default grants on functions of rt_other: extra",
        "default grants on tables in schema odd: extra",
    ),
    "foreign table": planted(
        REMOTE,
        "DROP FOREIGN TABLE remote; CREATE FOREIGN TABLE remote (id integer) SERVER there OPTIONS (a 'b')",
        "foreign table remote: options a=b, expected none",
        "foreign table remote: server there, expected here",
    ),
    "publication": planted(
        f"{TABLE}; CREATE PUBLICATION feed FOR TABLE sessions",
        "ALTER PUBLICATION feed SET (publish = 'insert'); "
        "ALTER PUBLICATION feed SET TABLE sessions (id) WHERE (id > 1)",
        "publication feed: publish insert, expected insert, update, delete, truncate",
        "publication feed: tables public.sessions (id) WHERE (id > 1), expected public.sessions",
    ),
    "event trigger": planted(
        WATCH, "ALTER EVENT TRIGGER watching DISABLE", "event trigger watching: enabled no, expected yes"
    ),
    "extension": planted("", "DROP EXTENSION plpgsql", "extension plpgsql: missing"),
    "event trigger otherwise": planted(
        WATCH,
        """
        CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        DROP EVENT TRIGGER watching;
        CREATE EVENT TRIGGER watching ON ddl_command_start WHEN TAG IN ('DROP VIEW') EXECUTE FUNCTION look()
        """,
        "function look(): extra",
        "event trigger watching: event ddl_command_start, expected ddl_command_end",
        "event trigger watching: function public.look, expected public.watch",
        "event trigger watching: tags DROP VIEW, expected none",
    ),
    "publication of everything": planted(
        "CREATE PUBLICATION feed",
        "DROP PUBLICATION feed; CREATE PUBLICATION feed FOR ALL TABLES WITH (publish_via_partition_root = true)",
        "publication feed: all tables yes, expected none",
        "publication feed: via root yes, expected none",
    ),
    "publication of a schema": planted(
        "CREATE PUBLICATION feed",
        "ALTER PUBLICATION feed ADD TABLES IN SCHEMA odd",
        "publication feed: schemas odd, expected none",
    ),
    "range of texts": planted(
        "CREATE TYPE span AS RANGE (subtype = text)",
        "DROP TYPE span; "
        'CREATE TYPE span AS RANGE (subtype = text, collation = "C", subtype_opclass = text_pattern_ops)',
        'range span: collation "C", expected of its type',
        "range span: operator class pg_catalog.text_pattern_ops, expected none",
    ),
    "range difference": planted(
        "CREATE TYPE span AS RANGE (subtype = float8)",
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi)",
        "range span: difference float8mi, expected none",
    ),
    "sequence minimum": planted(
        "CREATE SEQUENCE numbers START 5",
        "ALTER SEQUENCE numbers MINVALUE 2",
        "sequence numbers: minimum 2, expected none",
    ),
    "sequence unlogged": planted(
        "CREATE SEQUENCE numbers",
        "ALTER SEQUENCE numbers SET UNLOGGED",
        "sequence numbers: persistence unlogged, expected logged",
    ),
}
