-- Only from 18 on: what sets a NOT NULL apart from the ones that all servers know.
SELECT
    NULL,
    NULL,
    0,
    'column',
    relation.name || '.' || quote_ident(attribute.attname),
    relation.name,
    attribute.attnum,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'not null validated', CASE WHEN NOT con.convalidated THEN 'no' END,
        'not null inherited', CASE WHEN con.connoinherit THEN 'no' END
    ]
FROM pg_catalog.pg_constraint AS con
JOIN relation ON relation.oid = con.conrelid
JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = con.conrelid AND attribute.attnum = con.conkey[1]
WHERE con.contype = 'n' AND (con.connoinherit OR NOT con.convalidated)
