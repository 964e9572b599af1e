-- DISABLE TRIGGER ALL leaves a foreign key that looks whole and is not looked at.
SELECT DISTINCT
    CAST(NULL AS regclass),
    CAST(NULL AS oid),
    0,
    'constraint',
    relation.name || '.' || quote_ident(con.conname),
    relation.name,
    0,
    CAST(NULL AS oid),
    CAST(NULL AS aclitem[]),
    CAST(NULL AS aclitem[]),
    false,
    ARRAY['triggers', 'disabled']
FROM pg_catalog.pg_trigger AS trigger
JOIN pg_catalog.pg_constraint AS con ON con.oid = trigger.tgconstraint
JOIN relation ON relation.oid = con.conrelid
WHERE trigger.tgisinternal AND trigger.tgenabled <> 'O' AND con.contype = 'f' AND con.conparentid = 0
