SELECT
    CAST('pg_catalog.pg_transform' AS regclass),
    transform.oid,
    0,
    'transform',
    'FOR ' || format_type(transform.trftype, NULL) || ' LANGUAGE ' || quote_ident(language.lanname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'from sql', nullif(CAST(CAST(transform.trffromsql AS regproc) AS text), '-'),
        'to sql', nullif(CAST(CAST(transform.trftosql AS regproc) AS text), '-')
    ]
FROM pg_catalog.pg_transform AS transform
JOIN pg_catalog.pg_language AS language ON language.oid = transform.trflang
WHERE transform.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_transform' AS regclass) AND member.objid = transform.oid
    )
