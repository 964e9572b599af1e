-- Without those that come with a range, to its multirange.
SELECT
    CAST('pg_catalog.pg_cast' AS regclass),
    conversion.oid,
    0,
    'cast',
    '(' || format_type(conversion.castsource, NULL) || ' AS ' || format_type(conversion.casttarget, NULL) || ')',
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'function', CASE WHEN conversion.castfunc <> 0 THEN CAST(CAST(conversion.castfunc AS regprocedure) AS text) END,
        'method', CASE conversion.castmethod WHEN 'b' THEN 'without function' WHEN 'i' THEN 'inout' END,
        'context', CASE conversion.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' END
    ]
FROM pg_catalog.pg_cast AS conversion
WHERE conversion.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_cast' AS regclass) AND member.objid = conversion.oid
    )
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS origin
        WHERE origin.classid = CAST('pg_catalog.pg_cast' AS regclass)
            AND origin.objid = conversion.oid
            AND origin.deptype = 'i'
    )
