-- Columns of composite types and constraints of domains are facts of their types: these rows are for comments alone.
SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    type.typrelid,
    attribute.attnum,
    'attribute',
    type.name || '.' || quote_ident(attribute.attname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    CAST(NULL AS text[])
FROM type
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = type.typrelid
WHERE attribute.attnum > 0 AND NOT attribute.attisdropped
UNION ALL
SELECT
    CAST('pg_catalog.pg_constraint' AS regclass),
    con.oid,
    0,
    'domain constraint',
    type.name || '.' || quote_ident(con.conname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    CAST(NULL AS text[])
FROM type
JOIN pg_catalog.pg_constraint AS con ON con.contypid = type.oid
