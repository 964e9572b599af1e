SELECT
    CAST('pg_catalog.pg_type' AS regclass),
    type.oid,
    0,
    CASE type.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'composite type' END,
    type.name,
    '',
    0,
    type.typowner,
    type.typacl,
    acldefault('T', type.typowner),
    false,
    CASE type.typtype
        WHEN 'e' THEN ARRAY[
            'labels',
            (
                SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                FROM pg_catalog.pg_enum
                WHERE enumtypid = type.oid
            )
        ]
        WHEN 'd' THEN ARRAY[
            'type', format_type(type.typbasetype, type.typtypmod),
            'not null', CASE WHEN type.typnotnull THEN 'yes' END,
            'default', pg_get_expr(type.typdefaultbin, 0),
            'collation', (
                SELECT CAST(CAST(type.typcollation AS regcollation) AS text)
                FROM pg_catalog.pg_type AS base
                WHERE base.oid = type.typbasetype AND base.typcollation <> type.typcollation
            ),
            'constraints', (
                SELECT string_agg(
                    'CONSTRAINT ' || quote_ident(con.conname) || ' ' || pg_get_constraintdef(con.oid),
                    ', '
                    ORDER BY con.conname
                )
                FROM pg_catalog.pg_constraint AS con
                WHERE con.contypid = type.oid AND con.contype = 'c'
            )
        ]
        WHEN 'c' THEN ARRAY[
            'attributes',
            (
                SELECT string_agg(
                    quote_ident(attribute.attname) || ' ' || format_type(attribute.atttypid, attribute.atttypmod)
                    || CASE
                        WHEN attribute.attcollation <> base.typcollation
                            THEN ' COLLATE ' || CAST(CAST(attribute.attcollation AS regcollation) AS text)
                        ELSE ''
                    END,
                    ', '
                    ORDER BY attribute.attnum
                )
                FROM pg_catalog.pg_attribute AS attribute
                JOIN pg_catalog.pg_type AS base ON base.oid = attribute.atttypid
                WHERE attribute.attrelid = type.typrelid AND attribute.attnum > 0 AND NOT attribute.attisdropped
            )
        ]
        ELSE CAST(ARRAY[] AS text[])
    END
FROM type
