SELECT
    CAST('pg_catalog.pg_type' AS regclass),
    type.oid,
    0,
    CASE type.typtype
        WHEN 'e' THEN 'enum'
        WHEN 'd' THEN 'domain'
        WHEN 'r' THEN 'range'
        WHEN 'c' THEN 'composite type'
        ELSE CASE WHEN type.typisdefined THEN 'base type' ELSE 'shell type' END
    END,
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
        WHEN 'b' THEN ARRAY[
            'definition',
            concat_ws(
                ', ',
                'INPUT = ' || CAST(type.typinput AS text),
                'OUTPUT = ' || CAST(type.typoutput AS text),
                'RECEIVE = ' || nullif(CAST(type.typreceive AS text), '-'),
                'SEND = ' || nullif(CAST(type.typsend AS text), '-'),
                'TYPMOD_IN = ' || nullif(CAST(type.typmodin AS text), '-'),
                'TYPMOD_OUT = ' || nullif(CAST(type.typmodout AS text), '-'),
                'ANALYZE = ' || nullif(CAST(type.typanalyze AS text), '-'),
                {subscript}
                'INTERNALLENGTH = ' || CASE type.typlen WHEN -1 THEN 'VARIABLE' ELSE CAST(type.typlen AS text) END,
                CASE WHEN type.typbyval THEN 'PASSEDBYVALUE' END,
                'ALIGNMENT = '
                || CASE type.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'd' THEN 'double' ELSE 'int4' END,
                'STORAGE = '
                || CASE type.typstorage WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' WHEN 'x' THEN 'extended' END,
                'CATEGORY = ' || quote_literal(CAST(nullif(type.typcategory, 'U') AS text)),
                CASE WHEN type.typispreferred THEN 'PREFERRED = true' END,
                'DEFAULT = ' || quote_literal(type.typdefault),
                'ELEMENT = ' || format_type(nullif(type.typelem, 0), NULL),
                'DELIMITER = ' || quote_literal(CAST(nullif(type.typdelim, ',') AS text)),
                CASE WHEN type.typcollation <> 0 THEN 'COLLATABLE = true' END
            )
        ]
        ELSE CAST(ARRAY[] AS text[])
    END
FROM type
