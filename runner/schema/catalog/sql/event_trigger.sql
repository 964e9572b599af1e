SELECT
    CAST('pg_catalog.pg_event_trigger' AS regclass),
    event.oid,
    0,
    'event trigger',
    quote_ident(event.evtname),
    '',
    0,
    event.evtowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'event', CAST(event.evtevent AS text),
        'function', CAST(CAST(event.evtfoid AS regproc) AS text),
        'enabled', CASE event.evtenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END,
        'tags', (SELECT string_agg(tag, ', ' ORDER BY tag COLLATE "C") FROM unnest(event.evttags) AS tag)
    ]
FROM pg_catalog.pg_event_trigger AS event
WHERE NOT EXISTS (
    SELECT
    FROM member
    WHERE member.classid = CAST('pg_catalog.pg_event_trigger' AS regclass) AND member.objid = event.oid
)
