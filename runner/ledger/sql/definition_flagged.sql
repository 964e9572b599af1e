-- The parts that there are none of unless the table's row in pg_class says so.
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, tgrelid), ' trigger ', tgname) FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, ev_class), ' rule ', rulename) FROM pg_catalog.pg_rewrite WHERE ev_class = ANY ({ids})
    UNION ALL
    SELECT pg_catalog.concat(pg_catalog.array_position({ids}, inhparent), ' child ', inhrelid::pg_catalog.regclass) FROM pg_catalog.pg_inherits WHERE inhparent = ANY ({ids})
