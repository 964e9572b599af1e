-- Its version is the operating system's.
SELECT
    CAST('pg_catalog.pg_collation' AS regclass),
    ordering.oid,
    0,
    'collation',
    namespace.prefix || quote_ident(ordering.collname),
    '',
    0,
    ordering.collowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'provider', CASE ordering.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END,
        'locale', {collation_locale},
        'lc_collate', CASE WHEN ordering.collprovider = 'c' THEN CAST(ordering.collcollate AS text) END,
        'lc_ctype', CASE WHEN ordering.collprovider = 'c' THEN CAST(ordering.collctype AS text) END,
        'deterministic', CASE WHEN NOT ordering.collisdeterministic THEN 'no' END,
        'rules', {collation_rules}
    ]
FROM pg_catalog.pg_collation AS ordering
JOIN namespace ON namespace.oid = ordering.collnamespace
WHERE ordering.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_collation' AS regclass) AND member.objid = ordering.oid
    )
