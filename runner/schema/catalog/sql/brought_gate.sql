CASE
    WHEN EXISTS (
        SELECT
        FROM (
            SELECT tableoid AS classid, oid AS objid, 0 AS subid, relacl AS acl
            FROM pg_catalog.pg_class
            WHERE relacl IS NOT NULL
                AND relpersistence <> 't'
                AND relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'information_schema')
            UNION ALL
            SELECT CAST('pg_catalog.pg_class' AS regclass), attrelid, attnum, attacl
            FROM pg_catalog.pg_attribute
            WHERE attacl IS NOT NULL
            UNION ALL
            SELECT tableoid, oid, 0, proacl FROM pg_catalog.pg_proc WHERE proacl IS NOT NULL
            UNION ALL
            SELECT tableoid, oid, 0, typacl FROM pg_catalog.pg_type WHERE typacl IS NOT NULL
            UNION ALL
            SELECT tableoid, oid, 0, nspacl
            FROM pg_catalog.pg_namespace
            WHERE nspacl IS NOT NULL AND nspname = 'pg_catalog'
            UNION ALL
            SELECT tableoid, oid, 0, lanacl FROM pg_catalog.pg_language WHERE lanacl IS NOT NULL
        ) AS given
        LEFT JOIN pg_catalog.pg_init_privs AS initial
            ON initial.classoid = given.classid
            AND initial.objoid = given.objid
            AND initial.objsubid = given.subid
        WHERE given.acl IS DISTINCT FROM initial.initprivs
            AND (
                given.objid < 16384
                OR (given.classid, given.objid) IN (SELECT member.classid, member.objid FROM member)
            )
    )
        THEN 'brought'
END
