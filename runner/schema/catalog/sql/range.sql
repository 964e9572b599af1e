-- Together with what type.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    'range',
    type.name,
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'subtype', format_type(range.rngsubtype, NULL),
        'collation', CASE WHEN range.rngcollation <> base.typcollation THEN
            CAST(CAST(range.rngcollation AS regcollation) AS text)
        END,
        'operator class', CASE WHEN NOT class.opcdefault THEN
            quote_ident(space.nspname) || '.' || quote_ident(class.opcname)
        END,
        'canonical', CASE WHEN range.rngcanonical <> 0 THEN CAST(range.rngcanonical AS text) END,
        'difference', CASE WHEN range.rngsubdiff <> 0 THEN CAST(range.rngsubdiff AS text) END,
        'multirange', {multirange}
    ]
FROM type
JOIN pg_catalog.pg_range AS range ON range.rngtypid = type.oid
JOIN pg_catalog.pg_type AS base ON base.oid = range.rngsubtype
JOIN pg_catalog.pg_opclass AS class ON class.oid = range.rngsubopc
JOIN pg_catalog.pg_namespace AS space ON space.oid = class.opcnamespace
