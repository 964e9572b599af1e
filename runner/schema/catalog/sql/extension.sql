SELECT
    NULL,
    NULL,
    0,
    'extension',
    quote_ident(extension.extname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'version', extension.extversion,
        'schema', quote_ident(namespace.nspname),
        -- What is given to an extension is read nowhere else.
        'relations', (
            SELECT string_agg(CAST(CAST(member.objid AS regclass) AS text), ', ' ORDER BY class.relname)
            FROM pg_catalog.pg_depend AS member
            JOIN pg_catalog.pg_class AS class ON class.oid = member.objid
            WHERE member.refclassid = CAST('pg_catalog.pg_extension' AS regclass)
                AND member.refobjid = extension.oid
                AND member.classid = CAST('pg_catalog.pg_class' AS regclass)
                AND member.deptype = 'e'
                AND class.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
        )
    ]
FROM pg_catalog.pg_extension AS extension
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extension.extnamespace
