SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    oid,
    0,
    kind,
    name,
    '',
    0,
    relowner,
    relacl,
    acldefault('r', relowner),
    false,
    ARRAY[
        'definition', {view_definition},
        'options', CASE WHEN reloptions IS NOT NULL THEN
            (SELECT string_agg(option, ', ' ORDER BY option COLLATE "C") FROM unnest(reloptions) AS option)
        END,
        'populated', CASE WHEN NOT relispopulated THEN 'no' END,
        'access method', CASE WHEN relam NOT IN (0, 2) THEN
            (SELECT quote_ident(amname) FROM pg_catalog.pg_am WHERE pg_am.oid = relation.relam)
        END
    ]
FROM relation
WHERE relkind IN ('v', 'm')
