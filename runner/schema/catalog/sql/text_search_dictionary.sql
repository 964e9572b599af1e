SELECT
    CAST('pg_catalog.pg_ts_dict' AS regclass),
    dictionary.oid,
    0,
    'text search dictionary',
    namespace.prefix || quote_ident(dictionary.dictname),
    '',
    0,
    dictionary.dictowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'template', quote_ident(template_namespace.nspname) || '.' || quote_ident(template.tmplname),
        'options', dictionary.dictinitoption
    ]
FROM pg_catalog.pg_ts_dict AS dictionary
JOIN namespace ON namespace.oid = dictionary.dictnamespace
JOIN pg_catalog.pg_ts_template AS template ON template.oid = dictionary.dicttemplate
JOIN pg_catalog.pg_namespace AS template_namespace ON template_namespace.oid = template.tmplnamespace
WHERE dictionary.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_ts_dict' AS regclass) AND member.objid = dictionary.oid
    )
