-- A table as PostgreSQL describes it, one line for each part that could run code or change what a row means. Types are
-- numbers, since a type of another schema may have a built-in one's name. Names need the empty search_path of the guard.
SELECT pg_catalog.string_agg(part.line, pg_catalog.chr(10) ORDER BY part.line COLLATE pg_catalog."C")
FROM (
    SELECT pg_catalog.concat(
        'table ', relkind, relpersistence, ' row security ', relrowsecurity, relforcerowsecurity, ' partition ', relispartition
    ) AS line
    FROM pg_catalog.pg_class WHERE oid = {table}
    UNION ALL
    SELECT pg_catalog.concat(
        'column ', attname, ' type ', atttypid, ' not null ', attnotnull, ' identity ', attidentity,
        ' generated ', attgenerated, ' default ', pg_catalog.pg_get_expr(adbin, adrelid)
    )
    FROM pg_catalog.pg_attribute LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = {table} AND attnum > 0 AND NOT attisdropped
    UNION ALL
    -- PostgreSQL 18 lists NOT NULL among the constraints; the columns have it already.
    SELECT pg_catalog.concat('constraint ', conname, ' ', pg_catalog.pg_get_constraintdef(oid))
    FROM pg_catalog.pg_constraint WHERE conrelid = {table} AND contype <> 'n'
    UNION ALL
    SELECT pg_catalog.concat('index ', indexrelid::pg_catalog.regclass, ' ', indisvalid, ' ', indexprs IS NULL, indpred IS NULL)
    FROM pg_catalog.pg_index WHERE indrelid = {table} AND (NOT indisprimary OR indexprs IS NOT NULL OR indpred IS NOT NULL)
    UNION ALL
    SELECT pg_catalog.concat('trigger ', tgname) FROM pg_catalog.pg_trigger WHERE tgrelid = {table}
    UNION ALL
    SELECT pg_catalog.concat('rule ', rulename) FROM pg_catalog.pg_rewrite WHERE ev_class = {table}
    UNION ALL
    SELECT pg_catalog.concat('policy ', polname) FROM pg_catalog.pg_policy WHERE polrelid = {table}
    UNION ALL
    SELECT pg_catalog.concat('statistics ', stxname) FROM pg_catalog.pg_statistic_ext WHERE stxrelid = {table}
    UNION ALL
    SELECT pg_catalog.concat('inherits ', inhparent::pg_catalog.regclass) FROM pg_catalog.pg_inherits WHERE inhrelid = {table}
    UNION ALL
    SELECT pg_catalog.concat('child ', inhrelid::pg_catalog.regclass) FROM pg_catalog.pg_inherits WHERE inhparent = {table}
) AS part
