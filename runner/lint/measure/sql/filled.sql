SELECT class.oid
FROM pg_catalog.pg_class AS class
WHERE class.relkind IN ('r', 'm')
    AND class.oid >= 16384
    AND pg_catalog.pg_relation_size(class.oid) > 0
