SELECT
    NULL,
    NULL,
    0,
    relation.kind,
    relation.name,
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'toast options',
        (SELECT string_agg(option, ', ' ORDER BY option COLLATE "C") FROM unnest(toast.reloptions) AS option)
    ]
FROM pg_catalog.pg_class AS toast
JOIN relation ON relation.reltoastrelid = toast.oid
WHERE toast.oid >= 16384 AND toast.relkind = 't' AND toast.reloptions IS NOT NULL
