-- A sequence of an identity column is part of its column. Its numbers are in sequence_more.sql.
SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    relation.oid,
    0,
    'sequence',
    relation.name,
    coalesce(main.name, ''),
    0,
    CASE WHEN main.name IS NULL THEN relation.relowner END,
    relation.relacl,
    acldefault('s', relation.relowner),
    false,
    ARRAY[
        'type', format_type(sequence.seqtypid, NULL),
        'owned by', main.name || '.' || quote_ident(attribute.attname)
    ]
FROM relation
JOIN pg_catalog.pg_sequence AS sequence ON sequence.seqrelid = relation.oid
LEFT JOIN pg_catalog.pg_depend AS depend
    ON depend.classid = CAST('pg_catalog.pg_class' AS regclass)
    AND depend.objid = relation.oid
    AND depend.objsubid = 0
    AND depend.refclassid = CAST('pg_catalog.pg_class' AS regclass)
    AND depend.refobjsubid > 0
    AND depend.deptype IN ('a', 'i')
LEFT JOIN relation AS main ON main.oid = depend.refobjid
LEFT JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = main.oid AND attribute.attnum = depend.refobjsubid
WHERE depend.deptype IS DISTINCT FROM 'i'
