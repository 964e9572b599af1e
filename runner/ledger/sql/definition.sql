-- A table as PostgreSQL describes it, one line for each part that could run code or change what a row means. Types are
-- numbers, since a type of another schema may have a built-in one's name. Names need the empty search_path of the guard.
-- Each line begins with the place of its table in the list.
SELECT pg_catalog.string_agg(part.line, pg_catalog.chr(10) ORDER BY part.line COLLATE pg_catalog."C")
FROM (
    SELECT pg_catalog.concat(
        pg_catalog.array_position({ids}, oid), ' table ', relkind, relpersistence, ' row security ', relrowsecurity, relforcerowsecurity, ' partition ', relispartition
    ) AS line
    FROM pg_catalog.pg_class WHERE oid = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(
        pg_catalog.array_position({ids}, attrelid), ' column ', attname, ' type ', atttypid, ' not null ', attnotnull, ' identity ', attidentity,
        ' generated ', attgenerated, ' default ', pg_catalog.pg_get_expr(adbin, adrelid)
    )
    FROM pg_catalog.pg_attribute LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = ANY ({ids}) AND attnum > 0 AND NOT attisdropped
    UNION ALL
    -- PostgreSQL 18 lists NOT NULL among the constraints; the columns have it already.
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, conrelid), ' constraint ', conname, ' ', pg_catalog.pg_get_constraintdef(oid))
    FROM pg_catalog.pg_constraint WHERE conrelid = ANY ({ids}) AND contype <> 'n'
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, indrelid), ' index ', indexrelid::pg_catalog.regclass, ' ', indisvalid, ' ', indexprs IS NULL, indpred IS NULL)
    FROM pg_catalog.pg_index WHERE indrelid = ANY ({ids}) AND (NOT indisprimary OR indexprs IS NOT NULL OR indpred IS NOT NULL)
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, polrelid), ' policy ', polname) FROM pg_catalog.pg_policy WHERE polrelid = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, stxrelid), ' statistics ', stxname) FROM pg_catalog.pg_statistic_ext WHERE stxrelid = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, inhrelid), ' inherits ', inhparent::pg_catalog.regclass) FROM pg_catalog.pg_inherits WHERE inhrelid = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, tgrelid), ' trigger ', tgname) FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, ev_class), ' rule ', rulename) FROM pg_catalog.pg_rewrite WHERE ev_class = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, inhparent), ' child ', inhrelid::pg_catalog.regclass) FROM pg_catalog.pg_inherits WHERE inhparent = ANY ({ids})
) AS part
