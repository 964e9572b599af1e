SELECT
    CAST('pg_catalog.pg_conversion' AS regclass),
    conversion.oid,
    0,
    'conversion',
    namespace.prefix || quote_ident(conversion.conname),
    '',
    0,
    conversion.conowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'from', pg_encoding_to_char(conversion.conforencoding),
        'to', pg_encoding_to_char(conversion.contoencoding),
        'function', CAST(CAST(conversion.conproc AS regproc) AS text),
        'default', CASE WHEN conversion.condefault THEN 'yes' END
    ]
FROM pg_catalog.pg_conversion AS conversion
JOIN namespace ON namespace.oid = conversion.connamespace
WHERE conversion.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_conversion' AS regclass) AND member.objid = conversion.oid
    )
