-- Together with what column.sql says of it.
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
        'collation', CASE WHEN attribute.attcollation <> base.typcollation THEN
            CAST(CAST(attribute.attcollation AS regcollation) AS text)
        END,
        'identity', CASE attribute.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
        'generated', CASE WHEN attribute.attgenerated <> '' THEN
            '(' || pg_get_expr(expression.adbin, expression.adrelid) || ')'
            || CASE attribute.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END
        END,
        'storage', CASE WHEN attribute.attstorage <> base.typstorage THEN
            CASE attribute.attstorage
                WHEN 'p' THEN 'plain'
                WHEN 'e' THEN 'external'
                WHEN 'm' THEN 'main'
                WHEN 'x' THEN 'extended'
            END
        END,
        'compression', CASE {compression} WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'statistics', CAST(nullif(attribute.attstattarget, -1) AS text),
        'options', (
            SELECT string_agg(option, ', ' ORDER BY option COLLATE "C")
            FROM unnest(attribute.attoptions) AS option
        ),
        'foreign options', (
            SELECT string_agg({option}, ', ' ORDER BY option COLLATE "C")
            FROM unnest(attribute.attfdwoptions) AS option
        )
    ]
FROM relation
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid
JOIN base ON base.oid = attribute.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS expression
    ON expression.adrelid = attribute.attrelid AND expression.adnum = attribute.attnum
WHERE relation.relkind IN ('r', 'p', 'f', 'v', 'm') AND attribute.attnum > 0 AND NOT attribute.attisdropped
    AND {column_has_more}
