me AS MATERIALIZED (
    SELECT CAST(CAST(quote_ident(current_user) AS regrole) AS oid) AS oid
),
namespace AS MATERIALIZED (
    SELECT oid, nspname, quote_ident(nspname) || '.' AS prefix, nspowner, nspacl
    FROM pg_catalog.pg_namespace
    WHERE left(nspname, 3) <> 'pg_' AND nspname <> 'information_schema'
),
member AS MATERIALIZED (
    SELECT classid, objid
    FROM pg_catalog.pg_depend
    WHERE refclassid = CAST('pg_catalog.pg_extension' AS regclass) AND deptype = 'e'
),
relation AS MATERIALIZED (
    SELECT
        class.*,
        namespace.prefix,
        namespace.prefix || quote_ident(class.relname) AS name,
        class.relpersistence = 'p'
            AND class.relkind <> 'p'
            AND class.reloftype = 0
            AND class.reloptions IS NULL
            AND class.relam IN (0, 2)
            AND NOT class.relrowsecurity
            AND NOT class.relforcerowsecurity
            AND class.relreplident = 'd' AS plain,
        CASE class.relkind
            WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized view'
            WHEN 'f' THEN 'foreign table'
            ELSE 'table'
        END AS kind
    FROM pg_catalog.pg_class AS class
    JOIN namespace ON namespace.oid = class.relnamespace
    WHERE class.oid >= 16384
        AND class.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c')
        AND NOT (namespace.nspname = {ledger} AND class.relname = ANY ({ledger_tables}))
        AND NOT EXISTS (
            SELECT
            FROM member
            WHERE member.classid = CAST('pg_catalog.pg_class' AS regclass) AND member.objid = class.oid
        )
),
-- Read as a whole, and joined with many columns: to look each one up takes longer.
base AS MATERIALIZED (
    SELECT oid, typcollation, typstorage
    FROM pg_catalog.pg_type
)
