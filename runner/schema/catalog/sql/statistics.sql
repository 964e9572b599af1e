-- The columns by name: the server lists them by their place in the table.
SELECT
    CAST('pg_catalog.pg_statistic_ext' AS regclass),
    statistic.oid,
    0,
    'statistics',
    namespace.prefix || quote_ident(statistic.stxname),
    relation.name,
    0,
    statistic.stxowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'definition', substring(pg_get_statisticsobjdef(statistic.oid) FROM '^.*? ON ')
        || concat_ws(
            ', ',
            (
                SELECT string_agg(quote_ident(attribute.attname), ', ' ORDER BY attribute.attname)
                FROM pg_catalog.pg_attribute AS attribute
                WHERE attribute.attrelid = statistic.stxrelid
                    AND attribute.attnum = ANY (CAST(statistic.stxkeys AS smallint[]))
            ),
            {statistics_expressions}
        )
        || ' FROM ' || relation.name,
        'target', CAST(nullif(statistic.stxstattarget, -1) AS text)
    ]
FROM pg_catalog.pg_statistic_ext AS statistic
JOIN namespace ON namespace.oid = statistic.stxnamespace
JOIN relation ON relation.oid = statistic.stxrelid
