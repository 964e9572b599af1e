-- A partition's copy of its parent's trigger is no object of its own, see partition_trigger.sql.
SELECT
    CAST('pg_catalog.pg_trigger' AS regclass),
    trigger.oid,
    0,
    'trigger',
    relation.name || '.' || quote_ident(trigger.tgname),
    relation.name,
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'definition', pg_get_triggerdef(trigger.oid),
        'enabled', CASE trigger.tgenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END
    ]
FROM pg_catalog.pg_trigger AS trigger
JOIN relation ON relation.oid = trigger.tgrelid
WHERE NOT trigger.tgisinternal AND trigger.tgparentid = 0
