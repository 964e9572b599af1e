routine AS MATERIALIZED (
    SELECT proc.oid, proc.prokind, proc.proowner, proc.proacl
    FROM pg_catalog.pg_proc AS proc
    -- What is put into pg_catalog is found before all else.
    JOIN pg_catalog.pg_namespace AS space ON space.oid = proc.pronamespace AND left(space.nspname, 8) <> 'pg_temp_'
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
