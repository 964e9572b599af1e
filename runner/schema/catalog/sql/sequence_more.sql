-- What is not as it is by default, of a sequence and of the one that an identity column has.
SELECT
    NULL,
    NULL,
    0,
    CASE depend.deptype WHEN 'i' THEN 'column' ELSE 'sequence' END,
    CASE depend.deptype WHEN 'i' THEN owning.name ELSE relation.name END,
    coalesce(main.name, ''),
    CASE depend.deptype WHEN 'i' THEN depend.refobjsubid ELSE 0 END,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'increment', CASE WHEN sequence.seqincrement <> 1 THEN CAST(sequence.seqincrement AS text) END,
        'minimum', CASE WHEN sequence.seqmin <> usual.minimum THEN CAST(sequence.seqmin AS text) END,
        'maximum', CASE WHEN sequence.seqmax <> usual.maximum THEN CAST(sequence.seqmax AS text) END,
        'start', CASE
            WHEN sequence.seqincrement > 0 AND sequence.seqstart <> sequence.seqmin
                OR sequence.seqincrement < 0 AND sequence.seqstart <> sequence.seqmax
                THEN CAST(sequence.seqstart AS text)
        END,
        'cache', CASE WHEN sequence.seqcache <> 1 THEN CAST(sequence.seqcache AS text) END,
        'cycle', CASE WHEN sequence.seqcycle THEN 'yes' END,
        'persistence', CASE
            WHEN relation.relpersistence = 'u' AND main.relpersistence IS DISTINCT FROM 'u' THEN 'unlogged'
            WHEN relation.relpersistence = 'p' AND main.relpersistence = 'u' AND {unlogged_sequences} THEN 'logged'
        END
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
CROSS JOIN LATERAL (
    SELECT main.name || '.' || quote_ident(attribute.attname) AS name
) AS owning
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN sequence.seqincrement > 0 THEN 1
            WHEN sequence.seqtypid = 21 THEN -32768
            WHEN sequence.seqtypid = 23 THEN -2147483648
            ELSE -9223372036854775808
        END AS minimum,
        CASE
            WHEN sequence.seqincrement < 0 THEN -1
            WHEN sequence.seqtypid = 21 THEN 32767
            WHEN sequence.seqtypid = 23 THEN 2147483647
            ELSE 9223372036854775807
        END AS maximum
) AS usual
WHERE (depend.deptype IS DISTINCT FROM 'i' OR main.name IS NOT NULL) AND {sequence_has_more}
