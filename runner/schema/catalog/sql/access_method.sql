SELECT
    CAST('pg_catalog.pg_am' AS regclass),
    method.oid,
    0,
    'access method',
    quote_ident(method.amname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'type', CASE method.amtype WHEN 't' THEN 'table' ELSE 'index' END,
        'handler', CAST(method.amhandler AS text)
    ]
FROM pg_catalog.pg_am AS method
WHERE method.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_am' AS regclass) AND member.objid = method.oid
    )
