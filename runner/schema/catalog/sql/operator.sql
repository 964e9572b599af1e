SELECT
    CAST('pg_catalog.pg_operator' AS regclass),
    operator.oid,
    0,
    'operator',
    CAST(CAST(operator.oid AS regoperator) AS text),
    '',
    0,
    operator.oprowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'function', nullif(CAST(CAST(operator.oprcode AS regproc) AS text), '-'),
        'commutator', CASE WHEN operator.oprcom <> 0 THEN CAST(CAST(operator.oprcom AS regoperator) AS text) END,
        'negator', CASE WHEN operator.oprnegate <> 0 THEN CAST(CAST(operator.oprnegate AS regoperator) AS text) END,
        'restrict', nullif(CAST(CAST(operator.oprrest AS regproc) AS text), '-'),
        'join', nullif(CAST(CAST(operator.oprjoin AS regproc) AS text), '-'),
        'hashes', CASE WHEN operator.oprcanhash THEN 'yes' END,
        'merges', CASE WHEN operator.oprcanmerge THEN 'yes' END
    ]
FROM pg_catalog.pg_operator AS operator
JOIN namespace ON namespace.oid = operator.oprnamespace
WHERE operator.oid >= 16384
    -- Not one that only another operator names so far: it has no function, and nobody can use it.
    AND operator.oprcode <> 0
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_operator' AS regclass) AND member.objid = operator.oid
    )
