SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    attribute.attrelid,
    attribute.attnum,
    'column',
    relation.name || '.' || quote_ident(attribute.attname),
    relation.name,
    attribute.attnum,
    NULL,
    attribute.attacl,
    NULL,
    {column_has_more},
    ARRAY[
        'type', format_type(attribute.atttypid, attribute.atttypmod),
        'not null', CASE WHEN attribute.attnotnull THEN 'yes' END,
        'default', CASE
            WHEN attribute.atthasdef AND attribute.attgenerated = '' THEN
                (
                    SELECT pg_get_expr(expression.adbin, 0)
                    FROM pg_catalog.pg_attrdef AS expression
                    WHERE expression.adrelid = attribute.attrelid AND expression.adnum = attribute.attnum
                )
        END
    ]
FROM relation
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid
JOIN base ON base.oid = attribute.atttypid
WHERE relation.relkind IN ('r', 'p', 'f', 'v', 'm') AND attribute.attnum > 0 AND NOT attribute.attisdropped
