SELECT EXISTS (
    SELECT
    FROM pg_catalog.pg_proc AS function
    JOIN pg_catalog.pg_namespace AS space
        ON space.oid = function.pronamespace
    WHERE function.proname = ANY (%s)
        AND space.nspname NOT IN ('pg_catalog', 'information_schema')
        AND NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_depend
            WHERE classid = CAST('pg_catalog.pg_proc' AS regclass)
                AND objid = function.oid
                AND deptype = 'e'
        )
)
