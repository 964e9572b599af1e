-- Together with what function.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    'aggregate',
    CAST(CAST(routine.oid AS regprocedure) AS text),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'definition',
        '(' || pg_get_function_arguments(routine.oid) || ') ('
        || concat_ws(
            ', ',
            'SFUNC = ' || CAST(aggregate.aggtransfn AS text),
            'STYPE = ' || format_type(aggregate.aggtranstype, NULL),
            'SSPACE = ' || nullif(aggregate.aggtransspace, 0),
            'FINALFUNC = ' || nullif(CAST(aggregate.aggfinalfn AS text), '-'),
            CASE WHEN aggregate.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
            'FINALFUNC_MODIFY = '
            || CASE aggregate.aggfinalmodify WHEN 's' THEN 'SHAREABLE' WHEN 'w' THEN 'READ_WRITE' END,
            'COMBINEFUNC = ' || nullif(CAST(aggregate.aggcombinefn AS text), '-'),
            'SERIALFUNC = ' || nullif(CAST(aggregate.aggserialfn AS text), '-'),
            'DESERIALFUNC = ' || nullif(CAST(aggregate.aggdeserialfn AS text), '-'),
            'INITCOND = ' || quote_literal(aggregate.agginitval),
            'MSFUNC = ' || nullif(CAST(aggregate.aggmtransfn AS text), '-'),
            'MINVFUNC = ' || nullif(CAST(aggregate.aggminvtransfn AS text), '-'),
            CASE WHEN aggregate.aggmtranstype <> 0 THEN 'MSTYPE = ' || format_type(aggregate.aggmtranstype, NULL) END,
            'MFINALFUNC = ' || nullif(CAST(aggregate.aggmfinalfn AS text), '-'),
            'MINITCOND = ' || quote_literal(aggregate.aggminitval),
            (
                -- regoperator has the operands too, which CREATE AGGREGATE does not accept.
                SELECT format('SORTOP = OPERATOR(%I.%s)', space.nspname, operator.oprname)
                FROM pg_catalog.pg_operator AS operator
                JOIN pg_catalog.pg_namespace AS space ON space.oid = operator.oprnamespace
                WHERE operator.oid = aggregate.aggsortop
            ),
            CASE proc.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END,
            CASE aggregate.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END
        )
        || ')'
    ]
FROM routine
JOIN pg_catalog.pg_proc AS proc ON proc.oid = routine.oid
JOIN pg_catalog.pg_aggregate AS aggregate ON aggregate.aggfnoid = routine.oid
WHERE routine.prokind = 'a'
