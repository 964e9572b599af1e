SELECT
    CAST('pg_catalog.pg_ts_template' AS regclass),
    template.oid,
    0,
    'text search template',
    namespace.prefix || quote_ident(template.tmplname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'init', nullif(CAST(template.tmplinit AS text), '-'),
        'lexize', CAST(template.tmpllexize AS text)
    ]
FROM pg_catalog.pg_ts_template AS template
JOIN namespace ON namespace.oid = template.tmplnamespace
WHERE template.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_ts_template' AS regclass) AND member.objid = template.oid
    )
