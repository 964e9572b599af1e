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
        AND NOT (namespace.nspname = {ledger} AND class.relname IN ('_migrations', '_migrations_log'))
        AND NOT EXISTS (
            SELECT
            FROM member
            WHERE member.classid = CAST('pg_catalog.pg_class' AS regclass) AND member.objid = class.oid
        )
),
type AS MATERIALIZED (
    SELECT base.*, namespace.prefix || quote_ident(base.typname) AS name
    FROM pg_catalog.pg_type AS base
    JOIN namespace ON namespace.oid = base.typnamespace
    WHERE base.oid >= 16384
        AND base.typtype IN ('e', 'd', 'r', 'c')
        AND (base.typtype <> 'c' OR base.typrelid IN (SELECT oid FROM relation WHERE relkind = 'c'))
        AND NOT EXISTS (
            SELECT
            FROM member
            WHERE member.classid = CAST('pg_catalog.pg_type' AS regclass) AND member.objid = base.oid
        )
),
routine AS MATERIALIZED (
    SELECT proc.oid, proc.prokind, proc.proowner, proc.proacl
    FROM pg_catalog.pg_proc AS proc
    JOIN namespace ON namespace.oid = proc.pronamespace
    WHERE proc.oid >= 16384
        AND proc.prosrc NOT IN (
            'range_constructor2',
            'range_constructor3',
            'multirange_constructor0',
            'multirange_constructor1',
            'multirange_constructor2'
        )
        AND NOT EXISTS (
            SELECT
            FROM member
            WHERE member.classid = CAST('pg_catalog.pg_proc' AS regclass) AND member.objid = proc.oid
        )
)
